"""A heap for the page: everything that it shows is in it, made by hand, and small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heaps import SEALED, USED, Heap
from quire.cli.asked import Asked
from quire.cli.progress import Progress
from quire.records.process import WaterfallRow
from quire.web.data import PageData, Subject

ARENA = 64 << 21
POOL_BYTES = 16384
BLOCK_BYTES = 64
FIRST_BLOCK_BYTES = 48
HOSTILE = "</script><img src=x onerror=\"document.title='broken'\"><!--"
"""Which somebody may have called a type, to break out of the page."""
FULL = 2
RUN = ARENA + (2 << 21) + POOL_BYTES
RUN_BYTES = 25 * 4096
MAPPING = ARENA + (1 << 30)
MAPPING_BYTES = 12 << 20


MIB = 1 << 20
MEMORY = (
    WaterfallRow("live blocks", "what the program uses", 3 * MIB, 0),
    WaterfallRow("mapped files", "Python, libraries, data", 5 * MIB, 0),
    WaterfallRow("in no page table", "shared, not counted", -MIB, 0),
)
"""Of a process; 7 MiB in all."""


def shop(records: int = 300) -> Heap:
    """A cache of records in pools of two arenas, a chain, garbage, and a type with a hostile name."""
    heap = Heap()
    slots = (POOL_BYTES - FIRST_BLOCK_BYTES) // BLOCK_BYTES
    made = [
        heap.instance("shop.Record", address=block_address(number // 100, number % 100 * 2), size_bytes=BLOCK_BYTES)
        for number in range(records)
    ]
    for pool in range((records + 99) // 100):
        heap.pool(ARENA + pool * POOL_BYTES, live=100, resident_bytes=POOL_BYTES, block_bytes=BLOCK_BYTES)
    far = ARENA + (1 << 21)
    heap.pool(far, live=slots, resident_bytes=POOL_BYTES, block_bytes=BLOCK_BYTES, flags=FULL)
    heap.pool(far + POOL_BYTES, live=9, resident_bytes=4096, block_bytes=BLOCK_BYTES, flags=USED | SEALED)
    heap.pool(far + 2 * POOL_BYTES, live=0, resident_bytes=POOL_BYTES, block_bytes=BLOCK_BYTES, flags=0)
    heap.foreign.append((block_address(0, 1), BLOCK_BYTES))
    recent = heap.list(*made, size_bytes=56)
    recent.tables.append((block_address(0, 3), BLOCK_BYTES))
    chain = heap.list(size_bytes=1 << 16)
    for _ in range(20):
        chain = heap.list(chain, size_bytes=1 << 16)
    hostile = heap.object(f"evil.{HOSTILE}", size_bytes=1 << 18)
    heap.module("shop", cache=heap.instance("shop.Cache", _recent=recent), chain=chain, hostile=hostile)
    garbage = heap.list()
    garbage.references.append(garbage)
    return heap


def warehouse() -> Heap:
    """The shop with large blocks: an arena of runs behind those of pools, a table's mapping, what is kept of one."""
    heap = shop()
    goods = heap.list(heap.object("bytes", size_bytes=100_000, address=RUN), size_bytes=56)
    goods.tables.append((MAPPING, MAPPING_BYTES))
    heap.module("warehouse", goods=goods)
    heap.foreign.append((RUN + 19 * RUN_BYTES, RUN_BYTES))
    heap.large(MAPPING, MAPPING_BYTES, "mapping", resident_bytes=1 << 20)
    heap.large(MAPPING - (1 << 20), 1 << 20, "kept", resident_bytes=0)
    heap.large(RUN, RUN_BYTES)
    heap.large(RUN + RUN_BYTES, 18 * RUN_BYTES, "hole", resident_bytes=8192)
    heap.large(RUN + 19 * RUN_BYTES, RUN_BYTES)
    return heap


def block_address(pool: int, slot: int) -> int:
    return ARENA + pool * POOL_BYTES + FIRST_BLOCK_BYTES + slot * BLOCK_BYTES


def asked(path: Path) -> Asked:
    return Asked(str(path), Progress(), "view")


def page_of(heap: Heap, folder: Path, before: Heap | None = None, **more: Any) -> PageData:
    return PageData(subject_of(heap, folder, before, **more))


def subject_of(heap: Heap, folder: Path, before: Heap | None = None, **more: Any) -> Subject:
    """The heap's page; compared with another's, if that is given."""
    after = asked(heap.write(folder / "heap.quire"))
    if before is None:
        return Subject("heap.quire", after, **more)
    return Subject(
        "heap.quire", after, before=asked(before.write(folder / "before.quire")), before_title="before.quire", **more
    )


def settle(page: Any) -> None:
    """Wait until the view is there, with all that is computed for it, and its picture no longer moves."""
    page.locator("main .view").wait_for()
    page.wait_for_function("() => document.querySelector('[aria-busy]') === null")
