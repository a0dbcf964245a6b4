"""A piece of memory cut into runs: units in a row that serve one request, and the holes between them.

    +--------+----+-----------+------+-------------------+
    | run    |hole| run       | run  | untouched ...     |
    +--------+----+-----------+------+-------------------+

A request takes the smallest hole that is large enough (the lowest of several equal ones), from its front; what is
left of the hole stays a hole. A run that is given back merges with a hole before it and a hole behind it. The
raw allocator cuts its regions this way, 16 bytes a unit, and quire its arenas for larger requests, 4 KiB a unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from quire.errors import NotABlock
from quire.records.heap import BlockState


class Runs:
    """A piece of memory, a whole number of units, at first one untouched hole.

    The sizes of runs and holes add up to the piece's size always; no two holes are neighbours.
    """

    def __init__(self, address: int, size_bytes: int, unit_bytes: int) -> None:
        self.address = address
        self.end = address + size_bytes
        self.unit_bytes = unit_bytes
        self.touched_end = address
        """What lies before this address was handed out at some time; the rest never."""
        self.purged: set[int] = set()
        """Units of holes whose pages went back to the system, by address: they are untouched again."""
        self.old: set[int] = set()
        """Units of holes that have rested since before the last sweep, or were purged by a sweep."""
        self._sizes = {address: size_bytes}
        """Of each run and hole, by address."""
        self._start_of_hole_ending_at = {self.end: address}
        self._taken: set[int] = set()

    @property
    def longest_hole_bytes(self) -> int:
        """The size of the longest hole; 0 if there is none."""
        return max((size for start, size in self._sizes.items() if start not in self._taken), default=0)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is allocated."""
        return not self._taken

    @property
    def touched_bytes(self) -> int:
        """What was handed out at some time, without what was purged."""
        return self.touched_end - self.address - len(self.purged) * self.unit_bytes

    def __iter__(self) -> Iterator[tuple[int, int, bool]]:
        """Every run and hole in order: address, size in bytes, whether it is allocated."""
        start = self.address
        while start < self.end:
            yield start, self._sizes[start], start in self._taken
            start += self._sizes[start]

    def parts(self) -> Iterator[tuple[int, int, BlockState]]:
        """Every run in order, and every hole, where it is touched and where not: address, size in bytes, state."""
        for start, size, taken in self:
            if taken:
                yield start, size, BlockState.ALLOCATED
                continue
            for touched, units in groupby(range(start, start + size, self.unit_bytes), self._is_touched):
                part = list(units)
                state = BlockState.FREE if touched else BlockState.UNTOUCHED
                yield part[0], len(part) * self.unit_bytes, state

    def purge(self, address: int, size_bytes: int, *, by_sweep: bool) -> None:
        """The pages of a part of a hole went back: what a sweep took stays old."""
        units = range(address, address + size_bytes, self.unit_bytes)
        self.purged.update(units)
        if not by_sweep:
            self.old.difference_update(units)

    def size_of(self, address: int) -> int:
        """The size of the allocated run at ``address``.

        Raises:
            NotABlock: none begins there.
        """
        if address not in self._taken:
            raise NotABlock(f"{address:#x} is not the start of an allocated run")
        return self._sizes[address]

    def take(self, size_bytes: int) -> int | None:
        """Allocate a run; its address, or ``None`` where no hole is large enough."""
        wanted = self._round_up(size_bytes)
        holes = [(size, start) for start, size, taken in self if not taken and size >= wanted]
        if not holes:
            return None
        size, start = min(holes)
        self._remove_hole(start)
        self._mark_taken(start, wanted)
        self._add_hole(start + wanted, size - wanted)
        return start

    def release(self, address: int) -> None:
        """Give a run back; it merges with the holes beside it.

        Raises:
            NotABlock: none begins there.
        """
        size = self.size_of(address)
        self._taken.remove(address)
        del self._sizes[address]
        self._add_merged_hole(address, size)

    def resize(self, address: int, size_bytes: int) -> bool:
        """Make a run longer or shorter where it is; ``False``, and nothing done, if the hole behind is too small.

        Raises:
            NotABlock: none begins there.
        """
        old, new = self.size_of(address), self._round_up(size_bytes)
        behind = address + old
        room = self._sizes[behind] if self._is_hole(behind) else 0
        if new > old + room:
            return False
        if room:
            self._remove_hole(behind)
        self._mark_taken(address, new)
        self._add_hole(address + new, old + room - new)
        return True

    def _round_up(self, size_bytes: int) -> int:
        """Whole units, one at least."""
        return -(-max(size_bytes, 1) // self.unit_bytes) * self.unit_bytes

    def _is_touched(self, unit: int) -> bool:
        return unit < self.touched_end and unit not in self.purged

    def _is_hole(self, start: int) -> bool:
        return start in self._sizes and start not in self._taken

    def _mark_taken(self, start: int, size: int) -> None:
        self._sizes[start] = size
        self._taken.add(start)
        self.touched_end = max(self.touched_end, start + size)
        self.purged.difference_update(range(start, start + size, self.unit_bytes))
        self.old.difference_update(range(start, start + size, self.unit_bytes))

    def _add_merged_hole(self, start: int, size: int) -> None:
        if self._is_hole(start + size):
            size += self._remove_hole(start + size)
        before = self._start_of_hole_ending_at.get(start)
        if before is not None:
            size += self._remove_hole(before)
            start = before
        self._add_hole(start, size)

    def _add_hole(self, start: int, size: int) -> None:
        if size:
            self._sizes[start] = size
            self._start_of_hole_ending_at[start + size] = start

    def _remove_hole(self, start: int) -> int:
        size = self._sizes.pop(start)
        del self._start_of_hole_ending_at[start + size]
        return size
