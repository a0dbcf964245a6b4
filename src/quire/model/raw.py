"""The raw allocator: between the system and everything above it.

It obtains arenas from the system as a whole, and serves the requests that are too large for the object allocator:
in CPython that is libc's ``malloc``. It cuts regions of pages into runs of 16 bytes a unit; a request above
``own_mapping_bytes_min`` gets pages of its own, which go back to the system as soon as it is freed.
"""

from __future__ import annotations

from bisect import bisect_right, insort

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
        self._range_end = system.first_address + geometry.range_bytes
        self._regions: dict[int, Runs] = {}
        self._region_addresses: list[int] = []

    def obtain_arena(self) -> int:
        """An arena's pages, at the lowest free address of the range, or of the whole system where there is none.

        Raises:
            OutOfMemory: the system refuses, or the range is used up.
        """
        alignment = self.geometry.arena_bytes if self.geometry.range_bytes else self.geometry.page_bytes
        address = self.system.obtain(self.geometry.arena_bytes, alignment)
        if self.geometry.range_bytes and address + self.geometry.arena_bytes > self._range_end:
            self.system.give_back(address)
            raise OutOfMemory("every arena of the reserved range is in use")
        return address

    def give_back_arena(self, address: int) -> None:
        """Return an arena's pages to the system."""
        self.system.give_back(address)

    def allocate(self, size_bytes: int) -> int:
        """Serve a request of any size; returns its address.

        Raises:
            OutOfMemory: the system refuses.
        """
        if size_bytes >= self.own_mapping_bytes_min:
            address = self.system.obtain(size_bytes, not_below=self._range_end)
            self.mappings[address] = self.system.round_up(size_bytes)
            return address
        return self._allocate_units(_units(size_bytes))

    def free(self, address: int) -> int:
        """Take back what ``allocate`` gave; returns how many bytes went back to the system.

        Raises:
            NotABlock: ``allocate`` did not give this address.
        """
        if address in self.mappings:
            del self.mappings[address]
            return self.system.give_back(address)
        region, start = self._find(address)
        self._regions[region].release(start)
        return 0

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
        moved = self.system.resize(address, size_bytes)
        del self.mappings[address]
        self.mappings[moved] = self.system.round_up(size_bytes)
        return moved

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
