"""Extents: shared pages that meshed pools show, each page usually several.

    pool A  | a |   |   |   |          extent  | a | b | a | c | taken, or free for a pool that has its blocks there
    pool B  |   | b |   |   |   --->
    pool C  |   |   |   | c |          page: shown by 3

A *place* is as many pages of an extent in a row as a piece of a pool has, at a multiple of as many. A piece goes to the
first place, from the newest on, that is free where its blocks are; after so many tries to a new one, cut from what no
piece had before. A page that nobody shows any more is released and never used again, and an extent of which nobody
shows a page goes back.

What is where is counted in units of the geometry's alignment, of which every block is a multiple: a page of 4 KiB has
256, and a set of them is an integer with as many bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby

from quire.errors import OutOfMemory
from quire.model.geometry import Geometry
from quire.model.raw import RawAllocator
from quire.records import Extent as ExtentRecord

NEVER = -1
"""How many show a page that went back: nobody, and nobody will."""


class Extent:
    """Shared pages with one home."""

    def __init__(self, number: int, home: int, pages: int) -> None:
        self.number = number
        self.home = home
        self.shown = [0] * pages
        """By how many pages of pools, each page."""
        self.taken = [0] * pages
        """Where survivors are, in each page."""
        self.cut = 0
        """So many pages places were cut from; the rest are untouched."""
        self.released = 0

    @property
    def in_use(self) -> int:
        """How many pages are shown."""
        return sum(count > 0 for count in self.shown)

    def is_free(self, first: int, units: Sequence[int]) -> bool:
        """Whether a piece fits a place: no survivor is where one of its own is."""
        return not any(self.taken[first + page] & wanted for page, wanted in enumerate(units))

    def is_gone(self, first: int, pages: int) -> bool:
        """Whether a page of a place went back."""
        return NEVER in self.shown[first : first + pages]

    def record(self) -> ExtentRecord:
        """What shows it, and how much of it is taken."""
        return ExtentRecord(self.number, tuple(self.shown[: self.cut]), sum(units.bit_count() for units in self.taken))


class Extents:
    """All extents of an allocator; their pages are numbered through."""

    def __init__(self, geometry: Geometry, raw: RawAllocator) -> None:
        self.geometry = geometry
        self.system = raw.system
        self._raw = raw
        self.pages_each = geometry.arena_bytes // geometry.page_bytes
        self.by_number: dict[int, Extent] = {}
        self._open: int | None = None

    def find(self, units: Sequence[int], tries: int) -> int | None:
        """The place for a piece with survivors at these units of its pages; ``None``: none, among so many."""
        for number in sorted(self.by_number, reverse=True):
            extent = self.by_number[number]
            for first in range((extent.cut // len(units) - 1) * len(units), -1, -len(units)):
                if extent.is_gone(first, len(units)):
                    continue
                if tries == 0:
                    return None
                tries -= 1
                if extent.is_free(first, units):
                    return number * self.pages_each + first
        return None

    def cut_place(self, pages: int) -> int:
        """A new place.

        Raises:
            OutOfMemory: the system refuses another extent.
        """
        extent = self.by_number.get(self._open) if self._open is not None else None
        first = -(-extent.cut // pages) * pages if extent else 0
        if extent is None or first + pages > self.pages_each:
            extent, first = self._obtain(), 0
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
            extent.taken[at] |= wanted

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
        self._raw.shared_bytes -= (self.pages_each - extent.released) * self.geometry.page_bytes
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
            extent.taken[at] &= ~wanted
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
        self._raw.shared_bytes += self.geometry.arena_bytes
        self._raw.note_growth()
        return self.by_number[number]


def is_boundary(page: int, following: int, pages_each: int) -> bool:
    """Whether a mapping of the kernel's ends between two neighbouring pages that show these, or none."""
    if page < 0 or following < 0:
        return (page < 0) != (following < 0)
    return following != page + 1 or following % pages_each == 0
