"""What only the collector can free: planted cycles are found and named, and components are those of the definition."""

from __future__ import annotations

import random

import numpy as np
import pytest

from heaps import Heap
from quire.report.cycles import components, cycles, shortest_cycle
from quire.report.edges import Graph
from quire.report.reach import reach
from quire.report.snapshot import NONE, Snapshot
from seeds import seeds


def test_a_planted_cycle_is_found_and_shown() -> None:
    """Its type, its size, who hangs on it, and the way around."""
    heap = Heap()
    heap.module("app", kept=heap.list(heap.instance("app.Node", other=heap.object("int"))))
    payload = heap.object("bytes", size_bytes=1000)
    first = heap.instance("app.Node", size_bytes=100)
    second = heap.list(first, payload, size_bytes=50)
    first.references[1] = second
    snapshot = heap.snapshot()
    answer = cycles(Graph(snapshot), reach(snapshot))
    assert (answer.objects, answer.size_bytes, answer.cycles) == (3, 1150, 1)
    assert [(row.type, row.count, row.in_cycles) for row in answer.rows] == [
        ("bytes", 1, 0),
        ("app.Node", 1, 1),
        ("list", 1, 1),
    ]
    assert [(step.address, step.where) for step in answer.shown] == [(first.address, ".other"), (second.address, "[0]")]


def test_what_is_reached_is_no_garbage() -> None:
    """A cycle that a module holds is not the collector's; neither is what weighs nothing."""
    heap = Heap()
    one = heap.list()
    one.references.append(heap.list(one))
    heap.module("app", one=one)
    snapshot = heap.snapshot()
    answer = cycles(Graph(snapshot), reach(snapshot))
    assert (answer.objects, answer.cycles, answer.rows, answer.shown) == (0, 0, (), ())


def test_an_object_that_holds_itself_is_a_cycle() -> None:
    """The shortest there is."""
    heap = Heap()
    one = heap.list()
    one.references.append(one)
    snapshot = heap.snapshot()
    answer = cycles(Graph(snapshot), reach(snapshot))
    assert (answer.cycles, len(answer.shown)) == (1, 1)


def test_a_long_cycle_takes_no_recursion() -> None:
    """Ten thousand objects in a ring are one component, and one cycle."""
    heap = Heap()
    ring = [heap.list() for _ in range(10_000)]
    for at, thing in enumerate(ring):
        thing.references.append(ring[at - 1])
    snapshot = heap.snapshot()
    (group,) = components(snapshot, np.arange(snapshot.count))
    assert len(group) == len(shortest_cycle(snapshot, group)) == 10_000


def plain_reach(snapshot: Snapshot, row: int, among: set[int]) -> set[int]:
    """What the object leads to, among some."""
    stack, reached = [row], set()
    while stack:
        for edge in snapshot.edges_of(stack.pop()):
            to = int(snapshot.edge_to[edge])
            if to != NONE and to in among and to not in reached:
                reached.add(to)
                stack.append(to)
    return reached


@pytest.mark.parametrize("seed", seeds(30))
def test_components_are_those_of_the_definition(seed: int) -> None:
    """Two objects are in one component if each leads to the other."""
    dice = random.Random(seed)
    heap = Heap()
    things = [heap.list() for _ in range(12)]
    for thing in things:
        thing.references = [dice.choice([None, *things]) for _ in range(dice.randrange(4))]
    snapshot = heap.snapshot()
    among = {row for row in range(12) if dice.random() < 0.8}
    leads = {row: plain_reach(snapshot, row, among) for row in among}
    plain = {frozenset({row} | {other for other in leads[row] if row in leads[other]}) for row in among}
    found = list(components(snapshot, np.array(sorted(among), np.intp)))
    assert {frozenset(group) for group in found} == plain
    assert sum(map(len, found)) == len(among)
