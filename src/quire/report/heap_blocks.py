"""The blocks of some pools, with what is in each: an object, a table of one, or nobody's.

pool 16 KiB    | 48 B | block 0 | block 1 | ...    an object may begin inside of its block, behind its header
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.snapshot import NONE, U4, U8, Rows, Snapshot

TABLE: Final = np.uint32(1 << 31)
"""In ``Blocks.type``: the block is a table of an object of that type."""
FOREIGN: Final = NONE
"""In ``Blocks.type``: the block belongs to no object."""
SMALL_POOL_BYTES: Final = 16 * 1024
FIRST_BLOCK_BYTES: Final = 48
"""Where the first block of a small pool begins (docs/design/heap.md)."""
_SLOT_MAX: Final = 0xFFFF


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Live blocks, pool by pool, in the order of their addresses."""

    end: U4
    """For each pool, where its blocks end; they begin where the last pool's end."""
    slot: NDArray[np.uint16]
    """Which of the pool's blocks."""
    type: U4
    """A row of ``types``, with TABLE; or FOREIGN."""


def blocks(snapshot: Snapshot, first: int, last: int) -> Blocks:
    """Those of the pools from ``first`` up to ``last``, which is not included."""
    if first >= last:
        return Blocks(np.empty(0, np.uint32), np.empty(0, np.uint16), np.empty(0, np.uint32))
    objects = _rows_within(snapshot, snapshot.object_address, first, last)
    tables = _rows_within(snapshot, snapshot.table_address, first, last)
    address = np.concatenate((snapshot.object_address[objects], snapshot.table_address[tables]))
    its_type = np.concatenate((snapshot.object_type[objects], _table_types(snapshot, tables)))
    pool = np.searchsorted(snapshot.pool_address, address, side="right") - 1
    offset = address - snapshot.pool_address[pool]
    inside = np.flatnonzero(offset < snapshot.pool_bytes[pool])
    slot = _slots(snapshot, pool[inside], offset[inside])
    order = np.lexsort((slot, pool[inside]))
    count = np.bincount(pool[inside] - first, minlength=last - first)
    return Blocks(
        end=np.cumsum(count).astype(np.uint32),
        slot=slot[order],
        type=its_type[inside][order].astype(np.uint32),
    )


def _rows_within(snapshot: Snapshot, address: U8, first: int, last: int) -> slice:
    """The rows of a column of addresses that lie behind the first pool's beginning and before the last one's end."""
    begin = snapshot.pool_address[first]
    end = int(snapshot.pool_address[last - 1]) + int(snapshot.pool_bytes[last - 1])
    stop = np.searchsorted(address, np.uint64(min(end, 2**64 - 1)))
    return slice(int(np.searchsorted(address, begin)), int(stop))


def _table_types(snapshot: Snapshot, tables: slice) -> U4:
    owner = snapshot.table_owner[tables]
    is_owned = owner != NONE
    found = np.full(len(owner), FOREIGN, np.uint32)
    found[is_owned] = snapshot.object_type[owner[is_owned]] | TABLE
    return found


def _slots(snapshot: Snapshot, pool: Rows, offset: U8) -> NDArray[np.uint16]:
    is_small = snapshot.pool_bytes[pool] == SMALL_POOL_BYTES
    first = np.where(is_small, np.uint64(FIRST_BLOCK_BYTES), np.uint64(0))
    size = np.maximum(snapshot.pool_block_bytes[pool], 1)
    slot = (offset - np.minimum(first, offset)) // size
    return np.minimum(slot, _SLOT_MAX).astype(np.uint16)
