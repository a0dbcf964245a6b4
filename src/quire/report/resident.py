"""Every resident byte of a snapshot's process, as an answer.

Not in waterfall.py: a program that ends imports that one, and no answers.
"""

from __future__ import annotations

from quire.records.process import MemorySample
from quire.report.answers import MemoryRow, Waterfall
from quire.report.waterfall import HEAP_PARTS, OTHER_PARTS, held_bytes


def resident(sample: MemorySample) -> Waterfall:
    """What a snapshot says of its process's memory."""
    parts = (("heap", HEAP_PARTS), ("beside", OTHER_PARTS))
    return Waterfall(
        rss_bytes=sample.rss_bytes,
        pss_bytes=sample.pss_bytes,
        swap_bytes=sample.swap_bytes,
        held_bytes=held_bytes(sample),
        rows=tuple(MemoryRow(name, row.label, row.gloss, row.measure(sample)) for name, rows in parts for row in rows),
    )
