"""The tree of dominators, cut so that a picture can show it: the objects that retain most, and what each holds besides
as one node a type.

    roots                                     an object's dominators retain more than it does,
     ├── app.cache      240 MiB               so a cut by size leaves a tree
     │    └── 1,000,000 app.Record            children that are too small, by type
     └── others                               and types of them that are too small
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.edges import Graph
from quire.report.reach import UNREACHED, Reach
from quire.report.retained import DominatorTree, retained_sizes
from quire.report.sizes import sizes_with_tables
from quire.report.snapshot import NONE, U1, U4, U8, Rows, Snapshot
from quire.report.words import edge_words, root_words

NODES_MAX: Final = 20_000
_SHARE: Final = 20_000
"""What retains less than this part of all has no node of its own."""
_NO_PARENT: Final = NONE


class NodeKind(IntEnum):
    """What a node stands for."""

    OBJECT = 0
    GROUP = 1
    """Objects of one type that one object dominates."""
    OTHERS = 2
    """The same, of several types."""


@dataclass(frozen=True, slots=True, eq=False)
class RetainedNodes:
    """Nodes, a parent before its children; the first is the object that was asked for, or the roots together."""

    parent: U4
    """A row of these; NONE for the first."""
    kind: U1
    row: U4
    """Of an OBJECT; else NONE. NONE for the roots together."""
    type: U4
    """Of an OBJECT or a GROUP; else NONE."""
    retained_bytes: U8
    own_bytes: U8
    """Of an OBJECT itself, with its tables; else 0."""
    members: U4
    """Of a GROUP or OTHERS: objects whose dominator is the parent; else 1."""
    objects: U4
    """That would be free, itself counted."""
    label: tuple[str, ...]
    """How an OBJECT is held on the shortest way; else empty."""


class Forest:
    """What the nodes are made of, computed once: sizes, and what each object retains."""

    def __init__(self, snapshot: Snapshot, tree: DominatorTree) -> None:
        self.snapshot = snapshot
        self.tree = tree
        self.sizes = sizes_with_tables(snapshot)
        self.retained = retained_sizes(tree, self.sizes)

    def nodes(self, graph: Graph, reach: Reach, of: int | None = None, nodes_max: int = NODES_MAX) -> RetainedNodes:
        """Of an object's tree, or of the whole; about twice ``nodes_max`` at most, with groups and others."""
        return _Cut(self, of, nodes_max).nodes(graph, reach)

    def rows_below(self, of: int | None) -> Rows:
        """What an object dominates, or what roots reach."""
        if of is None:
            return np.flatnonzero(self.tree.below)
        begin = int(self.tree.place[of])
        is_below = (self.tree.place > begin) & (self.tree.place < begin + int(self.tree.below[of]))
        return np.flatnonzero(is_below & (self.tree.below > 0))

    def largest(self, rows_max: int) -> Rows:
        """The objects that retain most, the largest first."""
        rows = np.flatnonzero(self.tree.below)
        order = np.lexsort((self.tree.place[rows], -self.retained[rows].astype(np.int64)))
        return rows[order[:rows_max]]

    def ancestors(self, row: int, count_max: int) -> list[int]:
        """Its dominators, the nearest first."""
        found: list[int] = []
        above = int(self.tree.dominator[row])
        while above < self.snapshot.count and len(found) < count_max:
            found.append(above)
            above = int(self.tree.dominator[above])
        return found


class _Cut:
    """One cut of the tree."""

    def __init__(self, forest: Forest, of: int | None, nodes_max: int) -> None:
        self._forest, self._of, self._nodes_max = forest, of, nodes_max
        self._rows = forest.rows_below(of)
        self._total_bytes = self._all_bytes()
        self._large = self._choose()
        self._node_of = np.full(forest.snapshot.count + 1, NONE, np.uint32)
        self._node_of[forest.snapshot.count if of is None else of] = 0
        self._node_of[self._large] = np.arange(1, len(self._large) + 1)

    def nodes(self, graph: Graph, reach: Reach) -> RetainedNodes:
        forest = self._forest
        own = np.concatenate(([self._first_row()], self._large)).astype(np.uint32)
        large = self._large
        parent, its_type, members, retained, objects, row = self._small()
        is_one = row != NONE
        kind = np.where(is_one, NodeKind.OBJECT, np.where(its_type == NONE, NodeKind.OTHERS, NodeKind.GROUP))
        rows = np.concatenate((own, row))
        first_objects = len(self._rows) + (self._of is not None)
        return RetainedNodes(
            parent=_joined([_NO_PARENT], self._node_of[forest.tree.dominator[large]], parent),
            kind=_joined(np.zeros(len(own)), kind).astype(np.uint8),
            row=rows,
            type=np.concatenate((self._types(own), its_type)),
            retained_bytes=np.concatenate(([np.uint64(self._total_bytes)], forest.retained[large], retained)),
            own_bytes=_own_bytes(forest.sizes, rows),
            members=_joined(np.ones(len(own)), members),
            objects=_joined([first_objects], forest.tree.below[large], objects),
            label=_labels(graph, reach, rows),
        )

    # --- objects with a node of their own ---

    def _choose(self) -> Rows:
        """The largest first. Of those that retain the same, a dominator lies before what it dominates."""
        retained = self._forest.retained
        rows = self._rows[retained[self._rows] >= max(self._total_bytes // _SHARE, 1)]
        order = np.lexsort((self._forest.tree.place[rows], -retained[rows].astype(np.int64)))
        return rows[order[: self._nodes_max]]

    def _all_bytes(self) -> int:
        if self._of is not None:
            return int(self._forest.retained[self._of])
        return int(self._forest.sizes[self._rows].sum())

    def _first_row(self) -> int:
        return int(NONE) if self._of is None else self._of

    def _types(self, rows: U4) -> U4:
        is_object = rows != NONE
        types = np.full(len(rows), NONE, np.uint32)
        types[is_object] = self._forest.snapshot.object_type[rows[is_object]]
        return types

    # --- what hangs on them ---

    def _small(self) -> tuple[U4, U4, U4, U8, U4, U4]:
        """Groups: parent, type, members, retained bytes, objects; and the row, where it is one object."""
        tree, snapshot = self._forest.tree, self._forest.snapshot
        is_small = self._node_of[self._rows] == NONE
        rows = self._rows[is_small]
        above = self._node_of[tree.dominator[rows]]
        rows, above = rows[above != NONE], above[above != NONE]
        width = len(snapshot.types) + 1
        pairs, inverse = np.unique(above.astype(np.int64) * width + snapshot.object_type[rows], return_inverse=True)
        retained = self._forest.retained[rows]
        total = np.bincount(inverse, retained, minlength=len(pairs)).astype(np.float64)
        merged = self._merge(pairs, total, width)
        keys, group = np.unique(merged[inverse], return_inverse=True)
        members = np.bincount(group, minlength=len(keys)).astype(np.uint32)
        some_row = np.zeros(len(keys), np.uint32)
        some_row[group] = rows
        its_type = (keys % width).astype(np.uint32)
        its_type[its_type == width - 1] = NONE
        return (
            (keys // width).astype(np.uint32),
            its_type,
            members,
            np.bincount(group, retained, minlength=len(keys)).astype(np.uint64),
            np.bincount(group, tree.below[rows], minlength=len(keys)).astype(np.uint32),
            np.where((members == 1) & (its_type != NONE), some_row, NONE).astype(np.uint32),
        )

    def _merge(self, pairs: NDArray[np.int64], total: NDArray[np.float64], width: int) -> NDArray[np.int64]:
        """The same pairs, but those of the smallest groups: they are of no type."""
        order = np.argsort(-total, kind="stable")
        is_shown = np.zeros(len(pairs), np.bool_)
        is_shown[order[: self._nodes_max // 2]] = True
        is_shown &= total >= self._total_bytes / (4 * _SHARE)
        return np.where(is_shown, pairs, pairs // width * width + width - 1)


def _joined(*parts: object) -> U4:
    return np.concatenate([np.asarray(part, np.uint32) for part in parts])


def _own_bytes(sizes: U8, rows: U4) -> U8:
    is_object = rows != NONE
    own = np.zeros(len(rows), np.uint64)
    own[is_object] = sizes[rows[is_object]]
    return own


def _labels(graph: Graph, reach: Reach, rows: U4) -> tuple[str, ...]:
    """Of each object by what the way from a root holds it; of other rows nothing."""
    labels, namespaces = _held_by(graph, reach, rows)
    owners = graph.snapshot.sources_of(reach.via[rows[namespaces]]).astype(np.uint32)
    for number, owner in zip(namespaces, _held_by(graph, reach, owners)[0], strict=True):
        labels[number] = f"{owner}.__dict__"
    return tuple(labels)


def _held_by(graph: Graph, reach: Reach, rows: U4) -> tuple[list[str], list[int]]:
    """The same; and which of them are somebody's attributes, which have no name but their owner's."""
    labels = [""] * len(rows)
    at_edge = []
    for number, row in enumerate(rows.tolist()):
        if row == NONE:
            continue
        root = reach.root_of(row)
        if root is not None:
            labels[number] = root_words(graph.snapshot, root)
        elif reach.via[row] != UNREACHED:
            at_edge.append(number)
    for number, words in zip(at_edge, edge_words(graph, reach.via[rows[at_edge]].tolist()), strict=True):
        labels[number] = words
    return labels, [number for number in at_edge if not labels[number]]
