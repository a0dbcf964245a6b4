"""Whose anonymous memory is, by what it holds: libc's mapped chunks and CPython's arenas.

Both begin at a page, and the next begins where one ends, so that a walk hops from one to the next:

    | chunk 100 MB              | arena | arena |?????????????| chunk |
    ^ walk -------------------->^------>^------>^ search, page by page, for the next to hop from

The walk costs a read or two for each piece that it finds. The search costs a read for each page or pool, so that
what held nothing is remembered, and is not searched again in a later sample.
"""

from __future__ import annotations

from quire.process.cpython_arenas import POOL_BYTES, arena_end
from quire.process.libc import CHUNK_HEADER_BYTES, chunk_size_bytes
from quire.process.own_memory import PAGE_BYTES
from quire.process.parts import ARENAS, LIBC_CHUNKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from quire.process.claims import Claims
    from quire.process.own_memory import OwnMemory
    from quire.process.smaps import Stretch


_PATIENCE_PAGES: Final = 4
"""How many pages of nothing the walk passes: behind an arena's last pool there may be a rest of up to three."""
_SEARCH_BYTES_MAX: Final = 4 * 1024**3
_WINDOW_BYTES: Final = 16 * 1024**2
_PRESENT: Final = 128
_UNKNOWN_TOTAL_BYTES: Final = 1 << 62


class Recogniser:
    """Claims chunks and arenas in one sample.

    Args:
        claims: what is claimed already; what is found is added.
        chunk_bytes: libc's total of mapped chunks, beyond which none is believed; ``None`` where it gives none.
        searched: stretches that held nothing in earlier samples; what is searched now is added.
    """

    __slots__ = ("_claims", "_memory", "_read", "_searched", "_unfound_bytes", "chunk_found_bytes")

    def __init__(self, memory: OwnMemory, claims: Claims, chunk_bytes: int | None, searched: Claims) -> None:
        self._memory = memory
        self._read = memory.read_resident
        self._claims = claims
        self._searched = searched
        self._unfound_bytes = _UNKNOWN_TOTAL_BYTES if chunk_bytes is None else chunk_bytes
        self.chunk_found_bytes = 0

    def walk(self, stretch: Stretch) -> None:
        """Claim what begins at the stretch's start, or behind what is claimed in it."""
        self._read = self._memory.read if stretch.is_resident_whole else self._memory.read_resident
        for start, end in self._claims.gaps(stretch.start, stretch.end):
            self._walk(start, end)

    def search(self, stretch: Stretch) -> None:
        """Claim what begins anywhere in the rest of the stretch."""
        self._read = self._memory.read_resident
        for start, end in self._claims.gaps(stretch.start, stretch.end):
            for part_start, part_end in self._searched.gaps(start, min(end, start + _SEARCH_BYTES_MAX)):
                self._search(part_start, part_end, end)
                for nothing in self._claims.gaps(part_start, part_end):
                    self._searched.add(*nothing, "")

    def _search(self, start: int, end: int, limit: int) -> None:
        walked_to = start
        for at in self._present_pages(start, end):
            if at >= walked_to:
                walked_to = self._claim(at, limit)
                if walked_to > at:
                    walked_to = self._walk(walked_to, limit)

    def _walk(self, at: int, end: int) -> int:
        """Hop from piece to piece; returns where the last one ends."""
        walked_to = at
        while at < min(end, walked_to + _PATIENCE_PAGES * PAGE_BYTES + 1):
            piece_end = self._claim(at, end)
            if piece_end > at:
                walked_to = piece_end
            at = max(piece_end, at + PAGE_BYTES)
        return walked_to

    def _claim(self, at: int, end: int) -> int:
        """Claim the piece that begins at the page; returns its end, or the page where there is none."""
        if self._unfound_bytes > 0:
            size_bytes = chunk_size_bytes(self._read(at, CHUNK_HEADER_BYTES))
            if 0 < size_bytes <= min(end - at, self._unfound_bytes):
                self._unfound_bytes -= size_bytes
                self.chunk_found_bytes += size_bytes
                self._claims.add(at, at + size_bytes, LIBC_CHUNKS)
                return at + size_bytes
        arena = arena_end(at, self._read) if at % POOL_BYTES == 0 else None
        if arena is None or arena > end:
            return at
        self._claims.add(at, arena, ARENAS)
        return arena

    def _present_pages(self, start: int, end: int) -> Iterator[int]:
        """The pages at which a piece may begin: every resident one, or only pools' where no chunk is missing."""
        for window in range(start, end, _WINDOW_BYTES):
            step_bytes = PAGE_BYTES if self._unfound_bytes > 0 else max(POOL_BYTES, PAGE_BYTES)
            first = -(-window // step_bytes) * step_bytes
            presence = self._memory.presence(first, min(window + _WINDOW_BYTES, end))
            for index, state in enumerate(presence[:: step_bytes // PAGE_BYTES]):
                if state >= _PRESENT:
                    yield first + index * step_bytes
