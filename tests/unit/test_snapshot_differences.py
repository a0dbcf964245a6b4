"""What came, went and grew between two snapshots."""

from __future__ import annotations

import random

import pytest

from heaps import Heap
from quire.report.differences import Side, differences
from quire.report.edges import Graph
from quire.report.places import Places
from quire.report.reach import reach
from seeds import seeds


def side(heap: Heap) -> Side:
    snapshot = heap.snapshot()
    return Side(snapshot, Places(Graph(snapshot), reach(snapshot)))


def heap_with(records: int, cache_bytes: int, gone: int) -> Heap:
    """A cache that holds records, and others under another name; the same addresses each time."""
    heap = Heap()
    heap.text("cache")
    heap.text("others")
    kept = [heap.object("app.Record", address=0x100000 + 64 * number) for number in range(records)]
    others = [heap.object("bytes", address=0x200000 + 64 * number, size_bytes=32) for number in range(gone)]
    cache = heap.list(*kept, address=0x300000, size_bytes=cache_bytes)
    names = {"cache": cache, "others": heap.object("set", *others, address=0x300100)}
    namespace = heap.dict(names, address=0x300200)
    module = heap.object("module", namespace, address=0x300300)
    heap.root(module, "module", name="app")
    return heap


def test_what_came_went_and_grew_is_named() -> None:
    """A leak by its type and place."""
    answer = differences(side(heap_with(10, 100, 3)), side(heap_with(1010, 9000, 1)))
    rows = {(row.type, row.place): row for row in answer.rows}
    assert len(rows) == 3
    came = rows["app.Record", "app.cache[*]"]
    assert (came.came, came.came_bytes, came.went, came.grew) == (1000, 64_000, 0, 0)
    went = rows["bytes", "app.others<element>"]
    assert (went.went, went.went_bytes, went.change_bytes) == (2, 64, -64)
    grew = rows["list", "app.cache"]
    assert (grew.grew, grew.grew_bytes) == (1, 8900)
    assert answer.rows[0] is came


def test_the_same_is_no_difference() -> None:
    """Not a row."""
    assert differences(side(heap_with(10, 100, 3)), side(heap_with(10, 100, 3))).rows == ()


def test_an_address_that_another_type_took_is_another_object() -> None:
    """One went, one came, though types stand in another order."""
    before, after = Heap(), Heap()
    before.object("app.A", address=64)
    after.object("app.B", address=128)
    after.object("app.B", address=64)
    after.object("app.A", address=4096)
    answer = differences(Side(before.snapshot(), None), Side(after.snapshot(), None))
    assert {(row.type, row.came, row.went) for row in answer.rows} == {("app.A", 1, 1), ("app.B", 2, 0)}


@pytest.mark.parametrize("seed", seeds(30))
def test_sums_are_the_whole(seed: int) -> None:
    """Before, and what came and grew, less what went, is after."""
    dice = random.Random(seed)
    heaps = [Heap(), Heap()]
    for address in range(64, 6400, 64):
        for heap in heaps:
            if dice.random() < 0.7:
                heap.object(dice.choice(("list", "app.A")), address=address, size_bytes=dice.choice((64, 100)))
    before, after = (Side(heap.snapshot(), None) for heap in heaps)
    answer = differences(before, after)
    assert answer.after_bytes - answer.before_bytes == sum(row.change_bytes for row in answer.rows)
    assert answer.objects_after - answer.objects_before == sum(row.came - row.went for row in answer.rows)
