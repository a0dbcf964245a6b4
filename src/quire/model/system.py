"""The bottom layer: a system that deals pages to one process.

A process never gets less than a page. It asks for addresses, and gets the lowest that are free; a page of memory
stands behind an address only once the process touches it, and until then it costs nothing. What is given back
may be dealt again.

    +------+------+------+------+------+------+----
    | page | page |  --  | page | page | page | ...      -- : given back, the next to be dealt
    +------+------+------+------+------+------+----

By itself a system deals in addresses only, which is all that an allocator needs to know where to put things. Put on a
process of a machine (``System.on``) it deals pages with real bytes behind them, and what is resident can be counted.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from quire.errors import NotABlock, OutOfMemory
from quire.model.machine import Process, check_size

FIRST_ADDRESS = 0x10_0000_0000
_HOME_SHIFT = 40
"""Homes are far away from everything, and from one another."""


class System:
    """Deals pages of one process's address space.

    Args:
        page_bytes: the size of a page.
        first_address: where the addresses begin.
        pages_max: how many pages the process may hold at once; ``None`` for no limit.
        process: whose pages they are; ``None`` where nobody looks into them.

    Raises:
        InvalidSize: a page has no such size.
    """

    def __init__(
        self,
        page_bytes: int,
        first_address: int = FIRST_ADDRESS,
        pages_max: int | None = None,
        process: Process | None = None,
    ) -> None:
        check_size(page_bytes, "bytes of a page", at_least=1)
        self.page_bytes = page_bytes
        self.first_address = first_address
        self.pages_max = pages_max
        self.process = process
        self.pages_held = 0
        self._homes = 0
        self._sizes: dict[int, int] = {}
        self._starts: list[int] = []

    @classmethod
    def on(cls, process: Process, first_address: int = FIRST_ADDRESS, pages_max: int | None = None) -> System:
        """A system that deals pages of a process."""
        return cls(process.page_bytes, first_address, pages_max, process)

    def obtain(self, size_bytes: int, alignment_bytes: int = 1, not_below: int = 0) -> int:
        """Deal whole pages for ``size_bytes`` at the lowest free aligned address from ``not_below`` on.

        Returns:
            The address of the first page.

        Raises:
            InvalidSize: that is no size, or less than a byte.
            OutOfMemory: the process would hold more pages than it may.
        """
        check_size(size_bytes, "bytes", at_least=1)
        size = self.round_up(size_bytes)
        self._charge(size)
        lowest = max(self.first_address, not_below)
        address = self._lowest_gap(size, lowest, max(alignment_bytes, self.page_bytes))
        self._sizes[address] = size
        insort(self._starts, address)
        if self.process is not None:
            self.process.map(address, size)
        return address

    def give_back(self, address: int) -> int:
        """Take back what one ``obtain`` dealt; returns its size in bytes.

        Raises:
            NotABlock: nothing was dealt at this address.
        """
        self._check_dealt(address)
        size = self._sizes.pop(address)
        del self._starts[bisect_left(self._starts, address)]
        self.pages_held -= size // self.page_bytes
        if self.process is not None:
            self.process.unmap(address, size)
        return size

    def resize(self, address: int, size_bytes: int) -> int:
        """Grow or shrink what was dealt, at the same address if the next pages are free, else at another.

        Returns:
            The address, which may be new; the contents move along.

        Raises:
            NotABlock: nothing was dealt at this address.
            InvalidSize: that is no size, or less than a byte.
            OutOfMemory: the process would hold more pages than it may; nothing has changed.
        """
        check_size(size_bytes, "bytes", at_least=1)
        self._check_dealt(address)
        new, old = self.round_up(size_bytes), self._sizes[address]
        self._charge(new - old)
        if new <= old or self._gap_after(address) >= new - old:
            self._sizes[address] = new
            self._resize_pages(address, old, new)
            return address
        moved = self._lowest_gap(new, address, self.page_bytes)
        self._sizes[moved] = new
        insort(self._starts, moved)
        del self._starts[bisect_left(self._starts, address)]
        del self._sizes[address]
        if self.process is not None:
            self.process.move(address, old, to=moved)
        self._resize_pages(moved, old, new)
        return moved

    def split(self, address: int, size_bytes: int) -> None:
        """Treat what was dealt as two pieces: the first ``size_bytes``, whole pages, and the rest."""
        rest = address + size_bytes
        self._sizes[rest] = self._sizes[address] - size_bytes
        self._sizes[address] = size_bytes
        insort(self._starts, rest)

    def join(self, address: int) -> None:
        """Treat the piece at the address and the one that ends there as one again."""
        place = bisect_left(self._starts, address)
        del self._starts[place]
        self._sizes[self._starts[place - 1]] += self._sizes.pop(address)

    def purge(self, address: int, size_bytes: int) -> None:
        """Take pages back, but not their addresses: they read as zeros again, and cost nothing until they are touched.

        Raises:
            OutOfMemory: the process has locked them.
        """
        if self.process is not None:
            self.process.purge(address, size_bytes)

    # --- shared pages: only of a system that stands on no process ---

    def share(self, size_bytes: int) -> int:
        """Deal addresses of shared pages, without memory yet; the address of their home.

        Raises:
            OutOfMemory: the system refuses; a process of the model's machine has no shared pages.
        """
        if self.process is not None:
            raise OutOfMemory("the model's machine has no shared pages")
        self._homes += 1
        return self._homes << _HOME_SHIFT

    def populate(self, home: int, size_bytes: int) -> None:
        """Make memory for a part of a home: zeros.

        Raises:
            OutOfMemory: the system refuses.
        """

    def unshare(self, home: int) -> None:
        """Take shared pages back: nobody shows any."""

    def release(self, home: int, size_bytes: int) -> None:
        """Take back the memory of a part of a home that nobody shows, for good.

        Raises:
            OutOfMemory: the system does not take it.
        """

    def show(self, home: int, size_bytes: int, at: int) -> None:
        """Have addresses show pages of a home; their own pages are gone.

        Raises:
            OutOfMemory: the system refuses.
        """

    def renew(self, at: int, size_bytes: int) -> None:
        """Give addresses that show a home pages of their own again: zeros.

        Raises:
            OutOfMemory: the system refuses.
        """

    def note_own(self) -> None:
        """The allocator itself needs memory for what it notes during a pass.

        Raises:
            OutOfMemory: the system refuses.
        """

    def check_frames(self, frames: int) -> None:
        """Refuse what would write to more fresh pages than the machine has frames for.

        Raises:
            OutOfMemory: it has fewer.
        """
        if self.process is not None:
            self.process.check_frames(frames)

    def copy(self, address: int, to: int, size_bytes: int) -> None:
        """Copy what is at one address to another, where there are bytes to copy."""
        if self.process is not None:
            self.process.write(to, self.process.read(address, size_bytes))

    def round_up(self, size_bytes: int) -> int:
        """The size in whole pages."""
        return _align(size_bytes, self.page_bytes)

    def _resize_pages(self, address: int, old: int, new: int) -> None:
        if self.process is None:
            return
        if new < old:
            self.process.unmap(address + new, old - new)
        else:
            self.process.map(address + old, new - old)

    def _check_dealt(self, address: int) -> None:
        if address not in self._sizes:
            raise NotABlock(f"the system dealt nothing at {address:#x}")

    def _charge(self, size: int) -> None:
        pages = size // self.page_bytes
        if self.pages_max is not None and self.pages_held + pages > self.pages_max:
            raise OutOfMemory(f"{pages} pages are more than the system deals to this process")
        self.pages_held += pages

    def _lowest_gap(self, size: int, lowest: int, alignment: int) -> int:
        candidate = _align(lowest, alignment)
        for start in self._starts:
            if candidate + size <= start:
                break
            candidate = max(candidate, _align(start + self._sizes[start], alignment))
        return candidate

    def _gap_after(self, address: int) -> int:
        following = bisect_left(self._starts, address) + 1
        if following == len(self._starts):
            return 1 << 62
        return self._starts[following] - address - self._sizes[address]


def _align(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment
