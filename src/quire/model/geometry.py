"""The sizes an allocator is built on, as a value.

One algorithm serves three geometries: the one the articles describe (CPython up to the early 3.7 releases),
CPython 3.10's, and quire's own. What differs between them is here, as numbers and as habits, each a named
switch; nothing else in the model asks which of the three it is.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from quire.model.errors import InvalidGeometry

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Geometry:
    """Alignment, sizes and habits of one allocator. All sizes in bytes; every size divides the next larger one.

    Raises:
        InvalidGeometry: the sizes do not divide one another, or are not sizes.
    """

    name: str
    alignment_bytes: int
    page_bytes: int
    pool_bytes: int
    pool_header_bytes: int
    """At the start of each small pool. quire's is empty: the metadata stands elsewhere, only the place is kept."""
    arena_bytes: int
    arena_header_bytes: int
    small_bytes_max: int
    """The largest request that small pools serve."""
    large_pool_bytes: int = 0
    large_blocks: tuple[int, ...] = ()
    """Block sizes above the small ones, served from larger pools; none in CPython."""
    run_bytes_max: int = 0
    """The largest request that runs serve; what is larger gets a mapping of its own."""
    run_unit_bytes: int = 4 * KIB
    kept_pieces_max: int = 0
    """How many pieces of mappings are kept after they were freed, for requests to come."""
    kept_bytes_max: int = 0
    """How many bytes they may have together."""
    range_bytes: int = 0
    """The reserved addresses that arenas come from; 0 where each arena comes from wherever the system puts it."""
    domains: int = 1
    """How many domains have pools of their own."""

    # The habits.
    pools_serve_zero: bool = False
    """A request of 0 bytes gets a block; CPython leaves it to the raw allocator."""
    stays_within_class: bool = False
    """A block that is resized within its size class stays; CPython moves one that shrinks by a quarter or more."""
    carves_by_page: bool = False
    """Untouched blocks enter the free list a page at a time, not one by one; no page is touched before it is needed."""
    carves_anew: bool = False
    """An empty pool that serves again hands its blocks out by address; CPython's keeps its free list for its class."""
    retires_lazily: bool = False
    """A full pool leaves its class's list when the next request meets it, not when its last block is taken."""
    revived_go_last: bool = False
    """A full pool that gets a block back joins the end of its class's list, and gathers more before it is asked."""
    keeps_last_pool: bool = False
    """An emptied pool stays with its class if it is the last on the class's list, and no more of it was carved than a
    small pool has; CPython's goes back to its arena."""
    purges: bool = False
    """Pages of empty pools go back before the heap would hold more than ever."""
    keeps_last_arena: bool = False
    """An empty arena stays if it is the last that has room; CPython keeps it since 3.9 (bpo-37257)."""
    adopts_shrunk: bool = False
    """What shrinks to a pool's size moves into a pool. CPython leaves with libc what libc gave: it cannot know how many
    bytes it would have to copy."""
    emptiest_arena_first: bool = False
    """The arena with the most room serves: the opposite of what all three do, to see what comes of it (``order``)."""

    def __post_init__(self) -> None:
        for name in ("alignment_bytes", "page_bytes", "pool_bytes", "arena_bytes", "small_bytes_max", "run_unit_bytes"):
            self._require(getattr(self, name) > 0, f"{name} is {getattr(self, name)}; it has to be above 0")
        for name in ("range_bytes", "kept_pieces_max", "kept_bytes_max"):
            self._require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}; it is not negative")
        for smaller, larger in (
            (self.alignment_bytes, self.pool_bytes),
            (self.alignment_bytes, self.pool_header_bytes),
            (self.alignment_bytes, self.small_bytes_max),
            (self.pool_bytes, self.arena_bytes),
            (self.pool_bytes, self.arena_header_bytes),
            (self.pool_bytes, self.large_pool_bytes),
            (self.run_unit_bytes, self.run_bytes_max),
            (self.run_unit_bytes, self.arena_header_bytes),
        ):
            self._require(larger % smaller == 0, f"{larger} is not a multiple of {smaller}")
            self._require(larger >= 0, f"{larger} bytes; a size is not negative")
        large_room, arena_room = self.large_pool_bytes or self.pool_bytes, self.arena_bytes - self.arena_header_bytes
        for block, room, what in (
            (self.small_bytes_max, self.pool_bytes - self.pool_header_bytes, "largest small block does not fit a pool"),
            (self.pooled_bytes_max, large_room, "largest block does not fit a large pool"),
            (self.run_bytes_max, arena_room, "largest run does not fit an arena"),
            (max(self.pool_bytes, self.large_pool_bytes), arena_room, "arena is too small"),
        ):
            self._require(block <= room, f"the {what}: {block} bytes, room for {room}")
        for before, block in pairwise((self.small_bytes_max, *self.large_blocks)):
            is_next = block > before and block % self.alignment_bytes == 0
            self._require(is_next, f"large blocks grow, by multiples of {self.alignment_bytes}")
        self._require(self.domains >= 1, f"{self.domains} domains; there is one at least")

    def _require(self, holds: bool, rule: str) -> None:
        if not holds:
            raise InvalidGeometry(f"geometry {self.name!r}: {rule}")

    @property
    def small_classes(self) -> int:
        """How many size classes small pools have."""
        return self.small_bytes_max // self.alignment_bytes

    @property
    def classes(self) -> int:
        """How many size classes there are, small and large."""
        return self.small_classes + len(self.large_blocks)

    def pools_serve(self, size_bytes: int) -> bool:
        """Whether a request of this size gets a block of a pool."""
        return (0 if self.pools_serve_zero else 1) <= size_bytes <= self.pooled_bytes_max

    def runs_serve(self, size_bytes: int) -> bool:
        """Whether a request of this size gets a run of pages in an arena."""
        return self.pooled_bytes_max < size_bytes <= self.run_bytes_max

    @property
    def pooled_bytes_max(self) -> int:
        """The largest request that a pool serves."""
        return self.large_blocks[-1] if self.large_blocks else self.small_bytes_max

    def size_class(self, size_bytes: int) -> int:
        """The class of a request that a pool serves; a request of 0 bytes counts as one of 1 byte."""
        if size_bytes <= self.small_bytes_max:
            return (max(size_bytes, 1) - 1) // self.alignment_bytes
        return self.small_classes + bisect_left(self.large_blocks, size_bytes)

    def block_bytes(self, size_class: int) -> int:
        """The size of every block of a class."""
        if size_class < self.small_classes:
            return (size_class + 1) * self.alignment_bytes
        return self.large_blocks[size_class - self.small_classes]

    def is_large(self, size_class: int) -> bool:
        """Whether the class is served from the larger pools."""
        return size_class >= self.small_classes

    def first_block_offset(self, size_class: int) -> int:
        """Where in a pool of the class the first block begins: behind the header, which larger pools do not have."""
        return 0 if self.is_large(size_class) else self.pool_header_bytes


def _eight_an_octave(first: int, last: int) -> tuple[int, ...]:
    """Block sizes from above ``first`` up to ``last``: each octave in eight equal steps."""
    blocks = []
    octave = first
    while octave < last:
        blocks += [octave + octave // 8 * step for step in range(1, 9)]
        octave *= 2
    return tuple(blocks)


ARTICLE = Geometry(
    name="article",
    alignment_bytes=8,
    page_bytes=4 * KIB,
    pool_bytes=4 * KIB,
    pool_header_bytes=48,
    arena_bytes=256 * KIB,
    arena_header_bytes=0,
    small_bytes_max=512,
)
"""What the articles describe: 64 classes of 8 bytes, pools of one page, arenas of 256 KiB."""

CPYTHON_3_10 = Geometry(
    name="cpython-3.10",
    alignment_bytes=16,
    page_bytes=4 * KIB,
    pool_bytes=16 * KIB,
    pool_header_bytes=48,
    arena_bytes=1 * MIB,
    arena_header_bytes=0,
    small_bytes_max=512,
    keeps_last_arena=True,
)
"""CPython from 3.10 on: 32 classes of 16 bytes, pools of four pages, arenas of 1 MiB."""

QUIRE = Geometry(
    name="quire",
    alignment_bytes=16,
    page_bytes=4 * KIB,
    pool_bytes=16 * KIB,
    pool_header_bytes=48,
    arena_bytes=2 * MIB,
    arena_header_bytes=16 * KIB,
    small_bytes_max=512,
    large_pool_bytes=64 * KIB,
    large_blocks=_eight_an_octave(512, 16 * KIB),
    run_bytes_max=256 * KIB,
    kept_pieces_max=64,
    kept_bytes_max=32 * MIB,
    range_bytes=64 * GIB,
    domains=2,
    pools_serve_zero=True,
    stays_within_class=True,
    carves_by_page=True,
    carves_anew=True,
    retires_lazily=True,
    revived_go_last=True,
    keeps_last_pool=True,
    purges=True,
    keeps_last_arena=True,
    adopts_shrunk=True,
)
"""quire's own: metadata out of line, pools for blocks up to 16 KiB, runs of pages up to 256 KiB."""
