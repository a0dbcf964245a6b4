"""Chapter 10, what quire does about it: its heap as it is today, and what is designed and not built yet."""

import random
from dataclasses import replace

from quire.model import CPYTHON_3_10, QUIRE, Allocator
from quire.model.chapters.telling import Telling
from quire.records import Both, Rows

ASKED = (
    Both("bytes asked for", "요청(바이트)"),
    Both("CPython", "CPython"),
    Both("quire", "quire"),
    Both("bytes given", "받은 바이트"),
)
POOL, LIBC = Both("pool", "풀"), "libc"
KINDS = (
    Both("pool of 16 KiB", "16KiB 풀"),
    Both("pool of 64 KiB", "64KiB 풀"),
    Both("run of pages", "페이지 런"),
    Both("mapping of its own", "자기 매핑"),
)
PHASES = (Both("KiB held", "보유(KiB)"), Both("first phase", "첫 단계"), Both("second phase", "둘째 단계"))
PURGED, NOT_PURGED = Both("pages of empty pools go back", "빈 풀의 페이지를 돌려준다"), Both("they stay", "그대로 둔다")
PARTS = (Both("where the memory is", "메모리가 있는 곳"), Both("bytes", "바이트"))
LIVE, BESIDE = Both("live blocks", "살아 있는 블록"), Both("free blocks beside them", "그 곁의 해제된 블록")
EMPTY = Both("empty pools", "빈 풀")
STEPS = (Both("what stays", "남는 것"), Both("bytes", "바이트"))
USED_POOLS = Both("used pools (empty ones go back)", "쓰이는 풀(빈 풀은 돌려준다)")
USED_PAGES = Both("pages with a live block", "산 블록이 있는 페이지")
MESHED = Both("extents of meshed pools", "메시된 풀의 익스텐트")


def who_serves() -> Telling:
    """Requests of many sizes: who serves them in CPython, who in quire, and how many bytes that takes."""
    allocator = Allocator(QUIRE)
    rows = []
    for size in (42, 512, 600, 4_000, 20_000, 200_000, 1_000_000):
        address = allocator.allocate(size)
        arena = allocator.arena_at(address)
        in_cpython = POOL if CPYTHON_3_10.pools_serve(size) else LIBC
        rows.append((size, in_cpython, KINDS[arena.kind] if arena else KINDS[-1], allocator.size_of(address)))
    yield Rows(ASKED, tuple(rows))
    return {}


def no_new_peak() -> Telling:
    """A phase with large blocks, all but two dropped; then a phase with small ones."""
    rows = []
    for name, geometry in ((PURGED, QUIRE), (NOT_PURGED, replace(QUIRE, purges=False))):
        allocator = Allocator(geometry)
        large = [allocator.allocate(2_000) for _ in range(1_984)]
        first_phase = allocator.statistics().touched_bytes
        for block in large[1:-1]:
            allocator.free(block)
        for _ in range(7_500):
            allocator.allocate(500)
        second_phase = allocator.statistics().touched_bytes
        rows.append((name, first_phase // 1024, second_phase // 1024))
    yield Rows(PHASES, tuple(rows))
    return {"purged": rows[0][2], "not_purged": rows[1][2]}


def kept_pages() -> Telling:
    """A large value is dropped, and a somewhat smaller one is made."""
    allocator = Allocator(QUIRE)
    first = allocator.allocate(1_000_000)
    allocator.free(first)
    kept_bytes = allocator.statistics().kept_mapping_bytes
    second = allocator.allocate(900_000)
    yield allocator.state()
    left_bytes = allocator.statistics().kept_mapping_bytes
    return {"first": f"{first:#x}", "second": f"{second:#x}", "kept": kept_bytes, "left": left_bytes}


def sparse_heap() -> Telling:
    """10,000 blocks of 64 bytes, of which 100 survive, scattered at random."""
    allocator, _ = _sparse_heap()
    pools = [pool for arena in allocator.state().arenas for pool in arena.pools]
    live = sum(pool.allocated * pool.block_bytes for pool in pools)
    used = sum(pool.size_bytes for pool in pools if pool.allocated)
    empty = sum(pool.size_bytes for pool in pools if not pool.allocated)
    yield Rows(PARTS, ((LIVE, live), (BESIDE, used - live), (EMPTY, empty)))
    return {"live": live, "held": used + empty, "used": sum(pool.allocated > 0 for pool in pools), "pools": len(pools)}


def what_could_go() -> Telling:
    """The same heap: what each of the designed steps would leave of it. Only counted; nothing is moved."""
    allocator, survivors = _sparse_heap()
    pages = {address // 4096 for block in survivors for address in (block, block + 63)}
    extents: list[set[int]] = []  # each the places in a pool that are taken
    used = [pool for arena in allocator.state().arenas for pool in arena.pools if pool.allocated]
    for pool in used:
        places = {block - pool.address for block in survivors if pool.address <= block < pool.address + pool.size_bytes}
        for extent in extents:
            if extent.isdisjoint(places):
                extent |= places
                break
        else:
            extents.append(places)
    left = (len(used) * 16_384, len(pages) * 4_096, len(extents) * 16_384)
    yield Rows(STEPS, tuple(zip((USED_POOLS, USED_PAGES, MESHED), left, strict=True)))
    return {"extents": len(extents), "used": len(used), "pages": left[1], "meshed": left[2]}


def _sparse_heap() -> tuple[Allocator, set[int]]:
    """The heap, and the addresses of the survivors."""
    allocator = Allocator(QUIRE)
    blocks = [allocator.allocate(64) for _ in range(10_000)]
    survivors = set(random.Random(2026).sample(blocks, 100))
    for block in blocks:
        if block not in survivors:
            allocator.free(block)
    return allocator, survivors
