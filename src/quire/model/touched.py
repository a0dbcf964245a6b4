"""Memory is not touched before it is needed: at each of three levels, in bytes.

    obtained    ################################################################   an arena: 1 MiB of addresses
    in pools    #                                                                  the pools that were cut from it
    in blocks   .                                                                  the blocks that were cut from those
    resident    .                                                                  pages with a frame behind them

An arena is obtained when no pool is left, a pool is cut when no block is left, a block is cut when no free one is
left; and the system puts a frame behind a page when it is written. So a Python process with one small object has
1 MiB of addresses and one page of memory.

Source: CPython's Objects/obmalloc.c says it of its three levels in its opening essay.
"""

from __future__ import annotations

from dataclasses import dataclass

from quire.model.allocator import Allocator
from quire.model.arena import PoolArena


@dataclass(frozen=True, slots=True)
class Touched:
    """How far an allocator's arenas of pools are in use, in bytes.

    ``obtained_bytes >= in_pools_bytes >= in_blocks_bytes >= live_bytes`` holds always, and
    ``obtained_bytes >= resident_bytes``.
    """

    obtained_bytes: int
    """Whole arenas."""
    in_pools_bytes: int
    """Of those, in pools that were ever cut; purged ones count, and are not resident."""
    in_blocks_bytes: int
    """Of those, in blocks that were ever cut."""
    live_bytes: int
    """Of those, in allocated blocks."""
    resident_bytes: int | None
    """Pages with a frame behind them; ``None`` where the system stands on no process."""


def touched_by(allocator: Allocator) -> Touched:
    """How much an allocator has obtained, cut up and touched."""
    arenas = [arena for arena in allocator.arenas.values() if isinstance(arena, PoolArena)]
    pools = [pool for arena in arenas for pool in arena.pools]
    process = allocator.system.process
    return Touched(
        obtained_bytes=len(arenas) * allocator.geometry.arena_bytes,
        in_pools_bytes=sum(pool.size_bytes for pool in pools),
        in_blocks_bytes=sum(pool.carved * pool.block_bytes for pool in pools),
        live_bytes=sum(pool.allocated * pool.block_bytes for pool in pools),
        resident_bytes=None
        if process is None
        else sum(process.resident_bytes_of(arena.address, allocator.geometry.arena_bytes) for arena in arenas),
    )
