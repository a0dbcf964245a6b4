"""Dominators and retained sizes, against the plain definition: what is not reached without an object."""

from __future__ import annotations

import random

import numpy as np
import pytest

from heaps import Heap
from quire.process.dominators import find_dominators
from quire.report.edges import Graph
from quire.report.reach import reach
from quire.report.retained import DominatorTree, dominator_tree, retained, retained_by_group, retained_sizes
from quire.report.sizes import sizes_with_tables
from quire.report.snapshot import NONE, Snapshot
from quire.report.types import types
from seeds import seeds

core = pytest.importorskip("quire._core", reason="dominators are found by the native core")


def random_heap(dice: random.Random) -> Heap:
    """Objects of a few types that hold each other at random; some are reached by nobody."""
    heap = Heap()
    things = [
        heap.object(dice.choice(("list", "set", "cell")), size_bytes=dice.randrange(1, 1000))
        for _ in range(dice.randrange(1, 16))
    ]
    for thing in things:
        thing.references = [dice.choice([None, *things]) for _ in range(dice.randrange(4))]
        thing.tables = [(thing.address + 64, dice.randrange(1, 1000))] * dice.randrange(2)
    for _ in range(dice.randrange(4)):
        heap.root(dice.choice(things))
    return heap


def plainly_reached(snapshot: Snapshot, without: set[int]) -> set[int]:
    """What the roots reach if some objects are not there."""
    stack = list(set(snapshot.root_object.tolist()) - without)
    reached = set(stack)
    while stack:
        for edge in snapshot.edges_of(stack.pop()):
            to = int(snapshot.edge_to[edge])
            if to != NONE and to not in reached | without:
                reached.add(to)
                stack.append(to)
    return reached


def plain_dominated(snapshot: Snapshot) -> dict[int, set[int]]:
    """For each object that is reached: what is reached no more without it, itself counted."""
    reached = plainly_reached(snapshot, set())
    return {row: reached - plainly_reached(snapshot, {row}) for row in reached}


def tree_of(snapshot: Snapshot) -> DominatorTree:
    return dominator_tree(snapshot, find_dominators)


# --- the tree -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", seeds(50))
def test_dominators_are_those_of_the_definition(seed: int) -> None:
    """Stretches of the preorder are what an object dominates; its dominator is the nearest of them."""
    snapshot = random_heap(random.Random(seed)).snapshot()
    tree, plain = tree_of(snapshot), plain_dominated(snapshot)
    for row in range(snapshot.count):
        if row not in plain:
            assert (tree.dominator[row], tree.place[row], tree.below[row]) == (NONE, NONE, 0)
            continue
        begin, end = int(tree.place[row]), int(tree.place[row]) + int(tree.below[row])
        assert {other for other in plain if begin <= tree.place[other] < end} == plain[row]
        above = [other for other in plain if row in plain[other] and other != row]
        nearest = min(above, key=lambda other: len(plain[other]), default=snapshot.count)
        assert tree.dominator[row] == nearest


@pytest.mark.parametrize("seed", seeds(30))
def test_retained_sizes_are_those_of_a_plain_computation(seed: int) -> None:
    """The sum of what is not reached without it; what nobody reaches retains itself."""
    snapshot = random_heap(random.Random(seed)).snapshot()
    sizes = sizes_with_tables(snapshot)
    found = retained_sizes(tree_of(snapshot), sizes)
    plain = plain_dominated(snapshot)
    for row in range(snapshot.count):
        assert found[row] == sum(int(sizes[each]) for each in plain.get(row, {row}))


@pytest.mark.parametrize("seed", seeds(30))
def test_what_a_type_retains_counts_once(seed: int) -> None:
    """An object that another of its type retains is counted with that one."""
    snapshot = random_heap(random.Random(seed)).snapshot()
    sizes = sizes_with_tables(snapshot)
    group, tree = snapshot.object_type.astype(np.intp), tree_of(snapshot)
    found = retained_by_group(tree, retained_sizes(tree, sizes), group, len(snapshot.types))
    plain = plain_dominated(snapshot)
    for number in range(len(snapshot.types)):
        of_type = set(np.flatnonzero(group == number).tolist())
        together = set().union(*(plain.get(row, {row}) for row in of_type))
        assert found[number] == sum(int(sizes[each]) for each in together)


def test_a_chain_takes_no_recursion() -> None:
    """A hundred thousand objects, each held by the one before."""
    count = 100_000
    ends, targets = np.arange(1, count + 1, dtype=np.uint64), np.arange(1, count + 1, dtype=np.uint32)
    targets[-1] = NONE
    columns = find_dominators(ends, targets, np.zeros(1, np.uint32))
    _, place, below = (np.frombuffer(column, np.uint32) for column in columns)
    assert (place == np.arange(count)).all()
    assert (below == count - np.arange(count)).all()


@pytest.mark.parametrize(
    ("ends", "targets", "roots"),
    [
        ([1], [1], [0]),
        ([1], [0], [1]),
        ([2], [0], [0]),
        ([1, 0], [0], [0]),
        ([1 << 40], [0], [0]),
        ([], [0], []),
    ],
)
def test_columns_that_do_not_fit_are_refused(ends: list[int], targets: list[int], roots: list[int]) -> None:
    """The core reads nothing that is not there, whoever calls it."""
    with pytest.raises(ValueError, match="do not fit"):
        find_dominators(np.array(ends, np.uint64), np.array(targets, np.uint32), np.array(roots, np.uint32))


def test_buffers_of_odd_lengths_are_refused() -> None:
    """Half a row is none."""
    with pytest.raises(ValueError, match="do not fit"):
        core.dominators(bytes(8), bytes(3), bytes(0), bytearray(4), bytearray(4), bytearray(4))
    with pytest.raises(ValueError, match="do not fit"):
        core.dominators(bytes(8), bytes(0), bytes(0), bytearray(4), bytearray(8), bytearray(4))


# --- the answers ----------------------------------------------------------------------------------------------


def test_a_planted_leak_is_the_largest() -> None:
    """A cache that alone holds a thousand records retains them; what two hold belongs to neither."""
    heap = Heap()
    shared = heap.object("bytes", size_bytes=5000)
    records = [heap.object("app.Record", shared, size_bytes=100) for _ in range(1000)]
    cache = heap.list(*records, size_bytes=8000)
    heap.module("app", cache=cache, other=heap.list(shared))
    snapshot = heap.snapshot()
    graph, tree = Graph(snapshot), tree_of(snapshot)
    module = retained(graph, reach(snapshot), tree).rows[0]
    assert (module.type, module.path) == ("module", "app")
    namespace = retained(graph, reach(snapshot), tree, heap.row(heap.things[-1]))
    (names,) = namespace.rows
    children = retained(graph, reach(snapshot), tree, int(np.flatnonzero(snapshot.object_address == names.address)[0]))
    found = [(row.path, row.retained_bytes) for row in children.rows[:2]]
    assert found == [("app.cache", 108_000), ("app.other[0]", 5000)]
    assert children.rows[0].dominated == 1000


@pytest.mark.parametrize("seed", seeds(20))
def test_what_the_roots_retain_is_all_that_is_reached(seed: int) -> None:
    """Children's retained sizes and the object's own add up to its retained size, at every node."""
    snapshot = random_heap(random.Random(seed)).snapshot()
    graph, found, tree = Graph(snapshot), reach(snapshot), tree_of(snapshot)
    top = retained(graph, found, tree)
    assert top.retained_bytes == int(sizes_with_tables(snapshot)[tree.below > 0].sum())
    for row in np.flatnonzero(tree.below).tolist():
        node = retained(graph, found, tree, row)
        assert node.object is not None
        assert node.retained_bytes == node.object.size_bytes + sum(each.retained_bytes for each in node.rows)


@pytest.mark.parametrize("seed", seeds(20))
def test_types_add_up(seed: int) -> None:
    """Rows and foreign blocks are the whole, by type and by module."""
    heap = random_heap(random.Random(seed))
    heap.foreign.append((1 << 40, 512))
    snapshot = heap.snapshot()
    answer = types(snapshot, tree_of(snapshot))
    for rows in (answer.rows, answer.modules):
        assert sum(row.size_bytes for row in rows) + 512 == answer.size_bytes
        assert sum(row.count for row in rows) == answer.objects == snapshot.count
        assert all(row.retained_bytes is not None and row.retained_bytes >= row.size_bytes for row in rows)
    assert types(snapshot, None).rows[0].retained_bytes is None
