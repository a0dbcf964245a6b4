"""What came, went and grew between two snapshots, by type and place. An object is the same if its address and its type
are: one that died and whose address another of its type took is taken for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quire.report.answers import DifferenceRow, Differences
from quire.report.places import Places
from quire.report.sizes import sizes_with_tables
from quire.report.snapshot import U8, Rows, Snapshot

Key = tuple[str, str]
"""A type and a place."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two snapshots; without references there are no places."""

    snapshot: Snapshot
    places: Places | None


def differences(before: Side, after: Side) -> Differences:
    """All that changed, the largest change first."""
    sizes = sizes_with_tables(before.snapshot), sizes_with_tables(after.snapshot)
    stayed_before, stayed_after = _same(before.snapshot, after.snapshot)
    grown = sizes[1][stayed_after].astype(np.int64) - sizes[0][stayed_before].astype(np.int64)
    has_grown = grown != 0
    came = _sums(after, _others(after.snapshot, stayed_after), sizes[1].astype(np.int64))
    went = _sums(before, _others(before.snapshot, stayed_before), sizes[0].astype(np.int64))
    grew = _sums(after, stayed_after[has_grown], _at(after.snapshot, stayed_after, grown))
    return Differences(
        objects_before=before.snapshot.count,
        objects_after=after.snapshot.count,
        before_bytes=int(sizes[0].sum()),
        after_bytes=int(sizes[1].sum()),
        rows=_rows(came, went, grew),
    )


def _rows(*columns: dict[Key, tuple[int, int]]) -> tuple[DifferenceRow, ...]:
    keys = dict.fromkeys(key for column in columns for key in column)
    nothing = (0, 0)
    rows = [DifferenceRow(*key, *(n for column in columns for n in column.get(key, nothing))) for key in keys]
    return tuple(sorted(rows, key=lambda row: (-abs(row.change_bytes), row.type, row.place)))


# --- which objects are the same -------------------------------------------------------------------------------


def _same(before: Snapshot, after: Snapshot) -> tuple[Rows, Rows]:
    """The rows, in each of the snapshots, of objects that are in both."""
    _, of_before, of_after = np.intersect1d(
        before.object_address, after.object_address, assume_unique=True, return_indices=True
    )
    type_before, type_after = _common_types(before, after)
    is_same = type_before[before.object_type[of_before]] == type_after[after.object_type[of_after]]
    return of_before[is_same], of_after[is_same]


def _common_types(before: Snapshot, after: Snapshot) -> tuple[Rows, Rows]:
    """A number for each type, the same in both for those of one module and name."""
    number: defaultdict[Key, int] = defaultdict(lambda: len(number))
    columns = [np.array([number[each.module, each.name] for each in side.types], np.intp) for side in (before, after)]
    return columns[0], columns[1]


def _others(snapshot: Snapshot, stayed: Rows) -> Rows:
    is_other = np.ones(snapshot.count, np.bool_)
    is_other[stayed] = False
    return np.flatnonzero(is_other)


def _at(snapshot: Snapshot, rows: Rows, values: NDArray[np.int64]) -> NDArray[np.int64]:
    column = np.zeros(snapshot.count, np.int64)
    column[rows] = values
    return column


# --- by type and place ----------------------------------------------------------------------------------------


def _sums(side: Side, rows: Rows, sizes: U8 | NDArray[np.int64]) -> dict[Key, tuple[int, int]]:
    """How many of these objects there are of each type in each place, and their bytes."""
    sums: dict[Key, tuple[int, int]] = {}
    for key, count, size_bytes in _groups(side, rows, sizes):
        count_before, bytes_before = sums.get(key, (0, 0))
        sums[key] = count_before + count, bytes_before + size_bytes
    return sums


def _groups(side: Side, rows: Rows, sizes: U8 | NDArray[np.int64]) -> Iterator[tuple[Key, int, int]]:
    its_type = side.snapshot.object_type[rows].astype(np.int64)
    place = side.places.of[rows] if side.places is not None else np.zeros(len(rows), np.int64)
    pairs, inverse = np.unique(its_type << 32 | place, return_inverse=True)
    counts = np.bincount(inverse, minlength=len(pairs)).tolist()
    totals = np.bincount(inverse, sizes[rows], minlength=len(pairs)).tolist()
    for pair, count, total in zip(pairs.tolist(), counts, totals, strict=True):
        where = side.places.words(pair & 0xFFFFFFFF) if side.places is not None else ""
        yield (side.snapshot.types[pair >> 32].words, where), count, int(total)
