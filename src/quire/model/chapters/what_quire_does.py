"""Chapter 10, what quire does about it: its heap, what it gives back and how, and where that ends."""

import random
from dataclasses import replace

from quire.model import CPYTHON_3_10, QUIRE, Allocator
from quire.model.chapters.telling import Telling
from quire.model.geometry import KIB, MIB
from quire.model.mesh import MeshOptions, MeshPlaces
from quire.records.chapter import Both, Rows
from quire.records.heap import MeshPhase, Pool

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
BEFORE = Both("before", "시작")
SWEPT = (
    Both("sweep", "스윕"),
    Both("empty pools, bytes", "빈 풀(바이트)"),
    Both("pages of sparse pools, bytes", "듬성듬성한 풀의 페이지(바이트)"),
    Both("held, bytes", "남은 것(바이트)"),
)
SWEEPS = (Both("first", "첫째"), Both("second", "둘째"))
SHOWN = (Both("pool", "풀"), Both("live block", "산 블록"), Both("shows the shared pages", "보여 주는 공유 페이지"))
OWN_PAGES = Both("none, it has its own", "없다. 제 페이지를 쓴다")
MESHED = (
    Both("moment", "시점"),
    Both("pools that share", "함께 쓰는 풀"),
    Both("own pages, bytes", "제 페이지(바이트)"),
    Both("shared pages, bytes", "공유 페이지(바이트)"),
)
TWICE_SWEPT, SHARING = Both("after two sweeps", "스윕 두 번 뒤"), Both("meshed", "메시한 뒤")
LAST_FREED = Both("survivors freed, too", "살아남은 것도 해제한 뒤")
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
SPARSE = {"blocks": 40_000, "block_bytes": 64, "survivors": 400}


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
    """40,000 blocks of 64 bytes, of which 400 survive, scattered at random."""
    allocator, _ = _sparse_heap()
    pools = [p for arena in allocator.state().arenas for p in arena.pools]
    used = [pool for pool in pools if pool.allocated]
    live_bytes = sum(pool.allocated * pool.block_bytes for pool in used)
    used_bytes = sum(pool.size_bytes for pool in used)
    held_bytes = sum(pool.size_bytes for pool in pools)
    parts = (live_bytes, used_bytes - live_bytes, held_bytes - used_bytes)
    yield Rows(PARTS, tuple(zip((LIVE, BESIDE, EMPTY), parts, strict=True)))
    counts = {"used": len(used), "pools": len(pools), **SPARSE}
    return {"live": live_bytes, "held": held_bytes, **counts}


def at_rest() -> Telling:
    """Two sweeps over the same heap; meanwhile the program does nothing."""
    allocator, _ = _sparse_heap()
    rows = [(BEFORE, 0, 0, sum(_held_bytes(allocator)))]
    for name in SWEEPS:
        swept = allocator.sweep(live_percent_max=25)
        given = (swept.empty_pool_bytes, swept.page_bytes)
        rows.append((name, *given, sum(_held_bytes(allocator))))
    yield Rows(SWEPT, tuple(rows))
    _, pools, pages, left = rows[2]
    return {"pools": pools, "pages": pages, "left": left}


def five_pools() -> Telling:
    """In each of five pools one block survives. The last of the five is not proven."""
    allocator = Allocator(QUIRE)
    blocks = [allocator.allocate(512) for _ in range(5 * 31)]
    survivors = [blocks[31 * i + n] for i, n in enumerate((3, 10, 20, 3, 25))]
    for block in blocks:
        if block not in survivors:
            allocator.free(block)
    _mesh(allocator, proven=survivors[:4])
    rows, (arena,) = [], allocator.state().arenas
    for letter, pool in zip("ABCDE", arena.pools, strict=True):
        live = next(i for i in range(31) if i not in pool.free_list + pool.away)
        rows.append((letter, live, _shown_by(pool)))
    yield Rows(SHOWN, tuple(rows))
    return {"live": rows[0][1]}


def meshed() -> Telling:
    """The sparse heap is swept, then meshed; and at last the survivors are freed, too."""
    allocator, survivors = _sparse_heap()
    rows: list[tuple[Both, int, int, int]] = []

    def look(moment: Both) -> None:
        sealed = allocator.statistics().sealed_pools
        rows.append((moment, sealed, *_held_bytes(allocator)))

    for _ in SWEEPS:
        allocator.sweep()
    look(TWICE_SWEPT)
    _mesh(allocator, proven=survivors)
    look(SHARING)
    cut = sum(len(each.shown) for each in allocator.state().extents)
    for block in survivors:
        allocator.free(block)
    allocator.mesh.renew(1_000)
    look(LAST_FREED)
    yield Rows(MESHED, tuple(rows))
    _, pools, _, shared = rows[1]
    return {"before": rows[0][2], "pools": pools, "shared": shared, "cut": cut}


def _sparse_heap() -> tuple[Allocator, list[int]]:
    """Its allocator, and the addresses of the survivors."""
    allocator = Allocator(QUIRE)
    size = SPARSE["block_bytes"]
    blocks = [allocator.allocate(size) for _ in range(SPARSE["blocks"])]
    survivors = set(random.Random(2026).sample(blocks, SPARSE["survivors"]))
    for block in blocks:
        if block not in survivors:
            allocator.free(block)
    return allocator, sorted(survivors)


def _held_bytes(allocator: Allocator) -> tuple[int, int]:
    """In pages of the pools' own, and in pages that they share."""
    now = allocator.statistics()
    return now.touched_bytes, now.shared_bytes


def _shown_by(pool: Pool) -> str | Both:
    pages = [page for page in pool.shown if page >= 0]
    return f"{pages[0]}-{pages[-1]}" if pages else OWN_PAGES


def _mesh(allocator: Allocator, proven: list[int]) -> None:
    """A whole pass: sparse pools are chosen, and those share pages of which every live block is proven."""
    mesh = allocator.mesh
    mesh.begin(MeshOptions())
    while mesh.step(1_000) is not MeshPhase.PROVING:
        pass
    mesh.prove(proven)
    mesh.settle(MeshPlaces())
    while mesh.step(1_000) is not MeshPhase.IDLE:
        pass
