"""Survivors that keep memory from going back: planted ones are found and named, and sums are the whole."""

from __future__ import annotations

import random

import pytest

from heaps import SEALED, SPENT, USED, Heap
from quire.report.edges import Graph
from quire.report.pins import ARENA_BYTES, FOREIGN, UNKNOWN, pins
from quire.report.places import Places
from quire.report.reach import reach
from quire.report.snapshot import Snapshot
from seeds import seeds

POOL_BYTES = 16384
BASE = 64 * ARENA_BYTES


def places_of(snapshot: Snapshot) -> Places:
    return Places(Graph(snapshot), reach(snapshot))


def test_planted_pins_are_found_and_named() -> None:
    """A record a pool, in forty arenas, kept by one list: one row says so."""
    heap = Heap()
    records = []
    for number in range(80):
        pool = BASE + number // 2 * ARENA_BYTES + (number % 2 + 1) * POOL_BYTES
        records.append(heap.instance("logging.LogRecord", address=pool + 640, name=heap.text("x")))
        heap.pool(pool, live=1, resident_bytes=POOL_BYTES)
    heap.module("app", cache=heap.instance("app.Cache", _recent=heap.list(*records)))
    snapshot = heap.snapshot()
    answer = pins(snapshot, places_of(snapshot))
    pinned = 80 * (POOL_BYTES - 64)
    (row,) = answer.rows
    assert (row.type, row.place) == ("logging.LogRecord", "app.cache._recent[*]")
    assert (row.blocks, row.arenas, row.pinned_bytes, row.live_bytes) == (80, 40, pinned, 80 * 64)
    assert (answer.pinned_bytes, answer.pools, len(answer.arenas)) == (pinned, 80, 40)
    assert all(arena.type == "logging.LogRecord" and arena.pools == 2 for arena in answer.arenas)


@pytest.mark.parametrize("flags", [0, USED | SEALED, USED | SPENT])
def test_what_goes_back_is_not_pinned(flags: int) -> None:
    """Empty pools go back by themselves, sealed ones share their pages."""
    heap = Heap()
    heap.object("bytes", address=BASE + 640)
    heap.pool(BASE, live=int(flags > 0), resident_bytes=POOL_BYTES, flags=flags)
    answer = pins(heap.snapshot(), None)
    assert (answer.pinned_bytes, answer.pools, answer.rows) == (0, 0, ())
    assert answer.sealed_pools == int(flags > 0)


def test_tables_pin_for_their_owners() -> None:
    """A list's items keep a pool as well as the list does; what belongs to nobody, and what was not seen, is said."""
    heap = Heap()
    owner = heap.list(address=64)
    owner.tables.append((BASE + 64, 64))
    heap.foreign.append((BASE + POOL_BYTES, 64))
    for number in range(3):
        heap.pool(BASE + number * POOL_BYTES, live=2, resident_bytes=4096 * (number + 1))
    answer = pins(heap.snapshot(), None)
    assert [(row.type, row.blocks, row.pinned_bytes) for row in answer.rows] == [
        (UNKNOWN, 1, 3 * 4096 - 128),
        (FOREIGN, 1, 2 * 4096 - 128),
        ("list", 1, 4096 - 128),
    ]


def test_blocks_beside_pools_pin_nothing() -> None:
    """Before, behind and between pools, and where there are none at all."""
    heap = Heap()
    for address in (BASE - 64, BASE + POOL_BYTES, BASE + 3 * POOL_BYTES):
        heap.object("bytes", address=address)
    assert pins(heap.snapshot(), None).rows == ()
    heap.pool(BASE, live=1, resident_bytes=4096)
    heap.pool(BASE + 2 * POOL_BYTES, live=1, resident_bytes=4096)
    assert [row.type for row in pins(heap.snapshot(), None).rows] == [UNKNOWN]


@pytest.mark.parametrize("seed", seeds(30))
def test_sums_are_the_whole(seed: int) -> None:
    """By type and place, by arena, and pool by pool, to the byte."""
    dice = random.Random(seed)
    heap = Heap()
    expected = 0
    things = []
    for number in range(30):
        pool = BASE + dice.randrange(2) * ARENA_BYTES + number * POOL_BYTES
        live, resident = dice.randrange(1, 20), dice.randrange(5) * 4096
        flags = dice.choice((USED, USED, 2, USED | SEALED))
        heap.pool(pool, live, resident, flags=flags)
        expected += 0 if flags & SEALED else max(resident - live * 64, 0)
        for block in range(dice.randrange(live + 1)):
            things.append(heap.object(dice.choice(("bytes", "app.Node")), address=pool + 64 * block))
    heap.module("app", top=heap.list(*dice.sample(things, len(things) // 2)))
    snapshot = heap.snapshot()
    for places in (None, places_of(snapshot)):
        assert sum(row.pinned_bytes for row in pins(snapshot, places, rows_max=2).rows) == expected
        answer = pins(snapshot, places)
        assert answer.pinned_bytes == expected
        assert sum(row.pinned_bytes for row in answer.rows) == expected
        assert sum(arena.pinned_bytes for arena in answer.arenas) == expected
        assert sum(arena.pools for arena in answer.arenas) == answer.pools
