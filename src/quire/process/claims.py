"""Which piece of memory belongs to which row of a sample. The first claim wins; what nobody claims is left over.

    mapping   |-------------------------------------------------|
    claims       |== stack ==|      |== arenas ==|= libc =|
    gaps      |--|           |------|                     |-----|

The kernel joins neighbouring anonymous mappings, so that one of its mappings may hold pieces of several owners.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from quire.process.smaps import SystemMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Piece = tuple[int, int, str]
    """Start, end, row."""


class Claims:
    """Pieces in address order that do not overlap; neighbours of one row are one piece."""

    __slots__ = ("_pieces", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[Piece] = []

    def add(self, start: int, end: int, row: str) -> None:
        """Claim the piece for the row, as far as nobody has."""
        for at, gap_end in self.gaps(start, end):
            self.insert(at, gap_end, row)

    def insert(self, start: int, end: int, row: str) -> None:
        """Claim the piece, of which the caller knows that nobody has claimed any."""
        index = bisect_left(self._starts, start)
        if index and self._pieces[index - 1][1:] == (start, row):
            self._pieces[index - 1] = (self._pieces[index - 1][0], end, row)
            return
        self._starts.insert(index, start)
        self._pieces.insert(index, (start, end, row))

    def has(self, address: int) -> bool:
        """Whether somebody has claimed the address."""
        return any(self.inside(address, address + 1))

    def has_all(self, start: int, end: int) -> bool:
        """Whether somebody has claimed all that lies between the addresses."""
        return not self.gaps(start, end)

    def inside(self, start: int, end: int) -> Iterator[Piece]:
        """The claims between the addresses, cut to them."""
        index = max(bisect_right(self._starts, start) - 1, 0)
        for piece_start, piece_end, row in self._pieces[index : bisect_left(self._starts, end)]:
            cut_start, cut_end = max(piece_start, start), min(piece_end, end)
            if cut_start < cut_end:
                yield cut_start, cut_end, row

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The pieces between the addresses that nobody has claimed."""
        gaps = []
        for piece_start, piece_end, _row in self.inside(start, end):
            if start < piece_start:
                gaps.append((start, piece_start))
            start = piece_end
        if start < end:
            gaps.append((start, end))
        return gaps

    def divide(self, start: int, end: int, left_over: str) -> list[Piece]:
        """The claims between the addresses, and what nobody has claimed for the row left over; in no order."""
        return [*self.inside(start, end), *((*gap, left_over) for gap in self.gaps(start, end))]


def share_out(
    mapping: SystemMapping, claims: Claims, left_over: str, resident_bytes: Callable[[int, int], int]
) -> list[tuple[str, int]]:
    """The mapping's resident bytes by row; they add up to its ``rss_bytes``.

    The largest piece is what the others leave, so that it need not be measured; nor need any where all pages are
    resident.

    Args:
        left_over: the row for what nobody claims.
        resident_bytes: tells how many bytes of a piece are resident.
    """
    pieces = claims.divide(mapping.start, mapping.end, left_over)
    pieces.sort(key=lambda piece: piece[1] - piece[0])
    *others, (_start, _end, largest_row) = pieces
    is_whole = mapping.rss_bytes == mapping.size_bytes
    left_bytes = mapping.rss_bytes
    shares = []
    for start, end, row in others:
        share_bytes = min(end - start if is_whole else resident_bytes(start, end), left_bytes)
        left_bytes -= share_bytes
        shares.append((row, share_bytes))
    shares.append((largest_row, left_bytes))
    return shares
