"""Who refers to an object, and to whom it refers: with what holds it, a key, an index, an attribute or a slot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quire.report.answers import ReferenceRow, References
from quire.report.edges import Graph, Hold
from quire.report.objects import object_row
from quire.report.sizes import sizes_with_tables
from quire.report.snapshot import NONE, Rows, Snapshot
from quire.report.words import edge_words, root_words


def referrers(graph: Graph, row: int, rows_max: int | None = None) -> References:
    """Who refers to the object, by address, and which roots hold it."""
    edges = edges_to(graph.snapshot, row)
    return _references(graph, row, edges, graph.snapshot.sources_of(edges), rows_max)


def referents(graph: Graph, row: int, rows_max: int | None = None) -> References:
    """To whom the object refers, in its own order."""
    edges = np.array(graph.snapshot.edges_of(row), np.int64)
    edges = edges[graph.snapshot.edge_to[edges] != NONE]
    return _references(graph, row, edges, graph.snapshot.edge_to[edges].astype(np.intp), rows_max)


def edges_to(snapshot: Snapshot, row: int) -> NDArray[np.int64]:
    """The references to an object, as places in ``edge_to``."""
    return np.flatnonzero(snapshot.edge_to == row)


def roots_of(snapshot: Snapshot, row: int) -> tuple[str, ...]:
    """Who holds the object from outside of all objects, in words."""
    rows = np.flatnonzero(snapshot.root_object == row)
    return tuple(dict.fromkeys(root_words(snapshot, int(index)) for index in rows))


def _references(graph: Graph, row: int, edges: NDArray[np.int64], ends: Rows, rows_max: int | None) -> References:
    snapshot = graph.snapshot
    sizes = sizes_with_tables(snapshot)
    shown = edges[:rows_max].tolist()
    others = [object_row(snapshot, sizes, int(end)) for end in ends[:rows_max]]
    holds = graph.holds(np.array(shown, np.int64)).hold.tolist()
    each = zip(others, holds, edge_words(graph, shown), strict=True)
    return References(
        object=object_row(snapshot, sizes, row),
        count=len(edges),
        roots=roots_of(snapshot, row),
        rows=tuple(
            ReferenceRow(other.address, other.type, other.size_bytes, Hold(hold).name.lower(), words)
            for other, hold, words in each
        ),
    )
