"""The heap's map: of each pool what it is, how full, what is in it; in columns, for a picture of 100,000 of them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from quire.report.heap_blocks import FOREIGN, TABLE, blocks
from quire.report.large_map import LargeMap
from quire.report.pins import pinned_bytes
from quire.report.snapshot import NONE, U1, U4, Rows, Snapshot

_POOLS_AT_ONCE = 8192
"""A gigabyte of small pools is eight pieces: what is computed of one stays below 100 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class HeapMap:
    """A row for each pool, by address."""

    address: NDArray[np.float64]
    """Exact below 2^53, and user space ends there."""
    size_bytes: U4
    block_bytes: U4
    live: U4
    """Blocks."""
    resident_bytes: U4
    pinned_bytes: U4
    flags: U1
    """As in the file: its state, sealed, spent."""
    type: U4
    """Of most of its blocks' objects; NONE: it has none."""
    known: U4
    """Blocks that the snapshot has."""


def heap_map(snapshot: Snapshot) -> HeapMap:
    """All pools."""
    most, known = _contents(snapshot)
    return HeapMap(
        address=snapshot.pool_address.astype(np.float64),
        size_bytes=snapshot.pool_bytes,
        block_bytes=snapshot.pool_block_bytes,
        live=snapshot.pool_live,
        resident_bytes=snapshot.pool_resident_bytes,
        pinned_bytes=pinned_bytes(snapshot).astype(np.uint32),
        flags=snapshot.pool_flags,
        type=most,
        known=known,
    )


def columns_of(of: str, rows: HeapMap | LargeMap) -> dict[str, NDArray[np.generic]]:
    """By names, what they are of before them: ``pool_address``."""
    return {f"{of}_{field.name}": getattr(rows, field.name) for field in fields(rows)}


def _contents(snapshot: Snapshot) -> tuple[U4, U4]:
    """Of each pool: the type of most of its blocks, and how many blocks there are."""
    count = len(snapshot.pool_address)
    most, known = np.full(count, NONE, np.uint32), np.zeros(count, np.uint32)
    for begin in range(0, count, _POOLS_AT_ONCE):
        piece = slice(begin, min(begin + _POOLS_AT_ONCE, count))
        found = blocks(snapshot, piece.start, piece.stop)
        number = np.diff(found.end, prepend=0)
        known[piece] = number
        pool = np.repeat(np.arange(len(number)), number)
        most[piece] = _most_common(pool, found.type, len(number), len(snapshot.types))
    return most, known


def _most_common(pool: Rows, its_type: U4, pool_count: int, type_count: int) -> U4:
    is_of_object = its_type != FOREIGN
    width = max(type_count, 1)
    pairs = pool[is_of_object] * width + (its_type[is_of_object] & ~TABLE).astype(np.intp)
    distinct, counts = np.unique(pairs, return_counts=True)
    most = np.full(pool_count, NONE, np.uint32)
    ascending = distinct[np.argsort(counts, kind="stable")]
    most[ascending // width] = ascending % width  # the last one stays
    return most
