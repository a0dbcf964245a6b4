"""A snapshot in the format of V8's heap profiler, ``.heapsnapshot``: Chrome's developer tools open it.

    {"snapshot": {"meta": ..., "node_count": ..., "edge_count": ...},
     "nodes": [type, name, id, self_size, edge_count, trace_node_id, detachedness, ...],
     "edges": [type, name_or_index, to_node, ...],      to_node: seven times a node's number
     ..., "strings": [...]}

    node 0, the root --> "(GC roots)" --> "(module)", "(frame)", ... --> objects
                   '--> objects of modules, as a page's own objects hang there

What no root reaches hangs on a node of its own; where it refers to what is reached, the edge is weak, or whoever looks
would think that garbage retains it.

Nodes of objects follow those in their rows' order, those of blocks that belong to no object come last. What the format
has no place for is left out: counts, pools, tables (a node's size is its object's, with its tables).

It is made piece by piece: beside the snapshot's columns and what the search from its roots takes, memory does not grow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quire.export.reference_names import ReferenceNames, Texts, is_there
from quire.report.edges import Graph, Hold
from quire.report.reach import Reach
from quire.report.sizes import sizes_with_tables
from quire.report.snapshot import NONE, ROOT_KINDS
from quire.report.words import root_words

_NODE_FIELDS: Final = ("type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness")
_NODE_TYPES: Final = (
    "hidden", "array", "string", "object", "code", "closure", "regexp", "number", "native", "synthetic",
    "concatenated string", "sliced string", "symbol", "bigint", "object shape",
)  # fmt: skip
_EDGE_TYPES: Final = ("context", "element", "property", "internal", "hidden", "shortcut", "weak")
_OBJECT, _NATIVE, _SYNTHETIC = (_NODE_TYPES.index(each) for each in ("object", "native", "synthetic"))
_ELEMENT, _PROPERTY, _INTERNAL, _SHORTCUT, _WEAK = (
    _EDGE_TYPES.index(each) for each in ("element", "property", "internal", "shortcut", "weak")
)
_META: Final = {
    "node_fields": _NODE_FIELDS,
    "node_types": [_NODE_TYPES, "string", "number", "number", "number", "number", "number"],
    "edge_fields": ["type", "name_or_index", "to_node"],
    "edge_types": [_EDGE_TYPES, "string_or_number", "node"],
    "trace_function_info_fields": ["function_id", "name", "script_name", "script_id", "line", "column"],
    "trace_node_fields": ["id", "function_info_index", "count", "size", "children"],
    "sample_fields": ["timestamp_us", "last_assigned_id"],
    "location_fields": ["object_index", "script_id", "line", "column"],
}
_NUMBER_MAX: Final = 2**32 - 1
"""Readers keep numbers in 32 bits."""
_ROWS_AT_ONCE: Final = 1 << 16
_EDGES_AT_ONCE: Final = 1 << 18
_MODULE: Final = ROOT_KINDS.index("module")
_HOLD_TYPES: Final = {
    Hold.ATTRIBUTE: _PROPERTY, Hold.FIELD: _PROPERTY, Hold.VALUE: _PROPERTY, Hold.INDEX: _ELEMENT,
    Hold.NAMESPACE: _INTERNAL, Hold.KEY: _INTERNAL, Hold.ELEMENT: _INTERNAL, Hold.TYPE: _INTERNAL,
    Hold.OTHER: _INTERNAL, Hold.CLOSURE: _INTERNAL, Hold.CONTENTS: _INTERNAL, Hold.GLOBALS: _INTERNAL,
}  # fmt: skip

Numbers = NDArray[Any]


def heapsnapshot(graph: Graph, reach: Reach) -> Iterator[str]:
    """The file's text, in pieces."""
    return _Writing(graph, reach).pieces()


@dataclass(frozen=True, slots=True, eq=False)
class _Synthetic:
    """A node that stands for no object: its name, and to which nodes it leads by edges of which type and name."""

    name: str
    types: Numbers
    names: Numbers
    to: Numbers


class _Writing:
    def __init__(self, graph: Graph, reach: Reach) -> None:
        self._graph = graph
        self._snapshot = graph.snapshot
        self._texts = Texts()
        self._texts.number("")
        self._names = ReferenceNames(graph, self._texts)
        self._is_foreign = np.flatnonzero(self._snapshot.table_owner == NONE)
        self._is_reached = reach.is_reached
        self._synthetic = self._make_synthetic()

    def pieces(self) -> Iterator[str]:
        node_count = len(self._synthetic) + self._snapshot.count + len(self._is_foreign)
        edge_count = sum(len(each.to) for each in self._synthetic) + int((self._snapshot.edge_to != NONE).sum())
        snapshot = {"meta": _META, "node_count": node_count, "edge_count": edge_count, "trace_function_count": 0}
        yield f'{{"snapshot":{json.dumps(snapshot)},\n"nodes":['
        yield from _joined(self._nodes())
        yield '],\n"edges":['
        yield from _joined(self._edges())
        yield '],\n"trace_function_infos":[],\n"trace_tree":[],\n"samples":[],\n"locations":[],\n"strings":['
        yield from _texts(self._texts.all())
        yield "]}\n"

    # --- nodes ------------------------------------------------------------------------------------------------

    def _nodes(self) -> Iterator[Numbers]:
        names = [self._texts.number(each.name) for each in self._synthetic]
        edge_counts = [len(each.to) for each in self._synthetic]
        none = np.zeros(len(names), np.int64)
        yield self._node_rows(0, _SYNTHETIC, np.array(names), none, np.array(edge_counts))
        sizes = sizes_with_tables(self._snapshot)
        type_names = np.array([self._texts.number(each.words) for each in self._snapshot.types], np.int64)
        for begin in range(0, self._snapshot.count, _ROWS_AT_ONCE):
            rows = slice(begin, begin + _ROWS_AT_ONCE)
            name = type_names[self._snapshot.object_type[rows]]
            yield self._node_rows(self._node(begin), _OBJECT, name, sizes[rows], self._edge_counts(rows))
        yield from self._foreign_nodes()

    def _foreign_nodes(self) -> Iterator[Numbers]:
        name = self._texts.number("(block of no object)")
        for begin in range(0, len(self._is_foreign), _ROWS_AT_ONCE):
            sizes = self._snapshot.table_bytes[self._is_foreign[begin : begin + _ROWS_AT_ONCE]]
            none = np.zeros(len(sizes), np.int64)
            yield self._node_rows(self._node(self._snapshot.count + begin), _NATIVE, none + name, sizes, none)

    def _node(self, row: int) -> int:
        """The number of an object's node."""
        return len(self._synthetic) + row

    @staticmethod
    def _node_rows(first: int, kind: int, names: Numbers, sizes: Numbers, edge_counts: Numbers) -> Numbers:
        rows = np.zeros((len(names), len(_NODE_FIELDS)), np.int64)
        rows[:, 0] = kind
        rows[:, 1] = names
        rows[:, 2] = 2 * np.arange(first, first + len(names)) + 1  # objects of V8's heap have odd numbers
        rows[:, 3] = np.minimum(sizes, _NUMBER_MAX)
        rows[:, 4] = edge_counts
        return rows

    def _edge_counts(self, rows: slice) -> Numbers:
        """References of each that lead somewhere."""
        ends = self._snapshot.edge_end[rows].astype(np.int64)
        begin = int(self._snapshot.edge_end[rows.start - 1]) if rows.start else 0
        leads = np.concatenate(([0], np.cumsum(self._snapshot.edge_to[begin : int(ends[-1])] != NONE)))
        return np.diff(leads[ends - begin], prepend=0)

    # --- edges ------------------------------------------------------------------------------------------------

    def _edges(self) -> Iterator[Numbers]:
        for each in self._synthetic:
            for begin in range(0, len(each.to), _EDGES_AT_ONCE):
                part = slice(begin, begin + _EDGES_AT_ONCE)
                yield _edge_rows(each.types[part], each.names[part], each.to[part])
        type_of = np.zeros(len(Hold), np.int64)
        for hold, its_type in _HOLD_TYPES.items():
            type_of[hold] = its_type
        for begin in range(0, len(self._snapshot.edge_to), _EDGES_AT_ONCE):
            edges = np.arange(begin, min(begin + _EDGES_AT_ONCE, len(self._snapshot.edge_to)), dtype=np.int64)
            edges = edges[is_there(self._graph, edges)]
            holds = self._graph.holds(edges)
            to = self._snapshot.edge_to[edges].astype(np.int64)
            types = np.where(self._is_reached[to] & ~self._is_reached[holds.source], _WEAK, type_of[holds.hold])
            names = np.where(types == _ELEMENT, holds.number, self._names.of(holds))
            yield _edge_rows(types, names, to + len(self._synthetic))

    # --- what stands for no object ----------------------------------------------------------------------------

    def _make_synthetic(self) -> list[_Synthetic]:
        kinds = np.unique(self._snapshot.root_kind).tolist()
        groups = [(f"({ROOT_KINDS[kind] if kind < len(ROOT_KINDS) else 'other'})", kind) for kind in kinds]
        unreached = np.flatnonzero(~self._is_reached)
        count = 2 + len(groups) + 2  # the root, "(GC roots)", kinds, unreached objects, foreign blocks
        modules = np.flatnonzero(self._snapshot.root_kind == _MODULE)
        module_nodes = self._snapshot.root_object[modules].astype(np.int64) + count
        root_types = np.append(_ELEMENT, np.full(len(modules), _SHORTCUT))
        root_names = np.append(1, self._root_names(modules))
        made = [
            _Synthetic("", root_types, root_names, np.append(1, module_nodes)),
            _numbered("(GC roots)", np.arange(2, count)),
        ]
        for name, kind in groups:
            roots = np.flatnonzero(self._snapshot.root_kind == kind)
            to = self._snapshot.root_object[roots].astype(np.int64) + count
            made.append(_Synthetic(name, np.full(len(roots), _INTERNAL), self._root_names(roots), to))
        made.append(_numbered("(reached from no root)", unreached + count))
        first_foreign = count + self._snapshot.count
        made.append(_numbered("(blocks of no object)", np.arange(first_foreign, first_foreign + len(self._is_foreign))))
        return made

    def _root_names(self, roots: Numbers) -> Numbers:
        names = [self._texts.number(root_words(self._snapshot, root)) for root in roots.tolist()]
        return np.array(names, np.int64)


def _numbered(name: str, to: Numbers) -> _Synthetic:
    """A node that leads to others one after the other."""
    return _Synthetic(name, np.full(len(to), _ELEMENT), np.arange(len(to)), to)


def _edge_rows(types: Numbers, names: Numbers, to: Numbers) -> Numbers:
    return np.stack((types, names, to * len(_NODE_FIELDS)), axis=1)


# --- text -----------------------------------------------------------------------------------------------------


def _joined(pieces: Iterable[Numbers]) -> Iterator[str]:
    """Rows of numbers as text, a line for each piece."""
    separator = ""
    for piece in pieces:
        if len(piece):
            yield separator + ",".join(map(str, piece.ravel().tolist()))
            separator = ",\n"


def _texts(texts: list[str]) -> Iterator[str]:
    separator = ""
    for text in texts:
        yield separator + json.dumps(text)
        separator = ",\n"
