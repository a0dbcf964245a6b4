"""Ways through the heap in words: ``app.cache._recent[3]['name']``, ``run() at work.py:12: batch[0]``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from quire.report.edges import Graph, Hold
from quire.report.objects import type_words
from quire.report.snapshot import NONE, ROOT_KINDS, Root, Snapshot

_UNNAMED_WORDS = {"interned": "interned strings", "c": "C", "immortal": "what never dies"}
_MAIN_THREAD = "MainThread"
_STEPS_MAX = 40
"""Of a longer way the beginning and the end are told."""
FIXED_WORDS = {
    Hold.NAMESPACE: "",
    Hold.KEY: "<key>",
    Hold.ELEMENT: "<element>",
    Hold.TYPE: ".__class__",
    Hold.CLOSURE: ".__closure__",
    Hold.CONTENTS: ".cell_contents",
    Hold.GLOBALS: ".__globals__",
}


def path_words(graph: Graph, root: str, edges: Sequence[int]) -> str:
    """A way from a root along edges."""
    return paths_words(graph, [(root, edges)])[0]


def paths_words(graph: Graph, ways: Sequence[tuple[str, Sequence[int]]]) -> list[str]:
    """Many ways: their edges are explained at once, which takes hardly longer than for one."""
    ends = [_ends(edges) for _, edges in ways]
    words = iter(edge_words(graph, [edge for first, last in ends for edge in (*first, *last)]))
    return [
        root + _joined(words, first) + (f" ({left_out:,} more) " if left_out else "") + _joined(words, last)
        for (root, edges), (first, last) in zip(ways, ends, strict=True)
        for left_out in [len(edges) - len(first) - len(last)]
    ]


def _ends(edges: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    half = _STEPS_MAX // 2
    return (edges, ()) if len(edges) <= _STEPS_MAX else (edges[:half], edges[-half:])


def _joined(words: Iterator[str], edges: Sequence[int]) -> str:
    return "".join(islice(words, len(edges)))


def edge_words(graph: Graph, edges: Sequence[int]) -> list[str]:
    """By what each edge holds, as Python would write it: ``.name``, ``[3]``, ``['name']``."""
    holds = graph.holds(np.array(edges, np.int64))
    each = zip(edges, holds.source.tolist(), holds.hold.tolist(), holds.number.tolist(), strict=True)
    return [_edge(graph, edge, source, Hold(hold), number) for edge, source, hold, number in each]


def _edge(graph: Graph, edge: int, source: int, hold: Hold, number: int) -> str:
    match hold:
        case Hold.ATTRIBUTE:
            return attribute_words(graph, number)
        case Hold.FIELD:
            return "." + graph.field_name(source, number)
        case Hold.INDEX:
            return f"[{number}]"
        case Hold.VALUE:
            return f"[{_key(graph, number)}]"
        case Hold.OTHER:
            return "→" + _type_of_target(graph.snapshot, edge)
    return FIXED_WORDS[hold]


def attribute_words(graph: Graph, name_row: int) -> str:
    """A name in a dictionary of attributes."""
    text = graph.names.text(name_row)
    return "." + (text if text is not None else "<name>")


def _key(graph: Graph, row: int) -> str:
    if row == NONE:
        return "?"
    text = graph.names.text(row)
    if text is not None:
        return repr(text)
    return f"{type_words(graph.snapshot, row)} {int(graph.snapshot.object_address[row]):#x}"


def _type_of_target(snapshot: Snapshot, edge: int) -> str:
    to = snapshot.edge_to[edge]
    return "nothing" if to == NONE else type_words(snapshot, int(to))


def root_words(snapshot: Snapshot, index: int) -> str:
    """What holds an object from outside: a row of the ``root_`` columns."""
    place = snapshot.root_place[index]
    if place == NONE:
        kind = root_kind(snapshot, index)
        return _UNNAMED_WORDS.get(kind, kind)
    root: Root = snapshot.roots[place]
    match root.kind:
        case "module" | "type" if root.name:
            return root.name
        case "frame":
            return _frame_words(root)
        case "interned" | "c":
            return _UNNAMED_WORDS[root.kind]
    return f"{root.kind} {root.name}".rstrip() + (f" of {root.thread}" if root.thread else "")


def _frame_words(root: Root) -> str:
    where = f" at {root.file.rpartition('/')[2]}:{root.line}" if root.file else ""
    thread = f" in {root.thread}" if root.thread not in ("", _MAIN_THREAD) else ""
    call = f"{root.function or 'a function'}(){where}{thread}"
    return f"{call}: {root.name}" if root.name else call


def root_kind(snapshot: Snapshot, index: int) -> str:
    """What kind of root this is."""
    kind = int(snapshot.root_kind[index])
    return ROOT_KINDS[kind] if kind < len(ROOT_KINDS) else "unknown"
