"""The object allocator: requests in, blocks out.

    request --> size class --> the class's list of used pools --> first pool --> its free list --> block
                                    | empty?                        | full?
                                    v                               v
                               a pool of the fullest arena      next pool of the list
                                    | no arena has room?
                                    v
                               an arena from the raw allocator

Freeing goes the other way: the block goes to the front of its pool's free list; a pool that was full joins its
class's list again; one that is empty goes back to its arena; an arena whose pools are all free goes back to the
system. CPython since 3.9, and quire, keep it if it is the last that has room: the next request would only ask for it
again.

Larger requests go past all that: to the raw allocator in CPython, to runs of pages in quire.
"""

from __future__ import annotations

import sys
from bisect import bisect_right, insort
from dataclasses import dataclass

from quire.errors import InvalidSize, OutOfMemory
from quire.model.accounts import statistics_of
from quire.model.arena import Arena, AvailableArenas, PoolArena, RunArena
from quire.model.geometry import QUIRE, Geometry
from quire.model.links import LinkedList
from quire.model.mesh import Mesh
from quire.model.pool import Pool
from quire.model.purge import check_sweep, purge_resting, sweep
from quire.model.raw import RawAllocator
from quire.model.runs import Runs
from quire.model.system import System
from quire.records.heap import HeapState, PoolRole
from quire.records.kinds import ArenaKind, Domain
from quire.records.statistics import HeapStatistics, Swept

SIZE_BYTES_MAX = 2**63 - 1
"""The largest request that CPython passes on (``PY_SSIZE_T_MAX``)."""
FRAMES_MAX = 1
"""Where pages have bytes behind them: how many frames a request may need for what the allocator itself writes, the
links of the blocks that it cuts off. With fewer left a request is refused before anything changes."""


class Allocator:
    """A whole allocator of one geometry, on pages of one system.

    Args:
        geometry: the sizes and habits; quire's own if not given.
        system: where pages come from; a fresh one without a limit if not given.
    """

    def __init__(self, geometry: Geometry = QUIRE, system: System | None = None) -> None:
        self.geometry = geometry
        self.system = system or System(geometry.page_bytes)
        self.raw = RawAllocator(geometry, self.system, lambda wanted_bytes: purge_resting(self, wanted_bytes))
        self.used_pools: list[list[LinkedList[Pool]]] = [
            [LinkedList() for _ in range(geometry.classes)] for _ in range(geometry.domains)
        ]
        """Per domain and size class, the pools with free blocks; the first serves the next request."""
        room_max = geometry.arena_bytes // min(geometry.pool_bytes, geometry.run_unit_bytes)
        self.available = {kind: AvailableArenas(room_max) for kind in ArenaKind}
        self.arenas: dict[int, Arena] = {}
        """By address."""
        self._arena_addresses: list[int] = []
        self.mesh = Mesh(self)
        self.totals = Totals()

    # --- requests ---

    def allocate(self, size_bytes: int, domain: Domain = Domain.OBJECT) -> int:
        """Serve a request.

        Args:
            size_bytes: how many bytes; 0 counts as 1.
            domain: which request kind asks; where the geometry has one domain only, it makes no difference.

        Returns:
            The address of the block, run or mapping.

        Raises:
            InvalidSize: the size is negative.
            OutOfMemory: the system refuses or the range is used up; nothing has changed.
        """
        self._check_size(size_bytes)
        if self.geometry.pools_serve(size_bytes):
            return self._allocate_block(min(domain, self.geometry.domains - 1), self.geometry.size_class(size_bytes))
        if self.geometry.runs_serve(size_bytes):
            return self._allocate_run(size_bytes)
        return self.raw.allocate(size_bytes)

    def allocate_zeroed(self, count: int, size_bytes: int, domain: Domain = Domain.OBJECT) -> int:
        """Serve a request for ``count`` items of ``size_bytes``, all bytes zero.

        What the memory holds is not modelled: it is the request for all the items at once.

        Raises:
            InvalidSize: the count or the size is negative.
            OutOfMemory: as for ``allocate``.
        """
        self._check_size(count)
        self._check_size(size_bytes)
        return self.allocate(count * size_bytes, domain)

    def free(self, address: int) -> None:
        """Take a block, run or mapping back.

        Raises:
            NotABlock: the address is not the start of an allocated block.
            DoubleFree: the block is free already.
        """
        arena = self.arena_at(address)
        match arena:
            case PoolArena():
                self._free_block(arena, address)
            case RunArena():
                arena.runs.release(address)
                self._settle(arena)
            case _:
                self.raw.free(address)

    def reallocate(self, address: int, size_bytes: int, domain: Domain = Domain.OBJECT) -> int:
        """Resize what is at ``address``: in place where it can be, else by moving it.

        Returns:
            The address, which may be new.

        Raises:
            NotABlock: the address is not the start of an allocated block.
            InvalidSize: the size is negative.
            OutOfMemory: there is no room to grow; nothing has changed. Shrinking never fails.
        """
        self._check_size(size_bytes)
        old_bytes = self.size_of(address)
        try:
            resized = self._resize_in_place(address, size_bytes)
            if resized is not None:
                return resized
            moved = self._move(address, min(old_bytes, size_bytes), size_bytes, domain)
        except OutOfMemory:
            if size_bytes <= old_bytes:
                return address
            raise
        self.free(address)
        return moved

    def size_of(self, address: int) -> int:
        """How many bytes the allocated block, run or mapping at ``address`` has.

        Raises:
            NotABlock: the address is not the start of one.
        """
        arena = self.arena_at(address)
        match arena:
            case PoolArena():
                pool = arena.pool_at(address)
                pool.check_allocated(address)
                return pool.block_bytes
            case RunArena():
                return arena.runs.size_of(address)
            case _:
                return self.raw.size_of(address)

    def sweep(
        self, cursor: int = 0, *, slots_max: int = sys.maxsize, reserve_bytes: int = 0, live_percent_max: int = 0
    ) -> Swept:
        """Do a step of a sweep: what rested through the whole sweep before goes back (``purge``).

        Args:
            cursor: where the step before ended; 0 begins a sweep.
            slots_max: so many slots are looked at, at most; an arena of runs counts whole, kept pages by their size.
            reserve_bytes: of what rests, so much stays.
            live_percent_max: of pools at rest in which so many of the blocks live, at most, pages without a live block
                go as well; 0: of none.

        Raises:
            InvalidOption: an argument is negative, or not that many in a hundred.
        """
        check_sweep(cursor, slots_max, 0, reserve_bytes, live_percent_max)
        return sweep(self, cursor, slots_max, reserve_bytes, live_percent_max)

    # --- what there is ---

    def arena_at(self, address: int) -> Arena | None:
        """The arena that ``address`` lies in; ``None`` if it lies in none."""
        place = bisect_right(self._arena_addresses, address) - 1
        if place < 0:
            return None
        start = self._arena_addresses[place]
        return self.arenas[start] if address < start + self.geometry.arena_bytes else None

    def arena_by_index(self, index: int) -> Arena | None:
        """The arena that is the so-many-th of the range; ``None`` if there is none."""
        return self.arenas.get(self.system.first_address + index * self.geometry.arena_bytes)

    @property
    def arenas_end(self) -> int:
        """One past the highest index of an arena."""
        return max((arena.index for arena in self.arenas.values()), default=-1) + 1

    def statistics(self) -> HeapStatistics:
        """The heap in numbers."""
        return statistics_of(self)

    def state(self) -> HeapState:
        """The heap's whole structure, as records."""
        return HeapState(
            geometry=self.geometry.name,
            arenas=tuple(self.arenas[address].record() for address in self._arena_addresses),
            available=tuple(tuple(arena.index for arena in self.available[kind]) for kind in ArenaKind),
            used_pools=_addresses(self.used_pools),
            mappings=self.raw.mapping_records(),
            candidates=_addresses(self.mesh.candidates),
            extents=tuple(extent.record() for _, extent in sorted(self.mesh.extents.by_number.items())),
        )

    # --- blocks ---

    def _allocate_block(self, domain: int, size_class: int) -> int:
        self.system.check_frames(FRAMES_MAX)
        pools = self.used_pools[domain][size_class]
        pool = self._first_with_a_block(pools) or self.mesh.take_back_last(domain, size_class)
        pool = pool or self._new_pool(Domain(domain), size_class)
        self._restore_pages(pool)
        address = pool.take()
        if pool.is_full and not self.geometry.retires_lazily:
            pools.remove(pool)
        return address

    def _first_with_a_block(self, pools: LinkedList[Pool]) -> Pool | None:
        """The first pool of the list that is not full; full ones that are met leave the list.

        Pages that are there serve before pages that are not: the next pool takes the first one's place, if it has a
        block.
        """
        for pool in pools:
            if pool.is_full:
                pools.remove(pool)
                continue
            if pool.purged_pages and not pool.free and pool.next is not None and pool.next.free:
                pools.remove(pool)
                pools.push_last(pool)
            return pools.first
        return None

    def _restore_pages(self, pool: Pool) -> None:
        """The lowest purged pages come back until the pool has a free block."""
        while pool.purged_pages and not pool.free:
            self.raw.touch(self.geometry.page_bytes)
            pool.bring_back([min(pool.purged_pages)])

    def _new_pool(self, domain: Domain, size_class: int) -> Pool:
        kind = ArenaKind.LARGE if self.geometry.is_large(size_class) else ArenaKind.SMALL
        arena = self._arena_with(kind, 1) or self._new_arena(kind)
        assert isinstance(arena, PoolArena)
        pool = self._take_pool(arena)
        self.available[kind].update(arena)
        pool.begin(domain, size_class)
        self.used_pools[domain][size_class].push_first(pool)
        return pool

    def _take_pool(self, arena: PoolArena) -> Pool:
        """One that became free, else one that is cut; what of it has no page is touched."""
        self.raw.note_taken(arena.pool_bytes)
        if not arena.free_pools:
            self.raw.touch(arena.pool_bytes)
            return arena.take_pool()
        pool = arena.take_pool()
        pool.serves = True
        fresh_bytes = pool.size_bytes - pool.touched_bytes
        if fresh_bytes:
            self.raw.touch(fresh_bytes, again=pool.is_purged and not pool.is_old)
        return pool

    def _free_block(self, arena: PoolArena, address: int) -> None:
        pool = arena.pool_at(address)
        pool.put(address)
        pools = self.used_pools[pool.domain][pool.size_class]
        if pool.role is not PoolRole.ORDINARY:
            self._note_meshed_free(pool, arena)
        elif pool.allocated == 0:
            if not self._stays(pool, arena):
                self._rest(pool, arena)
                self._settle(arena)
        elif not pool.linked:
            if self.geometry.revived_go_last:
                pools.push_last(pool)
            else:
                pools.push_first(pool)

    def _note_meshed_free(self, pool: Pool, arena: PoolArena) -> None:
        """A block of a candidate, or of a sealed pool, was freed."""
        if pool.allocated:
            return
        self.mesh.note_empty(pool)
        if pool.role is PoolRole.ORDINARY:
            self._rest(pool, arena)
            self._settle(arena)

    def settle_pools(self, arena: PoolArena) -> None:
        """Pools of an arena are empty, and with it: what that makes of the rest, and of the arena."""
        if not arena.has_live_block:
            for pool in arena.pools:
                if pool.serves:
                    self._rest(pool, arena)
        self._settle(arena)

    def _stays(self, pool: Pool, arena: PoolArena) -> bool:
        """Whether a pool that became empty stays with its class: not if it alone keeps its arena from going back."""
        if not self.geometry.keeps_last_pool or pool.carved * pool.block_bytes > self.geometry.pool_bytes:
            return False
        may_stay = self._is_soon_needed(pool)
        return may_stay and (arena.has_live_block or self.available[arena.kind].is_last(arena))

    def _is_soon_needed(self, pool: Pool) -> bool:
        """Whether its list can serve few requests without it: it is alone there, or beside one that is nearly full."""
        pools = self.used_pools[pool.domain][pool.size_class]
        first, last = pools.first, pools.last
        assert first is not None
        assert last is not None
        other = last if first is pool else first
        return first is last or (first.next is last and other.is_nearly_full)

    def _rest(self, pool: Pool, arena: PoolArena) -> None:
        """Give an empty pool back to its arena; if no block lives there now, the empty ones that stayed follow."""
        following = (
            [] if arena.has_live_block else [other for other in arena.pools if other.serves and other is not pool]
        )
        for empty in (pool, *following):
            if empty.linked:
                self.used_pools[empty.domain][empty.size_class].remove(empty)
            arena.put_pool(empty)

    # --- runs ---

    def _allocate_run(self, size_bytes: int) -> int:
        units = -(-size_bytes // self.geometry.run_unit_bytes)
        arena = self._arena_with(ArenaKind.RUN, units) or self._new_arena(ArenaKind.RUN)
        assert isinstance(arena, RunArena)
        before = _Touched.of(arena.runs)
        address = arena.runs.take(size_bytes)
        assert address is not None
        self.raw.note_taken(arena.runs.size_of(address))
        self._note_touched(arena.runs, before)
        self.available[ArenaKind.RUN].update(arena)
        return address

    def _note_touched(self, runs: Runs, before: _Touched) -> None:
        """A run was taken or grew: so much had been purged and touched before."""
        after = _Touched.of(runs)
        if after.swept < before.swept:
            self.raw.touch((before.swept - after.swept) * runs.unit_bytes)
        if after.purged < before.purged:
            self.raw.touch((before.purged - after.purged) * runs.unit_bytes, again=True)
        if after.end > before.end:
            self.raw.touch(after.end - before.end)

    # --- resizing ---

    def _resize_in_place(self, address: int, size_bytes: int) -> int | None:
        """The address if the block can stay (or whole pages can move); ``None`` if it has to be copied."""
        arena = self.arena_at(address)
        match arena:
            case PoolArena():
                return address if self._block_stays(arena.pool_at(address), size_bytes) else None
            case RunArena():
                return address if self._resize_run(arena, address, size_bytes) else None
            case _:
                return self._resize_raw(address, size_bytes)

    def _move(self, address: int, kept_bytes: int, size_bytes: int, domain: Domain) -> int:
        """Serve the request elsewhere and copy what is kept."""
        self.system.check_frames(kept_bytes // self.geometry.page_bytes + 2 + FRAMES_MAX)
        is_raw = self.arena_at(address) is None
        if is_raw and not self.geometry.adopts_shrunk:
            moved = self.raw.allocate(size_bytes)
        else:
            moved = self.allocate(size_bytes, domain)
        self.system.copy(address, moved, kept_bytes)
        return moved

    def _block_stays(self, pool: Pool, size_bytes: int) -> bool:
        """A block stays if the request fits and leaves less than a quarter of it unused."""
        if not self.geometry.pools_serve(size_bytes) or size_bytes > pool.block_bytes:
            return False
        same_class = self.geometry.size_class(size_bytes) == pool.size_class
        return (same_class and self.geometry.stays_within_class) or 4 * size_bytes > 3 * pool.block_bytes

    def _resize_run(self, arena: RunArena, address: int, size_bytes: int) -> bool:
        if not self.geometry.runs_serve(size_bytes):
            return False
        before, old_bytes = _Touched.of(arena.runs), arena.runs.size_of(address)
        fits = arena.runs.resize(address, size_bytes)
        self.raw.note_taken(max(arena.runs.size_of(address) - old_bytes, 0))
        self._note_touched(arena.runs, before)
        self.available[ArenaKind.RUN].update(arena)
        return fits

    def _resize_raw(self, address: int, size_bytes: int) -> int | None:
        if self.geometry.pools_serve(size_bytes) and self.geometry.adopts_shrunk:
            return None
        return self.raw.resize_in_place(address, size_bytes)

    # --- arenas ---

    def _arena_with(self, kind: ArenaKind, room: int) -> Arena | None:
        """The arena that serves next: the fullest that can, so that the others may become empty."""
        available = self.available[kind]
        if self.geometry.emptiest_arena_first:
            return available.emptiest_with(room)
        return available.fullest_with(room)

    def _new_arena(self, kind: ArenaKind) -> Arena:
        address = self.raw.obtain_arena()
        index = (address - self.system.first_address) // self.geometry.arena_bytes
        arena: Arena
        if kind is ArenaKind.RUN:
            arena = RunArena(self.geometry, address, index)
        else:
            arena = PoolArena(self.geometry, address, index, kind, self.system.process)
        self.arenas[address] = arena
        insort(self._arena_addresses, address)
        self.available[kind].update(arena)
        self.totals.arenas_obtained += 1
        self.totals.arenas_max = max(self.totals.arenas_max, len(self.arenas))
        return arena

    def _settle(self, arena: Arena) -> None:
        """Something in the arena became free: give the arena back if it can go, else put it in its new place."""
        available = self.available[arena.kind]
        stays = self.geometry.keeps_last_arena and available.is_last(arena)
        if not arena.is_empty or stays:
            available.update(arena)
            return
        try:
            self.raw.give_back_arena(arena.address, arena.touched_bytes)
        except OutOfMemory:  # it stays, empty
            available.update(arena)
            return
        available.remove(arena)
        del self.arenas[arena.address]
        self._arena_addresses.remove(arena.address)
        self.totals.arenas_given_back += 1

    # --- checks and totals ---

    def _check_size(self, size_bytes: int) -> None:
        if not isinstance(size_bytes, int):
            raise InvalidSize(f"a request of {size_bytes!r} bytes; ask for a whole number of them")
        if size_bytes < 0:
            raise InvalidSize(f"a request of {size_bytes} bytes; ask for 0 or more")
        if size_bytes > SIZE_BYTES_MAX:
            raise OutOfMemory(f"a request of {size_bytes} bytes; no process can hold that many")


def _addresses(lists: list[list[LinkedList[Pool]]]) -> dict[tuple[Domain, int], tuple[int, ...]]:
    """Of the pools of each domain and size class that has any."""
    return {
        (Domain(domain), size_class): tuple(pool.address for pool in pools)
        for domain, classes in enumerate(lists)
        for size_class, pools in enumerate(classes)
        if pools.first is not None
    }


@dataclass(frozen=True)
class _Touched:
    """How far an arena of runs was touched, and how many units of that were purged, by sweeps and before a peak."""

    end: int
    swept: int
    purged: int

    @classmethod
    def of(cls, runs: Runs) -> _Touched:
        swept = len(runs.purged & runs.old)
        return cls(runs.touched_end, swept, len(runs.purged) - swept)


@dataclass
class Totals:
    """What happened so far and cannot be seen from the state."""

    arenas_obtained: int = 0
    arenas_given_back: int = 0
    arenas_max: int = 0
