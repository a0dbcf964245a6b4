"""A snapshot's columns: what fits together is taken, what does not is refused with a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heaps import Heap, some_memory
from quire.errors import DamagedSnapshot
from quire.report.snapshot import NONE, snapshot_of


def small_heap() -> Heap:
    heap = Heap()
    heap.module("app", cache=heap.list(heap.object("int"), None), size=heap.object("int"))
    heap.pool(1 << 20, live=1, resident_bytes=4096)
    heap.large(2 << 20, 100_000)
    heap.large(1 << 34, 1 << 30, "mapping", resident_bytes=4096)
    heap.foreign.append((1 << 30, 512))
    return heap


def test_columns_that_fit_are_taken() -> None:
    """Every column is there under its name."""
    snapshot = small_heap().snapshot()
    assert snapshot.count == len(small_heap().things)
    assert snapshot.type_of(0).words == "int"


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "u8"])
def test_a_column_may_have_any_width(kind: str) -> None:
    """Numbers stay what they are, and the largest of a narrow type is NONE as it is of a wide one."""
    columns, about = small_heap().columns()
    wide = snapshot_of(columns, about)
    is_none = columns["edge_to"] == NONE
    narrow = columns["edge_to"].astype(kind)
    narrow[is_none] = np.iinfo(kind).max
    assert snapshot_of({**columns, "edge_to": narrow}, about).edge_to.tolist() == wide.edge_to.tolist()


def test_columns_of_references_may_be_missing() -> None:
    """A snapshot without references has none, and says so."""
    columns, about = small_heap().columns()
    for name in ("edge_end", "edge_to", "root_object", "root_kind", "root_place"):
        del columns[name]
    snapshot = snapshot_of(columns, {**about, "has_edges": False})
    assert not snapshot.has_edges
    assert snapshot.edges_of(0) == range(0)


def test_a_file_of_an_older_quire_has_no_large_blocks() -> None:
    """It tells of pools alone, and opens."""
    columns, about = small_heap().columns()
    older = {name: column for name, column in columns.items() if not name.startswith("large_")}
    snapshot = snapshot_of(older, about)
    assert len(snapshot.large_address) == len(snapshot.large_is_live) == 0
    assert snapshot_of(older | {"edge_to": columns["edge_to"]}, about).count == snapshot.count


def test_unknown_columns_are_left_alone() -> None:
    """A newer quire may write more."""
    columns, about = small_heap().columns()
    assert snapshot_of({**columns, "object_colour": np.zeros(1, np.uint8)}, about).count


def change(name: str, place: int, value: int) -> Any:
    def changed(columns: dict[str, Any]) -> None:
        columns[name] = columns[name].copy()
        columns[name][place] = value

    return changed


def shorten(name: str) -> Any:
    return lambda columns: columns.update({name: columns[name][:-1]})


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda columns: columns.pop("object_type"), "no column object_type"),
        (lambda columns: columns.update(object_type=np.zeros(3, np.int32)), "not one of unsigned integers"),
        (lambda columns: columns.update(edge_to=np.array([1 << 40], np.uint64)), "too large"),
        (shorten("object_bytes"), "different lengths"),
        (shorten("pool_live"), "different lengths"),
        (shorten("edge_to"), "edge_end does not divide edge_to"),
        (shorten("text_bytes"), "text_end does not divide text_bytes"),
        (change("edge_end", 0, 1 << 40), "edge_end does not divide edge_to"),
        (change("object_address", 0, 1 << 60), "object_address does not ascend"),
        (change("object_type", 0, 1000), "object_type names a row"),
        (change("edge_to", 0, 1000), "edge_to names a row"),
        (change("table_owner", 0, 1000), "table_owner names a row"),
        (change("root_place", 0, 1000), "root_place names a row"),
        (change("root_object", 0, 1000), "root_object names a row"),
        (shorten("root_kind"), "different lengths"),
        (change("text_object", 0, 1000), "text_object"),
        (change("text_end", 0, 1 << 40), "text_end does not divide text_bytes"),
        (lambda columns: columns.update(text_object=columns["text_object"][::-1]), "text_object does not ascend"),
        (change("object_bytes", 0, 1 << 63), "a size that no memory has"),
        (change("large_bytes", 0, 1 << 63), "a size that no memory has"),
        (change("large_resident_bytes", 0, 1 << 63), "more of a large block is resident than it has"),
        (change("large_flags", 0, 5), "large_flags has a state"),
        (shorten("large_flags"), "different lengths"),
        (lambda columns: columns.pop("large_bytes"), "no column large_bytes"),
    ],
)
def test_columns_that_do_not_fit_are_refused(damage: Any, sentence: str) -> None:
    """One sentence says what is wrong."""
    columns, about = small_heap().columns()
    damage(columns)
    with pytest.raises(DamagedSnapshot, match=sentence):
        snapshot_of(columns, about)


@pytest.mark.parametrize(
    "more",
    [
        {"types": None},
        {"types": ["list"]},
        {"types": [{"name": 3}]},
        {"roots": [{}]},
        {"roots": {}},
        {"roots": [{"kind": "frame", "line": "3"}]},
        {"roots": [{"kind": "frame", "thread": 3}]},
        {"roots": [{"kind": "frame", "counts": 1}]},
        {"has_values": "no"},
        {"memory": [{"label": "live blocks"}]},
        {"memory": {"heap": {}}},
        {"memory": some_memory(heap=3)},
        {"memory": some_memory(frame_bytes="1")},
        {"has_edges": 1},
        {"python": 3.13},
    ],
    ids=lambda more: str(more)[:40],
)
def test_what_snapshot_json_tells_is_checked(more: dict[str, Any]) -> None:
    """What it must tell is there, and of its kind."""
    columns, about = small_heap().columns()
    with pytest.raises(DamagedSnapshot, match=r"snapshot\.json does not tell"):
        snapshot_of(columns, {**about, **more})


@pytest.mark.parametrize(
    "changes", [{"frame_bytes": 1}, {"rss_bytes": 2**20}, {"swap_bytes": -1}, {"pss_bytes": 2**60}]
)
def test_parts_of_memory_are_sizes_that_add_up(changes: dict[str, Any]) -> None:
    """Or the snapshot is damaged."""
    columns, about = small_heap().columns()
    with pytest.raises(DamagedSnapshot, match=r"add up|no size"):
        snapshot_of(columns, {**about, "memory": some_memory(**changes)})


def test_rows_of_memory_add_up_to_what_is_resident() -> None:
    """To the byte; a snapshot without them has none."""
    columns, about = small_heap().columns()
    assert snapshot_of(columns, about).memory == ()
    snapshot = snapshot_of(columns, {**about, "memory": some_memory(pss_bytes=None)})
    assert sum(row.end_bytes for row in snapshot.memory) == 36 << 20
    assert snapshot.sample is not None
    assert snapshot.sample.pss_bytes is None
