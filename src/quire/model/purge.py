r"""Purge: pages of empty pools, of holes between runs, and pages of sparse pools on which no block lives, go back to
the system while their arena stays. They count as untouched again.

    | used | empty  empty | sparse: page page live page | empty | untouched ...
            \_________ one call ________/           \_ another /

What is empty in an arena of one kind serves no request of another kind, nor one for a mapping. So before the heap would
hold more than ever, as much goes back, from the last arena on; unless what was purged before was soon needed again
(``raw``). And a *sweep* gives back what rests for long:

    sweep 1     young --> old     what comes to rest is young; use makes it young again
    sweep 2               old --> gone

It goes over the heap in steps, slot by slot, a slot being as many addresses as a small pool has. Of a pool in use it
notes what it saw; one that looks the same to the next sweep has rested. Kept pages come last. CPython has nothing like
it: what is empty stays until its whole arena is.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from quire.errors import InvalidOption, OutOfMemory
from quire.model.arena import Arena, PoolArena, RunArena
from quire.model.pool import Pool
from quire.model.runs import Runs
from quire.records.heap import BlockState, PoolRole
from quire.records.statistics import Swept

if TYPE_CHECKING:
    from quire.model.allocator import Allocator


def check_sweep(cursor: int, slots_max: int, deadline_ns: int, reserve_bytes: int, live_percent_max: int) -> None:
    """What may be asked of a sweep, of the model's and of a native heap's.

    Raises:
        InvalidOption: an argument is negative, or not that many in a hundred.
    """
    least = min(cursor, slots_max, deadline_ns, reserve_bytes, live_percent_max)
    if least < 0:
        raise InvalidOption(f"a sweep with {least}; give numbers of 0 or more")
    if live_percent_max > 100:
        raise InvalidOption(f"a sweep of pools with up to {live_percent_max} % live blocks; give 0 to 100")


def purge_resting(allocator: Allocator, wanted_bytes: int) -> None:
    """So many bytes of what rests go back, or a few more, from the last arena on."""
    if not allocator.geometry.purges or not _fits_pages(allocator):
        return
    purge = _Purge(allocator, max(wanted_bytes, allocator.geometry.arena_bytes // 4))
    for arena in sorted(allocator.arenas.values(), key=lambda each: -each.address):
        if purge.wanted_bytes == 0 or purge.is_refused:
            return
        purge.arena(arena)


def sweep(allocator: Allocator, cursor: int, slots_max: int, reserve_bytes: int, live_percent_max: int) -> Swept:
    """A step of a sweep; ``Allocator.sweep`` says the rest."""
    geometry, raw = allocator.geometry, allocator.raw
    resting = sum(arena.resting_bytes for arena in allocator.arenas.values())
    wanted = max(resting + raw.kept.size_bytes - reserve_bytes, 0)
    purge = _Purge(allocator, wanted, is_sweep=True, live_percent_max=live_percent_max, slots_left=slots_max)
    slots = purge.slots_an_arena
    by_index = {arena.index: arena for arena in allocator.arenas.values()}
    end = (max(by_index, default=-1) + 1) * slots
    if _fits_pages(allocator):
        while cursor < end and not purge.is_due:
            index, slot = divmod(cursor, slots)
            cursor = index * slots + (purge.arena(by_index[index], slot) if index in by_index else slots)
    else:
        cursor = end
    if cursor >= end:
        cursor = 0 if not purge.is_due and purge.kept() else geometry.range_bytes // geometry.pool_bytes
    return Swept(
        cursor=cursor,
        empty_pool_bytes=purge.pool_bytes,
        hole_bytes=purge.hole_bytes,
        kept_bytes=purge.kept_bytes,
        page_bytes=purge.page_bytes,
        young_bytes=purge.young_bytes,
        young_pools=purge.young_pools,
        is_refused=purge.is_refused,
    )


def _fits_pages(allocator: Allocator) -> bool:
    return allocator.geometry.pool_bytes % allocator.geometry.page_bytes == 0


@dataclass
class _Purge:
    """Of what rests, as much as is wanted is to go back: before a peak whatever it is, by a sweep what is old."""

    allocator: Allocator
    wanted_bytes: int
    """A sweep's is never exceeded."""
    is_sweep: bool = False
    live_percent_max: int = 0
    """Of pools whose pages may go."""
    slots_left: int = sys.maxsize
    is_refused: bool = False
    pool_bytes: int = 0
    hole_bytes: int = 0
    kept_bytes: int = 0
    young_bytes: int = 0
    page_bytes: int = 0
    young_pools: int = 0
    offered: range = range(0)
    """Addresses of neighbours in one arena, which go in one call."""

    @property
    def slots_an_arena(self) -> int:
        return self.allocator.geometry.arena_bytes // self.allocator.geometry.pool_bytes

    @property
    def is_due(self) -> bool:
        """Whether the step ends here."""
        return self.slots_left == 0 or self.is_refused

    def arena(self, arena: Arena, first_slot: int = 0) -> int:
        """From a slot of the arena on; the slot where it ended, and one past the last if the arena is done."""
        if isinstance(arena, PoolArena):
            slot = self._pools(arena, first_slot)
        else:
            assert isinstance(arena, RunArena)
            slot = self._holes(arena)
        return self.slots_an_arena if self.is_refused else slot

    def kept(self) -> bool:
        """Old kept pages go back, the oldest first; the others become old. False: the step ended before."""
        page_bytes, kept = self.allocator.geometry.page_bytes, self.allocator.raw.kept
        part_max = self.allocator.geometry.arena_bytes // 2
        while True:
            wanted = min(self.wanted_bytes // page_bytes * page_bytes, part_max)
            oldest = next((piece for piece in kept.pieces if piece.is_old and wanted), None)
            if oldest is None:
                break
            if self.is_due:
                return False
            part = kept.give_back_end(oldest, wanted)
            self.kept_bytes += part
            self.wanted_bytes -= part
            self._spend(-(-part // self.allocator.geometry.pool_bytes))
        for piece in kept.pieces:
            self.young_bytes += 0 if piece.is_old else piece.size_bytes
            piece.is_old = True
        return True

    # --- pools ---

    def _pools(self, arena: PoolArena, first_slot: int) -> int:
        slots = arena.pool_bytes // self.allocator.geometry.pool_bytes
        slot = self.slots_an_arena
        for pool in arena.pools:
            slot_of_pool = (pool.address - arena.address) // self.allocator.geometry.pool_bytes
            if slot_of_pool < first_slot:
                continue
            if self.is_due or not self._pool(arena, pool):
                slot = slot_of_pool
                break
            self._spend(slots)
        if self.offered:
            self._purge_offered(arena)
        arena.put_purged_last()
        return slot

    def _pool(self, arena: PoolArena, pool: Pool) -> bool:
        """False: the system did not take what was offered before."""
        if not pool.serves:
            return pool.is_purged or self._resting_pool(arena, pool)
        is_listed = pool.linked and pool.role is PoolRole.ORDINARY
        is_sparse = is_listed and pool.allocated * 100 <= self.live_percent_max * pool.capacity
        is_sparse = is_sparse and self.live_percent_max != 0
        return not is_sparse or self._sparse_pool(arena, pool)

    def _resting_pool(self, arena: PoolArena, pool: Pool) -> bool:
        if self.is_sweep and not pool.is_old:
            pool.is_old = True
            self.young_bytes += pool.touched_bytes
            return True
        if not self._wants(pool):
            return True
        self.wanted_bytes = max(self.wanted_bytes - pool.touched_bytes, 0)
        return self._offer(arena, pool.address, pool.address + pool.size_bytes)

    def _wants(self, pool: Pool) -> bool:
        """Before a peak neighbours go as a whole, and are a few more than are wanted."""
        if self.is_sweep:
            return pool.touched_bytes <= self.wanted_bytes
        return self.wanted_bytes > 0 or pool.address == self.offered.stop

    def _sparse_pool(self, arena: PoolArena, pool: Pool) -> bool:
        """It serves, and few of its blocks live: pages without any are offered."""
        if not pool.see():
            self.young_pools += 1
            return True
        if pool.is_looked_at:
            return True
        page_bytes = self.allocator.geometry.page_bytes
        pages = pool.pages_without_live_block()
        pool.is_looked_at = not pages
        return all(
            self._offer(arena, pool.address + page * page_bytes, pool.address + (page + 1) * page_bytes)
            for page in pages
        )

    def _offer(self, arena: PoolArena, start: int, end: int) -> bool:
        """Whether the system took what was offered before, which was no neighbour."""
        if self.offered and start != self.offered.stop and not self._purge_offered(arena):
            return False
        self.offered = range(self.offered.start if self.offered else start, end)
        return True

    def _purge_offered(self, arena: PoolArena) -> bool:
        """What was offered goes back; whether the system took it. Blocks on it leave their free lists before."""
        offered, self.offered = self.offered, range(0)
        resting, serving = self._pools_in(arena, offered)
        for pool, pages in serving:
            pool.take_away(pages)
        is_done = self._purge(offered.start, len(offered))
        for pool, pages in serving:
            if not is_done:
                pool.bring_back(pages)
            else:
                self._note_gone(len(pages) * self.allocator.geometry.page_bytes)
                self.page_bytes += len(pages) * self.allocator.geometry.page_bytes
            pool.see()
            pool.is_looked_at = is_done
        for pool in resting if is_done else ():
            self._note_gone(pool.touched_bytes)
            self.pool_bytes += pool.touched_bytes
            pool.purge(by_sweep=self.is_sweep)
        return is_done

    def _pools_in(self, arena: PoolArena, piece: range) -> tuple[list[Pool], list[tuple[Pool, list[int]]]]:
        """The pools that the piece touches: those that rest, and those that serve, with their pages in it."""
        page_bytes = self.allocator.geometry.page_bytes
        pools = [p for p in arena.pools if p.address < piece.stop and piece.start < p.address + p.size_bytes]
        serving = []
        for pool in pools:
            starts = range(pool.address, pool.address + pool.size_bytes, page_bytes)
            if pool.serves:
                serving.append((pool, [page for page, start in enumerate(starts) if start in piece]))
        return [pool for pool in pools if not pool.serves], serving

    # --- holes between runs ---

    def _holes(self, arena: RunArena) -> int:
        for start, size, state in list(arena.runs.parts()):
            if state is not BlockState.FREE or (self.wanted_bytes == 0 and not self.is_sweep):
                continue
            if not self._part(arena.runs, start, start + size):
                break
        self._spend(self.slots_an_arena)
        return self.slots_an_arena

    def _part(self, runs: Runs, first: int, end: int) -> bool:
        """Neighbouring units that rest: all of them, or in a sweep those of each age on their own."""
        if not self.is_sweep:
            return self._units(runs, first, end)
        units = range(first, end, runs.unit_bytes)
        for is_old, group in groupby(units, lambda unit: unit in runs.old):
            part = list(group)
            if not is_old:
                runs.old.update(part)
                self.young_bytes += len(part) * runs.unit_bytes
            elif not self._units(runs, part[0], part[-1] + runs.unit_bytes):
                return False
        return True

    def _units(self, runs: Runs, first: int, end: int) -> bool:
        """Whole pages of units."""
        if self.is_sweep:
            end = min(end, first + self.wanted_bytes // runs.unit_bytes * runs.unit_bytes)
        page_bytes = self.allocator.geometry.page_bytes
        first, end = -(-first // page_bytes) * page_bytes, end // page_bytes * page_bytes
        if first >= end:
            return True
        if not self._purge(first, end - first):
            return False
        self._note_gone(end - first)
        runs.purge(first, end - first, by_sweep=self.is_sweep)
        self.wanted_bytes = max(self.wanted_bytes - (end - first), 0)
        self.hole_bytes += end - first
        return True

    # --- both ---

    def _purge(self, address: int, size_bytes: int) -> bool:
        """The system refuses where memory is locked; then nothing has changed."""
        try:
            self.allocator.system.purge(address, size_bytes)
        except OutOfMemory:
            self.is_refused = True
            return False
        return True

    def _note_gone(self, size_bytes: int) -> None:
        self.allocator.raw.touched_bytes -= size_bytes

    def _spend(self, slots: int) -> None:
        self.slots_left = max(self.slots_left - slots, 0)
