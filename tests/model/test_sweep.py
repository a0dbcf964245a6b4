"""A sweep gives back what rested since the sweep before, and nothing else; what goes back serves again as if new."""

from __future__ import annotations

import ctypes

import pytest

from quire.errors import InvalidOption
from quire.model import Allocator
from quire.process.heap import Heap
from quire.records.statistics import Swept

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

KIB = 1024
MIB = 1024 * KIB


def filled(heap: Heap, size_bytes: int, count: int) -> list[int]:
    """So many blocks, every byte of them written."""
    blocks = [heap.allocate(size_bytes) for _ in range(count)]
    for address in blocks:
        ctypes.memset(address, 0xA5, size_bytes)
    return blocks


def free(heap: Heap, blocks: list[int]) -> None:
    """All of them."""
    for address in blocks:
        heap.free(address)


@pytest.fixture
def pools(heap: Heap) -> Heap:
    """1 MiB of large pools became empty, beside one that is in use."""
    free(heap, filled(heap, 8 * KIB, 17 * 8)[:-8])
    return heap


def test_what_rests_goes_back_with_the_second_sweep(pools: Heap) -> None:
    """The first finds it young, the second gives back all of it, the third finds nothing."""
    resident = fake.resident_bytes()
    assert pools.sweep() == Swept(0, 0, 0, 0, 0, MIB, 0, False)
    assert fake.resident_bytes() == resident
    assert pools.sweep() == Swept(0, MIB, 0, 0, 0, 0, 0, False)
    assert fake.resident_bytes() == resident - MIB
    assert pools.sweep() == Swept(0, 0, 0, 0, 0, 0, 0, False)
    assert pools.check() is None


def test_what_was_used_between_two_sweeps_stays(pools: Heap) -> None:
    """A pool that served and rests again is young again."""
    pools.sweep()
    free(pools, filled(pools, 8 * KIB, 8))
    swept = pools.sweep()
    assert (swept.empty_pool_bytes, swept.young_bytes) == (MIB - 64 * KIB, 64 * KIB)


def test_neighbours_go_back_in_one_call(pools: Heap) -> None:
    """16 pools in a row take one call of the system's."""
    pools.sweep()
    before = fake.calls()
    pools.sweep()
    assert fake.calls() == before + 1


def test_a_reserve_stays(pools: Heap) -> None:
    """As many whole pools go as leave at least that much, and those that are left serve first."""
    pools.sweep()
    assert pools.sweep(reserve_bytes=100 * KIB).empty_pool_bytes == MIB - 128 * KIB
    touched = pools.statistics().touched_bytes
    filled(pools, 8 * KIB, 2 * 8)
    assert pools.statistics().touched_bytes == touched
    filled(pools, 8 * KIB, 1)
    assert pools.statistics().touched_bytes == touched + 64 * KIB
    assert pools.check() is None


def test_a_swept_pool_serves_again(pools: Heap) -> None:
    """Its blocks read as zeros, and what it purged does not count as purged in vain: a new peak is still avoided."""
    for _ in range(2):
        pools.sweep()
    again = [pools.allocate(8 * KIB) for _ in range(16 * 8)]
    assert not any(any(ctypes.string_at(address, 8 * KIB)) for address in again)
    held = pools.statistics().touched_bytes
    free(pools, again)
    pools.allocate(640 * KIB)
    assert pools.statistics().touched_bytes + 640 * KIB <= held
    assert pools.check() is None


def test_a_step_is_bounded(pools: Heap) -> None:
    """So many slots at most, from where the last step ended; together the steps do what one sweep does."""
    pools.sweep()
    steps = [pools.sweep(slots_max=8)]
    while steps[-1].cursor:
        steps.append(pools.sweep(steps[-1].cursor, slots_max=8))
    assert len(steps) > 8
    assert max(step.empty_pool_bytes for step in steps) == 128 * KIB
    assert sum(step.empty_pool_bytes for step in steps) == MIB


def test_a_step_ends_at_its_deadline(heap: Heap) -> None:
    """The fake's clock goes with its calls: five calls are five microseconds."""
    runs = filled(heap, 64 * KIB, 40)
    free(heap, runs[::2])
    heap.sweep()
    first = heap.sweep(deadline_ns=1000 * (fake.calls() + 1 + 5))
    assert (first.hole_bytes, first.cursor != 0) == (5 * 64 * KIB, True)
    rest = heap.sweep(first.cursor)
    assert (rest.hole_bytes, rest.cursor) == (15 * 64 * KIB, 0)
    assert heap.check() is None


def test_holes_go_back_by_their_age(heap: Heap) -> None:
    """Of a hole what was freed since the last sweep stays, what a run took meanwhile is young when it rests again."""
    runs = filled(heap, 64 * KIB, 30)
    free(heap, runs[10:20:2])
    heap.sweep()
    free(heap, runs[11:20:2])
    swept = heap.sweep()
    assert (swept.hole_bytes, swept.young_bytes) == (5 * 64 * KIB, 5 * 64 * KIB)
    again = heap.allocate(128 * KIB)
    assert again == runs[10]
    assert not any(ctypes.string_at(again, 64 * KIB))
    assert any(ctypes.string_at(again + 64 * KIB, 64 * KIB))
    heap.free(again)
    swept = heap.sweep()
    assert (swept.hole_bytes, swept.young_bytes) == (4 * 64 * KIB, 128 * KIB)
    assert all(ctypes.string_at(address, 64 * KIB) == b"\xa5" * 64 * KIB for address in (*runs[:10], *runs[20:]))
    assert heap.check() is None


def test_kept_pieces_go_back(heap: Heap) -> None:
    """Old ones, from their ends; a piece that served is young. The reserve is of all that rests."""
    free(heap, [*filled(heap, 3 * MIB, 1), *filled(heap, MIB, 1)])
    assert heap.sweep().young_bytes == 4 * MIB
    first = heap.sweep(slots_max=64, reserve_bytes=MIB + 512 * KIB)
    assert (first.kept_bytes, first.cursor != 0) == (MIB, True)
    assert heap.sweep(first.cursor, reserve_bytes=MIB + 512 * KIB) == Swept(0, 0, 0, MIB + 512 * KIB, 0, 0, 0, False)
    assert heap.statistics().kept_mapping_bytes == MIB + 512 * KIB
    heap.free(heap.allocate(400 * KIB))
    swept = heap.sweep()
    assert swept.kept_bytes + swept.young_bytes == MIB + 512 * KIB
    assert swept.young_bytes >= 400 * KIB
    assert heap.check() is None


@pytest.mark.parametrize("rest", ["pools", "holes"])
def test_locked_memory_stays(heap: Heap, rest: str) -> None:
    """Where the system takes nothing back the step says so and ends; the next begins behind that arena."""
    size_bytes = 8 * KIB if rest == "pools" else 64 * KIB
    blocks = filled(heap, size_bytes, MIB // size_bytes)
    free(heap, blocks[: MIB // size_bytes // 2])
    heap.sweep()
    before = heap.state()
    fake.refuse(1, True)
    swept = heap.sweep()
    assert (swept.is_refused, swept.empty_pool_bytes, swept.hole_bytes, swept.cursor != 0) == (True, 0, 0, True)
    assert heap.state() == before
    assert heap.check() is None
    fake.refuse(0)
    assert heap.sweep(swept.cursor).cursor == 0
    swept = heap.sweep()
    assert swept.empty_pool_bytes + swept.hole_bytes == 512 * KIB


@pytest.mark.parametrize("limits", [{"cursor": -1}, {"slots_max": -1}, {"reserve_bytes": -5}])
def test_bad_limits_are_refused_in_a_line(heap: Heap, limits: dict[str, int]) -> None:
    """By the heap as by the model."""
    with pytest.raises(InvalidOption, match="0 or more"):
        heap.sweep(**limits)
    with pytest.raises(InvalidOption, match="0 or more"):
        Allocator().sweep(**limits)
    with pytest.raises(InvalidOption, match="0 or more"):
        heap.sweep(deadline_ns=-1)


def test_a_cursor_past_every_arena_ends_the_sweep(heap: Heap) -> None:
    """What it says of kept pieces holds all the same."""
    free(heap, filled(heap, MIB, 1))
    assert heap.sweep(1 << 70).young_bytes == MIB
    assert heap.sweep(1 << 70) == Swept(0, 0, 0, MIB, 0, 0, 0, False)
