"""A heap, whole: arenas, pools, runs, mappings and extents."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from quire.records.kinds import ArenaKind, Domain


class PoolState(StrEnum):
    """USED: some blocks free. FULL: none free. EMPTY: none allocated."""

    USED = "used"
    FULL = "full"
    EMPTY = "empty"


class BlockState(StrEnum):
    """UNTOUCHED: never handed out, or not since its pool began anew. FREE: handed back. ALLOCATED: holds data."""

    UNTOUCHED = "untouched"
    FREE = "free"
    ALLOCATED = "allocated"


class PoolRole(StrEnum):
    """What meshing has to do with a pool.

    CANDIDATE: of a pass; blocks are only freed from it. SEALED: it shows pages of extents; blocks are only freed from
    it. SPENT: the same, empty; it waits for pages of its own. ORDINARY: none of these.
    """

    ORDINARY = "ordinary"
    CANDIDATE = "candidate"
    SEALED = "sealed"
    SPENT = "spent"


PAGE_OWN, PAGE_NONE = -1, -2
"""What a page of a sealed pool shows that shows no extent: one of its own; nothing, there is no memory behind it."""


@dataclass(frozen=True, slots=True)
class Pool:
    """An aligned part of an arena whose blocks are all of one size class.

    ``allocated + len(free_list) + untouched == capacity`` holds always.
    """

    address: int
    size_bytes: int
    domain: Domain
    size_class: int
    block_bytes: int
    first_block_offset: int
    capacity: int
    allocated: int
    untouched: int
    free_list: tuple[int, ...]
    """Indexes of the free blocks, the next to be handed out first. Of a sealed pool: freed since it was sealed."""
    away: tuple[int, ...] = ()
    """Indexes of the untouched blocks that touch a page which went back to the system, and of a sealed pool of all that
    were not live when it was; the other untouched blocks are the pool's last."""
    role: PoolRole = PoolRole.ORDINARY
    shown: tuple[int, ...] = ()
    """Of a sealed or spent pool, each page: which page of the extents it shows, numbered through all of them; or
    ``PAGE_OWN``, ``PAGE_NONE``."""

    @property
    def carved(self) -> int:
        """Blocks before this index were cut off at some time."""
        return self.capacity - self.untouched + len(self.away)

    @property
    def state(self) -> PoolState:
        if self.allocated == 0:
            return PoolState.EMPTY
        return PoolState.FULL if self.allocated == self.capacity else PoolState.USED


@dataclass(frozen=True, slots=True)
class Run:
    """Several pages that serve one larger request, or a hole between such runs (FREE or UNTOUCHED)."""

    address: int
    size_bytes: int
    state: BlockState


@dataclass(frozen=True, slots=True)
class Arena:
    """An aligned part of the range, obtained from the system as a whole.

    ``pools`` holds every pool that was ever cut, in address order; ``free_pools`` the addresses of those that
    are empty and may serve any size class, the next to be taken first. ``runs`` is for arenas of kind RUN.
    """

    index: int
    address: int
    size_bytes: int
    kind: ArenaKind
    pools: tuple[Pool, ...] = ()
    free_pools: tuple[int, ...] = ()
    untouched_pools: int = 0
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """A request above the largest run, served by a mapping of its own."""

    address: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Extent:
    """Shared physical pages that sealed pools show."""

    number: int
    shown: tuple[int, ...]
    """Of each page that was ever shown: by how many pages of pools; -1: it went back."""
    taken: int
    """How many pieces of 16 bytes blocks have that were live when their pool was sealed."""


@dataclass(frozen=True, slots=True)
class HeapState:
    """Everything there is to know of a heap's structure, at one moment."""

    geometry: str
    arenas: tuple[Arena, ...]
    available: tuple[tuple[int, ...], ...]
    """For each arena kind, the indexes of the arenas that can serve another pool or run, the fullest first."""
    used_pools: dict[tuple[Domain, int], tuple[int, ...]]
    """For each domain and size class, the addresses of the pools that serve it, the next to be asked first."""
    mappings: tuple[Mapping, ...]
    candidates: dict[tuple[Domain, int], tuple[int, ...]] = field(default_factory=dict)
    """As ``used_pools``: those of a pass of meshing."""
    extents: tuple[Extent, ...] = ()


class MeshPhase(IntEnum):
    """Where a pass of meshing is. IDLE: there is none. PROVING: it waits for who proves blocks."""

    IDLE = 0
    COUNTING = 1
    CHOOSING = 2
    PROVING = 3
    SETTLING = 4
    MATCHING = 5


@dataclass(frozen=True, slots=True)
class MeshPass:
    """What came of a pass, in pools. ``candidates == foreign + meshed + left + taken_back`` holds at its end."""

    candidates: int = 0
    foreign: int = 0
    """A live block was not proven."""
    meshed: int = 0
    left: int = 0
    """Too many mappings, the system refused, or the pass was abandoned."""
    taken_back: int = 0
    """By requests; or empty, meanwhile."""
    live_blocks: int = 0
    """Of the candidates, when they were chosen."""
    foreign_blocks: int = 0
    is_out_of_mappings: bool = False
    refusal: int = 0
    """The error number of what the system refused."""
