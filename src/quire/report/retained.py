"""Who frees what: the tree of dominators, and the bytes that would be free without an object.

a dominates b, d, c          preorder    a b d c
  a --> b --> d              sizes       1 2 4 8
  |           ^              retained of a: the sum over its stretch of the preorder, 15
  +---> c ----+
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quire.report.answers import Retained, RetainedRow
from quire.report.edges import Graph
from quire.report.objects import object_row, type_words
from quire.report.paths import ways_words
from quire.report.reach import Reach
from quire.report.sizes import sizes_with_tables
from quire.report.snapshot import U4, U8, Rows, Snapshot

FindDominators = Callable[[Any, Any, Any], tuple[Any, Any, Any]]
"""``quire.process.dominators.find_dominators``: buffers of the references' ends, their targets and the roots; to those
of each object's dominator, place and number of objects below, as ``core/observe/dominators.h`` tells them."""


@dataclass(frozen=True, slots=True, eq=False)
class DominatorTree:
    """Of each object: its nearest dominator, and its stretch of the tree's preorder."""

    dominator: U4
    """The number of objects: the roots together. NONE: no root reaches the object."""
    place: U4
    below: U4
    """Objects in its stretch, itself counted; 0: no root reaches it."""


def dominator_tree(snapshot: Snapshot, find: FindDominators) -> DominatorTree:
    """The tree of a snapshot with references."""
    columns = find(snapshot.edge_end, snapshot.edge_to, np.unique(snapshot.root_object))
    return DominatorTree(*(np.frombuffer(column, np.uint32) for column in columns))


def retained_sizes(tree: DominatorTree, sizes: U8) -> U8:
    """Bytes that would be free without each object, itself counted. What no root reaches retains itself alone."""
    reached = np.flatnonzero(tree.below)
    place = tree.place[reached].astype(np.intp)
    sums = np.zeros(len(reached) + 1, np.uint64)
    sums[1 + place] = sizes[reached]
    np.cumsum(sums, out=sums)
    retained = sizes.copy()
    retained[reached] = sums[place + tree.below[reached]] - sums[place]
    return retained


def retained_by_group(tree: DominatorTree, retained: U8, group: Rows, group_count: int) -> U8:
    """Bytes that would be free without the objects of each group: those that others of it retain count once."""
    is_outermost = _outermost(tree, group)
    total = np.bincount(group[is_outermost], retained[is_outermost], minlength=group_count)
    return total.astype(np.uint64)


def _outermost(tree: DominatorTree, group: Rows) -> NDArray[np.bool_]:
    """Objects that no other of their group dominates.

    Stretches of the preorder contain each other or are apart. So, group by group in preorder, an object is inside of
    another if it begins before the furthest end so far; groups lie far enough apart not to meet.
    """
    is_outermost = np.ones(len(group), np.bool_)
    reached = np.flatnonzero(tree.below)
    begin = group[reached].astype(np.int64) * (len(group) + 1) + tree.place[reached]
    order = np.argsort(begin)
    begin = begin[order]
    end = begin + tree.below[reached[order]]
    furthest = np.maximum.accumulate(end)
    is_outermost[reached[order[1:]]] = begin[1:] >= furthest[:-1]
    return is_outermost


# --- a node of the tree ---------------------------------------------------------------------------------------


def retained(
    graph: Graph, reach: Reach, tree: DominatorTree, of: int | None = None, rows_max: int | None = None
) -> Retained:
    """An object's children in the tree, or those of the roots together; the largest first."""
    snapshot = graph.snapshot
    sizes = sizes_with_tables(snapshot)
    retained_bytes = retained_sizes(tree, sizes)
    children = np.flatnonzero(tree.dominator == (snapshot.count if of is None else of))
    order = np.argsort(retained_bytes[children].max(initial=0) - retained_bytes[children], kind="stable")
    total = retained_bytes[children].sum() if of is None else retained_bytes[of]
    return Retained(
        object=None if of is None else object_row(snapshot, sizes, of),
        retained_bytes=int(total),
        count=len(children),
        rows=tuple(_rows(graph, reach, tree, children[order[:rows_max]], sizes, retained_bytes)),
    )


def _rows(
    graph: Graph, reach: Reach, tree: DominatorTree, rows: Rows, sizes: U8, retained_bytes: U8
) -> Iterator[RetainedRow]:
    snapshot = graph.snapshot
    for row, path in zip(rows.tolist(), ways_words(graph, reach, rows.tolist()), strict=True):
        yield RetainedRow(
            address=int(snapshot.object_address[row]),
            type=type_words(snapshot, row),
            size_bytes=int(sizes[row]),
            retained_bytes=int(retained_bytes[row]),
            dominated=int(tree.below[row]) - 1,
            path=path,
        )
