"""Freed mappings are kept for the next request of their size, and make no peak."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from quire.process.heap import Heap

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture
def heap() -> Iterator[Heap]:
    fake.refuse(0)
    heap = Heap(64 * MIB, core=fake.Heap)
    heap.free(heap.allocate(40 * MIB))  # the peak: more than is ever kept
    yield heap
    fake.refuse(0)


def test_a_value_made_and_dropped_in_a_loop_asks_the_system_once(heap: Heap) -> None:
    """The mapping that was freed serves the next request of its size."""
    heap.free(heap.allocate(MIB))
    calls = fake.calls()
    for _ in range(10):
        heap.free(heap.allocate(MIB))
    assert fake.calls() == calls
    assert heap.statistics().kept_mapping_bytes == MIB


def test_a_kept_mapping_is_made_as_large_as_is_asked_for(heap: Heap) -> None:
    """Half the size and twice the size are served from it; less and more are not."""
    heap.free(heap.allocate(8 * MIB))
    for size_bytes, is_reused in ((4 * MIB, True), (8 * MIB, True), (3 * MIB, False)):
        address = heap.allocate(size_bytes)
        assert heap.size_of(address) == size_bytes
        assert (heap.statistics().kept_mapping_bytes == 0) is is_reused
        heap.free(address)


def test_zeroed_memory_from_a_kept_mapping_is_zeroed(heap: Heap) -> None:
    """What the last tenant wrote is not seen."""
    address = heap.allocate(MIB)
    ctypes.memset(address, 0xA5, MIB)
    heap.free(address)
    address = heap.allocate_zeroed(1, 2 * MIB - 4 * KIB)
    assert not any(ctypes.string_at(address, 2 * MIB - 4 * KIB))


def test_what_is_kept_goes_back_before_a_new_peak(heap: Heap) -> None:
    """While the heap has held more, mappings are kept; what would make it hold more than ever gives them back."""
    heap.free(heap.allocate(8 * MIB))
    heap.allocate(32 * MIB)
    assert heap.statistics().kept_mapping_bytes == 8 * MIB
    heap.allocate(64)  # needs an arena
    assert heap.statistics().kept_mapping_bytes == 0
    assert heap.statistics().mapping_bytes_given_back == 48 * MIB


@pytest.mark.parametrize("size_bytes", [MIB, 9 * MIB])
def test_a_request_takes_what_it_would_make_go_back(heap: Heap, size_bytes: int) -> None:
    """Of whatever size: it shrinks, or grows, by its pages."""
    heap.free(heap.allocate(8 * MIB))
    heap.allocate(32 * MIB)
    address = heap.allocate(size_bytes)
    assert heap.size_of(address) == size_bytes
    assert heap.statistics().kept_mapping_bytes == 0
    assert heap.statistics().mapping_bytes_given_back == 40 * MIB + max(8 * MIB - size_bytes, 0)


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
    """At most eight mappings and 32 MiB; the oldest go first, and a larger one goes at once."""
    for address in [heap.allocate(300 * KIB) for _ in range(10)]:
        heap.free(address)
    assert heap.statistics().kept_mapping_bytes == 8 * 300 * KIB
    heap.free(heap.allocate(33 * MIB))
    assert heap.statistics().kept_mapping_bytes <= 8 * 300 * KIB
    for address in [heap.allocate(20 * MIB) for _ in range(2)]:
        heap.free(address)
    assert heap.statistics().kept_mapping_bytes == 20 * MIB
    assert heap.check() is None
