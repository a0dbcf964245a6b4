"""Objects one by one, with all that is known of each: what it is, why it lives, who refers to it, to whom it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.answers import Count, ObjectRow, ReferenceRow
from quire.report.edges import Graph, Hold
from quire.report.objects import object_row
from quire.report.places import UNREACHABLE
from quire.report.reach import UNREACHED, Reach
from quire.report.retained_nodes import Forest
from quire.report.snapshot import (
    KNOWN_BITS,
    NONE,
    OBJECT_KNOWN,
    OBJECT_PLACES,
    PLACE_BITS,
    PLACE_SHIFT,
    Rows,
    Snapshot,
)
from quire.report.words import edge_words, root_kind, root_words

_STEPS_MAX: Final = 40
_ANCESTORS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Step:
    """An object on a way from a root, and by what the one before it holds it; of the first, the root."""

    address: int
    type: str
    where: str


@dataclass(frozen=True, slots=True)
class RetainedPart:
    """Of an object that roots reach: what would be free without it."""

    retained_bytes: int
    objects: Count
    """Itself counted."""
    dominators: tuple[ObjectRow, ...]
    """The nearest first."""


@dataclass(frozen=True, slots=True)
class ObjectDetails:
    """One object. ``references``, ``referrers`` may be fewer than their counts."""

    address: int
    type: str
    size_bytes: int
    """With its tables."""
    own_bytes: int
    """As ``sys.getsizeof``."""
    count: Count | None
    """Of references, as CPython counts them; ``None``: it never dies."""
    known: str
    """One of OBJECT_KNOWN."""
    where: str
    """One of OBJECT_PLACES."""
    pool: int | None
    """Its address."""
    retained: RetainedPart | None
    """``None``: no root reaches it, or the tree is not to be had."""
    root: str
    """The kind of root that the way begins at; empty: none reaches it."""
    way: str
    """In words."""
    steps: tuple[Step, ...]
    """The same, object by object; of a long way the beginning and the end."""
    steps_left_out: Count
    referrer_count: Count
    referrers: tuple[ReferenceRow, ...]
    reference_count: Count
    references: tuple[ReferenceRow, ...]


class Describer:
    """Describes objects of one snapshot."""

    def __init__(self, graph: Graph, reach: Reach, forest: Forest | None, sizes: NDArray[np.uint64]) -> None:
        self._graph, self._reach, self._forest, self._sizes = graph, reach, forest, sizes
        self._snapshot = graph.snapshot

    def details(self, rows: Sequence[int], references_max: int) -> list[ObjectDetails]:
        """Of these objects, which are distinct, in their order; one look at all references for all of them."""
        referrers = self._edges_to(np.array(rows, np.intp))
        return [self._one(row, edges, references_max) for row, edges in zip(rows, referrers, strict=True)]

    def _one(self, row: int, edges_to: NDArray[np.int64], references_max: int) -> ObjectDetails:
        snapshot = self._snapshot
        flags, count = int(snapshot.object_flags[row]), int(snapshot.object_count[row])
        root, way, steps, left_out = self._way(row)
        references = np.array(snapshot.edges_of(row), np.int64)
        references = references[snapshot.edge_to[references] != NONE]
        sources = snapshot.sources_of(edges_to[:references_max])
        targets = snapshot.edge_to[references[:references_max]].astype(np.intp)
        return ObjectDetails(
            address=int(snapshot.object_address[row]),
            type=snapshot.type_of(row).words,
            size_bytes=int(self._sizes[row]),
            own_bytes=int(snapshot.object_bytes[row]),
            count=None if count == NONE else count,
            known=OBJECT_KNOWN[flags & KNOWN_BITS],
            where=OBJECT_PLACES[flags >> PLACE_SHIFT & PLACE_BITS],
            pool=pool_of(snapshot, row),
            retained=self._retained(row),
            root=root,
            way=way,
            steps=steps,
            steps_left_out=left_out,
            referrer_count=len(edges_to),
            referrers=self._reference_rows(edges_to[:references_max], sources),
            reference_count=len(references),
            references=self._reference_rows(references[:references_max], targets),
        )

    def _retained(self, row: int) -> RetainedPart | None:
        forest = self._forest
        if forest is None or not forest.tree.below[row]:
            return None
        above = forest.ancestors(row, _ANCESTORS_MAX)
        dominators = tuple(object_row(self._snapshot, self._sizes, each) for each in above)
        return RetainedPart(int(forest.retained[row]), int(forest.tree.below[row]), dominators)

    # --- references ---

    def _reference_rows(self, edges: NDArray[np.int64], ends: Rows) -> tuple[ReferenceRow, ...]:
        holds = self._graph.holds(edges).hold.tolist()
        words = edge_words(self._graph, edges.tolist())
        others = [object_row(self._snapshot, self._sizes, int(end)) for end in ends]
        return tuple(
            ReferenceRow(other.address, other.type, other.size_bytes, Hold(hold).name.lower(), where)
            for other, hold, where in zip(others, holds, words, strict=True)
        )

    def _edges_to(self, rows: Rows) -> list[NDArray[np.int64]]:
        """The references to each of these objects, as places in ``edge_to``."""
        number = np.full(self._snapshot.count + 1, -1, np.int32)
        number[rows] = np.arange(len(rows), dtype=np.int32)
        which = number[np.minimum(self._snapshot.edge_to, self._snapshot.count)]
        edges = np.flatnonzero(which >= 0)
        order = np.argsort(which[edges], kind="stable")
        ends = np.cumsum(np.bincount(which[edges], minlength=len(rows)))
        return np.split(edges[order], ends[:-1]) if len(rows) else []

    # --- the way from a root ---

    def _way(self, row: int) -> tuple[str, str, tuple[Step, ...], Count]:
        """The root's kind, the shortest way in words and in steps, and how many of these are left out."""
        if self._reach.via[row] == UNREACHED:
            return "", UNREACHABLE, (), 0
        edges: list[int] = []
        while (root := self._reach.root_of(row)) is None:
            edges.append(int(self._reach.via[row]))
            row = int(self._snapshot.sources_of(self._reach.via[row : row + 1])[0])
        edges.reverse()
        left_out = max(len(edges) - _STEPS_MAX, 0)
        half = _STEPS_MAX // 2
        shown = edges if not left_out else [*edges[:half], *edges[-half:]]
        words = edge_words(self._graph, shown)
        begin = root_words(self._snapshot, root)
        told = "".join(words) if not left_out else f"{''.join(words[:half])} … {''.join(words[half:])}"
        steps = (
            self._step(row, begin),
            *(self._step_to(edge, where) for edge, where in zip(shown, words, strict=True)),
        )
        return root_kind(self._snapshot, root), begin + told, steps, left_out

    def _step_to(self, edge: int, where: str) -> Step:
        return self._step(int(self._snapshot.edge_to[edge]), where or ".__dict__")

    def _step(self, row: int, where: str) -> Step:
        return Step(int(self._snapshot.object_address[row]), self._snapshot.type_of(row).words, where)


def lies(snapshot: Snapshot, sizes: NDArray[np.uint64]) -> list[tuple[str, Count, int]]:
    """Where objects lie: the place, how many, and their bytes; the most bytes first."""
    place = snapshot.object_flags >> PLACE_SHIFT & PLACE_BITS
    counts = np.bincount(place, minlength=PLACE_BITS + 1).tolist()
    totals = np.bincount(place, sizes, minlength=PLACE_BITS + 1).tolist()
    rows = [(OBJECT_PLACES[at], count, int(totals[at])) for at, count in enumerate(counts) if count]
    return sorted(rows, key=lambda row: -row[2])


def pool_of(snapshot: Snapshot, row: int) -> int | None:
    """The address of the pool that the object lies in."""
    address = snapshot.object_address[row]
    pool = int(np.searchsorted(snapshot.pool_address, address, side="right")) - 1
    if pool < 0 or address - snapshot.pool_address[pool] >= snapshot.pool_bytes[pool]:
        return None
    return int(snapshot.pool_address[pool])
