"""What is in blocks, by the addresses at which they begin: an object, or the table of one."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.snapshot import NONE, U8, Rows, Snapshot

NOBODY: Final = -1
"""In the place of a row: the block belongs to no object."""
BEFORE_OBJECT_BYTES: Final = 64
"""What a type may put between its block's beginning and the object: the collector's header, its dictionary's place."""


def rows_in_blocks(snapshot: Snapshot, address: U8) -> tuple[Rows, NDArray[np.bool_]]:
    """Of each block the object in it or the one whose table it is, NOBODY if there is none; whether it is a table."""
    owner, is_no_object = _owners(snapshot, address)
    return np.where(is_no_object, owner, _objects(snapshot, address)), owner != NOBODY


def _owners(snapshot: Snapshot, address: U8) -> tuple[Rows, NDArray[np.bool_]]:
    """Of blocks in which no object lies, the object each belongs to; and which of the addresses are of such a block."""
    tables = snapshot.table_address
    place = np.searchsorted(tables, address)
    owner = np.full(len(address), NOBODY, np.intp)
    there = np.flatnonzero(place < len(tables))
    there = there[tables[place[there]] == address[there]]
    found = snapshot.table_owner[place[there]]
    owner[there[found != NONE]] = found[found != NONE]
    is_no_object = np.zeros(len(address), np.bool_)
    is_no_object[there] = True
    return owner, is_no_object


def _objects(snapshot: Snapshot, address: U8) -> Rows:
    row = np.searchsorted(snapshot.object_address, address)
    there = np.flatnonzero(row < snapshot.count)
    before = snapshot.object_address[row[there]] - address[there]
    found = np.full(len(address), NOBODY, np.intp)
    there = there[before <= BEFORE_OBJECT_BYTES]
    found[there] = row[there]
    return found
