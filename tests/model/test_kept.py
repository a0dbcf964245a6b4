"""Pages of freed mappings are kept for requests to come, and make no peak."""

from __future__ import annotations

import ctypes

import pytest

from quire.process.heap import Heap

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture
def heap(heap: Heap) -> Heap:
    heap.free(heap.allocate(40 * MIB))  # the peak: more than is ever kept
    return heap


def test_a_value_made_and_dropped_in_a_loop_asks_the_system_once(heap: Heap) -> None:
    """The mapping that was freed serves the next request of its size."""
    heap.free(heap.allocate(MIB))
    calls = fake.calls()
    for _ in range(10):
        heap.free(heap.allocate(MIB))
    assert fake.calls() == calls
    assert heap.statistics().kept_mapping_bytes == MIB


def test_values_of_varying_sizes_ask_the_system_once(heap: Heap) -> None:
    """A smaller request takes the front of what is kept; freed, it is whole again."""
    heap.free(heap.allocate(8 * MIB))
    calls = fake.calls()
    for size_bytes in (4 * MIB, 300 * KIB, 8 * MIB, 5 * MIB):
        address = heap.allocate(size_bytes)
        assert heap.size_of(address) == size_bytes
        assert heap.statistics().kept_mapping_bytes == 8 * MIB - size_bytes
        heap.free(address)
    assert (fake.calls(), heap.statistics().kept_mapping_bytes) == (calls, 8 * MIB)


@pytest.mark.parametrize(("size_bytes", "is_reused"), [(12 * MIB, True), (17 * MIB, False)])
def test_too_few_pages_are_made_more(heap: Heap, size_bytes: int, is_reused: bool) -> None:
    """A request of up to twice the size takes what is kept, and the system adds the rest."""
    heap.free(heap.allocate(8 * MIB))
    heap.allocate(size_bytes)
    assert (heap.statistics().kept_mapping_bytes == 0) is is_reused


def test_a_value_grows_into_its_tail(heap: Heap) -> None:
    """The pages behind a mapping that began as a larger one are its own, until there are no more."""
    heap.free(heap.allocate(8 * MIB))
    address = heap.allocate(MIB)
    calls = fake.calls()
    for size_bytes in range(MIB, 8 * MIB + 1, 512 * KIB):
        assert heap.reallocate(address, size_bytes) == address
    assert (fake.calls(), heap.statistics().kept_mapping_bytes) == (calls, 0)
    heap.reallocate(address, 9 * MIB)
    assert fake.calls() == calls + 1


def test_a_value_that_shrinks_has_a_tail(heap: Heap) -> None:
    """It may grow again without a call of the system's, and leaves all of its pages when it is freed."""
    address = heap.allocate(8 * MIB)
    calls = fake.calls()
    assert heap.reallocate(address, 2 * MIB) == address
    assert heap.reallocate(address, MIB) == address
    assert heap.reallocate(address, 6 * MIB) == address
    assert heap.statistics().kept_mapping_bytes == 2 * MIB
    heap.free(address)
    assert (fake.calls(), heap.statistics().kept_mapping_bytes) == (calls, 8 * MIB)


def test_a_value_that_grows_moves_to_kept_pages(heap: Heap) -> None:
    """Where they are many more than it has: copying takes less time than the system takes to clear as many."""
    keeper, address = heap.allocate(8 * MIB), heap.allocate(2 * MIB)
    heap.free(keeper)
    ctypes.memset(address, 0xA5, 2 * MIB)
    calls = fake.calls()
    moved = heap.reallocate(address, 4 * MIB)
    assert moved == keeper
    assert ctypes.string_at(moved, 2 * MIB) == b"\xa5" * 2 * MIB
    assert fake.calls() == calls


def test_another_takes_the_tail(heap: Heap) -> None:
    """A tail is for other requests too; then its mapping grows by pages of the system's, and both are whole."""
    heap.free(heap.allocate(8 * MIB))
    front = heap.allocate(2 * MIB)
    behind = heap.allocate(3 * MIB)
    assert behind == front + 2 * MIB
    ctypes.memset(behind, 0x5A, 3 * MIB)
    front = heap.reallocate(front, 4 * MIB)
    assert ctypes.string_at(behind, 3 * MIB) == b"\x5a" * 3 * MIB
    heap.free(front)
    heap.free(behind)
    assert heap.check() is None


def test_zeroed_memory_from_a_kept_mapping_is_zeroed(heap: Heap) -> None:
    """What the last tenant wrote is not seen."""
    address = heap.allocate(MIB)
    ctypes.memset(address, 0xA5, MIB)
    heap.free(address)
    address = heap.allocate_zeroed(1, 2 * MIB - 4 * KIB)
    assert not any(ctypes.string_at(address, 2 * MIB - 4 * KIB))


def test_what_is_kept_goes_back_before_a_new_peak(heap: Heap) -> None:
    """While the heap has held more, pages are kept; what would make it hold more than ever gives as many back."""
    heap.free(heap.allocate(8 * MIB))
    heap.allocate(32 * MIB)
    assert heap.statistics().kept_mapping_bytes == 8 * MIB
    before = heap.statistics().mapping_bytes_given_back
    while heap.statistics().touched_bytes <= 512 * KIB:
        assert heap.statistics().kept_mapping_bytes == 8 * MIB
        heap.allocate(4096)
    assert heap.statistics().kept_mapping_bytes == 8 * MIB - 512 * KIB
    assert heap.statistics().mapping_bytes_given_back - before == 512 * KIB


def test_a_request_takes_what_it_would_make_go_back(heap: Heap) -> None:
    """However few pages they are."""
    heap.free(heap.allocate(2 * MIB))
    heap.allocate(36 * MIB)
    heap.allocate(9 * MIB)
    assert heap.statistics().kept_mapping_bytes == 0
    assert heap.statistics().mapping_bytes_given_back == 40 * MIB


def test_what_is_kept_goes_back_when_the_system_refuses(heap: Heap) -> None:
    """A request that the system refuses is served after all, from what was kept."""
    keeper = heap.allocate(16 * MIB)
    heap.free(heap.allocate(8 * MIB))
    heap.free(keeper)
    assert heap.statistics().kept_mapping_bytes == 24 * MIB
    fake.refuse(1)
    assert heap.allocate(64)
    assert heap.statistics().kept_mapping_bytes == 0


def test_no_more_is_kept_than_may_be(heap: Heap) -> None:
    """At most sixty-four pieces and 32 MiB; the oldest go first, and a larger one goes at once."""
    for address in [heap.allocate(300 * KIB) for _ in range(70)]:
        heap.free(address)
    assert heap.statistics().kept_mapping_bytes == 64 * 300 * KIB
    heap.free(heap.allocate(33 * MIB))
    assert heap.statistics().kept_mapping_bytes <= 64 * 300 * KIB
    for address in [heap.allocate(20 * MIB) for _ in range(2)]:
        heap.free(address)
    assert heap.statistics().kept_mapping_bytes == 20 * MIB
    assert heap.check() is None
