"""Whose anonymous memory is, by what it holds: libc's mapped chunks and CPython's arenas.

Both begin at a page, and the next may begin where one ends, so that a walk hops from one to the next:

    | chunk, 100 MB             | arena | arena | ????????????? | chunk |
    ^ walk -------------------->^------>^------>^ search, page by page, for the next to hop from

The walk costs a read or two for each piece that it finds. The search costs a read for each page, or pool, of what
nobody knows, up to 0.4 s for a GiB. So it is made only in the first sample, when quire has just been installed, and
later when libc says that it has chunks that were not found; what it finds is where later walks begin, and what
held nothing is not searched again. CPython makes hardly any arenas once quire serves its objects.
"""

from __future__ import annotations

from quire.process.claims import Claims
from quire.process.cpython_arenas import POOL_BYTES, arena_end
from quire.process.libc import CHUNK_HEADER_BYTES, chunk_size_bytes
from quire.process.memory import PAGE_BYTES
from quire.process.parts import ARENAS, LIBC_CHUNKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from quire.process.memory import ProcessMemory
    from quire.process.smaps import Stretch

_PATIENCE_PAGES: Final = 4
"""How many pages of nothing the walk passes: behind an arena's last pool there may be a rest of up to three."""
_SEARCH_BYTES_MAX: Final = 4 * 1024**3
_WINDOW_BYTES: Final = 16 * 1024**2
_PRESENT: Final = 128
_UNKNOWN_TOTAL_BYTES: Final = 1 << 62


class Findings:
    """What one sample tells the next: where pieces were that a walk did not come to, and where none were."""

    __slots__ = ("nothing", "starts")

    def __init__(self) -> None:
        self.starts: set[int] = set()
        self.nothing: Claims | None = None
        """``None`` before the first search."""


def recognise(
    stretches: Sequence[Stretch], memory: ProcessMemory, claims: Claims, chunk_bytes: int | None, findings: Findings
) -> int:
    """Claim chunks and arenas; returns how many bytes of chunks were found.

    Args:
        claims: what is claimed already; what is found is added.
        chunk_bytes: libc's total of mapped chunks, beyond which none is believed; ``None`` where it gives none.
        findings: those of earlier samples; this one's are added.
    """
    recogniser = _Recogniser(memory, claims, _UNKNOWN_TOTAL_BYTES if chunk_bytes is None else chunk_bytes)
    for stretch in stretches:
        recogniser.walk(stretch, findings.starts)
    if findings.nothing is None or (chunk_bytes is not None and recogniser.unfound_bytes):
        findings.nothing = findings.nothing or Claims()
        for stretch in stretches:
            findings.starts.update(recogniser.search(stretch, findings.nothing))
    return recogniser.chunk_found_bytes


class _Recogniser:
    __slots__ = ("_claims", "_memory", "_read", "chunk_found_bytes", "unfound_bytes")

    def __init__(self, memory: ProcessMemory, claims: Claims, chunk_bytes: int) -> None:
        self._memory = memory
        self._read = memory.read_resident
        self._claims = claims
        self.unfound_bytes = chunk_bytes
        self.chunk_found_bytes = 0

    def walk(self, stretch: Stretch, starts: set[int]) -> None:
        """Claim what begins at the stretch's start, behind what is claimed in it, or at one of the starts."""
        self._read = self._memory.read if stretch.is_resident_whole else self._memory.read_resident
        for start, end in self._claims.gaps(stretch.start, stretch.end):
            self._walk(start, end)
        for start in starts:
            if stretch.start <= start < stretch.end:
                for gap_start, end in self._claims.gaps(start, stretch.end)[:1]:
                    self._walk(gap_start, end)

    def search(self, stretch: Stretch, nothing: Claims) -> Iterator[int]:
        """Claim what begins anywhere in the rest of the stretch; yields where."""
        self._read = self._memory.read_resident
        for start, end in self._claims.gaps(stretch.start, stretch.end):
            for part_start, part_end in nothing.gaps(start, min(end, start + _SEARCH_BYTES_MAX)):
                yield from self._search(part_start, part_end, end)
                for gap in self._claims.gaps(part_start, part_end):
                    nothing.add(*gap, "")

    def _search(self, start: int, end: int, limit: int) -> Iterator[int]:
        walked_to = start
        for at in self._present_pages(start, end):
            if at >= walked_to:
                walked_to = self._claim(at, limit)
                if walked_to > at:
                    walked_to = self._walk(walked_to, limit)
                    yield at

    def _walk(self, at: int, end: int) -> int:
        """Hop from piece to piece; returns where the last one ends."""
        walked_to = at
        while at < end and at <= walked_to + _PATIENCE_PAGES * PAGE_BYTES:
            piece_end = self._claim(at, end)
            if piece_end > at:
                at = walked_to = piece_end
            else:
                at += PAGE_BYTES
        return walked_to

    def _claim(self, at: int, end: int) -> int:
        """Claim the piece that begins at the page; returns its end, or the page where there is none."""
        if self.unfound_bytes > 0:
            size_bytes = chunk_size_bytes(self._read(at, CHUNK_HEADER_BYTES))
            if 0 < size_bytes <= min(end - at, self.unfound_bytes):
                self.unfound_bytes -= size_bytes
                self.chunk_found_bytes += size_bytes
                self._claims.insert(at, at + size_bytes, LIBC_CHUNKS)
                return at + size_bytes
        piece_end = arena_end(at, self._read) if at % POOL_BYTES == 0 else None
        if piece_end is None or piece_end > end:
            return at
        self._claims.insert(at, piece_end, ARENAS)
        return piece_end

    def _present_pages(self, start: int, end: int) -> Iterator[int]:
        """The pages at which a piece may begin: every resident one, or only pools' where no chunk is missing."""
        for window in range(start, end, _WINDOW_BYTES):
            step_bytes = PAGE_BYTES if self.unfound_bytes > 0 else max(POOL_BYTES, PAGE_BYTES)
            first = -(-window // step_bytes) * step_bytes
            presence = self._memory.presence(first, min(window + _WINDOW_BYTES, end))
            for index, state in enumerate(presence[:: step_bytes // PAGE_BYTES]):
                if state >= _PRESENT:
                    yield first + index * step_bytes
