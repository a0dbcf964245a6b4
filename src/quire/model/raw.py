"""The raw allocator: between the system and everything above it.

It obtains arenas from the system as a whole, and serves the requests that are too large for the object allocator:
in CPython that is libc's ``malloc``. It cuts regions of pages into runs of 16 bytes a unit; a request above
``own_mapping_bytes_min`` gets pages of its own, which go back to the system as soon as it is freed. quire keeps some
for requests to come (``kept``), and gives them back before they would make a peak.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

from quire.errors import NotABlock, OutOfMemory
from quire.model.geometry import KIB, Geometry
from quire.model.kept import KeptPages, Piece
from quire.model.runs import Runs
from quire.model.system import System
from quire.records.heap import Mapping

UNIT_BYTES = 16
REGION_BYTES = 1024 * KIB
OWN_MAPPING_BYTES_MIN = 128 * KIB
"""From this size on libc gives a request pages of its own (its default; it adapts)."""
TAKEN_BYTES_A_BYTE_IN_VAIN = 8
HELD_BYTES_A_BYTE_OF_CREDIT = 8


class RawAllocator:
    """Deals arenas and serves large requests, on pages of ``system``; ``purge`` gives back so much of the arenas."""

    def __init__(self, geometry: Geometry, system: System, purge: Callable[[int], None]) -> None:
        self.geometry = geometry
        self.system = system
        self.own_mapping_bytes_min = geometry.run_bytes_max + 1 if geometry.run_bytes_max else OWN_MAPPING_BYTES_MIN
        self.mappings: dict[int, int] = {}
        self.mapping_bytes_max = 0
        self.kept = KeptPages(geometry, system)
        self._purge = purge
        self.touched_bytes = 0
        """Of arenas: in pools that were ever cut, and not purged, and in runs that were ever handed out."""
        self.shared_bytes = 0
        """Of extents, as far as they have memory."""
        self._arena_bytes = 0
        self._held_bytes_max = 0
        self._purge_credit_bytes = 0
        """What may be purged in vain before peaks."""
        self._range_end = system.first_address + geometry.range_bytes
        self._regions: list[Runs] = []
        """In address order."""

    def obtain_arena(self) -> int:
        """An arena's pages, at the lowest free address of the range, or of the whole system where there is none.

        Raises:
            OutOfMemory: the system refuses, or the range is used up.
        """
        size = self.geometry.arena_bytes
        if self.geometry.range_bytes and self._arena_bytes + size > self.geometry.range_bytes:
            raise OutOfMemory("every arena of the reserved range is in use")
        alignment = size if self.geometry.range_bytes else self.geometry.page_bytes
        address = self._insist(lambda: self.system.obtain(size, alignment))
        self._arena_bytes += size
        return address

    def give_back_arena(self, address: int, touched_bytes: int) -> None:
        """Return an arena's pages to the system; so many of its bytes were touched.

        Raises:
            OutOfMemory: the system does not take them; Linux does that to a process that is out of mappings.
        """
        self._arena_bytes -= self.system.give_back(address)
        self.touched_bytes -= touched_bytes

    def touch(self, more_bytes: int, *, again: bool = False) -> None:
        """A part of an arena is used for the first time, or again since it was purged: the system has no page of it.

        What was purged before a peak and is needed again went in vain. What a sweep purged had rested for long.
        """
        self._prepare_growth(more_bytes)
        self.touched_bytes += more_bytes
        self.note_growth()
        if again:
            self._purge_credit_bytes -= more_bytes

    def note_taken(self, taken_bytes: int) -> None:
        """A pool or a run begins to serve. Of what does, an eighth may have been purged in vain.

        So the page faults of that take little of what a program does with all of it. What is saved up for a worse phase
        is limited.
        """
        limit = self.geometry.arena_bytes + self._held_bytes_max // HELD_BYTES_A_BYTE_OF_CREDIT
        credit = self._purge_credit_bytes + taken_bytes // TAKEN_BYTES_A_BYTE_IN_VAIN
        self._purge_credit_bytes = min(credit, limit)

    def allocate(self, size_bytes: int) -> int:
        """Serve a request of any size; returns its address.

        Raises:
            OutOfMemory: the system refuses.
        """
        if size_bytes >= self.own_mapping_bytes_min:
            return self._obtain_mapping(self.system.round_up(size_bytes))
        return self._allocate_run(size_bytes)

    def free(self, address: int) -> None:
        """Take back what ``allocate`` gave.

        Raises:
            NotABlock: ``allocate`` did not give this address.
        """
        if address in self.mappings:
            self._keep_whole(address, self.mappings.pop(address))
        else:
            self._region_of(address).release(address)

    def resize_in_place(self, address: int, size_bytes: int) -> int | None:
        """Resize where it stands, or by moving whole pages; ``None`` if the block has to be copied elsewhere."""
        if address in self.mappings:
            return self._resize_mapping(address, size_bytes)
        fits = size_bytes < self.own_mapping_bytes_min and self._region_of(address).resize(address, size_bytes)
        return address if fits else None

    def size_of(self, address: int) -> int:
        """How many bytes the block at ``address`` has.

        Raises:
            NotABlock: ``allocate`` did not give this address.
        """
        if address in self.mappings:
            return self.mappings[address]
        return self._region_of(address).size_of(address)

    def run_sizes(self) -> list[int]:
        """The size of every allocated run of the regions."""
        return [size_bytes for region in self._regions for _, size_bytes, taken in region if taken]

    def mapping_records(self) -> tuple[Mapping, ...]:
        """Every mapping, in address order."""
        return tuple(Mapping(address, size) for address, size in sorted(self.mappings.items()))

    # --- mappings ---

    def _obtain_mapping(self, size: int) -> int:
        address = self._reuse(size)
        if address is None:
            self._prepare_growth(size)
            address = self._insist(lambda: self.system.obtain(size, not_below=self._range_end))
        self.mappings[address] = size
        self.note_growth()
        return address

    def _reuse(self, size: int) -> int | None:
        """Kept pages, and more behind them, if they are too few."""
        piece = self.kept.take(size, half_at_least=self._excess_bytes(size) == 0)
        if piece is None:
            return None
        if piece.size_bytes == size:
            return piece.address
        self._prepare_growth(size)
        resized = self._resize_pages(piece.address, size)
        if resized is None:
            self.kept.add(piece)
        return resized

    def _resize_mapping(self, address: int, size_bytes: int) -> int | None:
        """A mapping shrinks and grows by pages; when it has become small enough for a run, it is copied there."""
        if size_bytes <= self.own_mapping_bytes_min // 2:
            return None
        old, new = self.mappings[address], self.system.round_up(size_bytes)
        if new < old:
            self.system.split(address, new)
            self.kept.add(Piece(address + new, old - new + self.kept.take_tail(address + old), is_tail=True))
            self.mappings[address] = new
        elif new > old:
            return self._grow_mapping(address, old, new)
        return address

    def _grow_mapping(self, address: int, old: int, new: int) -> int | None:
        """Into its tail, to kept pages, or by pages of the system's; ``None`` if it refuses."""
        tail = self.kept.take_tail(address + old)
        if old + tail >= new:
            self._keep_tail(address, new, old + tail - new)
            moved: int | None = address
        elif self._is_better_copied(old, new):
            self._keep_tail(address, old, tail)
            moved = self._move_to_kept(address, old, new)
        else:
            self._prepare_growth(new - old)
            moved = self._resize_pages(address, new)
        if moved is None:
            self._keep_tail(address, old, tail)
            return None
        del self.mappings[address]
        self.mappings[moved] = new
        self.note_growth()
        return moved

    def _is_better_copied(self, old: int, new: int) -> bool:
        """Copying a page takes about a quarter of the time in which the system clears one."""
        return self.kept.bytes_for(new) >= old + old // 4

    def _move_to_kept(self, address: int, old: int, new: int) -> int:
        target = self.kept.take(new, half_at_least=True)
        assert target is not None
        self._keep_whole(address, old)
        return target.address

    def _keep_whole(self, address: int, size: int) -> None:
        self.kept.add(Piece(address, size + self.kept.take_tail(address + size)))

    def _keep_tail(self, address: int, size: int, tail: int) -> None:
        if tail:
            self.system.split(address, size)
            self.kept.add(Piece(address + size, tail, is_tail=True))

    def _resize_pages(self, address: int, size: int) -> int | None:
        try:
            return self._insist(lambda: self.system.resize(address, size))
        except OutOfMemory:
            return None

    # --- growth ---

    @property
    def _held_bytes(self) -> int:
        return self.touched_bytes + self.shared_bytes + sum(self.mappings.values())

    def _excess_bytes(self, more_bytes: int) -> int:
        """By how much what is kept would make a peak that is higher by more than a quarter of an arena."""
        limit = self._held_bytes_max + self.geometry.arena_bytes // 4
        return max(self._held_bytes + self.kept.size_bytes + more_bytes - limit, 0)

    def _prepare_growth(self, more_bytes: int) -> None:
        """More will be held. What is free is not to make a peak: it goes back before."""
        self.kept.give_back(self._excess_bytes(more_bytes))
        next_bytes = self._held_bytes + more_bytes
        if next_bytes > self._held_bytes_max and self._purge_credit_bytes > 0:
            self._purge(next_bytes - self._held_bytes_max)

    def note_growth(self) -> None:
        """More is held: keep the maxima."""
        self.mapping_bytes_max = max(self.mapping_bytes_max, sum(self.mappings.values()))
        self._held_bytes_max = max(self._held_bytes_max, self._held_bytes)

    def _insist(self, obtain: Callable[[], int]) -> int:
        """Obtain; where the system refuses, give back what is kept, and try once more."""
        try:
            return obtain()
        except OutOfMemory:
            if not self.kept.give_back_all():
                raise
            return obtain()

    # --- runs of 16 bytes a unit ---

    def _allocate_run(self, size_bytes: int) -> int:
        for region in self._regions:
            address = region.take(size_bytes)
            if address is not None:
                return address
        region = Runs(self.system.obtain(REGION_BYTES), REGION_BYTES, UNIT_BYTES)
        insort(self._regions, region, key=lambda each: each.address)
        region.take(size_bytes)
        return region.address

    def _region_of(self, address: int) -> Runs:
        for region in self._regions:
            if region.address <= address < region.end:
                return region
        raise NotABlock(f"{address:#x} lies in no memory of this heap")
