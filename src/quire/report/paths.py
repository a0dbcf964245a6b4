"""The shortest ways from a root to an object.

How far each object is from a root is known from the search (``reach``). So a search backwards, from the object, that
always goes on with what can become the shortest way finds the ways in their order, and looks at little else (A*).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count, islice

import numpy as np

from quire.report.answers import PathRow, Paths
from quire.report.edges import Graph
from quire.report.objects import object_row, type_words
from quire.report.places import UNREACHABLE
from quire.report.reach import LAST_TURN, UNREACHED, Reach, turns_of
from quire.report.references import edges_to
from quire.report.sizes import sizes_with_tables
from quire.report.words import edge_words, path_words, paths_words, root_kind, root_words

Way = tuple[int, ...]
"""Edges, the one that leads to the object last."""
_WAYS_AT_ONCE = 4096


def paths(graph: Graph, reach: Reach, row: int, paths_max: int) -> Paths:
    """The shortest ways to the object that visit none twice, at most so many, the shortest first."""
    ways = _shortest(graph, reach, row, paths_max)
    return Paths(
        object=object_row(graph.snapshot, sizes_with_tables(graph.snapshot), row),
        rows=tuple(_path_row(graph, root, way) for root, way in ways),
    )


def way_words(graph: Graph, reach: Reach, row: int) -> str:
    """The shortest way to the object, in words."""
    return next(ways_words(graph, reach, [row]))


def ways_words(graph: Graph, reach: Reach, rows: Iterable[int]) -> Iterator[str]:
    """The shortest way to each of these objects."""
    left = iter(rows)
    while some := list(islice(left, _WAYS_AT_ONCE)):
        yield from paths_words(graph, [_way_to(graph, reach, row) for row in some])


def _way_to(graph: Graph, reach: Reach, row: int) -> tuple[str, list[int]]:
    """The root it begins at, and the edges."""
    if not reach.has(row):
        return UNREACHABLE, []
    edges: list[int] = []
    while (root := reach.root_of(row)) is None:
        edges.append(int(reach.via[row]))
        row = int(graph.snapshot.sources_of(reach.via[row : row + 1])[0])
    return root_words(graph.snapshot, root), edges[::-1]


def _path_row(graph: Graph, root: int, way: Way) -> PathRow:
    snapshot = graph.snapshot
    rows = [int(snapshot.root_object[root]), *snapshot.edge_to[list(way)].tolist()]
    root_name = root_words(snapshot, root)
    return PathRow(
        root=root_kind(snapshot, root),
        root_name=root_name,
        length=len(way),
        path=path_words(graph, root_name, way),
        addresses=tuple(snapshot.object_address[rows].tolist()),
        types=tuple(type_words(snapshot, each) for each in rows),
        where=tuple(edge_words(graph, way)),
    )


def _shortest(graph: Graph, reach: Reach, row: int, paths_max: int) -> list[tuple[int, Way]]:
    """Pairs of a root, as a row of the ``root_`` columns, and the way from its object. Of two that are as long, the one
    whose roots come in an earlier turn is first."""
    if not reach.has(row):
        return []
    found: list[tuple[int, Way]] = [(root, ()) for root in _roots_of(graph, reach, row)]
    order = count()  # else the one that was found first
    candidates: list[tuple[int, int, int, int, Way, frozenset[int]]]
    candidates = [(int(reach.depth[row]), 0, next(order), row, (), frozenset((row,)))]
    visits: Counter[int] = Counter()
    while candidates and len(found) < paths_max:
        _, _, _, at, way, visited = heappop(candidates)
        visits[at] += 1
        root = reach.root_of(at)
        if root is not None and way:
            found.append((root, way))
        elif root is None and visits[at] <= paths_max:
            for source, edge in _nearest_referrers(graph, reach, at, visited, paths_max):
                length = int(reach.depth[source]) + len(way) + 1
                turn = int(reach.turn[source])
                heappush(candidates, (length, turn, next(order), source, (edge, *way), visited | {source}))
    return found[:paths_max]


def _roots_of(graph: Graph, reach: Reach, row: int) -> list[int]:
    """The roots that hold the object itself, each told once. That a frame has it for its own work, that it is interned,
    or never dies, tells nothing where it is reached otherwise."""
    snapshot = graph.snapshot
    rows = np.flatnonzero(snapshot.root_object == row)
    turns = turns_of(snapshot)
    first = reach.root_of(row)
    told: dict[str, int] = {} if first is None else {root_words(snapshot, first): first}
    for each in rows[np.argsort(turns[rows], kind="stable")].tolist():
        if turns[each] < LAST_TURN or root_kind(snapshot, each) == "c":
            told.setdefault(root_words(snapshot, each), each)
    return list(told.values())


def _nearest_referrers(
    graph: Graph, reach: Reach, row: int, visited: frozenset[int], referrers_max: int
) -> list[tuple[int, int]]:
    """Who refers to the object and is not on the way yet, each by one edge; those nearest to a root."""
    edges = edges_to(graph.snapshot, row)
    sources, first = np.unique(graph.snapshot.sources_of(edges), return_index=True)
    is_open = (reach.via[sources] != UNREACHED) & ~np.isin(sources, list(visited))
    sources, edges = sources[is_open], edges[first[is_open]]
    nearest = np.lexsort((reach.turn[sources], reach.depth[sources]))[:referrers_max]
    return list(zip(sources[nearest].tolist(), edges[nearest].tolist(), strict=True))
