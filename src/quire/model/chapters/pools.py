"""Chapter 8, pools, blocks, arenas: how room is found in the book without looking for it."""

from dataclasses import replace

from quire.model import ARTICLE, CPYTHON_3_10, Allocator, Machine, System
from quire.model.chapters.telling import Telling
from quire.model.touched import touched_by
from quire.records.chapter import Both, Rows

THEN, BETWEEN = Both("up to 3.7.3", "3.7.3까지"), Both("3.7.4 to 3.9", "3.7.4부터 3.9까지")
ASKED = (Both("bytes asked for", "요청(바이트)"), THEN, Both("today", "지금"))
SIZES = (Both("built on", "바탕 크기"), THEN, BETWEEN, Both("since 3.10", "3.10부터"))
CLASSES, POOL_BYTES = Both("size classes", "크기 클래스 수"), Both("pool, bytes", "풀(바이트)")
HELD, ARENA_BYTES = Both("blocks of 48 bytes in it", "그 안의 48바이트 블록 수"), Both("arena, bytes", "아레나(바이트)")
LEVELS = (Both("level", "단계"), Both("bytes", "바이트"))
ARENAS, POOLS, BLOCKS = Both("arenas", "아레나"), Both("pools", "풀"), Both("blocks", "블록")
PAGES = Both("pages with memory behind them", "실제 메모리가 있는 페이지")


def forty_two() -> Telling:
    """Some requests, and the blocks they get: then and now."""
    then, now = ARTICLE, CPYTHON_3_10
    rows = []
    for size in (1, 8, 9, 33, 42, 500, 512):
        classes = then.size_class(size), now.size_class(size)
        blocks = then.block_bytes(classes[0]), now.block_bytes(classes[1])
        rows.append((size, *blocks))
    yield Rows(ASKED, tuple(rows))
    counts = {"classes": then.classes, "classes_now": now.classes}
    return {"block": rows[4][2], **counts}


def one_pool() -> Telling:
    """Five blocks of 48 bytes; two are freed; one more is asked for."""
    allocator = Allocator(ARTICLE)
    blocks = [allocator.allocate(42) for _ in range(5)]
    yield allocator.state().arenas[0].pools[0]

    allocator.free(blocks[1])
    allocator.free(blocks[3])
    yield allocator.state().arenas[0].pools[0]

    again = allocator.allocate(42)
    yield allocator.state().arenas[0].pools[0]
    pool, number = allocator.state().arenas[0].pools[0], blocks.index(again)
    sizes = {"pool_bytes": pool.size_bytes, "block_bytes": pool.block_bytes}
    return {"capacity": pool.capacity, "again": number, **sizes}


def three_states() -> Telling:
    """A pool fills, gets a block back, and empties. Then somebody asks for another size."""
    allocator = Allocator(ARTICLE)
    blocks = [allocator.allocate(512) for _ in range(7)]
    yield allocator.state().arenas[0].pools[0]  # full

    allocator.free(blocks[2])
    yield allocator.state().arenas[0].pools[0]  # used

    allocator.allocate(400)  # keeps the arena while the first pool empties
    for block in blocks[:2] + blocks[3:]:
        allocator.free(block)
    yield allocator.state().arenas[0]  # the first pool is empty

    allocator.allocate(100)
    yield allocator.state().arenas[0]  # and serves another size
    return {"capacity": len(blocks)}


def untouched() -> Telling:
    """One request of 42 bytes: what is set aside for it at each level, and what memory it really takes."""
    process = Machine().start("python")
    allocator = Allocator(CPYTHON_3_10, System.on(process))
    block = allocator.allocate(42)
    process.write(block, b"Once upon a time there was a request.")
    now = touched_by(allocator)
    arenas, resident = now.obtained_bytes, process.resident_bytes
    cut_off = ((POOLS, now.in_pools_bytes), (BLOCKS, now.in_blocks_bytes))
    yield Rows(LEVELS, ((ARENAS, arenas), *cut_off, (PAGES, resident)))
    return {"arena": arenas, "resident": resident}


def sizes() -> Telling:
    """What the same algorithm is built on, from version to version."""
    between = replace(ARTICLE, alignment_bytes=16)
    columns = []
    for each in (ARTICLE, between, CPYTHON_3_10):
        allocator = Allocator(each)
        allocator.allocate(48)
        held = allocator.state().arenas[0].pools[0].capacity
        columns.append((each.classes, each.pool_bytes, held, each.arena_bytes))
    rows = zip((CLASSES, POOL_BYTES, HELD, ARENA_BYTES), *columns, strict=True)
    yield Rows(SIZES, tuple(rows))
    return {}
