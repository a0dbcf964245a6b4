"""What the native heap promises beside placement: contents, cleared memory, sizes, and errors for misuse."""

from __future__ import annotations

import ctypes
import gc
import resource
from typing import Any

import pytest

from quire.errors import DoubleFree, InvalidSize, NotABlock, OutOfMemory
from quire.model import QUIRE
from quire.process.heap import Heap

_core = pytest.importorskip("quire._core", reason="the native core is not installed")

MIB = 1024 * 1024
SIZES = [0, 1, 16, 17, 512, 513, 16384, 16385, 100_000, 262_144, 262_145, 3 * MIB]


@pytest.fixture
def heap() -> Heap:
    """A heap of its own."""
    return Heap(256 * MIB)


def test_every_size_class_is_the_models(heap: Heap) -> None:
    """The native heap rounds every request that pools serve to the block size that the model's geometry says."""
    for size_bytes in range(QUIRE.pooled_bytes_max + 1):
        address = heap.allocate(size_bytes)
        assert heap.size_of(address) == QUIRE.block_bytes(QUIRE.size_class(size_bytes))
        heap.free(address)


@pytest.mark.parametrize("size_bytes", SIZES)
def test_every_block_is_aligned_and_writable_to_its_end(heap: Heap, size_bytes: int) -> None:
    """An address is a multiple of 16, and every byte of the block can be written and read."""
    address = heap.allocate(size_bytes)
    assert address % 16 == 0
    ctypes.memset(address, 0xA5, heap.size_of(address))
    assert heap.check() is None


@pytest.mark.parametrize("size_bytes", SIZES[1:])
def test_zeroed_memory_is_zero_whoever_had_it_before(heap: Heap, size_bytes: int) -> None:
    """A block that was dirtied and freed reads as zeros when it is asked for zeroed."""
    for _ in range(3):
        dirty = heap.allocate(size_bytes)
        ctypes.memset(dirty, 0xFF, size_bytes)
        heap.free(dirty)
        clean = heap.allocate_zeroed(size_bytes, 1)
        assert not any(ctypes.string_at(clean, size_bytes))
        heap.free(clean)


@pytest.mark.parametrize("size_bytes", [100_000, 262_144, 3 * MIB])
def test_zeroed_memory_fresh_from_the_system_is_not_touched(heap: Heap, size_bytes: int) -> None:
    """A zeroed run or mapping that nobody had before is not cleared again: no page of its own becomes resident."""
    address = heap.allocate_zeroed(size_bytes, 1)
    page_bytes = resource.getpagesize()
    skipped = -address % page_bytes  # on larger pages a run may share its first with the arena's header, or a run
    own_bytes = (size_bytes - skipped) // page_bytes * page_bytes
    assert _core.resident_bytes(address + skipped, own_bytes) == 0


def test_a_pool_touches_one_page_for_its_first_blocks(heap: Heap) -> None:
    """Of a pool of 16 KiB only the page that the first blocks begin in is resident."""
    address = heap.allocate(64)
    assert _core.resident_bytes(address, QUIRE.pool_bytes) == resource.getpagesize()


def test_a_run_half_in_touched_units_is_zero_all_the_same(heap: Heap) -> None:
    """A zeroed run that begins in dirty units and ends in untouched ones reads as zeros throughout."""
    dirty = heap.allocate(20_000)
    ctypes.memset(dirty, 0xFF, 20_000)
    heap.free(dirty)
    clean = heap.allocate_zeroed(1, 200_000)
    assert clean == dirty
    assert not any(ctypes.string_at(clean, 200_000))


@pytest.mark.parametrize("old", SIZES[1:])
@pytest.mark.parametrize("new", SIZES[1:])
def test_resizing_keeps_the_bytes(heap: Heap, old: int, new: int) -> None:
    """From any layer to any other, the bytes that both sizes have are the same afterwards."""
    pattern = bytes(range(256)) * (old // 256 + 1)
    address = heap.allocate(old)
    ctypes.memmove(address, pattern, old)
    moved = heap.reallocate(address, new)
    assert ctypes.string_at(moved, min(old, new)) == pattern[: min(old, new)]
    assert heap.size_of(moved) >= new
    assert heap.check() is None


def test_misuse_is_refused_and_harmless(heap: Heap) -> None:
    """Freeing twice, freeing inside a block, outside the heap, and negative sizes raise errors that name the rule."""
    block, run, mapping = heap.allocate(64), heap.allocate(20_000), heap.allocate(MIB)
    heap.allocate(64)
    heap.free(block)
    with pytest.raises(DoubleFree):
        heap.free(block)
    heap.free(heap.allocate(20_000))
    for address in (block + 8, run + 16, run + 4096, run + 20_480, mapping + 4096, heap.range[0], 16, 1 << 40):
        with pytest.raises(NotABlock):
            heap.free(address)
        with pytest.raises(NotABlock):
            heap.reallocate(address, 10)
    wrong: Any
    for wrong in (-1, 1.5, "16", None):
        for ask in (heap.allocate, lambda size: heap.reallocate(run, size), lambda size: heap.allocate_zeroed(1, size)):
            with pytest.raises(InvalidSize, match="a request of"):
                ask(wrong)
    assert heap.check() is None


@pytest.mark.parametrize("size_bytes", [2**46, 2**62, 2**63 - 1, 2**63, 2**70])
def test_absurd_sizes_are_out_of_memory(heap: Heap, size_bytes: int) -> None:
    """A request that nobody can meet raises a MemoryError, and the heap is as it was."""
    before = heap.state()
    with pytest.raises(MemoryError):
        heap.allocate(size_bytes)
    with pytest.raises(OutOfMemory):
        heap.allocate_zeroed(size_bytes, 2)
    assert heap.state() == before


def test_a_used_up_range_is_out_of_memory_until_something_is_freed() -> None:
    """A range of one arena serves what fits and refuses the rest; a free makes room again."""
    heap = Heap(2 * MIB)
    blocks = [heap.allocate(8192) for _ in range(31 * 8)]
    with pytest.raises(OutOfMemory):
        heap.allocate(8192)
    heap.free(blocks.pop())
    heap.allocate(8192)


def test_a_heap_that_dies_gives_everything_back() -> None:
    """Making, filling and dropping heaps does not grow the process's mappings."""
    before = mapped_bytes()
    for _ in range(20):
        heap = Heap(1024 * MIB)
        for size_bytes in SIZES:
            heap.allocate(size_bytes)
        del heap
        gc.collect()
    assert mapped_bytes() - before < 64 * MIB


def mapped_bytes() -> int:
    """The process's mapped bytes, from the kernel."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def test_what_is_no_address_is_no_block(heap: Heap) -> None:
    """Integers that no pointer can hold are refused as the model refuses them."""
    for address in (1 << 64, 1 << 70, -(1 << 70)):
        with pytest.raises(NotABlock):
            heap.free(address)
        with pytest.raises(NotABlock):
            heap.size_of(address)
        with pytest.raises(NotABlock):
            heap.reallocate(address, 10)


@pytest.mark.parametrize("range_bytes", [2**55, 2**62, 2**63, 2**70])
def test_a_range_that_nobody_has_is_out_of_memory(range_bytes: int) -> None:
    """A heap on more addresses than there are cannot be made, and says so."""
    with pytest.raises(OutOfMemory):
        Heap(range_bytes)


def test_a_collection_during_the_state_leaves_it_whole(heap: Heap) -> None:
    """A callback of the collector's that empties the heap while its state is read does not take it apart meanwhile."""
    blocks = [heap.allocate(512) for _ in range(4 * 127 * 32)]
    callbacks = 0

    def empty_the_heap(_phase: str, _info: dict[str, int]) -> None:
        nonlocal callbacks
        callbacks += 1
        while callbacks > 40 and blocks:
            heap.free(blocks.pop())

    thresholds = gc.get_threshold()
    gc.collect()
    gc.callbacks.append(empty_the_heap)
    gc.set_threshold(5)
    try:
        state = heap.state()
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(empty_the_heap)
    allocated = sum(pool.allocated for arena in state.arenas for pool in arena.pools)
    assert allocated in (0, 4 * 127 * 32)
