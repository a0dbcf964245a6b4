"""How full CPython's arenas are, from the headers of their pools: what is live, what is free, what a few blocks keep.

An arena goes back to the system only when its last block dies. So the share of its blocks that are live says how much
is kept by how little. Pools are told by their count of live blocks; an arena, by its own pools'.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from quire.process.cpython_arenas import HEADER_BYTES, POOL_BYTES, arena_end, pool_of
from quire.process.memory import PAGE_BYTES
from quire.process.pooling import pool_bytes_on_quire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from quire.process.memory import ProcessMemory

FEW_DIVISOR: Final = 100
"""An arena is kept by few blocks if fewer than one in so many of its blocks are live."""
_IS_PRESENT: Final = bytes(128) + b"\1" * 128
"""States of pages, 128 or more where one is present, as 0 and 1."""


@dataclass(slots=True)
class Occupancy:
    """Numbers of all arenas together; bytes are resident ones."""

    arenas: int = 0
    sparse_arenas: int = 0
    pools_full: int = 0
    pools_used: int = 0
    pools_empty: int = 0
    pools_unknown: int = 0
    blocks: int = 0
    live_blocks: int = 0
    live_bytes: int = 0
    free_bytes: int = 0
    empty_pool_bytes: int = 0
    rest_bytes: int = 0
    """Headers of pools, and what is left behind their last block."""
    savings: list[int] = field(default_factory=list)
    """For each pool with live blocks, by how much less it would need on quire."""

    def add_arenas(self, start: int, end: int, memory: ProcessMemory) -> None:
        """Count the pools of arenas that lie side by side."""
        while start < end:
            arena = arena_end(start, memory.read) or end
            self._add_arena(start, min(arena, end), memory)
            start = -(-arena // POOL_BYTES) * POOL_BYTES

    @property
    def resident_bytes(self) -> int:
        """All parts together."""
        return self.live_bytes + self.free_bytes + self.empty_pool_bytes + self.rest_bytes

    def settle(self, resident_bytes: int) -> int:
        """Hold the parts against what is resident of the arenas by the kernel's account; returns what is in no part."""
        self.live_bytes = min(self.live_bytes, resident_bytes)
        self.free_bytes = min(self.free_bytes, resident_bytes - self.live_bytes)
        taken_bytes = self.live_bytes + self.free_bytes
        self.empty_pool_bytes = min(self.empty_pool_bytes, resident_bytes - taken_bytes)
        self.rest_bytes = min(self.rest_bytes, resident_bytes - taken_bytes - self.empty_pool_bytes)
        return resident_bytes - self.resident_bytes

    def _add_arena(self, start: int, end: int, memory: ProcessMemory) -> None:
        live, blocks = self.live_blocks, self.blocks
        presence = memory.presence(start, end).translate(_IS_PRESENT)
        for pool in range(start, end, POOL_BYTES):
            self._add_pool(memory.read(pool, HEADER_BYTES), pool, _resident_bytes(presence, pool - start))
        self.arenas += 1
        self.sparse_arenas += (self.live_blocks - live) * FEW_DIVISOR < self.blocks - blocks

    def _add_pool(self, header: bytes, address: int, resident_bytes: int) -> None:
        pool = pool_of(header, address)
        if pool is None:
            self.pools_unknown += resident_bytes > 0
            return
        _arena, block_bytes, live_blocks = pool
        blocks = (POOL_BYTES - HEADER_BYTES) // block_bytes
        self.blocks += blocks
        self.live_blocks += live_blocks
        if live_blocks == 0:
            self.pools_empty += 1
            self.empty_pool_bytes += resident_bytes
            return
        self.pools_full += live_blocks == blocks
        self.pools_used += live_blocks < blocks
        live_bytes = min(live_blocks * block_bytes, resident_bytes)
        free_bytes = min((blocks - live_blocks) * block_bytes, resident_bytes - live_bytes)
        self.live_bytes += live_bytes
        self.free_bytes += free_bytes
        self.rest_bytes += resident_bytes - live_bytes - free_bytes
        self.savings.append(max(resident_bytes - pool_bytes_on_quire(live_blocks, blocks, block_bytes), 0))


def _resident_bytes(presence: bytes, offset: int) -> int:
    """Of the pool at the offset in an arena with these pages."""
    first = offset // PAGE_BYTES
    pages = presence[first : first + max(POOL_BYTES // PAGE_BYTES, 1)]
    return pages.count(1) * min(PAGE_BYTES, POOL_BYTES)
