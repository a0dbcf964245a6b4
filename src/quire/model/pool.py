"""A pool: an aligned part of an arena, cut into blocks of one size class.

    +--------+-----------+-----------+-----------+-----------+----------------
    | header | allocated | free   -----> free --------> end  | untouched ...
    +--------+-----------+-----------+-----------+-----------+----------------
       48 B in CPython,        the free list: last in, first out;
       empty in quire          each free block holds the address of the next

A block is in one of three states. *Untouched* blocks are at the end and were never handed out; *free* ones were
handed back and stand on the free list; *allocated* ones hold data. The pool cuts an untouched block off only when
the free list is empty: memory is not touched before it is needed. (CPython cuts one ahead: when a block empties the
list, the next untouched one is put there. The blocks that go out are the same.)

Where there is a process with real bytes, the links are written to them. (The header is not: it is on the page of the
first block, which is written anyway.)
"""

from __future__ import annotations

from collections.abc import Iterator

from quire.errors import DoubleFree, NotABlock
from quire.model.geometry import Geometry
from quire.model.links import Linked
from quire.model.machine import Process
from quire.records.heap import PAGE_NONE, PAGE_OWN, BlockState, PoolRole
from quire.records.heap import Pool as PoolRecord
from quire.records.kinds import Domain

FEW_DIVISOR = 8
"""A pool with no larger part of its blocks free is nearly full."""


class Pool(Linked):
    """One pool. ``allocated + len(free) + len(away) + untouched == capacity`` holds always.

    It belongs to a size class from the first time it serves one; an empty pool may be given to another.
    """

    def __init__(self, geometry: Geometry, address: int, size_bytes: int, process: Process | None = None) -> None:
        super().__init__()
        self.geometry = geometry
        self.process = process
        self.address = address
        self.size_bytes = size_bytes
        self.domain = Domain.OBJECT
        self.size_class = -1
        self.block_bytes = 0
        self.first_block_offset = 0
        self.capacity = 0
        self.carved = 0
        """Blocks before this index were cut off; the rest are untouched."""
        self.allocated = 0
        self.free: list[int] = []
        """Indexes of the free blocks; the last is the next to be handed out."""
        self.serves = False
        """Whether it is with its size class, in the class's list or full; else it is with its arena."""
        self.is_purged = False
        """Whether its pages went back to the system, while it was with its arena."""
        self.purged_pages: set[int] = set()
        """Pages that went back while it served, by their place in it: blocks that touch them are untouched again."""
        self.seen: tuple[int | None, int] | None = None
        """What the last sweep saw of it: the next block to be handed out, and how many live."""
        self.is_looked_at = False
        """Whether it was looked for pages to purge since it was seen so."""
        self.is_old = False
        """Whether it has been with its arena since before the last sweep; of a purged one, whether a sweep did it."""
        self.role = PoolRole.ORDINARY
        self.survivors: list[int] | None = None
        """Indexes of the blocks that were live when it was last looked at: of candidates, once they are settled, and of
        pools that show extents. What a sealed pool has beside them is where other pools have their blocks."""
        self.shown: list[int] = []
        """Of a pool that shows extents, each page: which of theirs; or ``PAGE_OWN``, ``PAGE_NONE``."""

    def begin(self, domain: Domain, size_class: int) -> None:
        """Serve a size class. A pool that served the same one before may keep its free list."""
        self.serves = True
        self.is_purged = self.is_old = False
        self.purged_pages.clear()
        self.seen = None
        if (domain, size_class) == (self.domain, self.size_class) and not self.geometry.carves_anew:
            return
        self.domain, self.size_class = domain, size_class
        self.block_bytes = self.geometry.block_bytes(size_class)
        self.first_block_offset = self.geometry.first_block_offset(size_class)
        self.capacity = (self.size_bytes - self.first_block_offset) // self.block_bytes
        self.carved = 0
        self.free = []

    def purge(self, *, by_sweep: bool) -> None:
        """Its pages go back: all of it is untouched again. It is with its arena."""
        self.is_purged, self.is_old = True, by_sweep
        self.purged_pages.clear()
        self.carved = 0
        self.free = []

    # --- meshing (mesh.py) ---

    @property
    def percent(self) -> int:
        """The share of its bytes that live blocks have."""
        return self.allocated * self.block_bytes * 100 // self.size_bytes

    @property
    def is_proven(self) -> bool:
        """Whether it is a candidate of which every live block was proven."""
        return self.role is PoolRole.CANDIDATE and self.survivors is not None

    @property
    def own_bytes(self) -> int:
        """Bytes of a pool that shows extents, in pages that are its own and have memory."""
        return self.shown.count(PAGE_OWN) * self.geometry.page_bytes

    def live_blocks(self) -> list[int]:
        """Indexes of the allocated blocks."""
        return sorted(set(range(self.carved)).difference(self.free, self.away))

    def survivor_units(self) -> Iterator[int]:
        """For each page where survivors are: a bit for each piece of it as large as the alignment."""
        unit, page = self.geometry.alignment_bytes, self.geometry.page_bytes // self.geometry.alignment_bytes
        length = self.block_bytes // unit
        units = 0
        for index in self.survivors or ():
            units |= ((1 << length) - 1) << (self.first_block_offset // unit + index * length)
        for _ in range(self.size_bytes // self.geometry.page_bytes):
            yield units & ((1 << page) - 1)
            units >>= page

    def pages_shown(self) -> list[int]:
        """Which page of the extents each of its pages shows, if it shows any."""
        return self.shown or [PAGE_OWN] * (self.size_bytes // self.geometry.page_bytes)

    def pages_without_shown(self) -> list[int]:
        """What its pages are before any is shown: its own, or nothing where they were purged."""
        pages = range(self.size_bytes // self.geometry.page_bytes)
        return [PAGE_NONE if self.is_purged or page in self.purged_pages else PAGE_OWN for page in pages]

    def rebuild_free_list(self) -> None:
        """Of all blocks that were cut, but survivors and those on purged pages; the lowest first."""
        self.free = sorted(set(range(self.carved)).difference(self.survivors or (), self.away), reverse=True)

    def seal(self, shown: list[int]) -> None:
        """Show these pages: from now on blocks are only freed; of an empty pool, none."""
        self.shown = shown
        self.free = []
        self.is_purged = self.is_old = False
        self.purged_pages.clear()
        if self.serves:
            self.role = PoolRole.SEALED
        else:
            self.serves = True
            self.spend()

    def spend(self) -> None:
        """The last block is free, and its pages are still extents'."""
        self.role = PoolRole.SPENT
        self.free = []
        self.carved = 0

    def renew(self) -> None:
        """Its pages are its own again, untouched. It is with its arena."""
        self.role = PoolRole.ORDINARY
        self.survivors = None
        self.shown = []
        self.purge(by_sweep=True)

    @property
    def touched_bytes(self) -> int:
        """Of what was not purged, and is its own."""
        if self.shown:
            return self.own_bytes
        return 0 if self.is_purged else self.size_bytes - len(self.purged_pages) * self.geometry.page_bytes

    @property
    def away(self) -> list[int]:
        """Indexes of the blocks that were cut off once, and are untouched again: they touch a purged page; or they are
        no survivors of a sealed pool."""
        has_any = self.purged_pages or self.role is PoolRole.SEALED
        return [index for index in range(self.carved) if self._is_away(index)] if has_any else []

    @property
    def is_full(self) -> bool:
        return self.allocated == self.capacity

    @property
    def is_nearly_full(self) -> bool:
        return self.capacity - self.allocated <= self.capacity // FEW_DIVISOR

    def take(self) -> int:
        """Hand out a block that is free, else cut off untouched ones; returns its address. The pool is not full."""
        if not self.free:
            self._carve()  # it has all its pages
        self.allocated += 1
        return self.address_of(self.free.pop())

    def put(self, address: int) -> None:
        """Take a block back; it is the next to be handed out.

        Raises:
            NotABlock: no block begins at the address, or it was never handed out.
            DoubleFree: the block is free.
        """
        self._push(self.check_allocated(address))
        self.allocated -= 1

    def check_allocated(self, address: int) -> int:
        """The index of the allocated block at ``address``.

        Raises:
            NotABlock: no block begins at the address, or it was never handed out.
            DoubleFree: the block is free.
        """
        index = self.index_of(address)
        match self.block_state(index):
            case BlockState.UNTOUCHED:
                raise NotABlock(f"the block at {address:#x} was never handed out")
            case BlockState.FREE:
                raise DoubleFree(f"the block at {address:#x} is free already")
        return index

    def block_state(self, index: int) -> BlockState:
        """The state of one block."""
        if index >= self.carved or self._is_away(index):
            return BlockState.UNTOUCHED
        return BlockState.FREE if index in self.free else BlockState.ALLOCATED

    def address_of(self, index: int) -> int:
        """Where block ``index`` begins."""
        return self.address + self.first_block_offset + index * self.block_bytes

    def index_of(self, address: int) -> int:
        """Which block begins at ``address``.

        Raises:
            NotABlock: none does.
        """
        offset = address - self.address - self.first_block_offset
        if offset % self.block_bytes or not 0 <= offset // self.block_bytes < self.capacity:
            raise NotABlock(f"{address:#x} is not the start of a block")
        return offset // self.block_bytes

    # --- pages of a pool that serves ---

    def pages_without_live_block(self) -> list[int]:
        """Pages that blocks were cut from, that have no live block, and that were not purged, in order."""
        cut = {page for index in range(self.carved) for page in self._pages_of(index)}
        unused = set(self.free).union(self.away)
        live = {page for index in range(self.carved) if index not in unused for page in self._pages_of(index)}
        return sorted(cut - live - self.purged_pages)

    def take_away(self, pages: list[int]) -> None:
        """The pages go back: blocks that touch them leave the free list, and the rest is put in order."""
        self.purged_pages.update(pages)
        free, self.free = self.free, []
        for index in sorted(free, reverse=True):
            if not self._is_away(index):
                self._push(index)

    def bring_back(self, pages: list[int]) -> None:
        """The pages serve again: blocks that touch no purged page any more are free, and the next to be handed out."""
        before = self.away
        self.purged_pages.difference_update(pages)
        for index in reversed(before):
            if not self._is_away(index):
                self._push(index)

    def see(self) -> bool:
        """Whether it looks as it looked to the last sweep, so that it has rested."""
        has_rested, self.seen = self.has_rested, self._look
        self.is_looked_at = self.is_looked_at and has_rested
        return has_rested

    @property
    def has_rested(self) -> bool:
        """Whether it looks as it looked to the last sweep."""
        return self.seen == self._look

    @property
    def _look(self) -> tuple[int | None, int]:
        return self.free[-1] if self.free else None, self.allocated

    def _pages_of(self, index: int) -> range:
        first = self.first_block_offset + index * self.block_bytes
        return range(first // self.geometry.page_bytes, (first + self.block_bytes - 1) // self.geometry.page_bytes + 1)

    def _is_away(self, index: int) -> bool:
        if self.role is PoolRole.SEALED:
            return index not in (self.survivors or ())
        return bool(self.purged_pages) and not self.purged_pages.isdisjoint(self._pages_of(index))

    # --- its free list ---

    def _carve(self) -> None:
        """Cut untouched blocks off: one, or all that begin in the next block's page. The lowest goes out first."""
        last = self.carved
        if self.geometry.carves_by_page:
            page = self.geometry.page_bytes
            page_of_next = self.address_of(self.carved) // page
            while last + 1 < self.capacity and self.address_of(last + 1) // page == page_of_next:
                last += 1
        for index in range(last, self.carved - 1, -1):
            self._push(index)
        self.carved = last + 1

    def _push(self, index: int) -> None:
        """Put a block at the front; where the next free one is, or 0 for none, is written into it."""
        if self.process is not None:
            following = self.address_of(self.free[-1]) if self.free else 0
            self.process.write_number(self.address_of(index), following)
        self.free.append(index)

    def record(self) -> PoolRecord:
        """The pool's whole state."""
        return PoolRecord(
            address=self.address,
            size_bytes=self.size_bytes,
            domain=self.domain,
            size_class=self.size_class,
            block_bytes=self.block_bytes,
            first_block_offset=self.first_block_offset,
            capacity=self.capacity,
            allocated=self.allocated,
            untouched=self.capacity - self.carved + len(self.away),
            away=tuple(self.away),
            free_list=tuple(reversed(self.free)),
            role=self.role,
            shown=tuple(self.shown),
        )
