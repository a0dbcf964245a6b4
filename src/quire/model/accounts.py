"""Counting what an allocator holds: its state turned into the numbers of ``HeapStatistics``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quire.model.arena import PoolArena, RunArena
from quire.model.pool import Pool
from quire.records import ArenaKind, ArenaStatistics, BlockState, ClassStatistics, Domain, HeapStatistics, PoolState

if TYPE_CHECKING:
    from quire.model.allocator import Allocator


def statistics_of(allocator: Allocator) -> HeapStatistics:
    """The allocator in numbers, by walking everything it holds."""
    geometry, totals = allocator.geometry, allocator.totals
    runs = [
        run.size_bytes
        for arena in allocator.arenas.values()
        for run in arena.record().runs
        if run.state is BlockState.ALLOCATED
    ]
    runs += allocator.raw.run_sizes()
    return HeapStatistics(
        classes=tuple(
            _class_statistics(allocator, Domain(domain), size_class)
            for domain in range(geometry.domains)
            for size_class in range(geometry.classes)
        ),
        arenas=tuple(_arena_statistics(allocator, kind) for kind in ArenaKind),
        runs_allocated=len(runs),
        run_bytes=sum(runs),
        mappings=len(allocator.raw.mappings),
        mapping_bytes=sum(allocator.raw.mappings.values()),
        kept_mapping_bytes=allocator.raw.kept.size_bytes,
        arena_bytes=len(allocator.arenas) * geometry.arena_bytes,
        touched_bytes=allocator.raw.touched_bytes,
        arena_bytes_max=totals.arenas_max * geometry.arena_bytes,
        mapping_bytes_max=allocator.raw.mapping_bytes_max,
        arenas_obtained=totals.arenas_obtained,
        arenas_given_back=totals.arenas_given_back,
        mapping_bytes_given_back=allocator.raw.kept.given_back_bytes,
    )


def _class_statistics(allocator: Allocator, domain: Domain, size_class: int) -> ClassStatistics:
    pools = [
        pool for pool in _pools(allocator) if pool.allocated and (pool.domain, pool.size_class) == (domain, size_class)
    ]
    return ClassStatistics(
        domain=domain,
        size_class=size_class,
        block_bytes=allocator.geometry.block_bytes(size_class),
        pools_used=sum(pool.state is PoolState.USED for pool in pools),
        pools_full=sum(pool.state is PoolState.FULL for pool in pools),
        blocks_allocated=sum(pool.allocated for pool in pools),
        blocks_free=sum(len(pool.free) for pool in pools),
        blocks_untouched=sum(pool.capacity - pool.carved for pool in pools),
    )


def _arena_statistics(allocator: Allocator, kind: ArenaKind) -> ArenaStatistics:
    arenas = [arena for arena in allocator.arenas.values() if arena.kind is kind]
    if kind is ArenaKind.RUN:
        return _run_arena_statistics(allocator, [arena for arena in arenas if isinstance(arena, RunArena)])
    pool_arenas = [arena for arena in arenas if isinstance(arena, PoolArena)]
    geometry = allocator.geometry
    return ArenaStatistics(
        kind=kind,
        arenas=len(pool_arenas),
        units_in_use=sum(pool.allocated > 0 for arena in pool_arenas for pool in arena.pools),
        units_free=sum(not pool.allocated and not pool.is_purged for arena in pool_arenas for pool in arena.pools),
        units_untouched=sum(arena.untouched_pools for arena in pool_arenas)
        + sum(pool.is_purged for arena in pool_arenas for pool in arena.pools),
        unit_bytes=geometry.large_pool_bytes if kind is ArenaKind.LARGE else geometry.pool_bytes,
    )


def _run_arena_statistics(allocator: Allocator, arenas: list[RunArena]) -> ArenaStatistics:
    unit = allocator.geometry.run_unit_bytes
    units = dict.fromkeys(BlockState, 0)
    for arena in arenas:
        for run in arena.record().runs:
            units[run.state] += run.size_bytes // unit
    return ArenaStatistics(
        kind=ArenaKind.RUN,
        arenas=len(arenas),
        units_in_use=units[BlockState.ALLOCATED],
        units_free=units[BlockState.FREE],
        units_untouched=units[BlockState.UNTOUCHED],
        unit_bytes=unit,
    )


def _pools(allocator: Allocator) -> list[Pool]:
    return [pool for arena in allocator.arenas.values() if isinstance(arena, PoolArena) for pool in arena.pools]
