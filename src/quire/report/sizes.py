"""What objects take, with the tables that belong to them."""

from __future__ import annotations

import numpy as np

from quire.report.snapshot import HAS_HEADER, HEADER_BYTES, NONE, U8, Snapshot


def sizes_with_tables(snapshot: Snapshot) -> U8:
    """Bytes of each object with its tables, by row.

    ``sys.getsizeof`` counts the tables of some types (a list's items) and not those of others (a deque's blocks), so it
    is taken where it is more than the object itself and its tables' blocks.
    """
    table_bytes = _table_bytes(snapshot)
    basic_bytes = np.array([each.basic_bytes for each in snapshot.types], np.uint64)[snapshot.object_type]
    header_bytes = np.where(snapshot.object_flags & HAS_HEADER, np.uint64(HEADER_BYTES), np.uint64(0))
    with_tables = np.maximum(snapshot.object_bytes, basic_bytes + header_bytes + table_bytes)
    return np.where(table_bytes > 0, with_tables, snapshot.object_bytes)


def _table_bytes(snapshot: Snapshot) -> U8:
    """Bytes of each object's tables."""
    is_owned = snapshot.table_owner != NONE
    total = np.bincount(snapshot.table_owner[is_owned], snapshot.table_bytes[is_owned], minlength=snapshot.count)
    return total.astype(np.uint64)


def foreign_blocks(snapshot: Snapshot) -> tuple[int, int]:
    """How many blocks belong to no object, and their bytes."""
    is_foreign = snapshot.table_owner == NONE
    return int(is_foreign.sum()), int(snapshot.table_bytes[is_foreign].sum())
