"""What ``quire._core`` returns, as records: plain tuples get names here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from quire.records.heap import Arena, BlockState, Extent, HeapState, Mapping, Pool, PoolRole, Run
from quire.records.kinds import ArenaKind, Domain
from quire.records.statistics import (
    ArenaStatistics,
    Charge,
    ClassStatistics,
    GivenBack,
    GivingBack,
    GuardStatistics,
    HeapStatistics,
)

if TYPE_CHECKING:
    from quire.process.account import Account
    from quire.process.charge import ChargeNumbers
    from quire.process.giving_back import GivingBack as Helper

_RUN_STATES = (BlockState.UNTOUCHED, BlockState.FREE, BlockState.ALLOCATED)
_ROLES = {6: PoolRole.CANDIDATE, 7: PoolRole.SEALED, 8: PoolRole.SPENT}
"""By the state of a slot."""
_ARENA_BYTES = 2 * 1024 * 1024


def decode_statistics(
    raw: tuple[Any, ...],
    raw_guard: tuple[int, ...] | None = None,
    giving_back: GivingBack | None = None,
    charge: ChargeNumbers | None = None,
) -> HeapStatistics:
    """``_core``'s statistics as a record; of a process's heap with what else is known of the process."""
    classes, arenas, runs_allocated, run_bytes, totals = raw
    (
        arena_bytes,
        arena_bytes_max,
        arenas_obtained,
        arenas_given_back,
        mappings,
        mapping_bytes,
        mapping_bytes_max,
        mapping_bytes_given_back,
        kept_mapping_bytes,
        touched_bytes,
        extents,
        shared_bytes,
        sealed_pools,
        spent_pools,
        mesh_mappings,
    ) = totals
    return HeapStatistics(
        classes=tuple(ClassStatistics(Domain(domain), *counts) for domain, *counts in classes),
        arenas=tuple(ArenaStatistics(ArenaKind(kind), *counts) for kind, *counts in arenas),
        runs_allocated=runs_allocated,
        run_bytes=run_bytes,
        mappings=mappings,
        mapping_bytes=mapping_bytes,
        kept_mapping_bytes=kept_mapping_bytes,
        mapping_bytes_max=mapping_bytes_max,
        mapping_bytes_given_back=mapping_bytes_given_back,
        arena_bytes=arena_bytes,
        touched_bytes=touched_bytes,
        arena_bytes_max=arena_bytes_max,
        arenas_obtained=arenas_obtained,
        arenas_given_back=arenas_given_back,
        extents=extents,
        shared_bytes=shared_bytes,
        sealed_pools=sealed_pools,
        spent_pools=spent_pools,
        mesh_mappings=mesh_mappings,
        guard=GuardStatistics(*raw_guard or ()),
        giving_back=giving_back or GivingBack(),
        charge=Charge(*charge) if charge else None,
    )


def decode_given_back(account: Account) -> GivenBack:
    """What went back, as a record."""
    return GivenBack(
        empty_pool_bytes=account.empty_pool_bytes,
        hole_bytes=account.hole_bytes,
        kept_bytes=account.kept_bytes,
        page_bytes=account.page_bytes,
        mesh_bytes=account.mesh_bytes,
        libc_bytes=account.libc_bytes,
        steps=account.steps,
        step_seconds_median=account.step_seconds(0.5),
        step_seconds_high=account.step_seconds(0.999),
        step_seconds_max=account.step_seconds_max,
        cpu_seconds=account.cpu_seconds,
    )


def decode_giving_back(helper: Helper, is_at_work: bool, missing: tuple[str, ...]) -> GivingBack:
    """How the process gives back, as a record."""
    return GivingBack(
        mode=helper.mode,
        by_itself=decode_given_back(helper.account),
        by_trim=decode_given_back(helper.trimmed),
        seconds_ago=helper.seconds_ago(),
        is_at_work=is_at_work,
        missing=missing,
    )


def decode_state(raw: tuple[Any, ...]) -> HeapState:
    """``_core``'s state of a private heap as a record."""
    arenas, available, rings, mappings, candidates, extents = raw
    return HeapState(
        geometry="quire",
        arenas=tuple(_arena(*fields) for fields in arenas),
        available=tuple(tuple(indexes) for indexes in available),
        used_pools={(Domain(domain), size_class): tuple(addresses) for domain, size_class, addresses in rings},
        mappings=tuple(sorted((Mapping(*fields) for fields in mappings), key=lambda mapping: mapping.address)),
        candidates={(Domain(domain), size_class): tuple(addresses) for domain, size_class, addresses in candidates},
        extents=tuple(Extent(number, tuple(shown), taken) for number, shown, taken in extents),
    )


def _arena(
    index: int, address: int, kind: int, parts: Iterable[tuple[Any, ...]], free_pools: Iterable[int], untouched: int
) -> Arena:
    if kind == ArenaKind.RUN:
        runs = tuple(Run(at, size_bytes, _RUN_STATES[state]) for at, size_bytes, state in parts)
        return Arena(index, address, _ARENA_BYTES, ArenaKind.RUN, runs=runs)
    return Arena(
        index=index,
        address=address,
        size_bytes=_ARENA_BYTES,
        kind=ArenaKind(kind),
        pools=tuple(_pool(*fields) for fields in parts),
        free_pools=tuple(free_pools),
        untouched_pools=untouched,
    )


def _pool(
    address: int,
    size_bytes: int,
    domain: int,
    size_class: int,
    block_bytes: int,
    first_block_offset: int,
    capacity: int,
    allocated: int,
    untouched: int,
    free_list: Iterable[int],
    away: Iterable[int],
    state: int,
    shown: Iterable[int],
) -> Pool:
    return Pool(
        address=address,
        size_bytes=size_bytes,
        domain=Domain(domain),
        size_class=size_class,
        block_bytes=block_bytes,
        first_block_offset=first_block_offset,
        capacity=capacity,
        allocated=allocated,
        untouched=untouched,
        free_list=tuple(free_list),
        away=tuple(away),
        role=_ROLES.get(state, PoolRole.ORDINARY),
        shown=tuple(shown),
    )
