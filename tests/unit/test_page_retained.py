"""The tree of dominators, cut for a picture."""

from __future__ import annotations

import random

import numpy as np
import pytest

from heaps import Heap, Thing
from quire.report.edges import Graph
from quire.report.reach import reach
from quire.report.retained import dominator_tree
from quire.report.retained_nodes import Forest, NodeKind, RetainedNodes
from quire.report.snapshot import NONE, Snapshot

pytest.importorskip("quire._core")
from quire.process.dominators import find_dominators


def cut(snapshot: Snapshot, of: int | None = None, nodes_max: int = 20_000) -> RetainedNodes:
    forest = Forest(snapshot, dominator_tree(snapshot, find_dominators))
    return forest.nodes(Graph(snapshot), reach(snapshot), of, nodes_max)


def random_heap(seed: int, count: int = 400) -> Heap:
    """Objects of a few types and very different sizes, that refer to each other at random."""
    generator = random.Random(seed)
    heap = Heap()
    things: list[Thing] = []
    for _ in range(count):
        of = generator.choice(("list", "dict", "app.Node", "app.Leaf"))
        things.append(heap.object(of, size_bytes=generator.choice((16, 48, 64, 1000, 50_000))))
    for thing in things:
        thing.references += generator.sample(things, generator.randrange(3))
    for thing in generator.sample(things, 5):
        heap.root(thing, "module", name="app")
    return heap


def check_sums(nodes: RetainedNodes) -> None:
    """A node is itself and its children, to the byte and to the object; parents stand before their children."""
    children_bytes = np.zeros(len(nodes.kind), np.int64)
    children_objects = np.zeros(len(nodes.kind), np.int64)
    parents = nodes.parent[1:].astype(int)
    assert nodes.parent[0] == NONE
    assert (parents < np.arange(1, len(nodes.kind))).all()
    np.add.at(children_bytes, parents, nodes.retained_bytes[1:].astype(np.int64))
    np.add.at(children_objects, parents, nodes.objects[1:].astype(np.int64))
    is_parent = np.isin(np.arange(len(nodes.kind)), parents)
    assert (nodes.retained_bytes[is_parent] == children_bytes[is_parent] + nodes.own_bytes[is_parent]).all()
    itself = (nodes.row != NONE).astype(np.int64)
    assert (nodes.objects[is_parent] == children_objects[is_parent] + itself[is_parent]).all()


@pytest.mark.parametrize("nodes_max", [1, 3, 20, 20_000])
@pytest.mark.parametrize("seed", range(12))
def test_sizes_add_up_however_much_is_cut(seed: int, nodes_max: int) -> None:
    """What has no node of its own is in its dominator's groups, so that no byte is lost."""
    snapshot = random_heap(seed).snapshot()
    nodes = cut(snapshot, nodes_max=nodes_max)
    check_sums(nodes)
    objects = int(((nodes.kind == NodeKind.OBJECT) & (nodes.row != NONE)).sum())
    assert objects <= nodes_max + int((nodes.members == 1).sum())


@pytest.mark.parametrize("seed", range(6))
def test_the_tree_of_an_object_is_its_part_of_the_whole(seed: int) -> None:
    """Asked for by itself, an object retains what it does in the tree of all."""
    snapshot = random_heap(seed).snapshot()
    whole = cut(snapshot)
    for index in np.flatnonzero(whole.kind == NodeKind.OBJECT)[1:6]:
        row = int(whole.row[index])
        part = cut(snapshot, row)
        check_sums(part)
        assert (part.row[0], part.retained_bytes[0]) == (row, whole.retained_bytes[index])
        assert part.objects[0] == whole.objects[index]


def test_many_small_objects_are_one_node() -> None:
    """A list of a hundred thousand records is the list, and its records by type."""
    heap = Heap()
    heap.module("app", recent=heap.list(*(heap.object("app.Record", size_bytes=64) for _ in range(100_000))))
    nodes = cut(heap.snapshot())
    assert len(nodes.kind) < 10
    group = int(np.flatnonzero(nodes.kind == NodeKind.GROUP)[0])
    assert (nodes.members[group], nodes.retained_bytes[group]) == (100_000, 6_400_000)
    assert nodes.label[int(nodes.parent[group])] == ".recent"


def test_a_dictionary_of_attributes_is_told_by_its_owner() -> None:
    """It has no name of its own."""
    heap = Heap()
    heap.module("app", cache=heap.list(size_bytes=1000))
    assert "app.__dict__" in cut(heap.snapshot()).label


def test_a_chain_of_dominators_keeps_its_order() -> None:
    """Objects that retain the same stand in the order of the tree, also if they have no size."""
    heap = Heap()
    last = heap.list(size_bytes=4096)
    for _ in range(200):
        last = heap.list(last, size_bytes=0)
    heap.root(last)
    for nodes_max in (10, 1000):
        check_sums(cut(heap.snapshot(), nodes_max=nodes_max))
