"""Empty pools and holes between runs go back before the heap would hold more than ever, and serve again as if new."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from quire.model import QUIRE, Allocator, System
from quire.process.heap import Heap

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture
def heap(heap: Heap) -> Heap:
    """A heap in which 1 MiB of large pools have become empty, beside one that is in use."""
    blocks = [heap.allocate(8 * KIB) for _ in range(17 * 8)]
    for address in blocks:
        ctypes.memset(address, 0xA5, 8 * KIB)
    for address in blocks[:-8]:
        heap.free(address)
    return heap


def test_what_rests_makes_no_peak(heap: Heap) -> None:
    """Small blocks and mappings are served while as much of the large pools goes back."""
    before = heap.statistics().touched_bytes
    for _ in range(MIB // 64 - 5000):
        heap.allocate(64)
    assert heap.statistics().touched_bytes <= before
    heap.allocate(300 * KIB)
    statistics = heap.statistics()
    assert statistics.touched_bytes + statistics.mapping_bytes <= before + 512 * KIB
    assert heap.check() is None


def test_resident_pages_go_back(heap: Heap) -> None:
    """The system has them again."""
    before = fake.resident_bytes()
    heap.allocate(600 * KIB)
    assert fake.resident_bytes() <= before - 512 * KIB


def test_a_purged_pool_serves_again(heap: Heap) -> None:
    """All of it is untouched again: its blocks go out in order, zeros in them, and count as touched once more."""
    heap.allocate(4 * MIB)
    held = heap.statistics().touched_bytes
    blocks = [heap.allocate(8 * KIB) for _ in range(16 * 8)]
    assert not any(ctypes.string_at(blocks[0], 8 * KIB))
    assert heap.statistics().touched_bytes >= held + 512 * KIB
    assert heap.check() is None


def test_little_of_what_a_program_takes_was_purged_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phases of other kinds of blocks, each larger than the last, would purge all of each other's; they may some."""
    allocator = Allocator(QUIRE, System(QUIRE.page_bytes))
    taken, in_vain = [], []
    note_taken, touch = allocator.raw.note_taken, allocator.raw.touch
    monkeypatch.setattr(allocator.raw, "note_taken", lambda size: [taken.append(size), note_taken(size)])

    def counting(size: int, *, again: bool = False) -> None:
        in_vain.extend([size] * again)
        touch(size, again=again)

    monkeypatch.setattr(allocator.raw, "touch", counting)
    for phase in range(30):
        size = (480, 8 * KIB, 40 * KIB)[phase % 3]
        blocks = [allocator.allocate(size) for _ in range((2 * MIB + phase * 128 * KIB) // size)]
        for address in blocks:
            allocator.free(address)
    assert MIB < sum(in_vain) < sum(taken) / 8 + 2 * QUIRE.arena_bytes


def test_locked_memory_stays(heap: Heap) -> None:
    """Where the system takes no pages back the request is served all the same."""
    before = heap.statistics().touched_bytes
    fake.refuse(1)
    assert heap.allocate(600 * KIB)
    assert heap.statistics().touched_bytes == before
    assert heap.check() is None


def test_an_arena_goes_back_with_purged_pools(heap: Heap) -> None:
    """What was purged is not counted twice."""
    small = [heap.allocate(64) for _ in range(4 * MIB // 64)]
    heap.allocate(4 * MIB)
    for address in small:
        heap.free(address)
    assert heap.check() is None
    assert heap.statistics().arenas_given_back > 0


@pytest.fixture
def holes() -> Iterator[tuple[Heap, list[int]]]:
    """A heap with runs of 64 KiB, every other one of which was freed: a hole of 64 KiB before each that is left."""
    fake.refuse(0)
    heap = Heap(64 * MIB, core=fake.Heap)
    runs = [heap.allocate(64 * KIB) for _ in range(30)]
    for address in runs:
        ctypes.memset(address, 0xA5, 64 * KIB)
    for address in runs[::2]:
        heap.free(address)
    yield heap, runs
    fake.refuse(0)


def test_holes_make_no_peak(holes: tuple[Heap, list[int]]) -> None:
    """They go back for a mapping, as many as it needs; what lives beside them stays as it is."""
    heap, runs = holes
    before, resident = heap.statistics(), fake.resident_bytes()
    heap.allocate(640 * KIB)
    after = heap.statistics()
    assert after.touched_bytes + after.mapping_bytes <= before.touched_bytes
    assert fake.resident_bytes() <= resident - 600 * KIB
    assert all(ctypes.string_at(address, 64 * KIB) == b"\xa5" * 64 * KIB for address in runs[1::2])
    assert heap.check() is None


def test_a_purged_hole_serves_again(holes: tuple[Heap, list[int]]) -> None:
    """In part, too: what a run takes of it counts as touched, and reads as zeros."""
    heap, runs = holes
    heap.allocate(15 * 64 * KIB)
    touched = heap.statistics().touched_bytes
    address = heap.allocate(40 * KIB)
    assert address in runs
    assert not any(ctypes.string_at(address, 40 * KIB))
    assert heap.statistics().touched_bytes == touched + 40 * KIB
    heap.free(address)
    assert heap.statistics().touched_bytes == touched + 40 * KIB
    assert heap.check() is None


def test_a_run_grows_into_a_purged_hole(holes: tuple[Heap, list[int]]) -> None:
    """As far as it needs, and back."""
    heap, runs = holes
    heap.allocate(15 * 64 * KIB)
    touched = heap.statistics().touched_bytes
    assert heap.reallocate(runs[1], 100 * KIB) == runs[1]
    assert heap.statistics().touched_bytes == touched + 36 * KIB
    assert heap.reallocate(runs[1], 64 * KIB) == runs[1]
    assert heap.statistics().arenas[2].units_free == 9
    assert heap.check() is None


def test_an_arena_of_runs_goes_back_with_purged_holes(holes: tuple[Heap, list[int]]) -> None:
    """What was purged is not counted twice."""
    heap, runs = holes
    heap.allocate(15 * 64 * KIB)
    more = [heap.allocate(256 * KIB) for _ in range(12)]
    for address in (*runs[1::2], *more):
        heap.free(address)
    assert heap.check() is None
    assert heap.statistics().arenas_given_back > 0
