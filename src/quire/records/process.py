"""A process: its memory, what a run tells of it, a snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from quire.records.statistics import HeapStatistics


@dataclass(frozen=True, slots=True)
class HeapResidency:
    """Resident bytes of a served process's heap, page by page, split by what the pages hold.

    The five parts add up to every resident byte of the range and of the heap's own mappings.
    """

    live_bytes: int
    """Allocated blocks, runs and mappings, as far as their pages are resident."""
    free_bytes: int
    """The rest of resident pages in pools that have live blocks."""
    empty_pool_bytes: int
    """Resident pages of pools without a live block."""
    free_run_bytes: int
    """Resident pages of holes between runs, and of mappings kept after they were freed."""
    metadata_bytes: int
    """Arena headers and the heap's own tables."""


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """One row of the waterfall: what it is, and how many resident bytes at each of the two moments."""

    label: str
    gloss: str
    end_bytes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class MemorySample:
    """Where a process's resident memory was at one moment; the parts add up to ``rss_bytes``.

    Taken from the kernel's accounts (``/proc/self/smaps``), the heap's own walk, CPython's structures and libc's
    statistics. ``unexplained_bytes`` is what none of them accounts for.
    """

    seconds: float
    """Since quire was installed."""
    rss_bytes: int
    pss_bytes: int | None
    """In proportion to how many processes share each page. ``None``: a quick sample, as those of the peak are."""
    swap_bytes: int
    heap: HeapResidency
    cpython_arena_bytes: int
    """CPython's own arenas, from before the install or for what quire does not serve."""
    frame_bytes: int
    """Chunks of the Python call stacks."""
    libc_live_bytes: int
    libc_held_bytes: int
    thread_stack_bytes: int
    mapped_file_bytes: int
    other_anonymous_bytes: int
    unexplained_bytes: int
    counted_again_bytes: int = 0
    """Pages that pools of the heap share: the system counts one for each pool that has touched it, ``heap`` once."""
    uncounted_bytes: int = 0
    """Those of them that nobody has touched since long: ``heap`` has them, the system counts none. To be taken off."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What ``quire run`` tells at a program's end."""

    version: int
    quire_version: str
    python: str
    argv: tuple[str, ...]
    pid: int
    wall_seconds: float
    cpu_seconds: float
    rss_max_bytes: int
    """``VmHWM``: the highest the kernel saw."""
    end: MemorySample
    peak: MemorySample
    """The highest sample of those taken while the program ran; the last one where it stands well above them."""
    samples: int
    statistics: HeapStatistics


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """A snapshot of a process, as a file."""

    path: str
    file_bytes: int
    objects: int
    references: int | None
    """From object to object; ``None``: it was taken without them."""
    pause_seconds: float
    """How long the process stood still."""
