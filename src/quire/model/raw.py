"""The raw allocator: between the system and everything above it.

It obtains arenas from the system as a whole, and serves the requests that are too large for the object allocator:
in CPython that is libc's ``malloc``. It cuts regions of pages into runs of 16 bytes a unit; a request above
``own_mapping_bytes_min`` gets pages of its own, which go back to the system as soon as it is freed. quire keeps the
last few for requests of about the same size (``kept``), and gives them back before they would make a peak.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable

from quire.errors import NotABlock, OutOfMemory
from quire.model.geometry import KIB, Geometry
from quire.model.runs import Runs
from quire.model.system import System
from quire.records import Mapping

UNIT_BYTES = 16
REGION_BYTES = 1024 * KIB
OWN_MAPPING_BYTES_MIN = 128 * KIB
"""From this size on libc gives a request pages of its own (its default; it adapts)."""


class RawAllocator:
    """Deals arenas and serves large requests, on pages of ``system``."""

    def __init__(self, geometry: Geometry, system: System) -> None:
        self.geometry = geometry
        self.system = system
        self.own_mapping_bytes_min = geometry.run_bytes_max + 1 if geometry.run_bytes_max else OWN_MAPPING_BYTES_MIN
        self.mappings: dict[int, int] = {}
        self.mapping_bytes_max = 0
        self.mapping_bytes_given_back = 0
        self.kept: list[Mapping] = []
        """Freed mappings that wait for a request, the oldest first."""
        self._arena_bytes = 0
        self._held_bytes_max = 0
        self._range_end = system.first_address + geometry.range_bytes
        self._regions: dict[int, Runs] = {}
        self._region_addresses: list[int] = []

    def obtain_arena(self) -> int:
        """An arena's pages, at the lowest free address of the range, or of the whole system where there is none.

        Raises:
            OutOfMemory: the system refuses, or the range is used up.
        """
        size = self.geometry.arena_bytes
        if self.geometry.range_bytes and self._arena_bytes + size > self.geometry.range_bytes:
            raise OutOfMemory("every arena of the reserved range is in use")
        alignment = size if self.geometry.range_bytes else self.geometry.page_bytes
        self._prepare_growth(size)
        address = self._insist(lambda: self.system.obtain(size, alignment))
        self._arena_bytes += size
        self._note_growth()
        return address

    def give_back_arena(self, address: int) -> None:
        """Return an arena's pages to the system.

        Raises:
            OutOfMemory: the system does not take them; Linux does that to a process that is out of mappings.
        """
        self._arena_bytes -= self.system.give_back(address)

    def allocate(self, size_bytes: int) -> int:
        """Serve a request of any size; returns its address.

        Raises:
            OutOfMemory: the system refuses.
        """
        if size_bytes >= self.own_mapping_bytes_min:
            return self._obtain_mapping(self.system.round_up(size_bytes))
        return self._allocate_units(_units(size_bytes))

    def free(self, address: int) -> None:
        """Take back what ``allocate`` gave.

        Raises:
            NotABlock: ``allocate`` did not give this address.
        """
        if address in self.mappings:
            self._keep(Mapping(address, self.mappings.pop(address)))
            return
        region, start = self._find(address)
        self._regions[region].release(start)

    def resize_in_place(self, address: int, size_bytes: int) -> int | None:
        """Resize where it stands, or by moving whole pages; ``None`` if the block has to be copied elsewhere.

        Raises:
            OutOfMemory: the system refuses; nothing has changed.
        """
        if address in self.mappings:
            return self._resize_mapping(address, size_bytes)
        region, start = self._find(address)
        fits = size_bytes < self.own_mapping_bytes_min and self._regions[region].resize(start, _units(size_bytes))
        return address if fits else None

    def size_of(self, address: int) -> int:
        """How many bytes the block at ``address`` has.

        Raises:
            NotABlock: ``allocate`` did not give this address.
        """
        if address in self.mappings:
            return self.mappings[address]
        region, start = self._find(address)
        return (self._regions[region].length_of(start) or 0) * UNIT_BYTES

    def run_sizes(self) -> list[int]:
        """The size of every allocated run of the regions."""
        return [
            length * UNIT_BYTES
            for region in self._region_addresses
            for _, length, taken in self._regions[region]
            if taken
        ]

    def mapping_records(self) -> tuple[Mapping, ...]:
        """Every mapping, in address order."""
        return tuple(Mapping(address, size) for address, size in sorted(self.mappings.items()))

    def _resize_mapping(self, address: int, size_bytes: int) -> int | None:
        """A mapping shrinks and grows by pages; when it has become small enough for a run, it is copied there."""
        if size_bytes <= self.own_mapping_bytes_min // 2:
            return None
        old, new = self.mappings[address], self.system.round_up(size_bytes)
        if new > old:
            self._prepare_growth(new - old)
        moved = self._resize_pages(Mapping(address, old), new)
        del self.mappings[address]
        self.mappings[moved] = new
        self._note_growth()
        return moved

    # --- mappings ---

    def _obtain_mapping(self, size: int) -> int:
        address = self._reuse(size)
        if address is None:
            self._prepare_growth(size)
            address = self._insist(lambda: self.system.obtain(size, not_below=self._range_end))
        self.mappings[address] = size
        self._note_growth()
        return address

    def _resize_pages(self, mapping: Mapping, size: int) -> int:
        moved = self._insist(lambda: self.system.resize(mapping.address, size))
        self.mapping_bytes_given_back += max(mapping.size_bytes - size, 0)
        return moved

    def _reuse(self, size: int) -> int | None:
        """A kept mapping, made as large as is asked for."""
        index = self._kept_for(size)
        if index is None:
            return None
        kept = self.kept.pop(index)
        self._prepare_growth(size)
        try:
            return kept.address if kept.size_bytes == size else self._resize_pages(kept, size)
        except OutOfMemory:
            self._keep(kept)
            return None

    def _kept_for(self, size: int) -> int | None:
        """The newest of at least half and at most twice the size; where growth would give some back, the nearest."""
        for index in reversed(range(len(self.kept))):
            if size // 2 <= self.kept[index].size_bytes and self.kept[index].size_bytes // 2 <= size:
                return index
        if not self.kept or self._growth_allows_kept(size):
            return None
        return self._nearest_in_size(size)

    def _nearest_in_size(self, size: int) -> int:
        """The smallest kept mapping that is large enough, else the largest; the oldest of equal ones."""
        large_enough = [kept.size_bytes for kept in self.kept if kept.size_bytes >= size]
        nearest = min(large_enough) if large_enough else max(kept.size_bytes for kept in self.kept)
        return [kept.size_bytes for kept in self.kept].index(nearest)

    def _keep(self, mapping: Mapping) -> None:
        if mapping.size_bytes > self.geometry.kept_bytes_max:
            self._give_back(mapping)
            return
        while len(self.kept) == self.geometry.kept_mappings_max or self._exceeds(mapping):
            self._give_back(self.kept.pop(0))
        self.kept.append(mapping)

    def _exceeds(self, mapping: Mapping) -> bool:
        return self.kept_bytes + mapping.size_bytes > self.geometry.kept_bytes_max

    def _give_back(self, mapping: Mapping) -> None:
        self.mapping_bytes_given_back += self.system.give_back(mapping.address)

    # --- growth ---

    @property
    def kept_bytes(self) -> int:
        """Bytes of kept mappings."""
        return sum(mapping.size_bytes for mapping in self.kept)

    @property
    def _held_bytes(self) -> int:
        return self._arena_bytes + sum(self.mappings.values())

    def _growth_allows_kept(self, more_bytes: int) -> bool:
        """What is kept is not to make a peak that is higher by more than a quarter of an arena."""
        limit = self._held_bytes_max + self.geometry.arena_bytes // 4
        return self._held_bytes + self.kept_bytes + more_bytes <= limit

    def _prepare_growth(self, more_bytes: int) -> None:
        while self.kept and not self._growth_allows_kept(more_bytes):
            self._give_back(self.kept.pop(0))

    def _note_growth(self) -> None:
        self.mapping_bytes_max = max(self.mapping_bytes_max, sum(self.mappings.values()))
        self._held_bytes_max = max(self._held_bytes_max, self._held_bytes)

    def _insist(self, obtain: Callable[[], int]) -> int:
        """Obtain; where the system refuses, give back what is kept, and try once more."""
        try:
            return obtain()
        except OutOfMemory:
            if not self.kept:
                raise
            self._give_kept_back()
            return obtain()

    def _give_kept_back(self) -> None:
        while self.kept:
            self._give_back(self.kept.pop(0))

    # --- runs of 16 bytes a unit ---

    def _allocate_units(self, units: int) -> int:
        for region in self._region_addresses:
            start = self._regions[region].take(units)
            if start is not None:
                return region + start * UNIT_BYTES
        region = self.system.obtain(REGION_BYTES)
        self._regions[region] = Runs(REGION_BYTES // UNIT_BYTES)
        insort(self._region_addresses, region)
        self._regions[region].take(units)
        return region

    def _find(self, address: int) -> tuple[int, int]:
        place = bisect_right(self._region_addresses, address) - 1
        if place >= 0:
            region = self._region_addresses[place]
            start, odd = divmod(address - region, UNIT_BYTES)
            if not odd and self._regions[region].length_of(start) is not None:
                return region, start
        raise NotABlock(f"{address:#x} is not the start of an allocated block")


def _units(size_bytes: int) -> int:
    return -(-max(size_bytes, 1) // UNIT_BYTES)
