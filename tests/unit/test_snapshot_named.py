"""An object by the words of a way to it."""

from __future__ import annotations

import random

import pytest

from heaps import Heap, Thing
from quire.errors import InvalidOption
from quire.report.edges import Graph
from quire.report.named import meant_object
from quire.report.paths import way_words
from quire.report.reach import reach
from quire.report.snapshot import snapshot_of
from seeds import seeds


def meant(heap: Heap, text: str) -> int:
    snapshot = heap.snapshot()
    return meant_object(snapshot, text, lambda: Graph(snapshot))


def planted() -> tuple[Heap, dict[str, Thing]]:
    heap = Heap()
    found = {name: heap.object("bytes") for name in ("item", "keyed", "by text", "celled", "local")}
    key = heap.object("tuple", address=0x77000)
    cache = heap.instance("app.Cache", recent=heap.list(None, found["item"]), by_key=heap.dict({key: found["keyed"]}))
    heap.module("app", cache=cache, cached=heap.object("int"), names=heap.dict({"it's \\ 'so'": found["by text"]}))
    heap.module("app.sub", cell=heap.object("cell", found["celled"]), many=heap.object("set", *found.values()))
    frame = {"thread": "MainThread", "function": "run", "file": "/srv/work.py", "line": 12, "name": "batch"}
    heap.root(heap.list(found["local"]), "frame", **frame)
    return heap, found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("app.cache.recent[1]", "item"),
        ("app.cache.by_key[tuple 0x77000]", "keyed"),
        ("app.names[\"it's \\\\ 'so'\"]", "by text"),
        ("app.sub.cell.cell_contents", "celled"),
        ("run() at work.py:12: batch[0]", "local"),
    ],
)
def test_each_kind_of_step(text: str, name: str) -> None:
    """As answers write it."""
    heap, found = planted()
    assert meant(heap, text) == heap.row(found[name])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("app.cache.recent[0]", "no path leads there"),
        ("app.cache.recent[2]", "no path leads there"),
        ("app.cac", "no path leads there"),
        ("app.cache.", "no path leads there"),
        ("ap", "no path leads there"),
        ("", "no path leads there"),
        ("app.names['", "no path leads there"),
        ("app.cache.by_key[tuple 0x77001]", "no path leads there"),
        ("app.sub.many<element>", "may be any of 5 objects"),
    ],
)
def test_what_leads_nowhere_or_to_many(text: str, line: str) -> None:
    """Nothing is guessed."""
    heap, _ = planted()
    with pytest.raises(InvalidOption, match=line):
        meant(heap, text)


def test_a_type_comes_before_a_path() -> None:
    """Of both by one name."""
    heap = Heap()
    heap.module("app", Cache=heap.object("int"))
    found = heap.object("app.Cache")
    assert meant(heap, "app.Cache") == heap.row(found)


def test_without_references_there_are_no_paths() -> None:
    """Nobody asks for the graph then."""
    columns, about = planted()[0].columns()
    snapshot = snapshot_of(columns, {**about, "has_edges": False})
    with pytest.raises(InvalidOption, match=r"no type is called app\.cache"):
        meant_object(snapshot, "app.cache", pytest.fail)


@pytest.mark.parametrize("seed", seeds(10))
def test_what_quire_path_writes_leads_back(seed: int) -> None:
    """Where each of its steps leads to one object."""
    dice = random.Random(seed)
    print("seed", seed)
    heap = Heap()
    things = [heap.object(dice.choice(("list", "set", "cell", "app.Thing"))) for _ in range(60)]
    things += [heap.dict({f"key {i}": dice.choice(things) for i in range(dice.randrange(4))}) for _ in range(20)]
    for thing in things:
        if thing.type != "dict":
            references = dice.randrange(2 if thing.type == "cell" else 4)
            thing.references = [dice.choice([None, *things]) for _ in range(references)]
    heap.module("app", **{f"name{i}": dice.choice(things) for i in range(4)})
    snapshot = heap.snapshot()
    graph, found = Graph(snapshot), reach(snapshot)
    alone = 0
    for thing in things:
        row = heap.row(thing)
        if found.has(row):
            words = way_words(graph, found, row)
            if "<" in words or "→" in words:
                continue  # there may be several
            assert meant_object(snapshot, words, lambda: graph) == row
            alone += 1
    assert alone
