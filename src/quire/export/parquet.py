"""A snapshot as a folder of Parquet files, a table each, which DuckDB, Polars or Spark read in place.

    objects.parquet       of each its type, size, count, how deep it lies, who dominates it, what it retains
    references.parquet    who refers to whom, and by what
    blocks.parquet  pools.parquet  large.parquet  roots.parquet  memory.parquet  snapshot.parquet

``row`` numbers objects; ``object``, ``owner``, ``from_row`` and ``to_row`` say such numbers. docs/snapshot.md tells all
columns. Rows are written in groups, so that memory does not grow with the references.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quire.export.reference_names import ReferenceNames, Texts, is_there
from quire.report.edges import Graph, Hold
from quire.report.reach import Reach
from quire.report.resident import resident
from quire.report.retained import DominatorTree, retained_sizes
from quire.report.sizes import sizes_with_tables
from quire.report.snapshot import (
    KNOWN_BITS,
    LARGE_STATES,
    NONE,
    OBJECT_KNOWN,
    OBJECT_PLACES,
    PLACE_BITS,
    PLACE_SHIFT,
    POOL_SHARES,
    POOL_STATE_BITS,
    POOL_STATES,
    Snapshot,
)
from quire.report.words import root_kind, root_words

_ROWS_AT_ONCE: Final = 1 << 18

Column = NDArray[Any]


def write_parquet(
    folder: str, snapshot: Snapshot, graph: Graph | None, reach: Reach | None, tree: DominatorTree | None
) -> None:
    """Write the tables into the folder.

    Args:
        folder: there already, empty.
        snapshot: what to write.
        graph: its references explained; ``None``: it has none, and there is no such table.
        reach: from where objects are reached; ``None``: not known.
        tree: their dominators; ``None``: not known.

    Raises:
        OSError: a file cannot be written.
    """
    _write(folder, "objects", _objects(snapshot, reach, tree))
    if graph is not None:
        _write(folder, "references", _references(graph))
    _write(folder, "blocks", _blocks(snapshot))
    _write(folder, "pools", iter([_pools(snapshot)]))
    _write(folder, "large", iter([_large(snapshot)]))
    _write(folder, "roots", iter([_roots(snapshot)]))
    _write(folder, "memory", iter([_memory(snapshot)]))
    _write(folder, "snapshot", iter([_about(snapshot)]))


def _write(folder: str, name: str, parts: Iterator[pa.RecordBatch]) -> None:
    first = next(parts)
    with pq.ParquetWriter(os.path.join(folder, f"{name}.parquet"), first.schema, compression="zstd") as writer:
        writer.write_batch(first)
        for part in parts:
            writer.write_batch(part)


# --- columns --------------------------------------------------------------------------------------------------


def _rows(column: Column) -> pa.Array:
    """Numbers of rows; NONE is null."""
    return pa.array(column, pa.uint32(), mask=column == NONE)


def _chosen(numbers: Column, texts: list[str] | tuple[str, ...]) -> pa.Array:
    """Texts by their numbers."""
    return _strings(texts).take(pa.array(numbers.astype(np.int64)))


def _strings(texts: Iterable[str]) -> pa.Array:
    """A program may name a type by what is no character."""
    return pa.array([text.encode("utf-8", "backslashreplace").decode() for text in texts], pa.string())


def _slices(length: int) -> Iterator[slice]:
    """One at least, so that an empty table has its columns."""
    for begin in range(0, max(length, 1), _ROWS_AT_ONCE):
        yield slice(begin, begin + _ROWS_AT_ONCE)


def _batch(columns: dict[str, pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


# --- tables ---------------------------------------------------------------------------------------------------


def _objects(snapshot: Snapshot, reach: Reach | None, tree: DominatorTree | None) -> Iterator[pa.RecordBatch]:
    sizes = sizes_with_tables(snapshot)
    names, modules = [each.name for each in snapshot.types], [each.module for each in snapshot.types]
    retained = None if tree is None else retained_sizes(tree, sizes)
    for part in _slices(snapshot.count):
        flags = snapshot.object_flags[part]
        nothing = np.full(len(flags), NONE, np.uint32)
        dominator = (
            nothing if tree is None else np.where(tree.dominator[part] == snapshot.count, NONE, tree.dominator[part])
        )
        yield _batch(
            {
                "row": pa.array(np.arange(part.start, part.start + len(flags)), pa.uint32()),
                "address": pa.array(snapshot.object_address[part]),
                "module": _chosen(snapshot.object_type[part], modules),
                "type": _chosen(snapshot.object_type[part], names),
                "size_bytes": pa.array(sizes[part]),
                "count": _rows(snapshot.object_count[part]),
                "known": _chosen(flags & KNOWN_BITS, OBJECT_KNOWN),
                "place": _chosen(flags >> PLACE_SHIFT & PLACE_BITS, OBJECT_PLACES),
                "depth": _rows(nothing if reach is None else reach.depth[part]),
                "dominator": _rows(dominator),
                "retained_bytes": pa.nulls(len(flags), pa.uint64()) if retained is None else pa.array(retained[part]),
            }
        )


def _references(graph: Graph) -> Iterator[pa.RecordBatch]:
    texts = Texts()
    names = ReferenceNames(graph, texts)
    holds_words = [hold.name.lower() for hold in Hold]
    count = len(graph.snapshot.edge_to)
    for part in _slices(count):
        edges = np.arange(part.start, min(part.stop, count), dtype=np.int64)
        edges = edges[is_there(graph, edges)]
        holds = graph.holds(edges)
        numbers, name = np.unique(names.of(holds), return_inverse=True)
        every = texts.all()
        yield _batch(
            {
                "from_row": pa.array(holds.source.astype(np.uint32)),
                "to_row": pa.array(graph.snapshot.edge_to[edges]),
                "holds_by": _chosen(holds.hold, holds_words),
                "name": _chosen(name, [every[number] for number in numbers.tolist()]),
                "index": pa.array(holds.number, pa.int64(), mask=holds.hold != Hold.INDEX),
            }
        )


def _blocks(snapshot: Snapshot) -> Iterator[pa.RecordBatch]:
    for part in _slices(len(snapshot.table_address)):
        yield _batch(
            {
                "address": pa.array(snapshot.table_address[part]),
                "size_bytes": pa.array(snapshot.table_bytes[part]),
                "owner": _rows(snapshot.table_owner[part]),
            }
        )


def _pools(snapshot: Snapshot) -> pa.RecordBatch:
    return _batch(
        {
            "address": pa.array(snapshot.pool_address),
            "size_bytes": pa.array(snapshot.pool_bytes),
            "block_bytes": pa.array(snapshot.pool_block_bytes),
            "live_blocks": pa.array(snapshot.pool_live),
            "resident_bytes": pa.array(snapshot.pool_resident_bytes),
            "state": _chosen(snapshot.pool_flags & POOL_STATE_BITS, POOL_STATES),
            "shares_pages": pa.array(snapshot.pool_flags & POOL_SHARES != 0),
        }
    )


def _large(snapshot: Snapshot) -> pa.RecordBatch:
    return _batch(
        {
            "address": pa.array(snapshot.large_address),
            "size_bytes": pa.array(snapshot.large_bytes),
            "resident_bytes": pa.array(snapshot.large_resident_bytes),
            "state": _chosen(snapshot.large_flags, LARGE_STATES),
        }
    )


def _roots(snapshot: Snapshot) -> pa.RecordBatch:
    indexes = range(len(snapshot.root_object))
    return _batch(
        {
            "object": pa.array(snapshot.root_object),
            "kind": _strings([root_kind(snapshot, index) for index in indexes]),
            "words": _strings([root_words(snapshot, index) for index in indexes]),
        }
    )


def _memory(snapshot: Snapshot) -> pa.RecordBatch:
    rows = () if snapshot.sample is None else resident(snapshot.sample).rows
    return _batch(
        {
            "part": _strings([row.part for row in rows]),
            "label": _strings([row.label for row in rows]),
            "size_bytes": pa.array([row.size_bytes for row in rows], pa.int64()),
        }
    )


def _about(snapshot: Snapshot) -> pa.RecordBatch:
    sample = snapshot.sample
    return _batch(
        {
            "time": _strings([snapshot.time]),
            "pid": pa.array([snapshot.pid], pa.int64()),
            "program": _strings([snapshot.command]),
            "python": _strings([snapshot.python]),
            "rss_bytes": pa.array([None if sample is None else sample.rss_bytes], pa.int64()),
        }
    )
