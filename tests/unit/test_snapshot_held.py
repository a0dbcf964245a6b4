"""Who is held by something that nobody shows: found by counting."""

from __future__ import annotations

from heaps import Heap
from quire.report.edges import Graph
from quire.report.held import unseen_references, with_all_roots
from quire.report.paths import way_words
from quire.report.reach import reach
from quire.report.snapshot import ROOT_KINDS, Snapshot


def kinds_of(snapshot: Snapshot, row: int) -> list[str]:
    return sorted(ROOT_KINDS[kind] for kind in snapshot.root_kind[snapshot.root_object == row])


def words(snapshot: Snapshot, row: int) -> str:
    return way_words(Graph(snapshot), reach(snapshot), row)


def test_a_count_that_is_explained_makes_no_root() -> None:
    """References of objects and of frames are known; a module's place in sys.modules is an object's."""
    heap = Heap()
    found = heap.object("bytes")
    heap.module("app", top=heap.list(found, found))
    heap.root(found, "frame", name="mine")
    snapshot = heap.snapshot()
    assert unseen_references(snapshot).tolist() == [0] * snapshot.count
    assert with_all_roots(snapshot).root_object.tolist() == snapshot.root_object.tolist()


def test_a_count_above_what_is_known_is_held_by_c() -> None:
    """One reference more than there are edges and roots."""
    heap = Heap()
    found = heap.object("bytes")
    held = heap.list(found)
    held.unseen = 1
    snapshot = with_all_roots(heap.snapshot())
    assert kinds_of(snapshot, heap.row(held)) == ["c"]
    assert kinds_of(snapshot, heap.row(found)) == []
    assert words(snapshot, heap.row(found)) == "C[0]"


def test_what_never_dies_is_reached() -> None:
    """It has no count, and is no garbage."""
    heap = Heap()
    found = heap.object("bytes")
    immortal = heap.object("tuple", found)
    immortal.unseen = None
    snapshot = with_all_roots(heap.snapshot())
    assert kinds_of(snapshot, heap.row(immortal)) == ["immortal"]
    assert words(snapshot, heap.row(found)) == "what never dies[0]"


def test_what_the_collector_alone_can_free_stays_so() -> None:
    """A cycle explains its own counts."""
    heap = Heap()
    one = heap.list()
    one.references.append(heap.list(one))
    assert not len(with_all_roots(heap.snapshot()).root_object)


def test_a_word_on_a_stack_counts_only_where_a_reference_is_missing() -> None:
    """Else it is left from before; where it explains the count, C is not named."""
    heap = Heap()
    left, held, both = heap.object("bytes"), heap.object("bytes"), heap.object("bytes")
    heap.module("app", left=left)
    held.unseen, both.unseen = 1, 2
    for thing in (left, held, both):
        heap.root(thing, "frame", function="run", is_word=True, counts=False)
    snapshot = with_all_roots(heap.snapshot())
    assert [kinds_of(snapshot, heap.row(each)) for each in (left, held, both)] == [[], ["frame"], ["c", "frame"]]
    assert words(snapshot, heap.row(held)) == "run()"


def test_no_objects_no_roots() -> None:
    """An empty snapshot is one too."""
    assert with_all_roots(Heap().snapshot()).count == 0
