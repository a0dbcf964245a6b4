"""The shortest ways from a root to an object.

How far each object is from a root is known from the search (``reach``). So a search backwards, from the object, that
always goes on with what can become the shortest way finds the ways in their order, and looks at little else (A*).
"""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from itertools import count

import numpy as np

from quire.report.answers import PathRow, Paths
from quire.report.edges import Graph
from quire.report.objects import object_row, type_words
from quire.report.places import UNREACHABLE
from quire.report.reach import Reach
from quire.report.references import edges_to
from quire.report.sizes import sizes_with_tables
from quire.report.words import edge_words, path_words, root_kind, root_words

Way = tuple[int, ...]
"""Edges, the one that leads to the object last."""


def paths(graph: Graph, reach: Reach, row: int, paths_max: int) -> Paths:
    """The shortest ways to the object that visit none twice, at most so many, the shortest first."""
    ways = _shortest(graph, reach, row, paths_max)
    return Paths(
        object=object_row(graph.snapshot, sizes_with_tables(graph.snapshot), row),
        rows=tuple(_path_row(graph, reach, begin, way) for begin, way in ways),
    )


def way_words(graph: Graph, reach: Reach, row: int) -> str:
    """The shortest way to the object, in words."""
    if not reach.is_reached[row]:
        return UNREACHABLE
    edges: list[int] = []
    while (root := reach.root_of(row)) is None:
        edges.append(int(reach.via[row]))
        row = int(graph.snapshot.sources_of(reach.via[row : row + 1])[0])
    return path_words(graph, root_words(graph.snapshot, root), edges[::-1])


def _path_row(graph: Graph, reach: Reach, begin: int, way: Way) -> PathRow:
    snapshot = graph.snapshot
    root = reach.root_of(begin)
    assert root is not None
    rows = [begin, *snapshot.edge_to[list(way)].tolist()]
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
    """Pairs of a root's object and the way from there."""
    found: list[tuple[int, Way]] = []
    if not reach.is_reached[row]:
        return found
    order = count()  # of two ways that are as long, the one found first
    candidates: list[tuple[int, int, int, Way, frozenset[int]]]
    candidates = [(int(reach.depth[row]), next(order), row, (), frozenset((row,)))]
    visits: Counter[int] = Counter()
    while candidates and len(found) < paths_max:
        _, _, at, way, visited = heappop(candidates)
        visits[at] += 1
        if reach.root_of(at) is not None:
            found.append((at, way))
        elif visits[at] <= paths_max:
            for source, edge in _nearest_referrers(graph, reach, at, visited, paths_max):
                length = int(reach.depth[source]) + len(way) + 1
                heappush(candidates, (length, next(order), source, (edge, *way), visited | {source}))
    return found


def _nearest_referrers(
    graph: Graph, reach: Reach, row: int, visited: frozenset[int], referrers_max: int
) -> list[tuple[int, int]]:
    """Who refers to the object and is not on the way yet, each by one edge; those nearest to a root."""
    edges = edges_to(graph.snapshot, row)
    sources, first = np.unique(graph.snapshot.sources_of(edges), return_index=True)
    is_open = reach.is_reached[sources] & ~np.isin(sources, list(visited))
    sources, edges = sources[is_open], edges[first[is_open]]
    nearest = np.argsort(reach.depth[sources], kind="stable")[:referrers_max]
    return list(zip(sources[nearest].tolist(), edges[nearest].tolist(), strict=True))
