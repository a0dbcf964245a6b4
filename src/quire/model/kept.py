"""Kept pages: those of mappings that were freed or became shorter, for requests to come.

A program that makes, grows and drops large values in a loop would otherwise have the system clear their pages each
time. A request takes the front of the smallest piece that is large enough; what is left is the mapping's tail, into
which it may grow, and which it takes along when it is freed.

    | kept piece                    |   a request   | mapping     | tail            |
                                       it grows     | mapping            | tail     |
                                       is freed     | kept piece                    |

CPython has nothing like it, but libc has: it stops to give freed requests their own pages back once it has seen one.
"""

from __future__ import annotations

from dataclasses import dataclass

from quire.model.geometry import Geometry
from quire.model.system import System


@dataclass
class Piece:
    """Pages that nobody uses. A tail begins where a mapping ends, which may grow into it."""

    address: int
    size_bytes: int
    is_tail: bool = False
    is_old: bool = False
    """Whether it has been kept since before the last sweep."""


class KeptPages:
    """Pieces, the oldest first: at most as many, and as many bytes, as the geometry says."""

    def __init__(self, geometry: Geometry, system: System) -> None:
        self.geometry = geometry
        self.system = system
        self.pieces: list[Piece] = []
        self.given_back_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Of all pieces."""
        return sum(piece.size_bytes for piece in self.pieces)

    def add(self, piece: Piece) -> None:
        """Keep it as the newest; the oldest go back where there are too many."""
        if piece.size_bytes > self.geometry.kept_bytes_max:
            self._return(piece)
            return
        while self._is_full_for(piece):
            self._return(self.pieces.pop(0))
        self.pieces.append(piece)

    def take(self, size_bytes: int, *, half_at_least: bool) -> Piece | None:
        """Pages for a request: as many as it needs, or fewer, if no piece is large enough.

        Args:
            size_bytes: how many bytes are needed, whole pages.
            half_at_least: whether a piece that has less than half of it is left alone.
        """
        nearest = self._nearest(size_bytes)
        if nearest is None or (half_at_least and nearest.size_bytes < size_bytes // 2):
            return None
        if nearest.size_bytes <= size_bytes:
            self.pieces.remove(nearest)
            return nearest
        front = Piece(nearest.address, size_bytes, nearest.is_tail)
        self.system.split(front.address, size_bytes)
        nearest.address, nearest.size_bytes = front.address + size_bytes, nearest.size_bytes - size_bytes
        nearest.is_tail, nearest.is_old = True, False
        return front

    def take_tail(self, mapping_end: int) -> int:
        """Join the tail of the mapping that ends there to it; the tail's size, 0 if there is none."""
        for piece in self.pieces:
            if piece.is_tail and piece.address == mapping_end:
                self.pieces.remove(piece)
                self.system.join(mapping_end)
                return piece.size_bytes
        return 0

    def bytes_for(self, size_bytes: int) -> int:
        """The size of the smallest piece that is large enough; 0 if none is."""
        nearest = self._nearest(size_bytes)
        return nearest.size_bytes if nearest is not None and nearest.size_bytes >= size_bytes else 0

    def give_back(self, wanted_bytes: int) -> None:
        """So many bytes go back to the system, or a few more, the oldest first."""
        while self.pieces and wanted_bytes > 0:
            part = self.system.round_up(max(wanted_bytes, self.geometry.arena_bytes // 4))
            wanted_bytes -= self.give_back_end(self.pieces[0], part)

    def give_back_end(self, piece: Piece, part: int) -> int:
        """The end of a piece goes back, so many bytes of whole pages, or all of it; how many."""
        if part >= piece.size_bytes:
            self.pieces.remove(piece)
            self._return(piece)
            return piece.size_bytes
        piece.size_bytes -= part
        self.system.split(piece.address, piece.size_bytes)
        self._return(Piece(piece.address + piece.size_bytes, part))
        return part

    def give_back_all(self) -> bool:
        """Everything goes back; whether there was anything."""
        had_any = bool(self.pieces)
        while self.pieces:
            self._return(self.pieces.pop(0))
        return had_any

    def _nearest(self, size_bytes: int) -> Piece | None:
        """The smallest that is large enough, else the largest; of equal ones the newest."""
        newest_first = self.pieces[::-1]
        large_enough = [piece for piece in newest_first if piece.size_bytes >= size_bytes]
        if large_enough:
            return min(large_enough, key=lambda piece: piece.size_bytes)
        return max(newest_first, key=lambda piece: piece.size_bytes, default=None)

    def _is_full_for(self, piece: Piece) -> bool:
        too_many = len(self.pieces) == self.geometry.kept_pieces_max
        return bool(self.pieces) and (too_many or self.size_bytes + piece.size_bytes > self.geometry.kept_bytes_max)

    def _return(self, piece: Piece) -> None:
        self.given_back_bytes += self.system.give_back(piece.address)
