"""Chapter 9, what really goes back: why memory that nobody needs stays with the process."""

import random
from dataclasses import replace

from quire.model import ARTICLE, CPYTHON_3_10, Allocator, Machine, System
from quire.model.chapters.telling import Telling
from quire.model.order import compare_orders
from quire.records.chapter import Both, Rows

MOMENTS = (Both("all in use", "모두 사용 중"), Both("one left in each", "하나씩 남음"), Both("none left", "모두 해제"))
HELD = (
    Both("blocks", "블록"),
    Both("live bytes", "살아 있는 바이트"),
    Both("arenas", "아레나"),
    Both("resident bytes", "상주 바이트"),
)
SHARES = (
    Both("of 1,000 blocks live", "1,000개 가운데 산 블록"),
    Both("arenas held, of 10", "남은 아레나(10개 중)"),
    Both("pools with live blocks, of 640", "산 블록이 있는 풀(640개 중)"),
)
PLACES = (Both("the survivors", "살아남은 블록"), Both("arenas held, of 10", "남은 아레나(10개 중)"))
SCATTERED, TOGETHER = Both("scattered", "흩어져 있다"), Both("side by side", "나란히 있다")
ORDERS = (
    Both("who serves first", "먼저 쓰이는 아레나"),
    Both("arenas given back", "돌려준 아레나"),
    Both("held at the end", "마지막에 남은 아레나"),
)
FULLEST, EMPTIEST = Both("the fullest", "가장 찬 것"), Both("the emptiest", "가장 빈 것")


def one_survivor() -> Telling:
    """Three arenas are filled. Then all blocks but one of each are freed, then these too."""
    process = Machine().start("Python")
    allocator = Allocator(CPYTHON_3_10, System.on(process))
    blocks = [allocator.allocate(512) for _ in range(3 * 64 * 31)]
    for block in blocks:
        process.write(block, b"Once upon a time")
    survivors = [blocks[1_000], blocks[3_000], blocks[5_000]]
    others = [block for block in blocks if block not in survivors]
    nothing: list[int] = []
    rows = []
    for moment, gone in zip(MOMENTS, (nothing, others, survivors), strict=True):
        for block in gone:
            allocator.free(block)
        live, arenas = allocator.statistics().live_bytes, len(allocator.arenas)
        rows.append((moment, live, arenas, process.resident_bytes))
    yield Rows(HELD, tuple(rows))
    return {"live": rows[1][1], "resident": rows[1][3], "left": rows[2][3]}


def scattered() -> Telling:
    """Ten arenas are filled, and nearly everything is freed; what survives is scattered at random."""
    chance = random.Random(2026)
    rows = []
    for live_of_1000 in (0, 1, 10, 100):
        allocator = Allocator(ARTICLE)
        blocks = [allocator.allocate(512) for _ in range(10 * 64 * 7)]
        count = len(blocks) * live_of_1000 // 1000
        survivors = set(chance.sample(blocks, count))
        for block in blocks:
            if block not in survivors:
                allocator.free(block)
        arenas = allocator.state().arenas
        used = sum(pool.allocated > 0 for each in arenas for pool in each.pools)
        rows.append((live_of_1000, len(allocator.arenas), used))
    yield Rows(SHARES, tuple(rows))
    kept = {"few": rows[1][1], "arenas": rows[2][1], "pools": rows[2][2]}
    return {"fewest": len(blocks) // 1000, "all": 10 * 64, **kept}


def side_by_side() -> Telling:
    """As many survivors as with 10 in 1,000: once anywhere, once next to each other."""
    rows = []
    for name in (SCATTERED, TOGETHER):
        allocator = Allocator(ARTICLE)
        blocks = [allocator.allocate(512) for _ in range(10 * 64 * 7)]
        survivors = blocks[1_000:1_044]
        if name is SCATTERED:
            survivors = random.Random(2026).sample(blocks, 44)
        for block in set(blocks) - set(survivors):
            allocator.free(block)
        rows.append((name, len(allocator.arenas)))
    yield Rows(PLACES, tuple(rows))
    return {"scattered": rows[0][1], "together": rows[1][1]}


def fullest_first() -> Telling:
    """The same 1,500 requests and answers of a busy program, served in two ways."""
    small_arenas = replace(ARTICLE, arena_bytes=32 * 1024)  # so there are many
    outcomes = compare_orders(seed=3, geometry=small_arenas, steps=1_500)
    rows = []
    for name, outcome in zip((FULLEST, EMPTIEST), outcomes, strict=True):
        rows.append((name, outcome.arenas_given_back, outcome.arenas_at_end))
    yield Rows(ORDERS, tuple(rows))
    return {"fullest": rows[0][1], "emptiest": rows[1][1]}
