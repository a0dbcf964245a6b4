"""libc's heap: where its pieces are, and what of them is live.

glibc keeps its memory in three kinds of places:

    [heap]      grown by brk; the kernel names it
    heaps       of threads' arenas, each at a multiple of 64 MiB, beginning with a heap_info
    chunks      of 128 KiB and more, each a mapping of its own, beginning with a chunk's header

``mallinfo2`` gives totals: the first two kinds together, with what of them is live and free, and the third. They
bound what is found, so that other memory that happens to look like a chunk is not counted beyond them.

    heap_info       ar_ptr, prev, size, mprotect_size              words
    mapped chunk    0, size | 2                                    words; size may leave out the header (glibc 2.42)
"""

from __future__ import annotations

from quire.process.memory import PAGE_BYTES, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final

    Read = Callable[[int, int], bytes]
    LibcStatistics = tuple[int, int, int, int]
    """``mallinfo2``'s arena, uordblks, fordblks and hblkhd, in bytes."""

HEAP_ALIGNMENT: Final = 64 * 1024**2
CHUNK_HEADER_BYTES: Final = 16
_HEAP_INFO_BYTES: Final = 32
_FIRST_ARENA_OFFSET_MAX: Final = 256
_NOTHING_BEFORE: Final = bytes(8)
_IS_MAPPED: Final = 2
_FLAGS: Final = 7


def find_heaps(gaps: Iterable[tuple[int, int]], read: Read) -> Iterator[tuple[int, int]]:
    """Start and end of the threads' heaps that begin in the gaps."""
    for start, end in gaps:
        for address in range(-(-start // HEAP_ALIGNMENT) * HEAP_ALIGNMENT, end, HEAP_ALIGNMENT):
            size_bytes = heap_size_bytes(address, end, read)
            if size_bytes:
                yield address, address + size_bytes


def heap_size_bytes(address: int, end: int, read: Read) -> int:
    """How much of a thread arena's heap is in use at the address, a multiple of 64 MiB; 0 if none begins there."""
    info = words(read(address, _HEAP_INFO_BYTES))
    if len(info) < 4:
        return 0
    arena, previous, size_bytes, writable_bytes = info
    own_arena = address < arena <= address + _FIRST_ARENA_OFFSET_MAX
    is_first = previous == 0 and own_arena
    is_next = previous != 0 and previous % HEAP_ALIGNMENT == 0 and arena % HEAP_ALIGNMENT <= _FIRST_ARENA_OFFSET_MAX
    fits = 0 < size_bytes <= writable_bytes <= min(HEAP_ALIGNMENT, end - address)
    whole = size_bytes % PAGE_BYTES == 0 and writable_bytes % PAGE_BYTES == 0
    return writable_bytes if fits and whole and (is_first or is_next) else 0


def chunk_size_bytes(header: bytes) -> int:
    """The size of the mapped chunk that begins with the header, at a page's start; 0 if none does."""
    if len(header) < CHUNK_HEADER_BYTES or header[:8] != _NOTHING_BEFORE:
        return 0
    size = int.from_bytes(header[8:CHUNK_HEADER_BYTES], "little")
    if size & _FLAGS != _IS_MAPPED:
        return 0
    size &= ~_FLAGS
    if size % PAGE_BYTES == PAGE_BYTES - CHUNK_HEADER_BYTES:
        size += CHUNK_HEADER_BYTES
    return size if size % PAGE_BYTES == 0 else 0


class LibcShare:
    """libc's resident bytes by what they are, and where libc's own totals say more than was found."""

    __slots__ = ("held_bytes", "live_bytes", "missing_bytes", "other_bytes")

    def __init__(
        self,
        statistics: LibcStatistics | None,
        heap_resident_bytes: int,
        chunk_resident_bytes: int,
        heap_found_bytes: int,
        chunk_found_bytes: int,
    ) -> None:
        """Split what is resident; where libc gives no totals, all of it counts as live.

        Allocated blocks count as resident first: libc touches its memory in address order and gives back free ends.
        """
        arena, used, free, mapped = statistics or (heap_found_bytes, heap_resident_bytes, 0, chunk_found_bytes)
        live_bytes = min(used, heap_resident_bytes)
        self.live_bytes = live_bytes + chunk_resident_bytes
        self.held_bytes = min(free, heap_resident_bytes - live_bytes)
        self.other_bytes = heap_resident_bytes - live_bytes - self.held_bytes
        """In libc's places, but not libc's: another allocator grew ``[heap]``."""
        self.missing_bytes = max(arena - heap_found_bytes, 0) + max(mapped - chunk_found_bytes, 0)
        """In libc's totals, but not found."""
