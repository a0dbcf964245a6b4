"""The bottom layer: a system that deals pages to one process.

A process never gets less than a page. It asks for addresses, and gets the lowest that are free; a page of memory
stands behind an address only once the process touches it, and until then it costs nothing. What is given back
may be dealt again.

    +------+------+------+------+------+------+----
    | page | page |  --  | page | page | page | ...      -- : given back, the next to be dealt
    +------+------+------+------+------+------+----
"""

from __future__ import annotations

from bisect import bisect_left, insort

from quire.errors import NotABlock, OutOfMemory


class System:
    """Deals pages of one process's address space.

    Args:
        page_bytes: the size of a page.
        first_address: where the addresses begin.
        pages_max: how many pages the process may hold at once; ``None`` for no limit.
    """

    def __init__(self, page_bytes: int, first_address: int = 0x10_0000_0000, pages_max: int | None = None) -> None:
        self.page_bytes = page_bytes
        self.first_address = first_address
        self.pages_max = pages_max
        self.pages_held = 0
        self._sizes: dict[int, int] = {}
        self._starts: list[int] = []

    def obtain(self, size_bytes: int, alignment_bytes: int = 1, not_below: int = 0) -> int:
        """Deal whole pages for ``size_bytes`` at the lowest free aligned address from ``not_below`` on.

        Returns:
            The address of the first page.

        Raises:
            OutOfMemory: the process would hold more pages than it may.
        """
        size = self.round_up(size_bytes)
        self._charge(size)
        lowest = max(self.first_address, not_below)
        address = self._lowest_gap(size, lowest, max(alignment_bytes, self.page_bytes))
        self._sizes[address] = size
        insort(self._starts, address)
        return address

    def give_back(self, address: int) -> int:
        """Take back what one ``obtain`` dealt; returns its size in bytes.

        Raises:
            NotABlock: nothing was dealt at this address.
        """
        if address not in self._sizes:
            raise NotABlock(f"the system dealt nothing at {address:#x}")
        size = self._sizes.pop(address)
        del self._starts[bisect_left(self._starts, address)]
        self.pages_held -= size // self.page_bytes
        return size

    def resize(self, address: int, size_bytes: int) -> int:
        """Grow or shrink what was dealt, at the same address if the next pages are free, else at another.

        Returns:
            The address, which may be new; the contents move along.

        Raises:
            OutOfMemory: the process would hold more pages than it may; nothing has changed.
        """
        new, old = self.round_up(size_bytes), self._sizes[address]
        self._charge(new - old)
        if new <= old or self._gap_after(address) >= new - old:
            self._sizes[address] = new
            return address
        moved = self._lowest_gap(new, address, self.page_bytes)
        self._sizes[moved] = new
        insort(self._starts, moved)
        del self._starts[bisect_left(self._starts, address)]
        del self._sizes[address]
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

    def size_of(self, address: int) -> int | None:
        """How many bytes were dealt at exactly this address; ``None`` if none."""
        return self._sizes.get(address)

    def round_up(self, size_bytes: int) -> int:
        """The size in whole pages."""
        return -(-size_bytes // self.page_bytes) * self.page_bytes

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


def _align(address: int, alignment: int) -> int:
    return -(-address // alignment) * alignment
