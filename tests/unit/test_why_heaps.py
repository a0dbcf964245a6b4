"""What CPython and libc keep, told from outside by their headers, over memory that is made up."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.process.arena_occupancy import Occupancy
from quire.process.cpython_arenas import POOL_BYTES, pool_of
from quire.process.libc import HEAP_ALIGNMENT
from quire.process.libc_chunks import LibcUse
from quire.process.memory import PAGE_BYTES
from quire.process.pooling import MAPPING_BYTES, pool_bytes_on_quire, savings_within
from quire.process.quire_regions import quire_regions
from quire.process.smaps import SystemMapping

MIB = 1024**2
START = 0x7F0000000000
HEAP = 0x555555559000


# --- CPython's arenas -----------------------------------------------------------------------------------------


def pool(arena: int, block_bytes: int, live: int) -> bytes:
    """A pool's header as CPython writes it, with all blocks carved."""
    last = (POOL_BYTES - 48) // block_bytes * block_bytes + 48
    size_class, offset_max = block_bytes // 16 - 1, POOL_BYTES - block_bytes
    return struct.pack("<IIQQQIIII", live, 0, 0, 0, 0, arena, size_class, last, offset_max)


class Memory:
    """An arena at START with these pools; what is behind them was never touched."""

    def __init__(self, pools: Sequence[bytes]) -> None:
        self.pools = pools

    def read(self, address: int, size_bytes: int) -> bytes:
        index, offset = divmod(address - START, POOL_BYTES)
        return self.pools[index][:size_bytes] if offset == 0 and index < len(self.pools) else b""

    def presence(self, start: int, end: int) -> bytes:
        touched = len(self.pools) * POOL_BYTES // PAGE_BYTES
        return (b"\x80" * touched).ljust((end - start) // PAGE_BYTES, b"\0")


def occupancy_of(pools: Sequence[bytes]) -> Occupancy:
    occupancy = Occupancy()
    occupancy.add_arenas(START, START + max(len(pools), 63) * POOL_BYTES, Memory(pools))
    return occupancy


def test_pools_are_told_by_their_live_blocks() -> None:
    """Full, used and empty pools; bytes of each kind; what is neither is headers and rests."""
    found = occupancy_of([pool(3, 64, 255), pool(3, 64, 5), pool(3, 512, 0)])
    assert (found.arenas, found.pools_full, found.pools_used, found.pools_empty, found.pools_unknown) == (1, 1, 1, 1, 0)
    assert (found.live_blocks, found.blocks) == (260, 255 + 255 + 31)
    assert (found.live_bytes, found.free_bytes) == (260 * 64, 250 * 64)
    assert (found.empty_pool_bytes, found.rest_bytes) == (POOL_BYTES, 2 * 64)
    assert found.resident_bytes == 3 * POOL_BYTES


@given(st.lists(st.tuples(st.integers(1, 32), st.integers(0, 1023)), min_size=1, max_size=64))
def test_parts_of_an_arena_add_up(shapes: list[tuple[int, int]]) -> None:
    """Whatever its pools are, every resident byte is in one part, and what they would need on quire is no more."""
    blocks = [(size * 16, (POOL_BYTES - 48) // (size * 16), live) for size, live in shapes]
    found = occupancy_of([pool(3, size, live % (count + 1)) for size, count, live in blocks])
    assert found.resident_bytes == len(shapes) * POOL_BYTES
    assert found.live_blocks == sum(live % (count + 1) for _size, count, live in blocks)
    assert len(found.savings) == found.pools_full + found.pools_used
    assert all(0 <= saving <= POOL_BYTES for saving in found.savings)


def test_an_arena_that_few_blocks_keep_is_sparse() -> None:
    """Fewer than one in a hundred of its blocks; at one in a hundred it is not."""
    assert occupancy_of([pool(0, 16, 10), pool(0, 16, 0)]).sparse_arenas == 1
    assert occupancy_of([pool(0, 512, 1), *[pool(0, 512, 0)] * 2]).sparse_arenas == 0


def test_what_is_no_pool_is_not_known() -> None:
    """A pool that changes meanwhile, or other bytes: counted as that, and in no part."""
    found = occupancy_of([pool(3, 64, 5), b"\x01" * 48])
    assert (found.pools_unknown, found.resident_bytes) == (1, POOL_BYTES)
    assert found.settle(2 * POOL_BYTES) == POOL_BYTES


def test_parts_are_no_more_than_the_kernel_counts() -> None:
    """Pages that went meanwhile are taken off, live blocks last."""
    found = occupancy_of([pool(3, 64, 5), pool(3, 64, 0)])
    assert found.settle(POOL_BYTES) == 0
    assert (found.live_bytes, found.resident_bytes, found.empty_pool_bytes) == (5 * 64, POOL_BYTES, 64)


def test_a_pool_tells_its_blocks() -> None:
    """Arena, size and live blocks, from its header alone."""
    assert pool_of(pool(7, 48, 12), START) == (7, 48, 12)
    assert pool_of(pool(7, 48, 1000), START) is None


# --- what quire would need ------------------------------------------------------------------------------------


@given(st.integers(1, 32), st.data())
def test_an_estimate_lies_between_live_blocks_and_the_pool(size: int, data: st.DataObject) -> None:
    """Live blocks must lie somewhere, and a pool never needs more than itself."""
    blocks = (POOL_BYTES - 48) // (size * 16)
    live = data.draw(st.integers(1, blocks))
    needed = pool_bytes_on_quire(live, blocks, size * 16)
    assert live * size * 16 <= needed <= POOL_BYTES


def test_sparser_pools_need_less() -> None:
    """One survivor costs little more than itself and a mapping; a pool that is half live stays as it is."""
    needed = [pool_bytes_on_quire(live, 255, 64) for live in range(1, 256)]
    assert needed == sorted(needed)
    assert needed[0] <= 64 + MAPPING_BYTES + 1
    assert needed[128:] == [POOL_BYTES] * 127


def test_savings_end_with_the_mappings() -> None:
    """Of the pools, those that save most, as many as three quarters of the mappings allow."""
    assert savings_within([1, 5, 3], 10, None) == 9
    assert savings_within([1, 5, 3], 10, 16) == 8
    assert savings_within([1, 5, 3], 20, 16) == 0


# --- libc's heap ----------------------------------------------------------------------------------------------

USED, FREE, QUICK = "in use", "free", "in a quick list"


def heap(chunks: Sequence[tuple[int, str]], address: int, marks: int = 0) -> bytes:
    """Chunks of these sizes, one after the other, as glibc writes them; the last one is the top."""
    content = b""
    is_used_before = True
    for size, state in chunks:
        at = address + len(content)
        link = (address + 16) ^ (at + 16 >> 12) if state == QUICK else 0x1111
        words = struct.pack("<QQQ", 0, size | marks | is_used_before, link)
        content += words.ljust(size, b"\xee")[:size]
        is_used_before = state != FREE
    return content


def reader(content: bytes, address: int) -> Callable[[int, int], bytes]:
    def read(at: int, size_bytes: int) -> bytes:
        return content[max(at - address, 0) : at - address + size_bytes]

    return read


def walked(content: bytes, address: int = HEAP) -> tuple[int, int]:
    use = LibcUse(reader(content, address))
    use.add_heap(address, address + len(content))
    return use.live_bytes, use.free_bytes


CHUNKS = st.lists(st.tuples(st.integers(2, 40000).map(lambda n: n * 16), st.sampled_from([USED, FREE])), max_size=6)


@given(CHUNKS)
def test_chunks_are_counted_as_libc_does(chunks: list[tuple[int, str]]) -> None:
    """Whatever chunks there are, and however many windows they take, those in use and those free add up."""
    live = sum(size for size, state in chunks if state == USED)
    free = sum(size for size, state in chunks if state == FREE)
    assert walked(heap([*chunks, (4096, USED)], HEAP)) == (live, free + 4096)


def test_chunks_in_quick_lists_are_free() -> None:
    """They look in use to their neighbours, but begin with a masked link; larger ones are in no such list."""
    assert walked(heap([(64, USED), (64, QUICK), (64, USED), (4096, USED)], HEAP)) == (128, 64 + 4096)
    assert walked(heap([(64, USED), (2048, QUICK), (4096, USED)], HEAP)) == (64 + 2048, 4096)


def test_a_heap_that_does_not_fit_is_not_known_from_there_on() -> None:
    """What was counted before stays counted; another allocator's heap is not known at all."""
    content = heap([(64, USED), (128, FREE), (256, USED)], HEAP) + b"\xff" * 4096
    assert walked(content) == (64, 128)
    assert walked(b"\x08" * 4096) == walked(b"\xff" * 4096) == walked(bytes(4096)) == walked(b"") == (0, 0)


def test_a_threads_heap_begins_behind_its_arena() -> None:
    """The first chunk is found by its marks, the heap's end by its record."""
    start = 100 * HEAP_ALIGNMENT
    chunks = heap([(64, USED), (512, FREE), (4096, USED), (1024, USED)], start + 0x8D0, marks=4)
    size = 0x8D0 + len(chunks)
    head = struct.pack("<QQQQ", start + 0x30, 0, size, 8192).ljust(0x30, b"\0")
    content = (head + struct.pack("<Q", start + 0x500) * 8).ljust(0x8D0, b"\0") + chunks
    use = LibcUse(reader(content, start))
    use.add_threads_heaps(start, start + 16384)
    assert (use.live_bytes, use.free_bytes) == (64 + 4096, 512 + 1024)


# --- quire's heap ---------------------------------------------------------------------------------------------

LONELY = 0x290000000000
CORE = SystemMapping(START, START + MIB, b"r-xp", 0, b"/venv/lib/python3.12/site-packages/quire/_core.so")
STACK = SystemMapping(0x7FFC00000000, 0x7FFC00021000, name=b"[stack]")
RANGE = SystemMapping(LONELY, LONELY + MIB)
SHARED = SystemMapping(LONELY + MIB, LONELY + 2 * MIB, b"rw-s", 0, b"/dev/zero (deleted)")
OTHER = SystemMapping(START + 8 * MIB, START + 9 * MIB)


def test_quires_heap_lies_alone() -> None:
    """Its range is in a quarter of the addresses where nothing else is, with the pages that its pools share."""
    assert quire_regions([RANGE, SHARED, CORE, OTHER, STACK]) == [(LONELY, MIB), (LONELY + MIB, MIB)]


@pytest.mark.parametrize("name", [b"[anon:quire]", b"[anon_shmem:quire]"])
def test_quires_heap_is_known_by_name(name: bytes) -> None:
    """Where the kernel shows names, wherever it lies."""
    named = SystemMapping(START + 16 * MIB, START + 17 * MIB, name=name)
    assert quire_regions([CORE, OTHER, named, STACK]) == [(named.start, MIB)]


def test_without_quire_nothing_is_its_heap() -> None:
    """Another program may lie where it likes."""
    assert quire_regions([RANGE, SHARED, OTHER, STACK]) == []
