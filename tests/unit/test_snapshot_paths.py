"""Ways through a heap: what holds an object, from where, in words."""

from __future__ import annotations

import random

import numpy as np
import pytest

from heaps import Heap, Thing
from quire.report.edges import Graph
from quire.report.paths import paths, way_words
from quire.report.places import Places
from quire.report.reach import UNREACHED, Reach, reach
from quire.report.references import referents, referrers
from quire.report.snapshot import ROOT_KINDS
from seeds import seeds


def words(heap: Heap, thing: Thing) -> str:
    snapshot = heap.snapshot()
    return way_words(Graph(snapshot), reach(snapshot), heap.row(thing))


def place(heap: Heap, thing: Thing) -> str:
    snapshot = heap.snapshot()
    places = Places(Graph(snapshot), reach(snapshot))
    return places.words(int(places.of[heap.row(thing)]))


def test_a_way_in_words() -> None:
    """Names, indexes and keys stand as Python writes them; dictionaries of attributes do not show."""
    heap = Heap()
    found = heap.object("bytes")
    cache = heap.instance("app.Cache", _recent=heap.list(heap.object("int"), heap.dict({"name": found})))
    heap.module("app", cache=cache)
    assert words(heap, found) == "app.cache._recent[1]['name']"
    assert place(heap, found) == "app.cache._recent[*]"


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (lambda heap, found: heap.object("set", found), "app.top<element>"),
        (lambda heap, found: heap.dict({found: heap.object("int")}), "app.top<key>"),
        (lambda heap, found: heap.dict({heap.object("tuple", address=0x77000): found}), "app.top[tuple 0x77000]"),
        (lambda heap, found: heap.object("cell", found), "app.top.cell_contents"),
        (lambda heap, found: heap.object("property", found), "app.top→bytes"),
        (lambda heap, found: heap.object("tuple", None, found), "app.top[1]"),
        (lambda heap, found: heap.object("type", heap.dict({"size": found})), "app.top→dict['size']"),
    ],
)
def test_each_way_to_hold(keep: object, expected: str) -> None:
    """An element, a key, a key without a text, what nobody can name, an item."""
    heap = Heap()
    found = heap.object("bytes")
    heap.module("app", top=keep(heap, found))  # type: ignore[operator]
    assert words(heap, found) == expected


def test_slots_come_before_inline_attributes() -> None:
    """The order of an instance's references tells their names."""
    heap = Heap()
    found = [heap.object("bytes") for _ in range(3)]
    its_type = heap.python_type("app.Node", slots=("left", "right"), inline=("data", "next"))
    node = heap.object("app.Node", its_type, found[0], found[1], None, found[2], is_inline=True)
    heap.module("app", node=node)
    assert [words(heap, each) for each in found] == ["app.node.left", "app.node.right", "app.node.next"]
    assert words(heap, its_type) == "app.node.__class__"


def test_attributes_in_a_dictionary_of_its_own() -> None:
    """An instance whose attributes have moved to a dictionary shows them as any other does."""
    heap = Heap()
    found = heap.object("bytes")
    its_type = heap.python_type("app.Node", inline=("data", "next"))
    heap.module("app", node=heap.object("app.Node", its_type, heap.dict({"data": found})))
    assert words(heap, found) == "app.node.data"


def test_one_inline_attribute_that_is_a_dictionary() -> None:
    """It is not taken for the instance's own."""
    heap = Heap()
    in_value, in_own = heap.object("bytes"), heap.object("bytes")
    its_type = heap.python_type("app.Cache", inline=("recent",))
    inline = heap.instance("app.Cache", recent=heap.dict({"name": in_value}))
    own = heap.object("app.Cache", its_type, heap.dict({"recent": in_own}))
    heap.module("app", a=inline, b=own)
    assert words(heap, in_value) == "app.a.recent['name']"
    assert words(heap, in_own) == "app.b.recent"


_PLACES = {"list": "[0]", "tuple": "[0]", "set": "<element>", "dict": "['key']"}


@pytest.mark.parametrize(("base", "place"), _PLACES.items())
@pytest.mark.parametrize("is_inline", [False, True])
def test_behind_its_attributes_an_instance_shows_what_its_base_does(base: str, place: str, is_inline: bool) -> None:
    """Its slots and attributes have names, and what is in it an index or a key, whichever way it keeps attributes."""
    heap = Heap()
    in_slot, in_attribute, in_base = (heap.object("bytes") for _ in range(3))
    its_type = heap.python_type("app.Own", slots=("left",), inline=("data",), base=base)
    attributes = in_attribute if is_inline else heap.dict({"data": in_attribute})
    items = (heap.text("key"), in_base) if base == "dict" else (in_base,)
    heap.module("app", own=heap.object("app.Own", its_type, in_slot, attributes, *items, is_inline=is_inline))
    found = [words(heap, each) for each in (in_slot, in_attribute, in_base)]
    assert found == ["app.own.left", "app.own.data", f"app.own{place}"]


def test_an_instance_without_attributes_shows_what_its_base_does_behind_its_slots() -> None:
    """A dictionary that is the first item of a list is no dictionary of attributes."""
    heap = Heap()
    found = heap.object("bytes")
    its_type = heap.python_type("app.Own", has_dict=False, base="list")
    heap.module("app", own=heap.object("app.Own", its_type, heap.dict({"key": found})))
    assert words(heap, found) == "app.own[0]['key']"


@pytest.mark.parametrize(
    ("kind", "entry", "expected"),
    [
        ("module", {"name": "app"}, "app"),
        ("type", {"name": "app.Thing"}, "app.Thing"),
        ("frame", {"function": "run", "file": "work.py", "line": 12, "name": "batch"}, "run() at work.py:12: batch"),
        ("frame", {"function": "run"}, "run()"),
        ("interpreter", {"name": "codecs"}, "interpreter codecs"),
        ("interned", {}, "interned strings"),
        ("c", {}, "C"),
    ],
)
def test_roots_in_words(kind: str, entry: dict[str, object], expected: str) -> None:
    """Each says who holds the object."""
    heap = Heap()
    found = heap.object("bytes")
    heap.root(heap.list(found), kind, **entry)
    assert words(heap, found) == f"{expected}[0]"


def test_a_module_tells_more_than_c() -> None:
    """What a module leads to is not said to be held by C, though that way is shorter."""
    heap = Heap()
    found = heap.object("bytes")
    heap.root(found, "c")
    heap.module("app", top=heap.list(heap.list(found)))
    assert words(heap, found) == "app.top[0][0]"


def test_roots_take_turns() -> None:
    """What several lead to is told from the module, then from the frame, the type, the interpreter, however far."""
    kinds = ["c", "interpreter", "type", "frame", "module"]
    expected = ["C", "interpreter it", "it", "a function(): it", "it"]
    heap = Heap()
    found = heap.object("bytes")
    way = found
    for kind, told in zip(kinds, expected, strict=True):
        way = heap.list(way)
        heap.root(way, kind, name="it")
        assert words(heap, found).partition("[")[0] == told


def test_what_a_frame_has_for_its_own_work_tells_nothing() -> None:
    """Its function leads to all that its module has; that comes last, and not twice."""
    heap = Heap()
    found = heap.object("bytes")
    names = heap.dict({"found": found})
    heap.root(names, "frame", function="run", is_own=True)
    heap.root(heap.object("module", names), "module", name="app", counts=False)
    assert words(heap, found) == "app.found"
    snapshot = heap.snapshot()
    graph = Graph(snapshot)
    assert [each.path for each in paths(graph, reach(snapshot), heap.row(found), 9).rows] == ["app.found"]


def test_each_root_that_holds_the_object_itself_is_told() -> None:
    """A path says too that a frame and C have it, beside the module that leads to it."""
    heap = Heap()
    found = heap.object("bytes")
    heap.module("app", top=found)
    heap.root(found, "frame", function="run", name="mine", file="/lib/work.py", line=3, thread="worker")
    heap.root(found, "c")
    heap.root(found, "interned")
    snapshot = heap.snapshot()
    rows = paths(Graph(snapshot), reach(snapshot), heap.row(found), 9).rows
    assert [each.path for each in rows] == ["run() at work.py:3 in worker: mine", "C", "app.top"]


def test_what_a_function_holds() -> None:
    """Its module's names, its cells and what is in them, as Python would write it."""
    heap = Heap()
    found, inside = heap.object("bytes"), heap.object("bytes")
    cells = heap.object("tuple", heap.object("cell", inside))
    function = heap.object("function", heap.object("code"), heap.dict({"top": found}), cells)
    heap.module("app", run=function)
    assert words(heap, inside) == "app.run.__closure__[0].cell_contents"
    assert words(heap, found) == "app.run.__globals__['top']"


def test_a_module_in_c_may_keep_more_than_its_names() -> None:
    """Its names come last; another dictionary is no part of them."""
    heap = Heap()
    kept, named = heap.object("bytes"), heap.object("bytes")
    module = heap.object("module", heap.dict({"size": kept}), heap.dict({"found": named}))
    heap.root(module, "module", name="fast", counts=False)
    assert words(heap, named) == "fast.found"
    assert words(heap, kept) == "fast→dict['size']"


def test_what_is_each_threads_own() -> None:
    """A threading.local's attributes stand behind its name, whichever thread has them."""
    heap = Heap()
    found = heap.object("bytes")
    mine = heap.dict({"session": found})
    given = heap.object("bytes")
    arguments = heap.dict({"config": heap.dict({"level": given})})
    local = heap.object("_thread._local", arguments, heap.dict({heap.object("weakref"): mine}))
    heap.module("app", state=local)
    assert words(heap, given) == "app.state.config['level']"
    assert words(heap, found) == "app.state.session"
    assert place(heap, found) == "app.state.session"


def test_a_name_that_is_not_in_the_file() -> None:
    """It is no identifier: where it would stand the path says so."""
    heap = Heap()
    found = heap.object("bytes")
    heap.module("app", top=heap.instance("app.Node", **{"": found}))
    assert words(heap, found) == place(heap, found) == "app.top.<name>"


def test_a_chain_is_in_one_place_however_long() -> None:
    """Thousands of links take no recursion, and their words stay short."""
    heap = Heap()
    heap.python_type("app.Link", inline=("next", "value"))
    last = link = heap.instance("app.Link")
    for _ in range(3000):
        link = heap.instance("app.Link", next=link)
    heap.module("app", head=link)
    assert place(heap, last) == "app.head.next"
    assert "more) .next" in words(heap, last)
    assert len(words(heap, last)) < 300


def test_deep_places_end() -> None:
    """What lies very deep is counted where it goes deep."""
    heap = Heap()
    found = heap.object("bytes")
    top = found
    for number in range(40):
        top = heap.list(heap.dict({f"k{number}": top})) if number % 2 else heap.object("set", top)
    heap.module("app", top=top)
    assert place(heap, found).startswith("app.top[*]<element>")


def test_referrers_and_referents() -> None:
    """Both ends of each reference, with what holds it; the roots beside."""
    heap = Heap()
    found, key = heap.object("bytes", size_bytes=100), heap.text("name")
    keeper = heap.dict({"name": found})
    row = heap.list(found, None, found)
    heap.module("app", keeper=keeper, row=row)
    heap.root(found, "c")
    snapshot = heap.snapshot()
    graph = Graph(snapshot)
    held = referrers(graph, heap.row(found))
    assert [(each.address, each.held, each.where) for each in held.rows] == [
        (keeper.address, "value", "['name']"),
        (row.address, "index", "[0]"),
        (row.address, "index", "[2]"),
    ]
    assert (held.count, held.roots, held.object.size_bytes) == (3, ("C",), 100)
    holds = referents(graph, heap.row(keeper))
    assert [(each.address, each.held) for each in holds.rows] == [(key.address, "key"), (found.address, "value")]
    assert len(referrers(graph, heap.row(found), rows_max=1).rows) == 1


def test_several_paths_the_shortest_first() -> None:
    """Ways over different objects, each from a root."""
    heap = Heap()
    found = heap.object("bytes")
    heap.module("app", near=heap.list(found), far=heap.list(heap.list(heap.object("int"), found)))
    snapshot = heap.snapshot()
    answer = paths(Graph(snapshot), reach(snapshot), heap.row(found), 5)
    assert [(each.path, each.length, each.root) for each in answer.rows] == [
        ("app.near[0]", 3, "module"),
        ("app.far[0][1]", 4, "module"),
    ]
    assert answer.rows[0].addresses[-1] == found.address


def test_nothing_leads_to_what_no_root_reaches() -> None:
    """Its paths are none, and its place says why."""
    heap = Heap()
    found = heap.object("bytes")
    heap.list(found)
    snapshot = heap.snapshot()
    assert paths(Graph(snapshot), reach(snapshot), heap.row(found), 3).rows == ()
    assert place(heap, found) == words(heap, found) == "in no path from a root"


# --- against plain computations -------------------------------------------------------------------------------

_IN_TURN = ("module", "frame", "type", "interpreter", "c")


def random_heap(dice: random.Random, count: int, kinds: tuple[str, ...]) -> Heap:
    heap = Heap()
    things = [heap.object(dice.choice(("list", "set", "cell"))) for _ in range(count)]
    for thing in things:
        thing.references = [dice.choice([None, *things]) for _ in range(dice.randrange(4))]
    for _ in range(dice.randrange(3)):
        heap.root(dice.choice(things), dice.choice(kinds))
    return heap


def plain_depths(heap: Heap, found: Reach) -> dict[int, int]:
    """Breadth first, as a book has it, from one kind of roots after another."""
    snapshot = heap.snapshot()
    depths: dict[int, int] = {}
    for kind in _IN_TURN:
        is_kind = snapshot.root_kind == ROOT_KINDS.index(kind)
        queue = [row for row in snapshot.root_object[is_kind].tolist() if row not in depths]
        depths.update(dict.fromkeys(queue, 0))
        for row in queue:
            for edge in snapshot.edges_of(row):
                to = int(snapshot.edge_to[edge])
                if to < snapshot.count and to not in depths:
                    depths[to] = depths[row] + 1
                    queue.append(to)
    return depths


@pytest.mark.parametrize("seed", seeds(10))
@pytest.mark.parametrize("narrow", [-1, 2, 64])
def test_the_search_finds_the_shortest_ways(seed: int, narrow: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each object's depth is that of a plain search, level by level or object by object."""
    monkeypatch.setattr("quire.report.reach._NARROW", narrow)
    heap = random_heap(random.Random(seed), 40, _IN_TURN)
    found = reach(heap.snapshot())
    assert {row: int(found.depth[row]) for row in np.flatnonzero(found.via != UNREACHED)} == plain_depths(heap, found)


@pytest.mark.parametrize("seed", seeds(10))
def test_paths_are_the_shortest_of_all(seed: int) -> None:
    """Their lengths are those of the shortest of all simple ways from a root's object, one edge from each referrer."""
    dice = random.Random(seed)
    heap = random_heap(dice, 7, ("module",))
    snapshot = heap.snapshot()
    roots = set(snapshot.root_object.tolist())
    for row in range(snapshot.count):
        answer = paths(Graph(snapshot), reach(snapshot), row, 4)
        lengths = sorted(all_lengths(heap, row, roots))
        assert [each.length for each in answer.rows] == lengths[:4]


def all_lengths(heap: Heap, row: int, roots: set[int]) -> list[int]:
    """Of all simple ways that begin at a root's object and meet no other one."""
    snapshot = heap.snapshot()

    def lengths(at: int, visited: frozenset[int]) -> list[int]:
        if at in roots:
            return [len(visited) - 1]
        sources = {int(each) for each in snapshot.sources_of(np.flatnonzero(snapshot.edge_to == at))}
        return [length for source in sources - visited for length in lengths(source, visited | {source})]

    return lengths(row, frozenset((row,)))
