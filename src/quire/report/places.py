"""Where objects are kept: by their shortest way from a root, any index or key as ``[*]``.

    app.cache._recent[17].message    app.cache._recent[*].message
    head.next.next.next              head.next

A million records in one list are in one place, and so is a chain. Places form a tree, which grows level by level.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.edges import Graph, Hold, Holds
from quire.report.reach import UNREACHED, Reach
from quire.report.snapshot import Rows
from quire.report.words import FIXED_WORDS, attribute_words, root_words

_DEPTH_MAX: Final = 16
_PLACES_MAX: Final = 2_000_000
"""What lies deeper, or on a level that has more, counts to the place above that leads to it."""
_HOLD_SHIFT: Final = 56
_FIELD_SHIFT: Final = 16
_NOWHERE: Final = 0
_NO_LABEL: Final = -1
UNREACHABLE: Final = "in no path from a root"


class Places:
    """The place of every object, as a number; and in words."""

    def __init__(self, graph: Graph, reach: Reach) -> None:
        self._graph = graph
        self._reach = reach
        self.of = np.full(graph.snapshot.count, _NOWHERE, np.int32)
        self._parent = np.array([_NOWHERE], np.int32)
        self._label = np.array([_NO_LABEL], np.int64)
        self._roots = self._place_roots()
        self._place_levels()
        self.words = lru_cache(maxsize=None)(self._words)

    def _words(self, place: int) -> str:
        """The place in words."""
        if place == _NOWHERE:
            return UNREACHABLE
        if place in self._roots:
            return root_words(self._graph.snapshot, self._roots[place])
        return self.words(int(self._parent[place])) + self._label_words(int(self._label[place]))

    # --- the tree ---

    def _place_roots(self) -> dict[int, int]:
        """Each root that reaches something first is a place; the number of each, and one of its rows."""
        snapshot = self._graph.snapshot
        rows = np.flatnonzero(self._reach.via < UNREACHED)
        roots = UNREACHED - 1 - self._reach.via[rows]
        what = snapshot.root_kind[roots].astype(np.int64) << 32 | snapshot.root_place[roots]
        _, first, inverse = np.unique(what, return_index=True, return_inverse=True)
        self.of[rows] = self._add(np.full(len(first), _NOWHERE), np.full(len(first), _NO_LABEL))[inverse]
        return {1 + number: int(roots[at]) for number, at in enumerate(first)}

    def _place_levels(self) -> None:
        """Level by level; all that is left at once."""
        depth = np.minimum(self._reach.depth, _DEPTH_MAX + 1).astype(np.uint8)
        depth[~self._reach.is_reached] = _DEPTH_MAX + 2
        order = np.argsort(depth, kind="stable")
        ends = np.searchsorted(depth[order], np.arange(_DEPTH_MAX + 2), side="right")
        level = 1
        while level <= _DEPTH_MAX and self._place_level(order[ends[level - 1] : ends[level]]):
            level += 1
        self._place_deeper(order[ends[level - 1] : ends[-1]], level)

    def _place_level(self, rows: Rows) -> bool:
        """Give these objects their places, unless they are too many."""
        holds = self._graph.holds(self._reach.via[rows])
        above = self.of[holds.source]
        label = self._labels(holds)
        is_same = (holds.hold == Hold.NAMESPACE) | (label == self._label[above])
        parent, labels, inverse = _distinct_pairs(above[~is_same], label[~is_same])
        if len(self._parent) + len(parent) > _PLACES_MAX:
            return False
        self.of[rows[is_same]] = above[is_same]
        self.of[rows[~is_same]] = self._add(parent, labels)[inverse]
        return True

    def _add(self, parent: NDArray[np.int64], label: NDArray[np.int64]) -> NDArray[np.int32]:
        begin = len(self._parent)
        self._parent = np.append(self._parent, parent.astype(np.int32))
        self._label = np.append(self._label, label)
        return np.arange(begin, len(self._parent), dtype=np.int32)

    def _place_deeper(self, rows: Rows, level: int) -> None:
        """Objects on this level and below: by doubling steps, so that a chain of a million takes twenty."""
        ancestor = np.arange(self._graph.snapshot.count)
        ancestor[rows] = self._graph.snapshot.sources_of(self._reach.via[rows])
        left = rows
        while len(left):
            ancestor[left] = ancestor[ancestor[left]]
            left = left[self._reach.depth[ancestor[left]] >= level]
        self.of[rows] = self.of[ancestor[rows]]

    # --- labels: how a place is held by the one above, as a number ---

    def _labels(self, holds: Holds) -> NDArray[np.int64]:
        snapshot = self._graph.snapshot
        what = np.zeros(len(holds.edge), np.int64)
        is_attribute, is_field = holds.hold == Hold.ATTRIBUTE, holds.hold == Hold.FIELD
        what[is_attribute] = holds.number[is_attribute]
        its_type = snapshot.object_type[holds.source[is_field]].astype(np.int64)
        what[is_field] = its_type << _FIELD_SHIFT | holds.number[is_field]
        is_other = holds.hold == Hold.OTHER
        what[is_other] = snapshot.object_type[snapshot.edge_to[holds.edge[is_other]]]
        hold = np.where(holds.hold == Hold.VALUE, Hold.INDEX, holds.hold).astype(np.int64)
        return hold << _HOLD_SHIFT | what

    def _label_words(self, label: int) -> str:
        hold, what = Hold(label >> _HOLD_SHIFT), label & ((1 << _HOLD_SHIFT) - 1)
        match hold:
            case Hold.ATTRIBUTE:
                return attribute_words(self._graph, what)
            case Hold.FIELD:
                its_type = self._graph.snapshot.types[what >> _FIELD_SHIFT]
                return "." + _field(its_type.slot_names, its_type.inline_names, what & ((1 << _FIELD_SHIFT) - 1))
            case Hold.INDEX:
                return "[*]"
            case Hold.OTHER:
                return "→" + self._graph.snapshot.types[what].words
        return FIXED_WORDS[hold]


def _distinct_pairs(
    above: NDArray[np.int32], label: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Rows]:
    """The pairs that there are, as two columns; and of each given one, which it is."""
    labels, label_number = np.unique(label, return_inverse=True)
    count = max(len(labels), 1)
    pairs, inverse = np.unique(above.astype(np.int64) * count + label_number, return_inverse=True)
    parent, number = np.divmod(pairs, count)
    return parent, labels[number], inverse


def _field(slots: tuple[str, ...] | None, inline: tuple[str, ...] | None, number: int) -> str:
    names = (slots or ()) + (inline or ())
    return (names[number] if number < len(names) else "") or "<name>"
