"""An arena: an aligned piece of memory obtained from the system as a whole, and dealt out in pools or in runs.

    an arena of pools                                  an arena of runs (quire)
    +------+------+------+-------+-----------          +--------+------+------+---------+-----------
    | pool | pool | free | pool  | untouched           | header | run  | hole | run     | untouched
    +------+------+------+-------+-----------          +--------+------+------+---------+-----------

A pool that is empty goes back to its arena and may serve any size class next. An arena whose pools are all free
can go back to the system, and nothing smaller than that: this is the only memory that CPython truly frees.

So a request for a pool goes to the *fullest* arena that can serve it, and the ones with the most free pools are
left alone, in the hope that they become empty. ``AvailableArenas`` keeps them in that order.
"""

from __future__ import annotations

from collections.abc import Iterator

from quire.errors import NotABlock
from quire.model.geometry import Geometry
from quire.model.links import Linked, LinkedList
from quire.model.machine import Process
from quire.model.pool import Pool
from quire.model.runs import Runs
from quire.records.heap import Arena as ArenaRecord
from quire.records.heap import BlockState, PoolRole, Run
from quire.records.kinds import ArenaKind


class Arena(Linked):
    """What arenas of pools and arenas of runs have in common: a place, and some room."""

    def __init__(self, geometry: Geometry, address: int, index: int, kind: ArenaKind) -> None:
        super().__init__()
        self.geometry = geometry
        self.address = address
        self.index = index
        self.kind = kind

    @property
    def room(self) -> int:
        """How much more it can serve: free and untouched pools, or the pages of the longest hole."""
        raise NotImplementedError

    @property
    def is_empty(self) -> bool:
        """Whether nothing in it is in use."""
        raise NotImplementedError

    @property
    def touched_bytes(self) -> int:
        """In pools that were ever cut, or in runs that were ever handed out, without what was purged."""
        raise NotImplementedError

    @property
    def resting_bytes(self) -> int:
        """What is empty and was not purged."""
        raise NotImplementedError

    def record(self) -> ArenaRecord:
        """The arena's whole state."""
        raise NotImplementedError


class PoolArena(Arena):
    """An arena cut into pools. ``pools in use + free_pools + untouched_pools == capacity`` holds always."""

    def __init__(
        self, geometry: Geometry, address: int, index: int, kind: ArenaKind, process: Process | None = None
    ) -> None:
        super().__init__(geometry, address, index, kind)
        self.process = process
        self.pool_bytes = geometry.large_pool_bytes if kind is ArenaKind.LARGE else geometry.pool_bytes
        usable = address + geometry.arena_header_bytes
        self.first_pool = -(-usable // self.pool_bytes) * self.pool_bytes
        """Pools are aligned to their size; what is left before the first and after the last is lost."""
        self.capacity = (address + geometry.arena_bytes - self.first_pool) // self.pool_bytes
        self.pools: list[Pool] = []
        """The pools that were cut, in address order; the rest of the arena is untouched."""
        self.free_pools: list[Pool] = []
        """Empty pools; the last is the next to be taken."""

    @property
    def untouched_pools(self) -> int:
        return self.capacity - len(self.pools)

    @property
    def room(self) -> int:
        return len(self.free_pools) + self.untouched_pools

    @property
    def is_empty(self) -> bool:
        return self.room == self.capacity

    @property
    def has_live_block(self) -> bool:
        """Or a pool that had, and does not have pages of its own yet."""
        return any(pool.allocated or pool.role is PoolRole.SPENT for pool in self.pools)

    @property
    def touched_bytes(self) -> int:
        return sum(pool.touched_bytes for pool in self.pools)

    @property
    def resting_bytes(self) -> int:
        return sum(pool.touched_bytes for pool in self.free_pools)

    def take_pool(self) -> Pool:
        """The pool that became free last, else one cut from the untouched rest. There is room."""
        if self.free_pools:
            return self.free_pools.pop()
        pool = Pool(self.geometry, self.first_pool + len(self.pools) * self.pool_bytes, self.pool_bytes, self.process)
        self.pools.append(pool)
        return pool

    def put_pool(self, pool: Pool) -> None:
        """Take an empty pool back."""
        pool.serves = False
        self.free_pools.append(pool)

    def put_purged_last(self) -> None:
        """Of the empty pools those that have their pages serve first."""
        self.free_pools.sort(key=lambda pool: not pool.is_purged)

    def pool_at(self, address: int) -> Pool:
        """The pool that ``address`` lies in.

        Raises:
            NotABlock: no pool was cut there.
        """
        index = (address - self.first_pool) // self.pool_bytes
        if not 0 <= index < len(self.pools):
            raise NotABlock(f"{address:#x} lies in no pool")
        return self.pools[index]

    def record(self) -> ArenaRecord:
        return ArenaRecord(
            index=self.index,
            address=self.address,
            size_bytes=self.geometry.arena_bytes,
            kind=self.kind,
            pools=tuple(pool.record() for pool in self.pools),
            free_pools=tuple(pool.address for pool in reversed(self.free_pools)),
            untouched_pools=self.untouched_pools,
        )


class RunArena(Arena):
    """An arena cut into runs of pages."""

    def __init__(self, geometry: Geometry, address: int, index: int) -> None:
        super().__init__(geometry, address, index, ArenaKind.RUN)
        header_bytes = geometry.arena_header_bytes
        self.runs = Runs(address + header_bytes, geometry.arena_bytes - header_bytes, geometry.run_unit_bytes)

    @property
    def room(self) -> int:
        return self.runs.longest_hole_bytes // self.geometry.run_unit_bytes

    @property
    def is_empty(self) -> bool:
        return self.runs.is_empty

    @property
    def touched_bytes(self) -> int:
        return self.runs.touched_bytes

    @property
    def resting_bytes(self) -> int:
        return sum(size for _, size, state in self.runs.parts() if state is BlockState.FREE)

    def record(self) -> ArenaRecord:
        return ArenaRecord(
            index=self.index,
            address=self.address,
            size_bytes=self.geometry.arena_bytes,
            kind=self.kind,
            runs=tuple(Run(*part) for part in self.runs.parts()),
        )


class AvailableArenas:
    """The arenas of one kind that have room, the fullest first.

    One doubly linked list for each amount of room; CPython strings these lists together into one and remembers
    where each amount ends (``nfp2lasta``), which gives the same order. An arena whose room has changed goes to the
    front of its new list.
    """

    def __init__(self, room_max: int) -> None:
        self._by_room: list[LinkedList[Arena]] = [LinkedList() for _ in range(room_max + 1)]
        self._room_of: dict[Arena, int] = {}

    def __iter__(self) -> Iterator[Arena]:
        for arenas in self._by_room:
            yield from arenas

    def fullest_with(self, room: int) -> Arena | None:
        """The arena with the least room that has at least ``room``; ``None`` if there is none."""
        for arenas in self._by_room[room:]:
            if arenas.first is not None:
                return arenas.first
        return None

    def emptiest_with(self, room: int) -> Arena | None:
        """The arena with the most room; ``None`` if none has at least ``room``."""
        for arenas in reversed(self._by_room[room:]):
            if arenas.first is not None:
                return arenas.first
        return None

    def update(self, arena: Arena) -> None:
        """Put an arena where its room says; one without room is on no list."""
        old, new = self._room_of.get(arena, 0), arena.room
        if new == old:
            return
        self.remove(arena)
        if new:
            self._room_of[arena] = new
            self._by_room[new].push_first(arena)

    def remove(self, arena: Arena) -> None:
        """Take an arena off its list, if it is on one."""
        if arena in self._room_of:
            self._by_room[self._room_of.pop(arena)].remove(arena)

    def is_last(self, arena: Arena) -> bool:
        """Whether no arena stands behind this one in the order."""
        room = self._room_of.get(arena, 0)
        return arena.next is None and all(arenas.first is None for arenas in self._by_room[room + 1 :])
