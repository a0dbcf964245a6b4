"""Pages of a pool in use on which no block lives go back, and serve again one by one as if new."""

from __future__ import annotations

import ctypes
import random

import pytest

from quire.model import QUIRE
from quire.process.heap import Heap
from quire.records.heap import Pool
from quire.records.kinds import Domain
from seeds import seeds
from twins import Twins

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

KIB = 1024
MIB = 1024 * KIB
PAGE_BYTES = 4 * KIB


def filled(heap: Heap, size_bytes: int, count: int) -> list[int]:
    """So many blocks, every byte of them written."""
    blocks = [heap.allocate(size_bytes) for _ in range(count)]
    for address in blocks:
        ctypes.memset(address, 0xA5, size_bytes)
    return blocks


def sweep_pages(heap: Heap, sweeps: int = 2) -> int:
    """Whole sweeps that take pages as well; how many bytes of them went."""
    return sum(heap.sweep(live_percent_max=25).page_bytes for _ in range(sweeps))


def all_but(blocks: list[int], survivors: list[int]) -> list[int]:
    return [address for address in blocks if address not in survivors]


def pool_of(heap: Heap, address: int) -> Pool:
    return next(p for a in heap.state().arenas for p in a.pools if p.address <= address < p.address + p.size_bytes)


@pytest.fixture
def pool(heap: Heap) -> tuple[Heap, list[int]]:
    """A pool of blocks of 256 bytes, 63 of them, of which one on each of the first and the third page lives."""
    blocks = filled(heap, 256, 63)
    for address in all_but(blocks, [blocks[1], blocks[40]]):
        heap.free(address)
    return heap, blocks


def test_pages_without_a_live_block_go_back(pool: tuple[Heap, list[int]]) -> None:
    """With the second sweep, unless the pool was used meanwhile; blocks that reach into such a page leave the list."""
    heap, blocks = pool
    touched, resident = heap.statistics().touched_bytes, fake.resident_bytes()
    assert heap.sweep(live_percent_max=25).young_pools == 1
    heap.free(blocks[40])
    assert heap.sweep(live_percent_max=25).young_pools == 1
    assert sweep_pages(heap, 1) == 3 * PAGE_BYTES
    assert heap.statistics().touched_bytes == touched - 3 * PAGE_BYTES
    assert fake.resident_bytes() == resident - 3 * PAGE_BYTES
    swept = pool_of(heap, blocks[0])
    assert swept.allocated == 1
    assert swept.free_list == (0, *range(2, 15))  # block 15 reaches into the second page
    assert swept.away == tuple(range(15, 63))
    assert heap.statistics().classes[15].blocks_untouched == 48
    assert ctypes.string_at(blocks[1], 256) == b"\xa5" * 256
    assert sweep_pages(heap) == 0
    assert heap.check() is None


def test_pages_come_back_one_by_one(pool: tuple[Heap, list[int]]) -> None:
    """The lowest first, and only when no free block is left; their blocks read as zeros."""
    heap, blocks = pool
    assert sweep_pages(heap) == 2 * PAGE_BYTES
    touched = heap.statistics().touched_bytes
    there = [heap.allocate(256) for _ in pool_of(heap, blocks[0]).free_list]
    assert heap.statistics().touched_bytes == touched
    back = heap.allocate(256)
    assert back == blocks[15]
    assert heap.statistics().touched_bytes == touched + PAGE_BYTES
    assert back not in there
    assert heap.check() is None
    rest = [heap.allocate(256) for _ in range(63 - 2 - len(there) - 1)]
    assert rest[0] == blocks[16]
    assert not any(ctypes.string_at(blocks[16] + 8, 248))  # behind the link that stood there
    assert sorted([*there, back, *rest, blocks[1], blocks[40]]) == blocks
    assert heap.statistics().touched_bytes == touched + 2 * PAGE_BYTES
    assert heap.check() is None


def test_only_sparse_pools_are_asked(heap: Heap) -> None:
    """One with more live blocks than that keeps its pages; and without being told how many, no pool gives any."""
    blocks = filled(heap, 256, 63)
    for address in blocks[16:]:
        heap.free(address)
    for _ in range(3):
        assert heap.sweep(live_percent_max=25).page_bytes == 0
        assert heap.sweep().page_bytes == 0
    heap.free(blocks[15])
    assert sweep_pages(heap) == 3 * PAGE_BYTES


def test_pages_of_neighbours_go_in_one_call(heap: Heap) -> None:
    """The last pages of a pool and the first of the next, and an empty pool between two."""
    blocks = filled(heap, 256, 4 * 63)
    survivors = [blocks[1], blocks[63 + 62], blocks[3 * 63 + 62]]
    for address in all_but(blocks, survivors):
        heap.free(address)
    heap.sweep(live_percent_max=25)
    before = fake.calls()
    swept = heap.sweep(live_percent_max=25)
    assert (swept.empty_pool_bytes, swept.page_bytes) == (16 * KIB, 9 * PAGE_BYTES)
    assert fake.calls() == before + 2
    assert heap.check() is None


def test_an_empty_pool_that_stays_with_its_class_gives_its_pages(heap: Heap) -> None:
    """Each class keeps one, and a value made now and then is served as before."""
    heap.allocate(16)
    for size_bytes in range(32, 513, 16):
        heap.free(filled(heap, size_bytes, 1)[0])
    resident = fake.resident_bytes()
    assert sweep_pages(heap) >= 31 * PAGE_BYTES  # more, where the last block that was cut off reaches into the next
    assert fake.resident_bytes() == resident - 31 * PAGE_BYTES
    again = [filled(heap, size_bytes, 1)[0] for size_bytes in range(32, 513, 16)]
    assert heap.check() is None
    for address in again:
        heap.free(address)
    assert heap.check() is None


def test_a_pool_with_purged_pages_becomes_empty(heap: Heap) -> None:
    """It rests with the pages that it has, goes as it is, or serves another class with all of them."""
    blocks = filled(heap, 256, 3 * 63)
    survivors = [blocks[62 + 63 * i] for i in range(3)]
    for address in all_but(blocks, survivors):
        heap.free(address)
    assert sweep_pages(heap) == 9 * PAGE_BYTES
    for address in survivors[:2]:
        heap.free(address)
    assert heap.check() is None
    assert heap.sweep().young_bytes == 2 * PAGE_BYTES
    touched = heap.statistics().touched_bytes
    filled(heap, 64, 1)
    assert heap.statistics().touched_bytes == touched + 3 * PAGE_BYTES
    assert heap.sweep().empty_pool_bytes == PAGE_BYTES
    assert heap.check() is None
    filled(heap, 128, 3 * 127)
    assert heap.check() is None


def test_pools_that_have_a_free_block_serve_before_a_page_comes_back(heap: Heap) -> None:
    """The class's next pool is asked first."""
    blocks = filled(heap, 256, 3 * 63)
    for address in all_but(blocks, [blocks[0], blocks[63], blocks[126]]):
        heap.free(address)
    assert sweep_pages(heap) == 9 * PAGE_BYTES
    touched = heap.statistics().touched_bytes
    filled(heap, 256, 3 * 14)
    assert heap.statistics().touched_bytes == touched
    filled(heap, 256, 1)
    assert heap.statistics().touched_bytes == touched + PAGE_BYTES
    assert heap.check() is None


def test_locked_pages_stay(pool: tuple[Heap, list[int]]) -> None:
    """A refused page's blocks are free as before, the lowest first; the next sweep but none in vain tries again."""
    heap, blocks = pool
    heap.sweep(live_percent_max=25)
    before, resident = heap.statistics(), fake.resident_bytes()
    fake.refuse(1, True)
    swept = heap.sweep(live_percent_max=25)
    assert (swept.page_bytes, swept.is_refused) == (0, True)
    fake.refuse(0)
    assert heap.statistics() == before
    assert fake.resident_bytes() == resident
    assert len(pool_of(heap, blocks[0]).free_list) == 61
    assert heap.check() is None
    assert sweep_pages(heap) == 2 * PAGE_BYTES


@pytest.mark.parametrize("size_bytes", sorted({QUIRE.block_bytes(c) for c in range(QUIRE.classes)}))
def test_every_class_loses_and_gets_its_pages(heap: Heap, size_bytes: int) -> None:
    """Of any block size, with survivors anywhere: what lives keeps its bytes, and every block serves again."""
    chance = random.Random(size_bytes)
    pool_bytes = QUIRE.large_pool_bytes if size_bytes > QUIRE.small_bytes_max else QUIRE.pool_bytes
    blocks = filled(heap, size_bytes, 6 * (pool_bytes // size_bytes))
    survivors = chance.sample(blocks, max(len(blocks) // 50, 2))
    for address in all_but(blocks, survivors):
        heap.free(address)
    resident = fake.resident_bytes()
    swept = [heap.sweep(live_percent_max=50) for _ in range(2)]
    gone = sum(each.page_bytes + each.empty_pool_bytes for each in swept)
    assert resident - gone <= fake.resident_bytes() < resident
    assert heap.check() is None
    assert all(ctypes.string_at(address, size_bytes) == b"\xa5" * size_bytes for address in survivors)
    again = [heap.allocate(size_bytes) for _ in range(len(blocks) - len(survivors))]
    assert heap.check() is None
    assert len({*again, *survivors}) == len(blocks)
    assert all(ctypes.string_at(address, size_bytes) == b"\xa5" * size_bytes for address in survivors)


@pytest.mark.parametrize("page_bytes", [4 * KIB, 16 * KIB, 64 * KIB])
@pytest.mark.parametrize("refused_every", [0, 3])
@pytest.mark.parametrize("seed", seeds())
def test_twins_of_peaks_and_sweeps(seed: int, refused_every: int, page_bytes: int) -> None:
    """Peaks with scattered survivors, sweeps in steps, some of them refused: the model and the heap stay equal."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    fake.refuse(0)
    if fake.held_bytes():
        pytest.skip("a failed test's heap is still there")
    fake.set_page_bytes(page_bytes)
    twins = Twins(fake.Heap, page_bytes=page_bytes, take_refused=fake.take_refused)
    purged = 0
    for _ in range(12):
        for size_bytes in chance.sample([16, 24, 48, 100, 256, 500, 700, 1000, 3000, 9000, 16_000, 40_000], 4):
            for _ in range(chance.choice([40, 3000]) if size_bytes < 600 else 40):
                twins.allocate(size_bytes, Domain.OBJECT)
        twins.check()
        chance.shuffle(twins.blocks)
        for _ in range(int(len(twins.blocks) * chance.choice([0.5, 0.95, 0.99, 1]))):
            twins.free(-1)
        twins.check()
        for step in range(chance.choice([1, 4, 9])):
            if refused_every and step % refused_every == 1:
                fake.refuse(chance.randrange(1, 20), chance.random() < 0.5)
            before = twins.native.statistics().touched_bytes
            twins.sweep(slots_max=chance.choice([50, 1 << 40]), live_percent_max=chance.choice([10, 25, 100]))
            purged += before - twins.native.statistics().touched_bytes
            fake.refuse(0)
            twins.check()
    assert purged > 0 or page_bytes > QUIRE.pool_bytes
    del twins
    fake.set_page_bytes(4 * KIB)
