"""What only the collector can free: objects that no root reaches, and that live because they hold each other.

Groups of objects that reach each other are strongly connected components (Tarjan, 1972), found among the unreachable
objects alone, without recursion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from quire.report.answers import CycleRow, Cycles, CycleStep
from quire.report.edges import Graph
from quire.report.objects import type_words
from quire.report.reach import Reach
from quire.report.sizes import sizes_with_tables
from quire.report.snapshot import NONE, U8, Rows, Snapshot
from quire.report.words import edge_words


def cycles(graph: Graph, reach: Reach) -> Cycles:
    """All that no root reaches, by type, and one cycle of the largest group in full."""
    snapshot = graph.snapshot
    unreached = np.flatnonzero(~reach.is_reached)
    sizes = sizes_with_tables(snapshot)
    groups = [group for group in components(snapshot, unreached) if _is_cycle(snapshot, group)]
    largest = max(groups, key=lambda group: (int(sizes[group].sum()), -group[0]), default=[])
    in_cycles = np.array([row for group in groups for row in group], np.intp)
    return Cycles(
        objects=len(unreached),
        size_bytes=int(sizes[unreached].sum()),
        cycles=len(groups),
        rows=_rows(snapshot, sizes, unreached, in_cycles),
        shown=tuple(_steps(graph, shortest_cycle(snapshot, largest))) if largest else (),
    )


def _rows(snapshot: Snapshot, sizes: U8, unreached: Rows, in_cycles: Rows) -> tuple[CycleRow, ...]:
    type_count = len(snapshot.types)
    its_type = snapshot.object_type[unreached]
    counts = np.bincount(its_type, minlength=type_count)
    totals = np.bincount(its_type, sizes[unreached], minlength=type_count)
    cyclic = np.bincount(snapshot.object_type[in_cycles], minlength=type_count)
    order = np.argsort(-totals, kind="stable")
    return tuple(
        CycleRow(snapshot.types[each].words, int(counts[each]), int(totals[each]), int(cyclic[each]))
        for each in order
        if counts[each]
    )


def _steps(graph: Graph, edges: list[int]) -> Iterator[CycleStep]:
    snapshot = graph.snapshot
    sources = snapshot.sources_of(np.array(edges, np.int64)).tolist()
    for source, words in zip(sources, edge_words(graph, edges), strict=True):
        yield CycleStep(int(snapshot.object_address[source]), type_words(snapshot, source), words or ".__dict__")


# --- groups of objects that reach each other ------------------------------------------------------------------


def _is_cycle(snapshot: Snapshot, group: list[int]) -> bool:
    edges = snapshot.edges_of(group[0])
    return len(group) > 1 or group[0] in snapshot.edge_to[edges.start : edges.stop].tolist()


def components(snapshot: Snapshot, rows: Rows) -> Iterator[list[int]]:
    """The strongly connected components of these objects; what they refer to beside is left out."""
    return _Tarjan(snapshot, rows).run()


class _Tarjan:
    """Each object gets a number when it is met. ``low`` is the lowest number that is reached from it and belongs to no
    component yet. Where that is its own, all that was met since is a component."""

    def __init__(self, snapshot: Snapshot, rows: Rows) -> None:
        self._snapshot = snapshot
        self._edge_to = snapshot.edge_to.data
        is_open = np.zeros(snapshot.count, np.bool_)
        is_open[rows] = True
        self._rows: list[int] = rows.tolist()
        self._is_open = is_open.data
        self._number = np.zeros(snapshot.count, np.int64).data
        self._low = np.zeros(snapshot.count, np.int64).data
        self._last_number = 0
        self._met: list[int] = []
        self._calls: list[tuple[int, Iterator[int]]] = []
        """Objects under way, each with what it refers to and was not looked at."""

    def run(self) -> Iterator[list[int]]:
        for row in self._rows:
            if self._number[row] == 0:
                self._enter(row)
            while self._calls:
                component = self._step()
                if component is not None:
                    yield component

    def _enter(self, row: int) -> None:
        self._last_number += 1
        self._number[row] = self._low[row] = self._last_number
        self._met.append(row)
        edges = self._snapshot.edges_of(row)
        self._calls.append((row, iter(self._edge_to[edges.start : edges.stop])))

    def _step(self) -> list[int] | None:
        """Look at what the last object refers to, up to one that was not met; a component, if that completes one."""
        row, targets = self._calls[-1]
        for to in targets:
            if to == NONE or not self._is_open[to]:
                continue
            if self._number[to] == 0:
                self._enter(to)
                return None
            self._low[row] = min(self._low[row], self._low[to])
        return self._leave(row)

    def _leave(self, row: int) -> list[int] | None:
        self._calls.pop()
        if self._calls:
            caller, _ = self._calls[-1]
            self._low[caller] = min(self._low[caller], self._low[row])
        return self._take(row) if self._low[row] == self._number[row] else None

    def _take(self, row: int) -> list[int]:
        component = [self._met.pop()]
        while component[-1] != row:
            component.append(self._met.pop())
        for each in component:
            self._is_open[each] = False
        return component


# --- one cycle ------------------------------------------------------------------------------------------------


def shortest_cycle(snapshot: Snapshot, group: list[int]) -> list[int]:
    """The edges of a shortest cycle through one object of a component: one of a type that is not built in, if any."""
    start = min(group, key=lambda row: (_is_built_in(snapshot, row), row))
    via: dict[int, int] = {}
    among = set(group)
    queue = deque((start,))
    while start not in via:
        for edge in snapshot.edges_of(queue.popleft()):
            to = int(snapshot.edge_to[edge])
            if to in among and to not in via:
                via[to] = edge
                queue.append(to)
    return _way_back(snapshot, via, start)


def _is_built_in(snapshot: Snapshot, row: int) -> bool:
    return snapshot.type_of(row).module == "builtins"


def _way_back(snapshot: Snapshot, via: dict[int, int], start: int) -> list[int]:
    edges = [via[start]]
    while (source := int(snapshot.sources_of(np.array(edges[-1:], np.int64))[0])) != start:
        edges.append(via[source])
    return edges[::-1]
