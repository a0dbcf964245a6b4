"""A process's resident memory, row by row, at its end and at its peak.

At the end the rows add up to ``VmRSS``. At the peak they add up to ``VmHWM``: the highest sample's parts, and a row
for what the kernel saw above it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quire.records.process import MemorySample, RunReport, WaterfallRow


@dataclass(frozen=True, slots=True)
class Part:
    """A part of resident memory: how it is called, what that means, where its number is."""

    label: str
    gloss: str
    measure: Callable[[MemorySample], int]


AGAIN = "counted again"
UNCOUNTED = "in no page table"
"""Rows only of programs whose pools share pages."""
HEAP_PARTS = (
    Part("live blocks", "what the program uses", lambda s: s.heap.live_bytes),
    Part("free blocks", "freed, beside live ones", lambda s: s.heap.free_bytes),
    Part("empty pools", "freed whole, kept", lambda s: s.heap.empty_pool_bytes),
    Part("free runs", "freed larger blocks", lambda s: s.heap.free_run_bytes),
    Part("metadata", "quire's own tables", lambda s: s.heap.metadata_bytes),
    Part(AGAIN, "pages that pools share", lambda s: s.counted_again_bytes),
    Part(UNCOUNTED, "shared, not counted", lambda s: -s.uncounted_bytes),
)
OTHER_PARTS = (
    Part("CPython's arenas", "from before quire began", lambda s: s.cpython_arena_bytes),
    Part("Python frames", "Python calls under way", lambda s: s.frame_bytes),
    Part("libc's heap, live", "what C code uses", lambda s: s.libc_live_bytes),
    Part("libc's heap, held", "freed by C code, kept", lambda s: s.libc_held_bytes),
    Part("thread stacks", "C calls under way", lambda s: s.thread_stack_bytes),
    Part("mapped files", "Python, libraries, data", lambda s: s.mapped_file_bytes),
    Part("other anonymous", "mapped by C code", lambda s: s.other_anonymous_bytes),
    Part("unexplained", "in none of these", lambda s: s.unexplained_bytes),
)
ABOVE = "above highest sample"


def sample_rows(sample: MemorySample) -> tuple[WaterfallRow, ...]:
    """The rows of one sample, from the heap outwards; their ``end_bytes`` add up to its ``rss_bytes``."""
    return tuple(WaterfallRow(part.label, part.gloss, part.measure(sample), 0) for part in HEAP_PARTS + OTHER_PARTS)


def waterfall(report: RunReport) -> tuple[WaterfallRow, ...]:
    """The rows, from the heap outwards.

    Returns:
        Rows whose ``end_bytes`` add up to ``report.end.rss_bytes``, and ``peak_bytes`` to
        ``report.rss_max_bytes``.
    """
    rows = tuple(
        WaterfallRow(part.label, part.gloss, part.measure(report.end), part.measure(report.peak))
        for part in HEAP_PARTS + OTHER_PARTS
    )
    above_bytes = report.rss_max_bytes - report.peak.rss_bytes
    return (*rows, WaterfallRow(ABOVE, "between two samples", 0, above_bytes))


def held_bytes(sample: MemorySample) -> int:
    """What was freed and is still resident, in quire's heap and in libc's."""
    heap = sample.heap
    return heap.free_bytes + heap.empty_pool_bytes + heap.free_run_bytes + sample.libc_held_bytes


def live_bytes(sample: MemorySample) -> int:
    """What Python and C code use, as far as an allocator can tell."""
    return sample.heap.live_bytes + sample.libc_live_bytes + sample.frame_bytes
