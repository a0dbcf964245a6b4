"""Counting what an allocator holds: its state turned into the numbers of ``HeapStatistics``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quire.model.arena import PoolArena, RunArena
from quire.model.pool import Pool
from quire.records.heap import BlockState, PoolRole
from quire.records.kinds import ArenaKind, Domain
from quire.records.statistics import ArenaStatistics, ClassStatistics, HeapStatistics

if TYPE_CHECKING:
    from quire.model.allocator import Allocator


def statistics_of(allocator: Allocator) -> HeapStatistics:
    """The allocator in numbers, by walking everything it holds."""
    geometry, totals, raw = allocator.geometry, allocator.totals, allocator.raw
    pool_arenas = [arena for arena in allocator.arenas.values() if isinstance(arena, PoolArena)]
    run_arenas = [arena for arena in allocator.arenas.values() if isinstance(arena, RunArena)]
    pools = [pool for arena in pool_arenas for pool in arena.pools]
    runs = raw.run_sizes() + [size for arena in run_arenas for _, size, taken in arena.runs if taken]
    return HeapStatistics(
        classes=tuple(
            _class_statistics(pools, Domain(domain), size_class, geometry.block_bytes(size_class))
            for domain in range(geometry.domains)
            for size_class in range(geometry.classes)
        ),
        arenas=(
            _pool_arena_statistics(pool_arenas, ArenaKind.SMALL, geometry.pool_bytes),
            _pool_arena_statistics(pool_arenas, ArenaKind.LARGE, geometry.large_pool_bytes),
            _run_arena_statistics(run_arenas, geometry.run_unit_bytes),
        ),
        runs_allocated=len(runs),
        run_bytes=sum(runs),
        mappings=len(raw.mappings),
        mapping_bytes=sum(raw.mappings.values()),
        kept_mapping_bytes=raw.kept.size_bytes,
        arena_bytes=len(allocator.arenas) * geometry.arena_bytes,
        touched_bytes=raw.touched_bytes,
        arena_bytes_max=totals.arenas_max * geometry.arena_bytes,
        mapping_bytes_max=raw.mapping_bytes_max,
        arenas_obtained=totals.arenas_obtained,
        arenas_given_back=totals.arenas_given_back,
        mapping_bytes_given_back=raw.kept.given_back_bytes,
        extents=len(allocator.mesh.extents.by_number),
        shared_bytes=raw.shared_bytes,
        sealed_pools=allocator.mesh.sealed_pools,
        spent_pools=allocator.mesh.spent_pools,
        mesh_mappings=allocator.mesh.mappings,
    )


def _class_statistics(pools: list[Pool], domain: Domain, size_class: int, block_bytes: int) -> ClassStatistics:
    held = [pool for pool in pools if pool.allocated and (pool.domain, pool.size_class) == (domain, size_class)]
    full = sum(pool.is_full for pool in held)
    return ClassStatistics(
        domain=domain,
        size_class=size_class,
        block_bytes=block_bytes,
        pools_used=len(held) - full,
        pools_full=full,
        blocks_allocated=sum(pool.allocated for pool in held),
        blocks_free=sum(len(pool.free) for pool in held),
        blocks_untouched=sum(pool.capacity - pool.carved + len(pool.away) for pool in held),
    )


def _pool_arena_statistics(pool_arenas: list[PoolArena], kind: ArenaKind, pool_bytes: int) -> ArenaStatistics:
    arenas = [arena for arena in pool_arenas if arena.kind is kind]
    pools = [pool for arena in arenas for pool in arena.pools]
    in_use = sum(pool.allocated > 0 for pool in pools)
    purged = sum(pool.is_purged or pool.role is PoolRole.SPENT for pool in pools)
    return ArenaStatistics(
        kind=kind,
        arenas=len(arenas),
        units_in_use=in_use,
        units_free=len(pools) - in_use - purged,
        units_untouched=sum(arena.untouched_pools for arena in arenas) + purged,
        unit_bytes=pool_bytes,
    )


def _run_arena_statistics(arenas: list[RunArena], unit_bytes: int) -> ArenaStatistics:
    units = dict.fromkeys(BlockState, 0)
    for arena in arenas:
        for run in arena.record().runs:
            units[run.state] += run.size_bytes // unit_bytes
    return ArenaStatistics(
        kind=ArenaKind.RUN,
        arenas=len(arenas),
        units_in_use=units[BlockState.ALLOCATED],
        units_free=units[BlockState.FREE],
        units_untouched=units[BlockState.UNTOUCHED],
        unit_bytes=unit_bytes,
    )
