"""CPython's own arenas, found by what they hold: CPython does not say where they are.

An arena is 1 MiB that CPython maps, at any page (2 MiB where it was built for huge pages). Its pools are 16 KiB,
aligned, and cut in address order, so that the first is there in every arena in use. Since 3.10 a pool begins so:

    0   number of allocated blocks, padded to 8 bytes
    8   address of the first free block, or 0
    16  next and previous pool
    32  index of the arena
    36  size class: block size / 16 - 1
    40  offset of the first untouched block
    44  largest offset at which a block fits

The last two follow from the third last but for the blocks used, so that other memory is hardly ever taken for a pool.
"""

from __future__ import annotations

from quire.process.memory import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    Read = Callable[[int, int], bytes]

POOL_BYTES: Final = 16 * 1024
HEADER_BYTES: Final = 48
_ARENA_POOLS: Final = 64
_ALIGNMENT: Final = 16
_SIZE_CLASSES: Final = 32
_LOW: Final = (1 << 32) - 1


def arena_of_pool(header: bytes, address: int) -> int | None:
    """The index of the arena whose pool begins at the address with these bytes; ``None`` if it is not a pool."""
    pool = pool_of(header, address)
    return None if pool is None else pool[0]


def pool_of(header: bytes, address: int) -> tuple[int, int, int] | None:
    """The pool that begins so: its arena's index, the size of its blocks and how many are allocated; or ``None``."""
    if len(header) < HEADER_BYTES:
        return None
    count, free_block, _next, _previous, arena_and_class, offsets = words(header[:HEADER_BYTES])
    size_class, next_offset, offset_max = arena_and_class >> 32, offsets & _LOW, offsets >> 32
    block_bytes = (size_class + 1) * _ALIGNMENT
    is_pool = (
        size_class < _SIZE_CLASSES
        and offset_max == POOL_BYTES - block_bytes
        and HEADER_BYTES <= next_offset <= POOL_BYTES
        and (next_offset - HEADER_BYTES) % block_bytes == 0
        and count & _LOW <= (POOL_BYTES - HEADER_BYTES) // block_bytes
        and (free_block == 0 or address + HEADER_BYTES <= free_block < address + POOL_BYTES)
    )
    return (arena_and_class & _LOW, block_bytes, count & _LOW) if is_pool else None


def arena_end(first_pool: int, read: Read) -> int | None:
    """Where the arena ends whose first pool may be at the address; ``None`` if no pool is there.

    An arena that begins between two pools has a pool less, and a rest that is never touched.
    """
    arena = arena_of_pool(read(first_pool, HEADER_BYTES), first_pool)
    if arena is None:
        return None
    last_pool = first_pool + (_ARENA_POOLS - 1) * POOL_BYTES
    has_last = arena_of_pool(read(last_pool, HEADER_BYTES), last_pool) == arena
    return last_pool + POOL_BYTES if has_last else last_pool
