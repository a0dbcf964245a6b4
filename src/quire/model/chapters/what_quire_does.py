"""Chapter 10, what quire does about it: its heap as it is today, and what is designed and not built yet."""

import random
from dataclasses import replace

from quire.model import CPYTHON_3_10, QUIRE, Allocator
from quire.model.chapters.telling import Telling
from quire.model.geometry import KIB, MIB
from quire.records import Both, Pool, Rows

ASKED = (
    Both("bytes asked for", "요청(바이트)"),
    Both("CPython", "CPython"),
    Both("quire", "quire"),
    Both("bytes given", "받은 바이트"),
)
POOL, LIBC = Both("pool", "풀"), Both("libc", "libc")
KINDS = (
    Both("pool of 16 KiB", "16KiB 풀"),
    Both("pool of 64 KiB", "64KiB 풀"),
    Both("run of pages", "페이지 런"),
)
MAPPING = Both("mapping of its own", "전용 매핑")
PHASES = (Both("KiB held", "보유(KiB)"), Both("first phase", "첫 단계"), Both("second phase", "둘째 단계"))
PURGED, NOT_PURGED = Both("pages of empty pools go back", "빈 풀의 페이지를 돌려준다"), Both("they stay", "그대로 둔다")
PARTS = (Both("where the memory is", "메모리가 있는 곳"), Both("bytes", "바이트"))
LIVE, BESIDE = Both("live blocks", "살아 있는 블록"), Both("free blocks beside them", "그 곁의 해제된 블록")
EMPTY = Both("empty pools", "빈 풀")
LEFT = (Both("what stays", "남는 것"), Both("bytes", "바이트"))
STEPS = (
    Both("used pools (empty ones go back)", "쓰이는 풀(빈 풀은 돌려준다)"),
    Both("pages with a live block", "산 블록이 있는 페이지"),
    Both("extents of meshed pools", "메시된 풀의 익스텐트"),
)
MAPPED = (Both("bytes", "바이트"), Both("in use", "사용 중"), Both("kept", "보관"))
FIRST, FREED = Both("first value", "첫째 값"), Both("it is dropped", "버린 뒤")
SECOND = Both("second value", "둘째 값")
SIZES: dict[str, object] = {
    "small": QUIRE.small_bytes_max,
    "pooled_kib": QUIRE.pooled_bytes_max // KIB,
    "run_kib": QUIRE.run_bytes_max // KIB,
    "arena_mib": QUIRE.arena_bytes // MIB,
    "cpython_arena_mib": CPYTHON_3_10.arena_bytes // MIB,
    "pages_of_a_pool": QUIRE.pool_bytes // QUIRE.page_bytes,
}
SPARSE = {"blocks": 10_000, "block_bytes": 64, "survivors": 100}


def who_serves() -> Telling:
    """Requests of many sizes: who serves them in CPython, who in quire, and how many bytes that takes."""
    allocator = Allocator(QUIRE)
    rows = []
    for size in (42, 512, 600, 4_000, 20_000, 200_000, 1_000_000):
        in_cpython = POOL if CPYTHON_3_10.pools_serve(size) else LIBC
        address = allocator.allocate(size)
        arena = allocator.arena_at(address)
        in_quire = KINDS[arena.kind] if arena else MAPPING
        rows.append((size, in_cpython, in_quire, allocator.size_of(address)))
    yield Rows(ASKED, tuple(rows))
    return SIZES


def kept_pages() -> Telling:
    """A large value is dropped, and a somewhat smaller one is made."""
    allocator = Allocator(QUIRE)
    rows: list[tuple[Both, int, int]] = []

    def look(moment: Both) -> None:
        now = allocator.statistics()
        rows.append((moment, now.mapping_bytes, now.kept_mapping_bytes))

    first = allocator.allocate(1_000_000)
    look(FIRST)
    allocator.free(first)
    look(FREED)
    second = allocator.allocate(900_000)
    look(SECOND)
    yield Rows(MAPPED, tuple(rows))
    places = {"first": f"{first:#x}", "second": f"{second:#x}"}
    return {"left": rows[2][2], "most": QUIRE.kept_bytes_max // MIB, **places}


def no_new_peak() -> Telling:
    """A phase with large blocks, all but two dropped; then a phase with small ones."""
    rows = []
    for name, purges in ((PURGED, True), (NOT_PURGED, False)):
        allocator = Allocator(replace(QUIRE, purges=purges))
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


def sparse_heap() -> Telling:
    """10,000 blocks of 64 bytes, of which 100 survive, scattered at random."""
    pools, _ = _sparse_heap()
    used = [pool for pool in pools if pool.allocated]
    live_bytes = sum(pool.allocated * pool.block_bytes for pool in used)
    used_bytes = sum(pool.size_bytes for pool in used)
    held_bytes = sum(pool.size_bytes for pool in pools)
    parts = (live_bytes, used_bytes - live_bytes, held_bytes - used_bytes)
    yield Rows(PARTS, tuple(zip((LIVE, BESIDE, EMPTY), parts, strict=True)))
    counts = {"used": len(used), "pools": len(pools), **SPARSE}
    return {"live": live_bytes, "held": held_bytes, **counts}


def what_could_go() -> Telling:
    """The same heap: what each of the designed steps would leave of it. Only counted; nothing is moved."""
    pools, survivors = _sparse_heap()
    used = [pool for pool in pools if pool.allocated]
    pages = {at // 4096 for block in survivors for at in (block, block + 63)}
    extents: list[set[int]] = []  # each: the places in a sheet that are taken
    for pool in used:
        places = set(range(pool.carved)) - set(pool.free_list)
        fitting = [each for each in extents if each.isdisjoint(places)]
        if fitting:
            fitting[0].update(places)
        else:
            extents.append(places)
    left = (len(used) * 16_384, len(pages) * 4_096, len(extents) * 16_384)
    yield Rows(LEFT, tuple(zip(STEPS, left, strict=True)))
    counts = {"used": len(used), "extents": len(extents)}
    return {"pages": left[1], "meshed": left[2], **counts}


def _sparse_heap() -> tuple[list[Pool], set[int]]:
    """The heap's pools, and the addresses of the survivors."""
    allocator = Allocator(QUIRE)
    size = SPARSE["block_bytes"]
    blocks = [allocator.allocate(size) for _ in range(SPARSE["blocks"])]
    survivors = set(random.Random(2026).sample(blocks, SPARSE["survivors"]))
    for block in blocks:
        if block not in survivors:
            allocator.free(block)
    return [pool for arena in allocator.state().arenas for pool in arena.pools], survivors
