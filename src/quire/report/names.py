"""Texts of strings in a snapshot: of a string by its row, and of the row by a text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quire.report.snapshot import Rows, Snapshot


class Names:
    """The texts that the snapshot has. It has those of identifiers alone, unless values were asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._rows = snapshot.text_object
        self._rows_of: dict[str, list[int]] = {}

    def text(self, row: int) -> str | None:
        """The text of a string; ``None``: the snapshot does not have it, or it is no string."""
        place = int(np.searchsorted(self._rows, np.uint32(row)))
        if place == len(self._rows) or self._rows[place] != row:
            return None
        return self.text_at(place)

    def places(self, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Of each of these rows, which text it has, for ``text_at``; -1: none."""
        if not len(self._rows):
            return np.full(len(rows), -1, np.int64)
        place = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        return np.where(self._rows[place] == rows, place, -1)

    def rows_of(self, text: str) -> Rows:
        """The strings that have this text."""
        if not self._rows_of:
            for index, row in enumerate(self._snapshot.text_object.tolist()):
                self._rows_of.setdefault(self.text_at(index), []).append(row)
        return np.array(self._rows_of.get(text, ()), np.intp)

    def text_at(self, index: int) -> str:
        """The text with this number in the ``text_`` columns."""
        ends = self._snapshot.text_end
        begin = int(ends[index - 1]) if index else 0
        return self._snapshot.text_bytes[begin : int(ends[index])].tobytes().decode("utf-8", "replace")
