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

from quire.errors import DoubleFree, NotABlock
from quire.model.geometry import Geometry
from quire.model.links import Linked
from quire.model.machine import Process
from quire.records import BlockState, Domain
from quire.records import Pool as PoolRecord


class Pool(Linked):
    """One pool. ``allocated + len(free) + untouched == capacity`` holds always.

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
        self.is_old = False
        """Whether it has been with its arena since before the last sweep; of a purged one, whether a sweep did it."""

    def begin(self, domain: Domain, size_class: int) -> None:
        """Serve a size class. A pool that served the same one before may keep its free list."""
        self.serves = True
        self.is_purged = self.is_old = False
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
        self.carved = 0
        self.free = []

    @property
    def is_full(self) -> bool:
        return self.allocated == self.capacity

    def take(self) -> int:
        """Hand out a block that is free, else cut off untouched ones; returns its address. The pool is not full."""
        if not self.free:
            self._carve()
        self.allocated += 1
        return self.address_of(self.free.pop())

    def put(self, address: int) -> None:
        """Take a block back; it is the next to be handed out.

        Raises:
            NotABlock: no block begins at the address, or it was never handed out.
            DoubleFree: the block is free.
        """
        index = self.check_allocated(address)
        self._link(index, self.free[-1] if self.free else None)
        self.free.append(index)
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
        if index >= self.carved:
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

    def _carve(self) -> None:
        """Cut untouched blocks off: one, or all that begin in the next block's page. The lowest goes out first."""
        last = self.carved
        if self.geometry.carves_by_page:
            page = self.geometry.page_bytes
            page_of_next = self.address_of(self.carved) // page
            while last + 1 < self.capacity and self.address_of(last + 1) // page == page_of_next:
                last += 1
        for index in range(last, self.carved - 1, -1):
            self._link(index, self.free[-1] if self.free else None)
            self.free.append(index)
        self.carved = last + 1

    def _link(self, index: int, following: int | None) -> None:
        """Write where the next free block is into a free block, or 0 into the last."""
        if self.process is not None:
            self.process.write_number(self.address_of(index), 0 if following is None else self.address_of(following))

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
            untouched=self.capacity - self.carved,
            free_list=tuple(reversed(self.free)),
        )
