"""From where each object is reached: a breadth-first search from the roots, so that ways are the shortest.

One search after another, from the roots whose turn it is: from modules; from variables of frames, what is left; from
types; from the interpreter; from all else. For a way from a module tells more than "C holds it", or than the frame that
happens to be at work on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.snapshot import NONE, ROOT_KINDS, U1, U4, Rows, Snapshot

UNREACHED: Final = -1
_ROOTS: Final = -2
"""And below: ``_ROOTS - index`` says which row of the ``root_`` columns holds the object."""
ROOTS_IN_TURN: Final = ("module", "frame", "type", "interpreter")
LAST_TURN: Final = len(ROOTS_IN_TURN)
"""Of what is none of these, and of what a frame has for its own work: its function leads to all of a module."""
_NARROW: Final = 64
"""A level with fewer objects and edges is gone through one by one: a chain of a million has a million levels."""


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Of each object: by which edge it was reached first, and over how many."""

    via: NDArray[np.int64]
    """A place in ``edge_to``; UNREACHED; or below that, for ``root_of``."""
    depth: U4
    turn: U1
    """In which search."""

    def has(self, row: int) -> bool:
        """Whether the object was reached."""
        return bool(self.via[row] != UNREACHED)

    @property
    def is_reached(self) -> NDArray[np.bool_]:
        """Of all of them: looked at as a whole each time."""
        is_reached: NDArray[np.bool_] = self.via != UNREACHED
        return is_reached

    def root_of(self, row: int) -> int | None:
        """The row of the ``root_`` columns that holds the object itself; ``None``: it was reached by an edge."""
        via = int(self.via[row])
        return _ROOTS - via if via <= _ROOTS else None


def reach(snapshot: Snapshot) -> Reach:
    """Search from all roots."""
    search = _Search(snapshot)
    turns = turns_of(snapshot)
    turn = np.zeros(snapshot.count, np.uint8)
    for each in range(LAST_TURN + 1):
        turn[search.via == UNREACHED] = each
        search.run(np.flatnonzero(turns == each))
    return Reach(search.via, search.depth, turn)


def turns_of(snapshot: Snapshot) -> U1:
    """In which search each root is."""
    turn = np.full(256, LAST_TURN, np.uint8)
    for number, kind in enumerate(ROOTS_IN_TURN):
        turn[ROOT_KINDS.index(kind)] = number
    is_own = np.array([*(each.is_own for each in snapshot.roots), False])
    place = np.minimum(snapshot.root_place, len(snapshot.roots))
    return np.where(is_own[place], np.uint8(LAST_TURN), turn[snapshot.root_kind])


class _Search:
    """The state of a search: what was reached, and how."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.via = np.full(snapshot.count, UNREACHED, np.int64)
        self.depth = np.full(snapshot.count, NONE, np.uint32)
        self._one_by_one = _OneByOne(snapshot, self.via, self.depth)

    def run(self, roots: Rows) -> None:
        """Reach what these roots hold and nothing has reached yet."""
        frontier = self._reach(self._snapshot.root_object[roots], _ROOTS - roots, 0)
        depth = 0
        while len(frontier):
            if len(frontier) <= _NARROW and self._edge_count(frontier) <= _NARROW:
                frontier, depth = self._one_by_one.run(frontier, depth)
                continue
            depth += 1
            frontier = self._step(frontier, depth)

    def _step(self, frontier: Rows, depth: int) -> Rows:
        edges = edges_of(self._snapshot, frontier)
        return self._reach(self._snapshot.edge_to[edges], edges, depth)

    def _reach(self, rows: NDArray[np.uint32], via: NDArray[np.int64], depth: int) -> Rows:
        """Note who is reached for the first time; of several edges to an object the first counts."""
        is_there = np.flatnonzero(rows != NONE)
        is_new = is_there[self.via[rows[is_there]] == UNREACHED]
        rows, via = rows[is_new], via[is_new]
        self.via[rows[::-1]] = via[::-1]
        first: Rows = rows[self.via[rows] == via].astype(np.intp)
        self.depth[first] = depth
        return first

    def _edge_count(self, rows: Rows) -> int:
        return int(self._snapshot.edge_end[rows].sum()) - int(self._snapshot.edges_begin(rows).sum())


def edges_of(snapshot: Snapshot, rows: Rows) -> NDArray[np.int64]:
    """The references of these objects, as places in ``edge_to``, one object's after another's."""
    begin = snapshot.edges_begin(rows)
    counts = snapshot.edge_end[rows].astype(np.int64) - begin
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    edges: NDArray[np.int64] = np.arange(total, dtype=np.int64) + np.repeat(begin - ends + counts, counts)
    return edges


class _OneByOne:
    """The same, without arrays, where there is little on a level."""

    def __init__(self, snapshot: Snapshot, via: NDArray[np.int64], depth: U4) -> None:
        self._edge_end, self._edge_to = snapshot.edge_end.data, snapshot.edge_to.data
        self._via, self._depth = via.data, depth.data

    def run(self, frontier: Rows, depth: int) -> tuple[Rows, int]:
        """Go on until a level is wide, or nothing is left; that level, and how deep it is."""
        rows: list[int] = frontier.tolist()
        while rows and len(rows) <= _NARROW and self._edge_count(rows) <= _NARROW:
            depth += 1
            rows = self._step(rows, depth)
        return np.array(rows, np.intp), depth

    def _step(self, rows: list[int], depth: int) -> list[int]:
        none, following = int(NONE), []
        for row in rows:
            for edge in range(self._begin(row), self._edge_end[row]):
                to = self._edge_to[edge]
                if to != none and self._via[to] == UNREACHED:
                    self._via[to], self._depth[to] = edge, depth
                    following.append(to)
        return following

    def _begin(self, row: int) -> int:
        return self._edge_end[row - 1] if row else 0

    def _edge_count(self, rows: list[int]) -> int:
        return sum(self._edge_end[row] - self._begin(row) for row in rows)
