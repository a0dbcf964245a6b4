"""Which survivors keep which memory from going back.

    pool, resident   |live|    |    |live|    |    |    |    |
    pinned            what lies beside live blocks, half of it kept by each of the two

Pools without a live block go back by themselves, and the empty pages of others, if nothing touches them, too. Sealed
pools share their pages already. What is resident in all others beside live blocks is pinned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.answers import ArenaRow, PinRow, Pins
from quire.report.places import Places
from quire.report.snapshot import NONE, POOL_SHARES, U8, Rows, Snapshot

ARENA_BYTES: Final = 2 * 1024**2
FOREIGN: Final = "(foreign block)"
UNKNOWN: Final = "(unknown block)"
"""The heap counts a live block in the pool that the snapshot does not have."""
OTHERS: Final = "(others)"
ROWS_MAX: Final = 10_000
_NO_OBJECT: Final = -1
_NOT_SEEN: Final = -2


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Live blocks in pools that pin: objects, tables, and one for each pool of which the snapshot has none."""

    pool: Rows
    """Ascending."""
    object: NDArray[np.int64]
    """The row of the object that it is, or that it belongs to; _NO_OBJECT, _NOT_SEEN."""
    pinned_bytes: NDArray[np.int64]
    live_bytes: NDArray[np.int64]


def pinned_bytes(snapshot: Snapshot) -> NDArray[np.int64]:
    """Of each pool: what is resident of it beside live blocks, if survivors keep it."""
    live_bytes = snapshot.pool_live.astype(np.int64) * snapshot.pool_block_bytes
    beside = np.maximum(snapshot.pool_resident_bytes - live_bytes, 0)
    return np.where(snapshot.pool_is_used, beside, 0)


def pins(snapshot: Snapshot, places: Places | None, rows_max: int = ROWS_MAX) -> Pins:
    """What is pinned, by type and place and by arena; without references by type alone. Where there are more rows than
    asked for, the last one is OTHERS: the sum of the smallest."""
    pinned = pinned_bytes(snapshot)
    blocks = _blocks(snapshot, pinned)
    groups = _Groups(snapshot, places, blocks)
    is_sealed = snapshot.pool_flags & POOL_SHARES != 0
    return Pins(
        pinned_bytes=int(pinned.sum()),
        pools=int(snapshot.pool_is_used.sum()),
        sealed_pools=int(is_sealed.sum()),
        rows=groups.rows(rows_max),
        arenas=_arena_rows(snapshot, pinned, blocks, groups),
    )


# --- blocks ---------------------------------------------------------------------------------------------------


def _blocks(snapshot: Snapshot, pinned: NDArray[np.int64]) -> _Blocks:
    pools, objects = _blocks_in_pools(snapshot)
    is_known = np.zeros(len(pinned), np.bool_)
    is_known[pools] = True
    empty = np.flatnonzero(snapshot.pool_is_used & ~is_known)
    pools = np.concatenate((pools, empty))
    objects = np.concatenate((objects, np.full(len(empty), _NOT_SEEN)))
    order = np.argsort(pools, kind="stable")
    pools = pools[order]
    return _Blocks(pools, objects[order], _shares(pools, pinned), _live_bytes(snapshot, pools, objects[order]))


def _blocks_in_pools(snapshot: Snapshot) -> tuple[Rows, NDArray[np.int64]]:
    """The pool of each block in one that pins, and the object that it belongs to."""
    owner = np.where(snapshot.table_owner == NONE, np.int64(_NO_OBJECT), snapshot.table_owner.astype(np.int64))
    address = np.concatenate((snapshot.object_address, snapshot.table_address))
    objects = np.concatenate((np.arange(snapshot.count, dtype=np.int64), owner))
    pools = _pool_at(snapshot, address)
    is_there = np.flatnonzero(pools >= 0)
    is_pinning = is_there[snapshot.pool_is_used[pools[is_there]]]
    return pools[is_pinning], objects[is_pinning]


def _pool_at(snapshot: Snapshot, address: U8) -> Rows:
    """The pool that each address lies in; -1: none."""
    if not len(snapshot.pool_address):
        return np.full(len(address), -1)
    pool = np.searchsorted(snapshot.pool_address, address, side="right") - 1
    offset = address - snapshot.pool_address[pool]  # of an address before all pools it wraps, and is large
    return np.where((pool >= 0) & (offset < snapshot.pool_bytes[pool]), pool, -1)


def _shares(pools: Rows, pinned: NDArray[np.int64]) -> NDArray[np.int64]:
    """An even part of what its pool pins for each block, the rest of the division for its first ones."""
    count = np.bincount(pools, minlength=len(pinned))
    first = np.cumsum(count) - count
    number = np.arange(len(pools)) - first[pools]
    share, rest = np.divmod(pinned, np.maximum(count, 1))
    return share[pools] + (number < rest[pools])


def _live_bytes(snapshot: Snapshot, pools: Rows, objects: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of a block as large as the pool's; of what was not seen, as many as the heap has counted there."""
    blocks = np.where(objects == _NOT_SEEN, snapshot.pool_live[pools], 1)
    return blocks.astype(np.int64) * snapshot.pool_block_bytes[pools]


# --- groups: one type in one place ----------------------------------------------------------------------------


class _Groups:
    """Blocks by the type and the place of their objects."""

    def __init__(self, snapshot: Snapshot, places: Places | None, blocks: _Blocks) -> None:
        self._snapshot, self._places, self._blocks = snapshot, places, blocks
        self._arena = arenas_of(snapshot)[blocks.pool]
        its_type, place = self._types_and_places()
        self._pairs, self.of = np.unique(its_type << 32 | place, return_inverse=True)

    def words(self, group: int) -> tuple[str, str]:
        """The type and the place."""
        its_type, place = int(self._pairs[group]) >> 32, int(self._pairs[group]) & 0xFFFFFFFF
        if its_type < 0:
            return (FOREIGN if its_type == _NO_OBJECT else UNKNOWN), ""
        where = self._places.words(place) if self._places is not None else ""
        return self._snapshot.types[its_type].words, where

    def rows(self, rows_max: int) -> tuple[PinRow, ...]:
        """A row each, those that pin most first; the last ones as one, if there are too many."""
        sums = self._sums()
        order = np.argsort(-sums[-1], kind="stable")
        shown = order if len(order) <= rows_max else order[: max(rows_max - 1, 0)]
        rows = [PinRow(*self.words(each), *(int(column[each]) for column in sums)) for each in shown]
        if len(shown) < len(order):
            others = order[len(shown) :]
            blocks, live, _, pinned = (int(column[others].sum()) for column in sums)
            arenas = len(np.unique(self._arena[np.isin(self.of, others)]))
            rows.append(PinRow(OTHERS, "", blocks, live, arenas, pinned))
        return tuple(rows)

    def _sums(self) -> tuple[NDArray[np.int64], ...]:
        """Of each group: blocks, live bytes, arenas, pinned bytes."""
        count = len(self._pairs)
        live = np.bincount(self.of, self._blocks.live_bytes, minlength=count).astype(np.int64)
        pinned = np.bincount(self.of, self._blocks.pinned_bytes, minlength=count).astype(np.int64)
        return np.bincount(self.of, minlength=count), live, self._arena_counts(), pinned

    def _arena_counts(self) -> NDArray[np.intp]:
        """In how many arenas each group has blocks."""
        arenas, number = np.unique(self._arena, return_inverse=True)
        pairs = np.unique(self.of * max(len(arenas), 1) + number)
        return np.bincount(pairs // max(len(arenas), 1), minlength=len(self._pairs))

    def _types_and_places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        objects = self._blocks.object
        its_type, place = objects.copy(), np.zeros(len(objects), np.int64)
        is_object = objects >= 0
        its_type[is_object] = self._snapshot.object_type[objects[is_object]]
        if self._places is not None:
            place[is_object] = self._places.of[objects[is_object]]
        return its_type, place


# --- arenas ---------------------------------------------------------------------------------------------------


def arenas_of(snapshot: Snapshot) -> U8:
    """The address of each pool's arena."""
    return _arenas_at(snapshot.pool_address)


def arenas_of_runs(snapshot: Snapshot) -> U8:
    """The address of the arena of each run, and of each hole between runs."""
    return _arenas_at(snapshot.large_address[snapshot.large_is_in_arena])


def _arenas_at(address: U8) -> U8:
    return address & ~np.uint64(ARENA_BYTES - 1)


def _arena_rows(
    snapshot: Snapshot, pinned: NDArray[np.int64], blocks: _Blocks, groups: _Groups
) -> tuple[ArenaRow, ...]:
    """Arenas with a pool that pins, those with most pinned first."""
    used = np.flatnonzero(snapshot.pool_is_used)
    address, arena = np.unique(arenas_of(snapshot)[used], return_inverse=True)
    live_bytes = snapshot.pool_live[used].astype(np.int64) * snapshot.pool_block_bytes[used]
    pools, live, resident, kept = (
        np.bincount(arena, weights, minlength=len(address)).astype(np.int64)
        for weights in (None, live_bytes, snapshot.pool_resident_bytes[used], pinned[used])
    )
    arena_of_pool = np.zeros(len(pinned), np.intp)
    arena_of_pool[used] = arena
    most = _most_pinning(arena_of_pool[blocks.pool], groups.of, blocks.pinned_bytes, len(address))
    return tuple(
        ArenaRow(
            address=int(address[each]),
            pools=int(pools[each]),
            live_bytes=int(live[each]),
            resident_bytes=int(resident[each]),
            pinned_bytes=int(kept[each]),
            type=groups.words(most[each])[0],
            place=groups.words(most[each])[1],
        )
        for each in np.argsort(-kept, kind="stable")
    )


def _most_pinning(arena: Rows, group: Rows, weights: NDArray[np.int64], arena_count: int) -> list[int]:
    """Of each arena, the group whose blocks pin most of it."""
    group_count = int(group.max(initial=0)) + 1
    pairs, inverse = np.unique(arena * group_count + group, return_inverse=True)
    total = np.bincount(inverse, weights, minlength=len(pairs))
    most = np.zeros(arena_count, np.intp)
    ascending = pairs[np.argsort(total, kind="stable")]
    most[ascending // group_count] = ascending % group_count  # the last one stays
    return [int(each) for each in most]
