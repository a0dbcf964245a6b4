"""By what references hold, as numbers of texts in one table: for exports, which name each of millions.

``report/words.py`` writes the same for a few, with more detail.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.edges import Graph, Hold, Holds
from quire.report.snapshot import NONE

_FIXED: Final = {
    Hold.NAMESPACE: "__dict__",
    Hold.KEY: "<key>",
    Hold.ELEMENT: "<element>",
    Hold.TYPE: "__class__",
    Hold.OTHER: "<reference>",
    Hold.INDEX: "<item>",
    Hold.CLOSURE: "__closure__",
    Hold.CONTENTS: "cell_contents",
    Hold.GLOBALS: "__globals__",
}
_NO_NAME: Final = "<name>"
_NO_KEY: Final = "<value>"
"""Where the snapshot does not have the text of a name or a key."""


class Texts:
    """Texts, each once, by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def all(self) -> list[str]:
        """In the order of their numbers."""
        return list(self._numbers)


class ReferenceNames:
    """Names references; texts come into the table as they are met."""

    def __init__(self, graph: Graph, texts: Texts) -> None:
        self._graph = graph
        self._texts = texts
        self._fixed = {hold: texts.number(text) for hold, text in _FIXED.items()}

    def of(self, holds: Holds) -> NDArray[np.int64]:
        """The number of each one's name."""
        names = np.zeros(len(holds.edge), np.int64)
        for hold, number in self._fixed.items():
            names[holds.hold == hold] = number
        at = np.flatnonzero(holds.hold == Hold.ATTRIBUTE)
        names[at] = self._by_key(holds.number[at], "{}", _NO_NAME)
        at = np.flatnonzero(holds.hold == Hold.VALUE)
        names[at] = self._by_key(holds.number[at], "['{}']", _NO_KEY)
        at = np.flatnonzero(holds.hold == Hold.FIELD)
        names[at] = self._fields(holds, at)
        return names

    def _by_key(self, rows: NDArray[np.int64], form: str, otherwise: str) -> NDArray[np.int64]:
        """By the text of a key."""
        places, back = np.unique(self._graph.names.places(rows.astype(np.uint32)), return_inverse=True)
        text_of = self._graph.names.text_at
        texts = [otherwise if place < 0 else form.format(text_of(place)) for place in places.tolist()]
        return self._numbers(texts)[back]

    def _fields(self, holds: Holds, at: NDArray[np.intp]) -> NDArray[np.int64]:
        """By the name that the type has for a slot or an inline attribute."""
        types = self._graph.snapshot.object_type[holds.source[at]].astype(np.int64)
        fields, first, back = np.unique(types << 32 | holds.number[at], return_index=True, return_inverse=True)
        rows = holds.source[at[first]].tolist()
        texts = [
            self._graph.field_name(row, field & 0xFFFFFFFF) for row, field in zip(rows, fields.tolist(), strict=True)
        ]
        return self._numbers(texts)[back]

    def _numbers(self, texts: list[str]) -> NDArray[np.int64]:
        return np.array([self._texts.number(text) for text in texts], np.int64)


def is_there(graph: Graph, edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of these references lead to an object."""
    leads: NDArray[np.bool_] = graph.snapshot.edge_to[edges] != NONE
    return leads
