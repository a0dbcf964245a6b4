"""Chapter 8, pools, blocks, arenas: how room is found in the book without looking for it."""

from dataclasses import replace

from quire.model import ARTICLE, CPYTHON_3_10, Allocator, Machine, System
from quire.model.chapters.telling import Telling
from quire.model.touched import touched_by
from quire.records import Both, Rows

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
    rows = []
    for size in (1, 8, 9, 33, 42, 500, 512):
        blocks = [geometry.block_bytes(geometry.size_class(size)) for geometry in (ARTICLE, CPYTHON_3_10)]
        rows.append((size, *blocks))
    yield Rows(ASKED, tuple(rows))
    return {"classes": ARTICLE.classes, "classes_now": CPYTHON_3_10.classes, "block": rows[4][1]}


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
    pool = allocator.state().arenas[0].pools[0]
    return {"capacity": pool.capacity, "pool_bytes": pool.size_bytes, "again": blocks.index(again)}


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
    process.write(allocator.allocate(42), b"Once upon a time there was a request.")
    touched = touched_by(allocator)
    sizes = (touched.obtained_bytes, touched.in_pools_bytes, touched.in_blocks_bytes, touched.resident_bytes or 0)
    yield Rows(LEVELS, tuple(zip((ARENAS, POOLS, BLOCKS, PAGES), sizes, strict=True)))
    return {"arena": touched.obtained_bytes, "resident": touched.resident_bytes}


def sizes() -> Telling:
    """What the same algorithm is built on, from version to version."""
    between = replace(ARTICLE, alignment_bytes=16)
    columns = [
        (each.classes, each.pool_bytes, (each.pool_bytes - 48) // 48, each.arena_bytes)
        for each in (ARTICLE, between, CPYTHON_3_10)
    ]
    rows = zip((CLASSES, POOL_BYTES, HELD, ARENA_BYTES), *columns, strict=True)
    yield Rows(SIZES, tuple(rows))
    return {}
