"""What an edge of the graph is: by which index, key, attribute or slot an object holds another.

The order of an object's references tells (docs/design/snapshot.md), and it depends on what the object is:

    dict        key, value, key, value ...     of a module, a type, an instance: its names are attributes
    list        the items
    instance    the type, the slots, its dictionary or the values of its inline attributes, then as its base does

Everything works on many edges at once, given as places in ``edge_to``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.names import Names
from quire.report.snapshot import INLINE_ATTRIBUTES, NONE, U1, HeapType, Rows, Snapshot

Edges = NDArray[np.int64]
_AT_ONCE: Final = 1 << 21
"""Edges that are looked at together: what is computed of them then stays below 100 MB."""


class Hold(IntEnum):
    """How an object holds another."""

    NAMESPACE = 0
    """Its dictionary of attributes: what that holds, the object does."""
    ATTRIBUTE = 1
    """Under a name, which is a string in the heap: ``number`` is its row."""
    FIELD = 2
    """In a slot or as an inline attribute: ``number`` counts them, slots first."""
    INDEX = 3
    KEY = 4
    VALUE = 5
    """Under a key: ``number`` is its row."""
    ELEMENT = 6
    TYPE = 7
    OTHER = 8
    CLOSURE = 9
    """A function its cells."""
    CONTENTS = 10
    """A cell what is in it."""
    GLOBALS = 11
    """A function the names of its module."""


class _Shape(IntEnum):
    """What the order of an object's references means."""

    OTHER = 0
    DICT = 1
    SEQUENCE = 2
    SET = 3
    INSTANCE = 4
    NAMESPACED = 5
    """A module: it holds a dictionary of its names. So do types, whatever their own type is."""
    FUNCTION = 6
    CELL = 7
    THREAD_LOCAL = 8
    """It holds a dictionary, whose values are the dictionaries of its names, one for each thread."""
    STRING = 9


_SHAPES: Final = {
    "dict": _Shape.DICT,
    "list": _Shape.SEQUENCE,
    "tuple": _Shape.SEQUENCE,
    "set": _Shape.SET,
    "frozenset": _Shape.SET,
    "module": _Shape.NAMESPACED,
    "function": _Shape.FUNCTION,
    "cell": _Shape.CELL,
    "str": _Shape.STRING,
    "_thread._local": _Shape.THREAD_LOCAL,
}
_BASES_SHAPES: Final = (_Shape.DICT, _Shape.SEQUENCE, _Shape.SET, _Shape.THREAD_LOCAL)
"""Which an instance of a Python class has behind its own attributes, if its base has it."""
_GLOBALS_POSITION: Final = 1
"""Among what a function shows: behind its code."""


@dataclass(frozen=True, slots=True, eq=False)
class Holds:
    """Of each edge: whose it is, and how it holds."""

    edge: Edges
    source: Rows
    hold: U1
    number: NDArray[np.int64]
    """An index, the row of a name or key, or which of the type's fields: as ``hold`` says."""


class Graph:
    """The edges of a snapshot, explained."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.names = Names(snapshot)
        self._shape = np.array([_shape(each) for each in snapshot.types], np.uint8)
        self._is_module = np.array(
            [(each.module, each.name) == ("builtins", "module") for each in snapshot.types], np.bool_
        )
        self._slots = np.array([len(each.slot_names or ()) for each in snapshot.types], np.int64)
        self._inline = np.array([len(each.inline_names or ()) for each in snapshot.types], np.int64)
        self._has_dict = np.array([each.has_dict for each in snapshot.types], np.bool_)
        self._base_shape = np.array([_base_shape(each) for each in snapshot.types], np.uint8)
        self._is_type = np.zeros(snapshot.count, np.bool_)
        rows = [each.object for each in snapshot.types if each.object is not None and each.object < snapshot.count]
        self._is_type[np.array(rows, np.intp)] = True
        self._is_cells = self._find_cells()
        self._is_thread_table = np.zeros(snapshot.count, np.bool_)
        self._is_thread_table = self._find_thread_tables()
        self._is_namespace = self._find_namespaces()

    def holds(self, edges: Edges) -> Holds:
        """How each of these edges holds what it refers to."""
        source = self.snapshot.sources_of(edges)
        position = edges - self.snapshot.edges_begin(source)
        hold = np.full(len(edges), Hold.OTHER, np.uint8)
        number = position.copy()
        shape = self._shape_of(source)
        self._explain_instances(np.flatnonzero(shape == _Shape.INSTANCE), edges, source, shape, hold, number)
        hold[shape == _Shape.SEQUENCE] = Hold.INDEX
        hold[shape == _Shape.SET] = Hold.ELEMENT
        hold[shape == _Shape.CELL] = Hold.CONTENTS
        has_names = (shape == _Shape.NAMESPACED) | (shape == _Shape.THREAD_LOCAL)
        hold[has_names & self._leads_to_dict(edges) & ~self._is_state_of_module(edges, source)] = Hold.NAMESPACE
        self._explain_functions(np.flatnonzero(shape == _Shape.FUNCTION), edges, hold, number)
        self._explain_dicts(np.flatnonzero(shape == _Shape.DICT), edges, source, hold, number)
        return Holds(edges, source, hold, number)

    def field_name(self, row: int, number: int) -> str:
        """The name of a field of an object."""
        its_type = self.snapshot.type_of(row)
        names = (its_type.slot_names or ()) + (its_type.inline_names or ())
        return names[number] or "<name>"

    def _is_state_of_module(self, edges: Edges, source: Rows) -> NDArray[np.bool_]:
        """A module written in C shows what else it keeps before the dictionary of its names, which comes last."""
        is_module = self._is_module[self.snapshot.object_type[source]]
        found: NDArray[np.bool_] = is_module & (edges + 1 != self.snapshot.edge_end[source].astype(np.int64))
        return found

    # --- functions ---

    def _explain_functions(self, at: Rows, edges: Edges, hold: U1, number: Edges) -> None:
        to = self.snapshot.edge_to[edges[at]]
        is_there = to != NONE
        hold[at[is_there & self._is_cells[np.where(is_there, to, 0)]]] = Hold.CLOSURE
        hold[at[(number[at] == _GLOBALS_POSITION) & self._leads_to_dict(edges[at])]] = Hold.GLOBALS

    def _find_cells(self) -> NDArray[np.bool_]:
        """Tuples that begin with a cell."""
        found = np.zeros(self.snapshot.count, np.bool_)
        rows = np.flatnonzero(self._shape[self.snapshot.object_type] == _Shape.SEQUENCE)
        begin = self.snapshot.edges_begin(rows)
        has_items = begin < self.snapshot.edge_end[rows].astype(np.int64)
        rows, first = rows[has_items], self.snapshot.edge_to[begin[has_items]]
        is_there = first != NONE
        shape = self._shape[self.snapshot.object_type[np.where(is_there, first, 0)]]
        found[rows[is_there & (shape == _Shape.CELL)]] = True
        return found

    # --- dictionaries ---

    def _explain_dicts(self, at: Rows, edges: Edges, source: Rows, hold: U1, number: Edges) -> None:
        is_value = number[at] % 2 == 1
        hold[at[~is_value]] = Hold.KEY
        values = at[is_value]
        hold[values] = np.where(self._is_namespace[source[values]], Hold.ATTRIBUTE, Hold.VALUE)
        number[values] = self.snapshot.edge_to[edges[values] - 1]
        of_threads = values[self._is_thread_table[source[values]] & ~self._is_string(number[values])]
        hold[of_threads[self._leads_to_dict(edges[of_threads])]] = Hold.NAMESPACE

    def _find_namespaces(self) -> NDArray[np.bool_]:
        """Dictionaries that hold somebody's attributes."""
        self._is_namespace = np.zeros(self.snapshot.count, np.bool_)
        for edges in self._edges_to_dicts():
            found = self.holds(edges)
            self._is_namespace[self.snapshot.edge_to[edges[found.hold == Hold.NAMESPACE]]] = True
        return self._is_namespace

    def _is_string(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        is_there = rows != NONE
        of_type = self.snapshot.object_type[np.where(is_there, rows, 0)]
        found: NDArray[np.bool_] = is_there & (self._shape[of_type] == _Shape.STRING)
        return found

    def _find_thread_tables(self) -> NDArray[np.bool_]:
        """Dictionaries of what is each thread's, by keys that are no strings; and of arguments by name."""
        found = np.zeros(self.snapshot.count, np.bool_)
        is_local = (self._shape == _Shape.THREAD_LOCAL) | (self._base_shape == _Shape.THREAD_LOCAL)
        locals_ = np.flatnonzero(is_local[self.snapshot.object_type])
        for row in locals_.tolist():
            edges = np.array(self.snapshot.edges_of(row), np.int64)
            found[self.snapshot.edge_to[edges[self._leads_to_dict(edges)]]] = True
        return found

    def _edges_to_dicts(self) -> Iterator[Edges]:
        edge_count = len(self.snapshot.edge_to)
        is_dict = np.append(self._shape_of(np.arange(self.snapshot.count)) == _Shape.DICT, False)  # the last: NONE
        for begin in range(0, edge_count, _AT_ONCE):
            to = np.minimum(self.snapshot.edge_to[begin : begin + _AT_ONCE], self.snapshot.count)
            yield begin + np.flatnonzero(is_dict[to])

    def _leads_to_dict(self, edges: Edges) -> NDArray[np.bool_]:
        to = self.snapshot.edge_to[edges]
        is_there = to != NONE
        to = np.where(is_there, to, 0)
        is_dict: NDArray[np.bool_] = self._shape[self.snapshot.object_type[to]] == _Shape.DICT
        leads: NDArray[np.bool_] = is_there & is_dict
        return leads

    # --- instances ---

    def _explain_instances(self, at: Rows, edges: Edges, source: Rows, shape: U1, hold: U1, number: Edges) -> None:
        """What lies behind an instance's own attributes gets the shape of its base, and is counted from there."""
        its_type = self.snapshot.object_type[source[at]]
        field, slots = number[at] - 1, self._slots[its_type]
        is_inline = self.snapshot.object_flags[source[at]] & INLINE_ATTRIBUTES != 0
        fields_end = slots + np.where(is_inline, self._inline[its_type], 0)
        is_dict = ~is_inline & self._has_dict[its_type] & (field == slots)
        hold[at[field < fields_end]] = Hold.FIELD
        hold[at[field < 0]] = Hold.TYPE
        hold[at[is_dict & self._leads_to_dict(edges[at])]] = Hold.NAMESPACE
        is_bases = (field >= fields_end) & ~is_dict
        shape[at[is_bases]] = self._base_shape[its_type[is_bases]]
        number[at] = field - np.where(is_bases, fields_end + (~is_inline & self._has_dict[its_type]), 0)

    def _shape_of(self, rows: Rows) -> U1:
        return np.where(self._is_type[rows], _Shape.NAMESPACED, self._shape[self.snapshot.object_type[rows]])


def _shape(its_type: HeapType) -> _Shape:
    has_names = its_type.slot_names is not None or its_type.inline_names is not None
    return _Shape.INSTANCE if has_names else _SHAPES.get(its_type.words, _Shape.OTHER)


def _base_shape(its_type: HeapType) -> _Shape:
    shape = _SHAPES.get(its_type.base, _Shape.OTHER)
    return shape if shape in _BASES_SHAPES else _Shape.OTHER
