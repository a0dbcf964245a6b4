"""Texts that are names of attributes, and no others: what a page may show of a snapshot that was taken with values.

app.cache['alice@example.org']     cache is a name; the key is a value of the program's:   app.cache[str 0x7f3c80a1b2c0]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quire.report.edges import Graph, Hold
from quire.report.names import Names


class AttributeNames(Names):
    """The texts that some object has an attribute by."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph.snapshot)
        self._is_name = _is_name(graph)

    def text(self, row: int) -> str | None:
        """The text of a name; ``None``: the snapshot does not have it, or it is none."""
        return super().text(row) if row < len(self._is_name) and self._is_name[row] else None


def show_names_alone(graph: Graph) -> None:
    """Have the graph tell texts of names alone."""
    if not isinstance(graph.names, AttributeNames):
        graph.names = AttributeNames(graph)


def _is_name(graph: Graph) -> NDArray[np.bool_]:
    """Of each object: whether it has a text, and stands as a key before an attribute."""
    snapshot = graph.snapshot
    has_text = np.zeros(snapshot.count + 1, np.bool_)
    has_text[snapshot.text_object] = True
    keys = np.flatnonzero(has_text[np.minimum(snapshot.edge_to[:-1], snapshot.count)])
    holds = graph.holds(keys + 1)
    is_name = np.zeros(snapshot.count, np.bool_)
    is_name[holds.number[holds.hold == Hold.ATTRIBUTE]] = True
    return is_name
