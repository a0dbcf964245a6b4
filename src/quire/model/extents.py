"""Extents: shared pages that meshed pools show, each page usually several.

    pool A  | a |   |   |   |          extent  | a | b | a | c | taken, or free for a pool that has its blocks there
    pool B  |   | b |   |   |   --->
    pool C  |   |   |   | c |          page: shown by 3

A *place* is as many pages of an extent in a row as a piece of a pool has, at a multiple of as many. A piece goes to the
lowest place of the newest extent that has one which is free where its blocks are; if none of so many has, to a new one,
cut from what no piece had before. A page that nobody shows any more is released and never used again, and an extent of
which nobody shows a page goes back. Memory is made for 128 KiB at a time, as places are cut.

What is where is counted in units of the geometry's alignment, of which every block is a multiple: a page of 4 KiB has
256, and a set of them is an integer with as many bits. What is taken of an extent is kept by unit, a set of pages each,
so that all places are looked at together: each unit that a piece wants rules out the pages where it is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby

from quire.errors import OutOfMemory
from quire.model.geometry import Geometry
from quire.model.raw import RawAllocator
from quire.records.heap import Extent as ExtentRecord

NEVER = -1
"""How many show a page that went back: nobody, and nobody will."""

OBTAINED_BYTES = 128 * 1024
"""At once; places do not cross such a piece."""

MAPPINGS_EACH = 2
"""The kernel's, of an extent: its home, and what a fork will need for a copy."""


class Extent:
    """Shared pages with one home."""

    def __init__(self, number: int, home: int, pages: int) -> None:
        self.number = number
        self.home = home
        self.shown = [0] * pages
        """By how many pages of pools, each page."""
        self.taken: dict[int, int] = defaultdict(int)
        """For each unit of a page, the pages where a survivor is there."""
        self.open = 0
        """The pages that were cut and have not gone back."""
        self.obtained = 0
        """So many pages have memory, or had it."""
        self.cut = 0
        """So many pages places were cut from; the rest are untouched."""
        self.released = 0

    @property
    def in_use(self) -> int:
        """How many pages are shown."""
        return sum(count > 0 for count in self.shown)

    def find(self, units: Sequence[int]) -> int | None:
        """The first page of the lowest place that is free for a piece: no survivor is where one of its own is."""
        places = sum(1 << first for first in range(0, len(self.shown), len(units)))
        for page, wanted in enumerate(units):
            places &= self.open >> page
            for unit in _each(wanted):
                places &= ~(self.taken[unit] >> page)
        return next(_each(places), None)

    def take(self, page: int, units: int) -> None:
        """Survivors are at these units of the page."""
        for unit in _each(units):
            self.taken[unit] |= 1 << page

    def leave(self, page: int, units: int) -> None:
        """No more."""
        for unit in _each(units):
            self.taken[unit] &= ~(1 << page)

    def record(self) -> ExtentRecord:
        """What shows it, and how much of it is taken."""
        taken = sum(pages.bit_count() for pages in self.taken.values())
        return ExtentRecord(self.number, tuple(self.shown[: self.cut]), taken)


def _each(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set, from the lowest on."""
    while bits:
        yield (bits & -bits).bit_length() - 1
        bits &= bits - 1


class Extents:
    """All extents of an allocator; their pages are numbered through."""

    def __init__(self, geometry: Geometry, raw: RawAllocator) -> None:
        self.geometry = geometry
        self.system = raw.system
        self._raw = raw
        self.pages_each = geometry.arena_bytes // geometry.page_bytes
        self.by_number: dict[int, Extent] = {}
        self._open: int | None = None

    def find(self, units: Sequence[int], extents_max: int) -> int | None:
        """The place for a piece with survivors at these units of its pages; ``None``: none, in so many extents."""
        for number in sorted(self.by_number, reverse=True)[:extents_max]:
            first = self.by_number[number].find(units)
            if first is not None:
                return number * self.pages_each + first
        return None

    def cut_place(self, pages: int) -> int:
        """A new place.

        Raises:
            OutOfMemory: the system refuses another extent, or memory for it.
        """
        extent = self.by_number.get(self._open) if self._open is not None else None
        first = -(-extent.cut // pages) * pages if extent else 0
        if extent is None or first + pages > self.pages_each:
            extent, first = self._obtain(), 0
        if first + pages > extent.obtained:
            self._obtain_pages(extent)
        extent.open |= (1 << (first + pages)) - (1 << extent.cut)
        extent.cut = first + pages
        return extent.number * self.pages_each + first

    def address_of(self, page: int) -> int:
        """Where a page is in its home."""
        extent = self.by_number[page // self.pages_each]
        return extent.home + page % self.pages_each * self.geometry.page_bytes

    def note_shown(self, page: int, units: Sequence[int]) -> None:
        """A piece with survivors at these units is shown from that page on."""
        extent, first = self.by_number[page // self.pages_each], page % self.pages_each
        for at, wanted in enumerate(units, first):
            extent.shown[at] += 1
            extent.take(at, wanted)

    def note_hidden(self, shown: Sequence[int], units: Sequence[int]) -> None:
        """A slot of a pool showed these pages, with survivors at these units, and shows them no more."""
        for row in self._rows(shown):
            self._hide(shown[row.start], units[row.start : row.stop])

    def discard_unused(self) -> None:
        """Extents that nobody shows go back: a piece's that was refused."""
        for extent in [extent for extent in self.by_number.values() if not extent.in_use]:
            self._discard(extent)

    def _discard(self, extent: Extent) -> None:
        self.system.unshare(extent.home)
        self._raw.shared_bytes -= (extent.obtained - extent.released) * self.geometry.page_bytes
        del self.by_number[extent.number]

    def _rows(self, shown: Sequence[int]) -> list[range]:
        """Which of the pages show some that follow one another in an extent."""
        rows: list[range] = []
        for at, page in enumerate(shown):
            if page < 0:
                continue
            if rows and rows[-1].stop == at and not is_boundary(shown[at - 1], page, self.pages_each):
                rows[-1] = range(rows[-1].start, at + 1)
            else:
                rows.append(range(at, at + 1))
        return rows

    def _hide(self, page: int, units: Sequence[int]) -> None:
        extent, first = self.by_number[page // self.pages_each], page % self.pages_each
        for at, wanted in enumerate(units, first):
            extent.shown[at] -= 1
            extent.leave(at, wanted)
        if not extent.in_use:
            self._discard(extent)
            return
        for is_unused, row in groupby(range(first, first + len(units)), lambda at: extent.shown[at] == 0):
            if is_unused:
                self._release(extent, list(row))

    def _release(self, extent: Extent, pages: list[int]) -> None:
        """Nobody shows these pages, and nobody will. What the system does not take back goes with the extent."""
        for page in pages:
            extent.shown[page] = NEVER
            extent.open &= ~(1 << page)
        size_bytes = len(pages) * self.geometry.page_bytes
        with suppress(OutOfMemory):
            self.system.release(extent.home + pages[0] * self.geometry.page_bytes, size_bytes)
            extent.released += len(pages)
            self._raw.shared_bytes -= size_bytes

    def _obtain(self) -> Extent:
        number = next(number for number in range(len(self.by_number) + 1) if number not in self.by_number)
        if number == self.geometry.range_bytes // self.geometry.arena_bytes:
            raise OutOfMemory("there are as many extents as arenas")
        home = self.system.share(self.geometry.arena_bytes)
        self._open = number
        self.by_number[number] = Extent(number, home, self.pages_each)
        return self.by_number[number]

    def _obtain_pages(self, extent: Extent) -> None:
        """No page of a place may be without memory."""
        self.system.populate(extent.home + extent.obtained * self.geometry.page_bytes, OBTAINED_BYTES)
        extent.obtained += OBTAINED_BYTES // self.geometry.page_bytes
        self._raw.shared_bytes += OBTAINED_BYTES
        self._raw.note_growth()


def is_boundary(page: int, following: int, pages_each: int) -> bool:
    """Whether a mapping of the kernel's ends between two neighbouring pages that show these, or none."""
    if page < 0 or following < 0:
        return (page < 0) != (following < 0)
    return following != page + 1 or following % pages_each == 0
