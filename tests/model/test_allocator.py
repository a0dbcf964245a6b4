"""The model's allocator: the articles' rules, each shown on a small heap."""

from __future__ import annotations

import pytest

from quire.errors import OutOfMemory
from quire.model import ARTICLE, CPYTHON_3_10, QUIRE, Allocator, Geometry, System
from quire.records.heap import BlockState, PoolState
from quire.records.kinds import ArenaKind, Domain

GEOMETRIES = [ARTICLE, CPYTHON_3_10, QUIRE]
every_geometry = pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda geometry: geometry.name)


def fill_pool(allocator: Allocator, size_bytes: int) -> list[int]:
    """Allocate blocks until one whole pool of the class is full."""
    first = allocator.allocate(size_bytes)
    capacity = allocator.state().arenas[0].pools[0].capacity
    return [first] + [allocator.allocate(size_bytes) for _ in range(capacity - 1)]


def test_a_page_holds_84_blocks_of_48_bytes_because_the_header_takes_one() -> None:
    """4096 / 48 is 85; the pool's header of 48 bytes leaves 84."""
    allocator = Allocator(ARTICLE)
    allocator.allocate(48)
    (pool,) = allocator.state().arenas[0].pools
    assert pool.capacity == 84
    assert pool.first_block_offset == 48


@every_geometry
def test_blocks_come_in_address_order_from_a_new_pool(geometry: Geometry) -> None:
    """A pool hands its untouched blocks out from the lowest address up."""
    allocator = Allocator(geometry)
    blocks = fill_pool(allocator, 64)
    assert blocks == [blocks[0] + 64 * i for i in range(len(blocks))]


@every_geometry
def test_the_block_freed_last_is_handed_out_first(geometry: Geometry) -> None:
    """The free list is last in, first out, and goes before untouched blocks."""
    allocator = Allocator(geometry)
    blocks = [allocator.allocate(40) for _ in range(5)]
    for block in blocks[1:4]:
        allocator.free(block)
    assert [allocator.allocate(40) for _ in range(3)] == blocks[3:0:-1]


@every_geometry
def test_a_pool_is_empty_used_full_and_used_again(geometry: Geometry) -> None:
    """The three states of a pool, each reached by allocating and freeing."""
    allocator = Allocator(geometry)
    keep = allocator.allocate(64)
    states = [allocator.state().arenas[0].pools[0].state]
    rest = fill_pool(allocator, 64)[: allocator.state().arenas[0].pools[0].capacity - 1]
    states.append(allocator.state().arenas[0].pools[0].state)
    allocator.free(keep)
    states.append(allocator.state().arenas[0].pools[0].state)
    assert states == [PoolState.USED, PoolState.FULL, PoolState.USED]
    for block in rest:
        allocator.free(block)
    assert allocator.state().arenas[0].pools[0].state is PoolState.EMPTY


def test_cpython_cuts_one_block_at_a_time() -> None:
    """In CPython's geometries a block stays untouched until it is needed."""
    allocator = Allocator(CPYTHON_3_10)
    allocator.allocate(64)
    (pool,) = allocator.state().arenas[0].pools
    assert (pool.allocated, len(pool.free_list), pool.untouched) == (1, 0, pool.capacity - 1)


def test_quire_cuts_one_page_at_a_time() -> None:
    """In quire's geometry the blocks that begin in one page are cut off together, and no further page is touched."""
    allocator = Allocator(QUIRE)
    first = allocator.allocate(64)
    (pool,) = allocator.state().arenas[0].pools
    assert len(pool.free_list) == 4096 // 64 - 1
    assert all(first // 4096 == (first + 64 * index) // 4096 for index in pool.free_list)


@every_geometry
def test_an_empty_pool_serves_another_class(geometry: Geometry) -> None:
    """A pool whose blocks are all free goes back to its arena, and the next class that needs one gets it."""
    allocator = Allocator(geometry)
    emptied = fill_pool_of(allocator, 16)
    allocator.allocate(16)  # from the next pool: the first is not the last on its class's list
    release(allocator, emptied)
    address = allocator.allocate(256)
    pool = allocator.state().arenas[0].pools[0]
    assert (pool.address <= address < pool.address + pool.size_bytes, pool.block_bytes) == (True, 256)


def test_the_last_pool_of_a_class_stays_when_it_is_empty() -> None:
    """A block that is allocated and freed over and over costs no pool each time, and still lets its arena go."""
    allocator = Allocator(QUIRE)
    keeper = allocator.allocate(64)
    allocator.free(allocator.allocate(32))
    assert [len(pools) for pools in allocator.state().used_pools.values()] == [1, 1]
    assert allocator.state().arenas[0].free_pools == ()
    allocator.free(keeper)
    allocator.free(allocator.allocate(32))
    assert allocator.state().arenas[0].free_pools == ()


def test_the_last_pool_beside_one_that_is_nearly_full_stays_when_it_is_empty() -> None:
    """Two values that come and go, of which the first takes the last block of a pool, cost no pool each time."""
    allocator = Allocator(QUIRE)
    full = fill_pool_of(allocator, 64)
    allocator.free(full.pop())
    for _ in range(3):
        release(allocator, [allocator.allocate(64), allocator.allocate(64)])
        assert [len(pools) for pools in allocator.state().used_pools.values()] == [2]
    release(allocator, full[: len(full) // 2])
    release(allocator, [allocator.allocate(64)])
    assert [len(pools) for pools in allocator.state().used_pools.values()] == [1]


def test_pools_that_stayed_let_their_arena_go() -> None:
    """Empty pools of many classes, each the last of its class, keep no arena but the last that has room."""
    allocator = Allocator(QUIRE)
    blocks = []
    for _ in range(3):
        blocks += [allocator.allocate(16 * step) for step in range(1, 33)]
        blocks += [block for _ in range(100) for block in fill_pool_of(allocator, 512)]
    assert len(allocator.arenas) > 2
    for block in blocks:
        allocator.free(block)
    assert allocator.statistics().arena_bytes == QUIRE.arena_bytes


def test_only_a_whole_empty_arena_goes_back() -> None:
    """One live block keeps its arena, whatever else in it is free; with the block gone the arena goes back."""
    allocator = Allocator(ARTICLE)
    pools = [fill_pool_of(allocator, 512) for _ in range(2 * 64)]
    survivor = pools[0].pop()
    for pool in pools[:64]:
        release(allocator, pool)
    assert allocator.statistics().arena_bytes == 2 * ARTICLE.arena_bytes
    release(allocator, pools[64])
    allocator.free(survivor)
    assert allocator.statistics().arena_bytes == ARTICLE.arena_bytes
    assert allocator.system.pages_held == ARTICLE.arena_bytes // 4096


def test_the_last_available_arena_stays() -> None:
    """An empty arena that is the last with room is kept: the next request would ask for it again."""
    allocator = Allocator(QUIRE)
    allocator.free(allocator.allocate(64))
    assert allocator.statistics().arena_bytes == QUIRE.arena_bytes


@every_geometry
def test_what_is_freed_whole_leaves_nothing_live(geometry: Geometry) -> None:
    """After every block, run and mapping is freed, no byte is live."""
    allocator = Allocator(geometry)
    blocks = [allocator.allocate(size_bytes) for size_bytes in (0, 1, 512, 513, 16384, 16385, 262144, 262145, 10**7)]
    assert allocator.statistics().blocks_allocated == len(blocks)
    for block in blocks:
        allocator.free(block)
    assert allocator.statistics().live_bytes == 0


def test_cpython_leaves_requests_above_512_bytes_to_the_raw_allocator() -> None:
    """512 bytes come from a pool, 513 from the raw allocator."""
    allocator = Allocator(CPYTHON_3_10)
    assert allocator.arena_at(allocator.allocate(512)) is not None
    assert allocator.arena_at(allocator.allocate(513)) is None


def test_quire_serves_each_size_from_its_layer() -> None:
    """Small pools, large pools, runs, and mappings of their own, at their exact limits."""
    allocator = Allocator(QUIRE)
    kinds = []
    for size_bytes in (512, 513, 16384, 16385, 262144, 262145):
        arena = allocator.arena_at(allocator.allocate(size_bytes))
        kinds.append(None if arena is None else arena.kind)
    assert kinds == [ArenaKind.SMALL, ArenaKind.LARGE, ArenaKind.LARGE, ArenaKind.RUN, ArenaKind.RUN, None]


def test_domains_have_pools_of_their_own() -> None:
    """In quire two domains never share a pool."""
    allocator = Allocator(QUIRE)
    first, second = allocator.allocate(64, Domain.OBJECT), allocator.allocate(64, Domain.MEM)
    assert first // QUIRE.pool_bytes != second // QUIRE.pool_bytes


def test_a_run_that_is_freed_merges_with_its_neighbours() -> None:
    """Three runs in a row, freed in any order, leave one hole."""
    allocator = Allocator(QUIRE)
    runs = [allocator.allocate(20_000) for _ in range(4)]
    for run in (runs[0], runs[2], runs[1]):
        allocator.free(run)
    states = [run.state for run in allocator.state().arenas[0].runs]
    assert states == [BlockState.FREE, BlockState.ALLOCATED, BlockState.UNTOUCHED]


def test_a_run_grows_in_place_into_the_hole_behind_it() -> None:
    """A run that is followed by room stays where it is when it grows."""
    allocator = Allocator(QUIRE)
    run = allocator.allocate(20_000)
    assert allocator.reallocate(run, 100_000) == run


@every_geometry
def test_a_block_stays_while_the_request_fits_it_well(geometry: Geometry) -> None:
    """A block that shrinks by less than a quarter stays; one that grows past its block moves."""
    allocator = Allocator(geometry)
    block = allocator.allocate(128)
    assert allocator.reallocate(block, 100) == block
    assert allocator.reallocate(block, 129) != block


def test_cpython_leaves_with_libc_what_libc_gave() -> None:
    """A large block that shrinks to a few bytes stays out of the pools in CPython; quire moves it into one."""
    for geometry, is_in_a_pool in ((CPYTHON_3_10, False), (QUIRE, True)):
        for size_bytes in (600, 300_000):
            allocator = Allocator(geometry)
            block = allocator.allocate(size_bytes)
            shrunk = allocator.reallocate(block, 100)
            assert (shrunk == block) is (geometry is CPYTHON_3_10 and size_bytes == 600)
            assert (allocator.arena_at(shrunk) is not None) is is_in_a_pool
            grown = allocator.reallocate(shrunk, 300)
            assert (allocator.arena_at(grown) is not None) is is_in_a_pool


# --- a system that refuses ---


@every_geometry
def test_a_system_that_refuses_leaves_the_heap_as_it_was(geometry: Geometry) -> None:
    """With no page left every kind of request is refused and nothing changes."""
    allocator = Allocator(geometry, System(geometry.page_bytes, pages_max=geometry.arena_bytes // 4096))
    allocator.allocate(64)
    before = allocator.state()
    for size_bytes in (600, 20_000, 300_000, 10**9):
        with pytest.raises(OutOfMemory):
            allocator.allocate(size_bytes)
    assert allocator.state() == before


def test_shrinking_never_fails() -> None:
    """Where there is no room to move a block that shrinks, it stays."""
    system = System(4096, pages_max=QUIRE.arena_bytes // 4096)
    allocator = Allocator(QUIRE, system)
    run = allocator.allocate(100_000)
    assert allocator.reallocate(run, 64) == run
    assert allocator.size_of(run) >= 64


def fill_pool_of(allocator: Allocator, size_bytes: int) -> list[int]:
    """Every block of one pool of an articles' geometry."""
    capacity = (allocator.geometry.pool_bytes - allocator.geometry.pool_header_bytes) // size_bytes
    return [allocator.allocate(size_bytes) for _ in range(capacity)]


def release(allocator: Allocator, blocks: list[int]) -> None:
    """Free every block."""
    for block in blocks:
        allocator.free(block)
