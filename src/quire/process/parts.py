"""The parts of a sample, and how the sources' different answers are settled.

    rss  ==  heap, counted again - uncounted + CPython's arenas + frames + libc + stacks + mapped files
             + other anonymous + unexplained

Unexplained is what one source says and no other knows of: what libc's totals have and was not found, and what VmRSS
has and no part. Where VmRSS is less than what was found page by page, what was found counts: the kernel keeps
its counter only approximately (before Linux 6.17, within a few hundred KiB for each thread or processor).
"""

from __future__ import annotations

from quire.process.libc import LibcShare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from quire.process.libc import LibcStatistics

    HeapResident = tuple[int, int, int, int, int]
    """The fields of ``records.HeapResidency``, in order."""

HEAP: Final = "quire's regions"
LIBC_HEAPS: Final = "libc's heaps"
LIBC_CHUNKS: Final = "libc's mapped chunks"

AGAIN: Final = "counted_again_bytes"
ARENAS: Final = "cpython_arena_bytes"
FRAMES: Final = "frame_bytes"
LIBC_LIVE: Final = "libc_live_bytes"
LIBC_HELD: Final = "libc_held_bytes"
STACKS: Final = "thread_stack_bytes"
FILES: Final = "mapped_file_bytes"
OTHER: Final = "other_anonymous_bytes"
UNEXPLAINED: Final = "unexplained_bytes"

SOURCES: Final = (HEAP, LIBC_HEAPS, LIBC_CHUNKS)
"""Where bytes are counted before they are settled."""
FIELDS: Final = (AGAIN, ARENAS, FRAMES, LIBC_LIVE, LIBC_HELD, STACKS, FILES, OTHER, UNEXPLAINED)
"""Fields of ``records.MemorySample``."""


class Parts:
    """Resident bytes by row, before they become a record."""

    __slots__ = ("heap", "pss_bytes", "rows", "rss_bytes", "rss_max_bytes", "swap_bytes", "uncounted_bytes")

    def __init__(self, heap: HeapResident) -> None:
        self.heap = heap
        self.rows = dict.fromkeys(SOURCES + FIELDS, 0)
        self.rss_bytes = 0
        self.rss_max_bytes = 0
        self.pss_bytes: int | None = None
        self.swap_bytes = 0
        self.uncounted_bytes = 0

    def add(self, shares: Iterable[tuple[str, int]]) -> None:
        for row, size_bytes in shares:
            self.rows[row] += size_bytes

    @property
    def found_bytes(self) -> int:
        """What the parts add up to."""
        return sum(self.heap) + sum(self.rows[field] for field in FIELDS) - self.uncounted_bytes


def settle_libc(parts: Parts, statistics: LibcStatistics | None, heap_found_bytes: int, chunk_found_bytes: int) -> None:
    """Split libc's memory into live and held. What its totals have and was not found is somewhere among the other."""
    share = LibcShare(statistics, parts.rows[LIBC_HEAPS], parts.rows[LIBC_CHUNKS], heap_found_bytes, chunk_found_bytes)
    missing_bytes = min(share.missing_bytes, parts.rows[OTHER])
    parts.rows[LIBC_LIVE] += share.live_bytes
    parts.rows[LIBC_HELD] += share.held_bytes
    parts.rows[OTHER] += share.other_bytes - missing_bytes
    parts.rows[UNEXPLAINED] += missing_bytes


def settle_heap(parts: Parts, rss_bytes: int) -> None:
    """Take from the heap's live blocks what they count too much: pages of zeroes that were only ever read.

    The system has those once for all processes, and counts them in nobody's resident memory. They are there if the
    heap has more than its regions, and all parts together more than VmRSS; one alone may be a change in between.
    """
    live, *others = parts.heap
    excess_bytes = min(sum(parts.heap) - parts.rows[HEAP], parts.found_bytes - rss_bytes, live)
    if excess_bytes > 0:
        free, empty_pools, free_runs, metadata = others
        parts.heap = (live - excess_bytes, free, empty_pools, free_runs, metadata)


def settle_shared(parts: Parts, shared_bytes: int, mapped_bytes: int, once_bytes: int) -> None:
    """What pools share the system counts for each that has touched it, and not at all while none has; the heap's parts
    have it once.

    Args:
        shared_bytes: how much it is.
        mapped_bytes: as the system counts it.
        once_bytes: as the system counts it, each page once.
    """
    once_bytes = max(min(once_bytes, shared_bytes, mapped_bytes), 0)
    parts.uncounted_bytes = shared_bytes - once_bytes
    parts.rows[AGAIN] += mapped_bytes - once_bytes
    parts.rows[HEAP] += shared_bytes - mapped_bytes


def settle_shared_quickly(parts: Parts, shared_bytes: int, shown_bytes: int) -> None:
    """The same where what the system counts is not known: what is unexplained, as far as it can be that.

    Args:
        shown_bytes: of the address space, what shows shared pages.
    """
    again_bytes = min(parts.rows[UNEXPLAINED], max(shown_bytes - shared_bytes, 0))
    parts.rows[AGAIN] += again_bytes
    parts.rows[UNEXPLAINED] -= again_bytes


def settle_total(parts: Parts, rss_bytes: int, rss_max_bytes: int) -> None:
    """Hold the parts against VmRSS and VmHWM; neither is less than what was found."""
    parts.rss_bytes = max(rss_bytes, parts.found_bytes)
    parts.rss_max_bytes = max(rss_max_bytes, parts.rss_bytes)
    parts.rows[UNEXPLAINED] += parts.rss_bytes - parts.found_bytes


def settle_proportional(parts: Parts, shared_bytes: int) -> None:
    """Take from what is resident the shares of other processes, so that both sizes are of one moment."""
    parts.pss_bytes = max(parts.rss_bytes - shared_bytes, 0)
