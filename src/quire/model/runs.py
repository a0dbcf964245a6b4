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


class Runs:
    """``units`` units in a row, at first one untouched hole.

    ``sum(lengths) == units`` holds always; no two holes are neighbours.
    """

    def __init__(self, units: int) -> None:
        self.units = units
        self.touched = 0
        """Units before this index were handed out at some time; the rest never."""
        self._length = {0: units}
        self._start_of_hole_ending_at = {units: 0}
        self._taken: set[int] = set()

    @property
    def longest_hole(self) -> int:
        """The length of the longest hole, in units; 0 if there is none."""
        return max((length for start, length in self._length.items() if start not in self._taken), default=0)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is allocated."""
        return not self._taken

    def __iter__(self) -> Iterator[tuple[int, int, bool]]:
        """Every run and hole in order: first unit, length, whether it is allocated."""
        start = 0
        while start < self.units:
            yield start, self._length[start], start in self._taken
            start += self._length[start]

    def length_of(self, start: int) -> int | None:
        """The length of the allocated run that begins at ``start``; ``None`` if none does."""
        return self._length[start] if start in self._taken else None

    def take(self, length: int) -> int | None:
        """Allocate ``length`` units; the index of the first, or ``None`` where no hole is large enough."""
        holes = [(size, start) for start, size, taken in self if not taken and size >= length]
        if not holes:
            return None
        size, start = min(holes)
        self._remove_hole(start)
        self._mark_taken(start, length)
        self._add_hole(start + length, size - length)
        return start

    def release(self, start: int) -> None:
        """Give a run back; it merges with the holes beside it."""
        self._taken.remove(start)
        length = self._length.pop(start)
        self._add_merged_hole(start, length)

    def resize(self, start: int, length: int) -> bool:
        """Make a run longer or shorter where it is; ``False``, and nothing done, if the hole behind is too small."""
        old = self._length[start]
        behind = start + old
        room = self._length[behind] if self._is_hole(behind) else 0
        if length > old + room:
            return False
        if room:
            self._remove_hole(behind)
        self._mark_taken(start, length)
        self._add_hole(start + length, old + room - length)
        return True

    def _is_hole(self, start: int) -> bool:
        return start in self._length and start not in self._taken

    def _mark_taken(self, start: int, length: int) -> None:
        self._length[start] = length
        self._taken.add(start)
        self.touched = max(self.touched, start + length)

    def _add_merged_hole(self, start: int, length: int) -> None:
        if self._is_hole(start + length):
            length += self._remove_hole(start + length)
        before = self._start_of_hole_ending_at.get(start)
        if before is not None:
            length += self._remove_hole(before)
            start = before
        self._add_hole(start, length)

    def _add_hole(self, start: int, length: int) -> None:
        if length:
            self._length[start] = length
            self._start_of_hole_ending_at[start + length] = start

    def _remove_hole(self, start: int) -> int:
        length = self._length.pop(start)
        del self._start_of_hole_ending_at[start + length]
        return length
