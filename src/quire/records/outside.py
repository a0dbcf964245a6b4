"""A process as it is seen from outside."""

from __future__ import annotations

from dataclasses import dataclass

from quire.records.statistics import Charge


@dataclass(frozen=True, slots=True)
class ArenaOccupancy:
    """How full CPython's arenas are, all of them together, by the headers of their pools.

    A pool without a live block counts with the blocks that it last held.
    """

    arenas: int
    sparse_arenas: int
    """Of them, those of whose blocks fewer than one in a hundred is live."""
    pools_full: int
    pools_used: int
    """Some blocks live, some free or untouched."""
    pools_empty: int
    pools_unknown: int
    """Resident, but nothing in them fits together: they changed meanwhile, or are no pools."""
    blocks: int
    live_blocks: int
    quire_bytes: int
    """What the pools with live blocks would need on quire, at rest: an estimate from how many of their blocks live."""


@dataclass(frozen=True, slots=True)
class OutsideSample:
    """Where another process's resident memory was, as far as it can be told from outside; the parts add up to
    ``rss_bytes``."""

    rss_bytes: int
    pss_bytes: int
    """In proportion to how many processes share each page."""
    swap_bytes: int
    quire_heap_bytes: int
    """Where the process runs on quire: all of its heap."""
    arena_live_bytes: int
    arena_free_bytes: int
    """Free blocks, in pools that hold live ones."""
    arena_empty_bytes: int
    """Pools without a live block."""
    arena_rest_bytes: int
    """Headers of pools, and what is left behind their last block."""
    frame_bytes: int
    libc_live_bytes: int
    libc_held_bytes: int
    thread_stack_bytes: int
    mapped_file_bytes: int
    shared_memory_bytes: int
    other_anonymous_bytes: int
    unexplained_bytes: int
    """What did not fit together: the process runs while it is looked at."""

    @property
    def arena_bytes(self) -> int:
        return self.arena_live_bytes + self.arena_free_bytes + self.arena_empty_bytes + self.arena_rest_bytes


@dataclass(frozen=True, slots=True)
class WhyReport:
    """What ``quire why`` tells of a process."""

    version: int
    quire_version: str
    pid: int
    argv: tuple[str, ...]
    python: str | None
    """The version of its CPython. ``None``: it has none, or one that does not show it."""
    reason: str | None
    """Why only the kernel's accounts are told. ``None``: the interpreter's structures are told, too."""
    interpreters: int
    threads: int
    """Python's; those of C alone are not counted."""
    is_on_quire: bool
    memory: OutsideSample
    charge: Charge
    arenas: ArenaOccupancy
    wall_seconds: float
    """How long the look took."""
