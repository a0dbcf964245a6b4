"""Mesh: sparse pools whose live blocks do not overlap come to share physical pages. Addresses stay as they are.

    choose     sparse pools leave their class's list, and become candidates: blocks are only freed from them now
    (prove)    somebody else finds out which blocks may be copied
    settle     a candidate that has a live block which was not proven goes back to its list; for the others it is said
               how large pieces are
    match      the densest first, since sparse ones fit into what those leave; or where there may not be mappings for
               all, the sparsest: a place in an extent for each piece of it; its live blocks are copied there, and its
               addresses show the place. The pool is sealed: its blocks are freed, none is allocated from it again

A sealed pool whose last block is freed is spent; once it is renewed it has pages of its own again, and is empty.

A request for which its class has no pool takes a candidate back before it takes an empty pool: nobody pays for a pass
with memory. Where the system refuses, or there would be too many mappings, all candidates that are left go back.

A *piece* is what goes to one place, a *unit* what is meshed at once: a pool, in as many pieces as it has; or, where
pieces are larger than pools, a strip of neighbours, if all of them are candidates or empty; else each goes by itself.
Where a piece fits no place that there is, and each of its halves does, the halves go, as long as there are mappings for
all that is left.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from quire.errors import OutOfMemory
from quire.model.arena import PoolArena
from quire.model.extents import MAPPINGS_EACH, Extents, is_boundary
from quire.model.links import LinkedList
from quire.model.pool import Pool
from quire.records.heap import PAGE_NONE, PAGE_OWN, MeshPass, MeshPhase, PoolRole
from quire.records.kinds import ArenaKind

if TYPE_CHECKING:
    from quire.model.allocator import Allocator


@dataclass(frozen=True, slots=True)
class MeshOptions:
    """What a pass is to do.

    Raises:
        ValueError: an option is out of its range.
    """

    live_percent_max: int = 50
    """Of a pool's bytes, in live blocks, for it to become a candidate."""
    pools_max: int = 1 << 15
    """Candidates: the sparsest."""
    only_at_rest: bool = False
    """Only pools that look as the last sweep saw them."""

    def __post_init__(self) -> None:
        if not 0 <= self.live_percent_max <= 100:
            raise ValueError(f"live_percent_max is {self.live_percent_max}; it is a share of 100")
        if self.pools_max < 1:
            raise ValueError(f"pools_max is {self.pools_max}; it is 1 or more")


@dataclass(frozen=True, slots=True)
class MeshPlaces:
    """Where the candidates of a pass go.

    Raises:
        ValueError: one of them is out of its range.
    """

    piece_bytes: int = 16 * 1024
    """What goes to one place: a power of two, from a page to 64 KiB."""
    extents_max: int = 64
    """How many are looked at before a new place is cut."""
    mappings_max: int = 1 << 15
    """That the kernel may have more for mesh, about."""

    def __post_init__(self) -> None:
        if self.piece_bytes.bit_count() != 1 or not 4096 <= self.piece_bytes <= 1 << 16:
            raise ValueError(f"piece_bytes is {self.piece_bytes}; it is a power of two from a page to 65536")
        if self.extents_max < 1:
            raise ValueError(f"extents_max is {self.extents_max}; it is 1 or more")
        if self.mappings_max < 0:
            raise ValueError(f"mappings_max is {self.mappings_max}; it is 0 or more")


MAPPINGS_OF_A_HALF = 2
"""More, at most."""
NEIGHBOURS_MAX = 16
"""Of spent pools that are renewed in one call."""

Unit = list[Pool | None]
"""Neighbours; ``None``: no pool was cut there."""


class Mesh:
    """The passes of one allocator, one at a time, and what they left behind."""

    def __init__(self, allocator: Allocator) -> None:
        self._allocator = allocator
        self.geometry = allocator.geometry
        self.extents = Extents(allocator.geometry, allocator.raw)
        self.candidates: list[list[LinkedList[Pool]]] = [
            [LinkedList() for _ in range(self.geometry.classes)] for _ in range(self.geometry.domains)
        ]
        """Per domain and size class, as the used pools."""
        self.phase = MeshPhase.IDLE
        self.last_pass = MeshPass()
        self._options = MeshOptions()
        self._places = MeshPlaces()
        self._cursor = 0
        self._renew_cursor = 0

    # --- a pass ---

    def begin(self, options: MeshOptions) -> None:
        """Begin a pass.

        Raises:
            OutOfMemory: the system refuses.
            RuntimeError: a pass is under way, or pages are larger than pools.
        """
        if self.phase is not MeshPhase.IDLE:
            raise RuntimeError("a pass is under way")
        if self.geometry.pool_bytes % self.geometry.page_bytes:
            raise RuntimeError("the system's pages are larger than pools")
        self._allocator.system.note_own()
        slots = self._allocator.arenas_end * self._slots_an_arena
        self._options = replace(options, pools_max=max(min(options.pools_max, slots), 1))
        self.last_pass = MeshPass()
        self._by_percent: Counter[int] = Counter()
        self._chosen: list[Pool] = []
        self._proven: set[int] = set()
        self._lined_up: list[tuple[int, int, Unit]] = []
        self._settled_end = self._settled_bytes = self._matched_bytes = self._mappings_needed = 0
        self._ends = self._is_densest_first = False
        self._begin_phase(MeshPhase.COUNTING)

    def step(self, parts_max: int) -> MeshPhase:
        """Do some of the phase's work; which phase it is then. While blocks are being proven there is none."""
        match self.phase:
            case MeshPhase.COUNTING:
                if self._visit_pools(parts_max, self._count):
                    self._settle_percent()
                    self._begin_phase(MeshPhase.CHOOSING)
            case MeshPhase.CHOOSING:
                if self._visit_pools(parts_max, self._choose):
                    self._begin_phase(MeshPhase.PROVING)
            case MeshPhase.SETTLING:
                if self._settle_candidates(parts_max):
                    self._put_in_order()
                    self._begin_phase(MeshPhase.MATCHING)
            case MeshPhase.MATCHING:
                if self._match(parts_max):
                    self._end_pass()
        return self.phase

    def prove(self, addresses: Iterable[int]) -> None:
        """These blocks are what may be copied."""
        self._proven.update(addresses)

    def settle(self, places: MeshPlaces) -> None:
        """No more blocks will be proven.

        Raises:
            ValueError: pieces are smaller than pages.
        """
        if places.piece_bytes < self.geometry.page_bytes:
            raise ValueError("pieces are whole pages")
        if self.phase is MeshPhase.PROVING:
            self._places = places
            self._begin_phase(MeshPhase.SETTLING)

    def abandon(self, parts_max: int) -> bool:
        """So many candidates go back; whether it is over."""
        if self.phase is MeshPhase.IDLE:
            return True
        candidates = [pool for classes in self.candidates for pools in classes for pool in pools]
        for pool in candidates[:parts_max]:
            self._leave(pool)
        if len(candidates) > parts_max:
            return False
        self._end_pass()
        return True

    # --- candidates ---

    def take_back(self, pool: Pool) -> None:
        """A candidate serves its class again, as the last of its list."""
        self._remove_candidate(pool)
        self._allocator.used_pools[pool.domain][pool.size_class].push_last(pool)

    def take_back_last(self, domain: int, size_class: int) -> Pool | None:
        """The class's last candidate serves it again, if there is one."""
        pool = self.candidates[domain][size_class].last
        if pool is not None:
            self.take_back(pool)
        return pool

    def note_empty(self, pool: Pool) -> None:
        """The last block of a candidate, or of a sealed pool, was freed."""
        if pool.role is PoolRole.CANDIDATE:
            self._remove_candidate(pool)
        else:
            pool.spend()

    def _remove_candidate(self, pool: Pool) -> None:
        self.candidates[pool.domain][pool.size_class].remove(pool)
        pool.role = PoolRole.ORDINARY
        pool.survivors = None

    # --- choosing: first how many there are of each density, then the sparsest ---

    def _visit_pools(self, parts_max: int, visit: Callable[[Pool], None]) -> bool:
        """Call visit for the pools that can be chosen, from the cursor on; whether it has come to the end."""
        slots = self._slots_an_arena
        while self._cursor < self._allocator.arenas_end * slots:
            if parts_max == 0:
                return False
            parts_max -= 1
            index, slot = divmod(self._cursor, slots)
            if not isinstance(self._allocator.arena_by_index(index), PoolArena):
                self._cursor = (index + 1) * slots
                continue
            self._cursor += 1
            pool = self._pool_at(index * slots + slot)
            if pool is not None and self._can_be_chosen(pool):
                visit(pool)
        return True

    def _can_be_chosen(self, pool: Pool) -> bool:
        is_listed = pool.linked and pool.role is PoolRole.ORDINARY
        is_sparse = 0 < pool.allocated < pool.capacity and pool.percent <= self._options.live_percent_max
        return is_listed and is_sparse and (pool.has_rested or not self._options.only_at_rest)

    def _count(self, pool: Pool) -> None:
        self._by_percent[pool.percent] += 1

    def _settle_percent(self) -> None:
        """The highest share of live bytes that does not make too many candidates; at least that of the sparsest."""
        pools = percent = 0
        while percent <= self._options.live_percent_max and (
            not pools or pools + self._by_percent[percent] <= self._options.pools_max
        ):
            pools += self._by_percent[percent]
            percent += 1
        self._percent_max = percent - 1

    def _choose(self, pool: Pool) -> None:
        if pool.percent > self._percent_max or len(self._chosen) == self._options.pools_max:
            return
        self._allocator.used_pools[pool.domain][pool.size_class].remove(pool)
        pool.role = PoolRole.CANDIDATE
        self.candidates[pool.domain][pool.size_class].push_last(pool)
        self._chosen.append(pool)
        live_blocks = self.last_pass.live_blocks + pool.allocated
        self.last_pass = replace(self.last_pass, candidates=len(self._chosen), live_blocks=live_blocks)

    # --- settling ---

    def _settle_candidates(self, parts_max: int) -> bool:
        while self._cursor < len(self._chosen):
            if parts_max == 0:
                return False
            parts_max -= 1
            first_slot, unit = self._unit_of(self._chosen[self._cursor])
            end = first_slot + len(unit)
            while self._cursor < len(self._chosen) and self._slot_of(self._chosen[self._cursor]) < end:
                self._settle_pool(self._chosen[self._cursor])
                self._cursor += 1
            if any(_proven(unit)):
                self._note_mappings(first_slot, unit)
                self._lined_up.append((_live_in_64_kib(unit), len(self._lined_up), unit))
        return True

    def _settle_pool(self, pool: Pool) -> None:
        """It may have been taken back meanwhile, or have become empty, and even serve as something else."""
        if pool.role is not PoolRole.CANDIDATE:
            return
        pool.survivors = pool.live_blocks()
        foreign = sum(pool.address_of(index) not in self._proven for index in pool.survivors)
        if foreign:
            self.take_back(pool)
            counts = self.last_pass
            self.last_pass = replace(counts, foreign=counts.foreign + 1, foreign_blocks=counts.foreign_blocks + foreign)

    def _note_mappings(self, first_slot: int, unit: Unit) -> None:
        """A mapping begins with each piece, and one behind the last, unless the next pool begins its own there."""
        pools = list(_proven(unit))
        self._settled_bytes += self._unit_bytes(unit)
        if not _is_whole(unit):
            self._mappings_needed += 2 * len(pools)
            return
        whole = [pool for pool in unit if pool]
        pieces = _size_bytes(whole) // self._piece_bytes_of(whole)
        self._mappings_needed += pieces + (first_slot != self._settled_end)
        self._settled_end = first_slot + _size_bytes(whole) // self.geometry.pool_bytes

    def _put_in_order(self) -> None:
        """Of units that are as sparse the last first."""
        self._is_densest_first = self._has_mappings_for_all()
        sign = -1 if self._is_densest_first else 1
        self._lined_up.sort(key=lambda entry: (sign * entry[0], -entry[1]))

    def _has_mappings_for_all(self, more: int = 0) -> bool:
        """Those that are not matched yet: by their share of what all need. A pool that was taken back may have become
        another size."""
        left_bytes = max(self._settled_bytes - self._matched_bytes, 0)
        extents = left_bytes // self.geometry.arena_bytes + 1
        units = self._mappings_needed * left_bytes // max(self._settled_bytes, 1)
        return self.mappings + units + extents * MAPPINGS_EACH + more <= self._places.mappings_max

    # --- units ---

    def _unit_of(self, pool: Pool) -> tuple[int, Unit]:
        """Its first slot, and its pools."""
        slots, slot = self._places.piece_bytes // self.geometry.pool_bytes, self._slot_of(pool)
        has_slot_0 = slot % self._slots_an_arena < slots  # which is no pool
        if slots <= 1 or has_slot_0 or self.geometry.is_large(pool.size_class):
            return slot, [pool]
        first = slot // slots * slots
        return first, [self._pool_at(each) for each in range(first, first + slots)]

    def _unit_bytes(self, unit: Unit) -> int:
        return sum(pool.size_bytes if pool else self.geometry.pool_bytes for pool in unit)

    def _leave(self, pool: Pool) -> None:
        self.take_back(pool)
        self.last_pass = replace(self.last_pass, left=self.last_pass.left + 1)

    # --- matching ---

    def _match(self, parts_max: int) -> bool:
        while self._lined_up:
            if parts_max == 0:
                return False
            parts_max -= 1
            self._match_unit(self._lined_up.pop(0)[2])
        return True

    def _match_unit(self, unit: Unit) -> None:
        """Of a strip that is not whole, those that were proven go one by one."""
        whole = [[pool for pool in unit if pool]]
        unit_bytes = self._unit_bytes(unit)
        for pools in whole if _is_whole(unit) else [[pool] for pool in _proven(unit)]:
            self._match_whole(pools)
        self._matched_bytes += unit_bytes

    def _match_whole(self, pools: list[Pool]) -> None:
        if not self._ends and not self._has_mappings_for(pools):
            self.last_pass = replace(self.last_pass, is_out_of_mappings=True)
            self._ends = True
        if self._ends:
            self._leave_all(pools)
        else:
            self._mesh_pools(pools)

    def _leave_all(self, pools: list[Pool]) -> None:
        for pool in _proven(pools):
            self._leave(pool)

    def _has_mappings_for(self, pools: list[Pool]) -> bool:
        """They begin and end a mapping at every piece, at most, one more if a piece goes in halves, and may need an
        extent."""
        more = 2 * (_size_bytes(pools) // self._piece_bytes_of(pools)) + 1 + MAPPINGS_EACH
        return self.mappings + more <= self._places.mappings_max

    def _piece_bytes_of(self, pools: list[Pool]) -> int:
        """Of a pool that goes without its neighbours, at most all of it."""
        return min(self._places.piece_bytes, _size_bytes(pools))

    def _mesh_pools(self, pools: list[Pool]) -> None:
        for pool in pools:
            if pool.survivors is not None:
                pool.survivors = pool.live_blocks()
        units = [bits for pool in pools for bits in pool.survivor_units()]
        shown = [page for pool in pools for page in pool.pages_without_shown()]
        try:
            self._show_pieces(pools, units, shown)
        except OutOfMemory:
            self.last_pass = replace(self.last_pass, refusal=errno.ENOMEM)
            self._ends = True
        if any(page >= 0 for page in shown):
            self._seal(pools, shown)
        else:
            self._put_back(pools)

    def _show_pieces(self, neighbours: list[Pool], units: list[int], shown: list[int]) -> None:
        """A place for each piece that has survivors; pages without any go back. What is left keeps its own pages."""
        pages = self._piece_bytes_of(neighbours) // self.geometry.page_bytes
        pieces = [slice(first, first + pages) for first in range(0, len(units), pages)]
        address = neighbours[0].address
        for piece in pieces:
            if any(units[piece]):
                for part in self._parts(piece, units):
                    self._show(address, part, units, shown)
        for piece in pieces:
            self._purge(address, piece, shown)

    def _parts(self, piece: slice, units: list[int]) -> list[slice]:
        """The piece; where it fits no place that there is, and both of its halves do, those with survivors."""
        halves = _halves(piece)
        is_whole = len(halves) == 1 or self._find(units[piece]) is not None
        if is_whole or not self._is_densest_first or not self._has_mappings_for_all(MAPPINGS_OF_A_HALF):
            return [piece]
        survivors = [half for half in halves if any(units[half])]
        return survivors if all(self._find(units[half]) is not None for half in survivors) else [piece]

    def _find(self, units: list[int]) -> int | None:
        return self.extents.find(units, self._places.extents_max)

    def _show(self, address: int, part: slice, units: list[int], shown: list[int]) -> None:
        """At a place that there is, or at a new one."""
        pages, page_bytes = part.stop - part.start, self.geometry.page_bytes
        place = self._find(units[part])
        place = self.extents.cut_place(pages) if place is None else place
        at = address + part.start * page_bytes
        self._allocator.system.show(self.extents.address_of(place), pages * page_bytes, at)
        self.extents.note_shown(place, units[part])
        shown[part] = range(place, place + pages)

    def _purge(self, address: int, piece: slice, shown: list[int]) -> None:
        """What has no survivors: the piece, or the one of its halves."""
        page_bytes = self.geometry.page_bytes
        is_shown = any(page >= 0 for page in shown[piece])
        for part in _halves(piece) if is_shown else [piece]:
            if PAGE_OWN in shown[part]:
                with suppress(OutOfMemory):  # where memory is locked
                    self._allocator.system.purge(
                        address + part.start * page_bytes, (part.stop - part.start) * page_bytes
                    )
                    shown[part] = [PAGE_NONE] * (part.stop - part.start)

    def _seal(self, pools: list[Pool], shown: list[int]) -> None:
        raw, page_bytes = self._allocator.raw, self.geometry.page_bytes
        for pool in pools:
            pages = [shown.pop(0) for _ in range(pool.size_bytes // page_bytes)]
            raw.touched_bytes -= pool.touched_bytes
            if pool.role is PoolRole.CANDIDATE:
                self.candidates[pool.domain][pool.size_class].remove(pool)
                self.last_pass = replace(self.last_pass, meshed=self.last_pass.meshed + 1)
            else:
                self._leave_rest(pool)
            pool.seal(pages)
            raw.touched_bytes += pool.touched_bytes

    def _leave_rest(self, pool: Pool) -> None:
        """An empty pool in a strip is no longer with its arena."""
        arena = self._allocator.arena_at(pool.address)
        assert isinstance(arena, PoolArena)
        arena.free_pools.remove(pool)
        self._allocator.available[arena.kind].update(arena)

    def _put_back(self, pools: list[Pool]) -> None:
        """The addresses may hold what the place holds: links between free blocks are made anew, of empty pools too."""
        for pool in pools:
            pool.rebuild_free_list()
        self._leave_all(pools)

    def _begin_phase(self, phase: MeshPhase) -> None:
        self.phase = phase
        self._cursor = 0

    def _end_pass(self) -> None:
        self.extents.discard_unused()
        counts = self.last_pass
        taken_back = counts.candidates - counts.foreign - counts.meshed - counts.left
        self.last_pass = replace(counts, taken_back=taken_back)
        self.phase = MeshPhase.IDLE

    # --- afterwards ---

    def renew(self, parts_max: int) -> bool:
        """At most so many spent pools get pages of their own again, neighbours in one call.

        Whether it is over: all have been looked at, or the system refuses.
        """
        self._renew_cursor = self._renew_cursor if self._renew_cursor < self._allocator.arenas_end else 0
        pools_left = parts_max
        while self._renew_cursor < self._allocator.arenas_end:
            arena = self._allocator.arena_by_index(self._renew_cursor)
            if isinstance(arena, PoolArena):
                try:
                    renewed, is_over = self._renew_in(arena, pools_left)
                except OutOfMemory:
                    self._renew_cursor += 1
                    return True
                if not is_over:
                    return False
                pools_left -= renewed
            self._renew_cursor += 1
        self._renew_cursor = 0
        return True

    def _renew_in(self, arena: PoolArena, pools_max: int) -> tuple[int, bool]:
        """How many were renewed, and whether it is over with this arena.

        Raises:
            OutOfMemory: the system refuses.
        """
        renewed = index = 0
        try:
            while index < len(arena.pools) and any(pool.role is PoolRole.SPENT for pool in arena.pools):
                if renewed == pools_max:
                    return renewed, False
                row = _spent_neighbours(arena.pools, index, pools_max - renewed)
                if row and self._is_worth_renewing(arena.pools, index, row):
                    self._allocator.system.renew(row[0].address, _size_bytes(row))
                    for pool in row:
                        self._renew_pool(arena, pool)
                    renewed += len(row)
                index += len(row) or 1
            return renewed, True
        finally:
            if renewed:
                arena.put_purged_last()
                self._allocator.settle_pools(arena)

    def _is_worth_renewing(self, pools: list[Pool], index: int, row: list[Pool]) -> bool:
        """Pools that were empty when their strip was meshed hold nothing: where renewing them would only cut a mapping
        in two, they wait for their neighbours."""
        before = pools[index - 1].pages_shown()[-1] if index else PAGE_OWN
        after = pools[index + len(row)].pages_shown()[0] if index + len(row) < len(pools) else PAGE_OWN
        shown = [before, *(page for pool in row for page in pool.pages_shown()), after]
        return any(pool.survivors is not None for pool in row) or (before >= 0) + (after >= 0) <= self._boundaries(
            shown
        )

    def _renew_pool(self, arena: PoolArena, pool: Pool) -> None:
        pages = self.geometry.pool_bytes // self.geometry.page_bytes
        units = list(pool.survivor_units())
        for first in range(0, len(units), pages):
            self.extents.note_hidden(pool.shown[first : first + pages], units[first : first + pages])
        self._allocator.raw.touched_bytes -= pool.own_bytes
        pool.renew()
        arena.put_pool(pool)

    # --- what there is ---

    @property
    def pools(self) -> Iterator[Pool]:
        """Every pool that was ever cut."""
        for arena in self._allocator.arenas.values():
            if isinstance(arena, PoolArena):
                yield from arena.pools

    @property
    def sealed_pools(self) -> int:
        """Without the spent ones."""
        return sum(pool.role is PoolRole.SEALED for pool in self.pools)

    @property
    def spent_pools(self) -> int:
        return sum(pool.role is PoolRole.SPENT for pool in self.pools)

    @property
    def mappings(self) -> int:
        """How many mappings the kernel has more: those of each extent, and where neighbouring pages differ."""
        count = len(self.extents.by_number) * MAPPINGS_EACH
        for arena in self._allocator.arenas.values():
            if isinstance(arena, PoolArena):
                pages = [PAGE_OWN, *(page for pool in arena.pools for page in pool.pages_shown()), PAGE_OWN]
                count += self._boundaries(pages)
        return count

    def _boundaries(self, shown: Iterable[int]) -> int:
        """How many of the kernel's mappings end within."""
        return sum(is_boundary(page, after, self.extents.pages_each) for page, after in pairwise(shown))

    # --- slots: pieces of the range as large as a small pool ---

    @property
    def _slots_an_arena(self) -> int:
        return self.geometry.arena_bytes // self.geometry.pool_bytes

    def _slot_of(self, pool: Pool) -> int:
        return (pool.address - self._allocator.system.first_address) // self.geometry.pool_bytes

    def _pool_at(self, slot: int) -> Pool | None:
        """The pool that begins at the slot."""
        arena = self._allocator.arena_by_index(slot // self._slots_an_arena)
        if not isinstance(arena, PoolArena):
            return None
        slots_a_pool = 1 if arena.kind is ArenaKind.SMALL else arena.pool_bytes // self.geometry.pool_bytes
        index, rest = divmod(slot % self._slots_an_arena, slots_a_pool)
        return arena.pools[index - 1] if not rest and 1 <= index <= len(arena.pools) else None


def _halves(piece: slice) -> list[slice]:
    """Of a piece of several pages; one page is not cut."""
    middle = (piece.start + piece.stop) // 2
    return [slice(piece.start, middle), slice(middle, piece.stop)] if middle != piece.start else [piece]


def _proven(unit: Iterable[Pool | None]) -> Iterator[Pool]:
    """Its candidates of which every live block was proven."""
    return (pool for pool in unit if pool is not None and pool.is_proven)


def _is_whole(unit: Unit) -> bool:
    """Whether it goes at once: each is proven or empty, and there is one that is proven."""
    is_all = all(pool is not None and (pool.is_proven or not pool.serves) for pool in unit)
    return is_all and any(_proven(unit))


def _size_bytes(pools: Iterable[Pool]) -> int:
    return sum(pool.size_bytes for pool in pools)


def _live_in_64_kib(unit: Unit) -> int:
    """How sparse a unit's pools are that were proven: their live bytes in 64 KiB, in 16."""
    live_bytes = sum(len(pool.survivors or ()) * pool.block_bytes for pool in _proven(unit))
    return live_bytes // 16 * 64 * 1024 // _size_bytes(_proven(unit))


def _spent_neighbours(pools: list[Pool], index: int, pools_max: int) -> list[Pool]:
    """Spent pools from there on, one beside the other, up to 16."""
    return list(
        takewhile(lambda pool: pool.role is PoolRole.SPENT, pools[index : index + min(pools_max, NEIGHBOURS_MAX)])
    )
