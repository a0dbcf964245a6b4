"""What of libc's heap is in use, from outside: glibc's chunks, walked from header to header.

    | size of the one before, if free | size, flags | ...block... | size of the one before ...
    ^ chunk                                                       ^ next chunk = chunk + size
                                        flag 1: the chunk before is in use

So the next header says whether a chunk is in use. The last chunk, the top, is what was never handed out or came back to
it. The process runs meanwhile: where a header does not fit, the walk looks again, and then gives the rest up as not
known. ``[heap]`` of another allocator, or of another libc, does not begin with a chunk, and is not known.

Small chunks that were freed wait in quick lists (tcache, fast bins), and look in use. Since glibc 2.32 they are told by
their link, the address of the next one in the list, which is masked with their own: ``link ^ (place >> 12)``. What is
in use hardly ever holds such a word.
"""

from __future__ import annotations

from quire.process.libc import HEAP_ALIGNMENT
from quire.process.memory import WORD_BYTES, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    Read = Callable[[int, int], bytes]

_SIZE_MIN: Final = 16
"""Of the posts behind a thread's heap that has a next one; all others have 32 bytes or more."""
_ALIGNMENT: Final = 16
_HEADER_BYTES: Final = 16
_WORD_SHIFT: Final = 3
_FLAGS: Final = 7
_NO_SIZE: Final = 8
_IN_USE_BEFORE: Final = 1
_OF_THREADS_ARENA: Final = 4
_QUICK_BYTES_MAX: Final = 1040
"""Of a chunk in a quick list."""
_MASK_SHIFT: Final = 12
_WINDOW_BYTES: Final = 256 * 1024
_LOOKS: Final = 3
_HEAP_INFO_BYTES: Final = 32
_SIZE_OFFSET: Final = 16
"""In a heap's record: how much of it is in use."""
_ARENA_BYTES_MAX: Final = 4096


class LibcUse:
    """How much of libc's heap is in use, and how much free, as far as the walks came.

    Args:
        read: memory from an address on, as far as it is resident.
    """

    __slots__ = ("_read", "free_bytes", "live_bytes")

    def __init__(self, read: Read) -> None:
        self._read = read
        self.live_bytes = 0
        self.free_bytes = 0

    def add_threads_heaps(self, start: int, end: int) -> None:
        """Walk a thread's heap, and those that lie right behind it."""
        for heap in range(start, end, HEAP_ALIGNMENT):
            info = words(self._read(heap, _SIZE_OFFSET + WORD_BYTES))
            if len(info) * WORD_BYTES > _SIZE_OFFSET:
                size_bytes = info[_SIZE_OFFSET // WORD_BYTES]
                self.add_heap(first_chunk(heap, self._read), min(heap + size_bytes, end))

    def add_heap(self, start: int, end: int) -> None:
        """Walk from the first chunk, where the heap starts, to its end."""
        chunk = start
        for _ in range(_LOOKS):
            walk = _Walk(chunk, start, end, self._read)
            self.live_bytes += walk.live_bytes
            self.free_bytes += walk.free_bytes
            chunk = walk.chunk


class _Walk:
    """One walk, from window to window, up to the end or to what does not fit."""

    __slots__ = ("_end", "_start", "chunk", "free_bytes", "live_bytes")

    def __init__(self, chunk: int, start: int, end: int, read: Read) -> None:
        self._start = start
        self._end = end
        self.live_bytes = 0
        self.free_bytes = 0
        self.chunk = chunk
        """The first that is not counted."""
        while self.chunk < end:
            before = self.chunk
            self._count(words(read(before, min(_WINDOW_BYTES, end - before))).tolist())
            if self.chunk == before and not self._skip(read):
                break

    def _count(self, window: list[int]) -> None:
        """Count the chunks of which the window, which begins with one, has the next one's header too.

        A heap may have a million of them: nothing is called for one that is not small.
        """
        first, last = self.chunk, len(window) - 1
        index = live_bytes = free_bytes = 0
        size = window[1] if last > 0 and _is_size(window[1]) else 0
        while size:
            size_bytes = size & ~_FLAGS
            following = index + (size_bytes >> _WORD_SHIFT)
            if following >= last:
                break
            next_size = window[following + 1]
            if next_size < _SIZE_MIN or next_size & _NO_SIZE:
                break
            if next_size & _IN_USE_BEFORE:
                link = window[index + 2] ^ (first + (index << _WORD_SHIFT) + _HEADER_BYTES >> _MASK_SHIFT)
                if link <= self._end and size_bytes <= _QUICK_BYTES_MAX and self._is_link(link):
                    free_bytes += size_bytes
                else:
                    live_bytes += size_bytes
            else:
                free_bytes += size_bytes
            index, size = following, next_size
        self.live_bytes += live_bytes
        self.free_bytes += free_bytes
        self.chunk = first + (index << _WORD_SHIFT)

    def _is_link(self, link: int) -> bool:
        """Whether a chunk in a quick list has it: the next one's address, or 0 in the last."""
        return link == 0 or (link >= self._start and link % _ALIGNMENT == 0)

    def _skip(self, read: Read) -> bool:
        """Count one chunk that is larger than a window, or the top; ``False`` if it is neither."""
        size = _size_at(self.chunk, read)
        following = self.chunk + (size & ~_FLAGS)
        next_size = _size_at(following, read) if following < self._end else 0
        if not size or following > self._end or not (next_size or following == self._end):
            return False
        if next_size & _IN_USE_BEFORE:
            self.live_bytes += following - self.chunk
        else:
            self.free_bytes += following - self.chunk
        self.chunk = following
        return True


def _is_size(size: int) -> bool:
    """Whether a chunk can have that size, with its flags."""
    return size & _NO_SIZE == 0 and size >= _SIZE_MIN


def _size_at(chunk: int, read: Read) -> int:
    """Size and flags of the chunk; 0 if it has none."""
    content = words(read(chunk + WORD_BYTES, WORD_BYTES))
    return content[0] if content and _is_size(content[0]) else 0


def first_chunk(heap: int, read: Read) -> int:
    """The first chunk of a thread's heap: behind its arena, or where the heap is not its first, behind its own record.

    How large these are differs from version to version. A chunk there is marked as of a thread's arena, and the chunk
    before it, of which there is none, as in use; nothing else before it looks so.
    """
    content = words(read(heap, _ARENA_BYTES_MAX))
    for index in range(_HEAP_INFO_BYTES // WORD_BYTES + 1, len(content), _ALIGNMENT // WORD_BYTES):
        size = content[index]
        is_first = size & (_FLAGS | _NO_SIZE) == _IN_USE_BEFORE | _OF_THREADS_ARENA
        if is_first and 2 * _SIZE_MIN <= size & ~_FLAGS <= HEAP_ALIGNMENT:
            return heap + (index - 1) * WORD_BYTES
    return heap
