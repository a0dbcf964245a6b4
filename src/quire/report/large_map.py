"""The large blocks of the heap's map: runs and holes between them, mappings, what is kept of freed ones; in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quire.report.block_rows import NOBODY, rows_in_blocks
from quire.report.heap_blocks import FOREIGN, TABLE
from quire.report.snapshot import U1, U4, Rows, Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class LargeMap:
    """A row for each: those in arenas first, by address; then those with pages of their own, by address."""

    address: NDArray[np.float64]
    """Exact below 2^53, and user space ends there; as sizes are."""
    size_bytes: NDArray[np.float64]
    resident_bytes: NDArray[np.float64]
    flags: U1
    """As in the file: what it is."""
    type: U4
    """A row of ``types``, with TABLE; or FOREIGN, as also where nothing is live."""


def large_map(snapshot: Snapshot) -> LargeMap:
    """All large blocks."""
    order = np.lexsort((snapshot.large_address, ~snapshot.large_is_in_arena))
    return LargeMap(
        address=snapshot.large_address[order].astype(np.float64),
        size_bytes=snapshot.large_bytes[order].astype(np.float64),
        resident_bytes=snapshot.large_resident_bytes[order].astype(np.float64),
        flags=snapshot.large_flags[order],
        type=_types(snapshot, order),
    )


def _types(snapshot: Snapshot, order: Rows) -> U4:
    found = np.full(len(order), FOREIGN, np.uint32)
    live = np.flatnonzero(snapshot.large_is_live[order])
    row, is_table = rows_in_blocks(snapshot, snapshot.large_address[order[live]])
    known = row != NOBODY
    found[live[known]] = snapshot.object_type[row[known]] | np.where(is_table[known], TABLE, np.uint32(0))
    return found
