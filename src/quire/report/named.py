"""An object by what leads to it, as ``quire path`` writes it.

app.cache._recent[3]             from a module
run() at work.py:12: batch[0]    from a variable

The words are followed from every root that they begin with, by all edges that can be meant: what cannot be told apart,
like the elements of a set, is told as many.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.errors import InvalidOption
from quire.report.edges import Edges, Graph, Hold, Holds
from quire.report.objects import find_object
from quire.report.snapshot import NONE, Snapshot
from quire.report.words import FIXED_WORDS, edge_words, root_words

_STARTS: Final = ".[<→"
"""Of a step."""
_ATTRIBUTE: Final = re.compile(r"\.(\w+)")
_INDEX: Final = re.compile(r"\[(\d{1,18})\]")
_TEXT: Final = re.compile(r"""\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]""")
_ADDRESS: Final = re.compile(r"\[\S+ 0x([0-9a-f]{1,16})\]")
_OF_FEW: Final = (Hold.FIELD, Hold.OTHER)
"""Of which an object has not many: their words are looked at."""


def meant_object(snapshot: Snapshot, text: str, graph: Callable[[], Graph]) -> int:
    """The row of the object that is meant by an address, a type or a path; for a path alone the graph is asked for.

    Raises:
        InvalidOption: there is none, or there are several.
    """
    row = find_object(snapshot, text)
    if row is not None:
        return row
    found = _reached(graph(), text) if snapshot.has_edges else set()
    if not found:
        raise InvalidOption(
            f"no type is called {text}, and no path leads there; write a type, as quire types tells them, a path, as "
            "quire path does, or an address"
        )
    if len(found) > 1:
        raise InvalidOption(f"{text} may be any of {len(found):,} objects; quire referents tells their addresses")
    return found.pop()


def _reached(graph: Graph, text: str) -> set[int]:
    roots = graph.snapshot.root_object.tolist()
    begins = ((row, root_words(graph.snapshot, root)) for root, row in enumerate(roots) if row != NONE)
    todo = [(row, text[len(words) :]) for row, words in begins if words and _begins(text, words)]
    seen = set(todo)
    while todo:
        new = set(_steps(graph, *todo.pop())) - seen
        seen |= new
        todo += new
    return {row for row, rest in seen if not rest}


def _begins(text: str, words: str) -> bool:
    """Whether the text begins with these words, and goes on with a step, or is at its end."""
    rest = text[len(words) :]
    return text.startswith(words) and (not rest or rest[0] in _STARTS)


def _steps(graph: Graph, row: int, rest: str) -> Iterator[tuple[int, str]]:
    """The objects that one step leads to, and what is left of the words."""
    if not rest:
        return
    places = graph.snapshot.edges_of(row)
    holds = graph.holds(np.arange(places.start, places.stop, dtype=np.int64))
    edges: Edges = holds.edge[_may_be_meant(graph, holds, rest)]
    targets = graph.snapshot.edge_to[edges].tolist()
    for to, words in zip(targets, edge_words(graph, edges.tolist()), strict=True):
        if to != NONE and _begins(rest, words):
            yield to, rest[len(words) :]


def _may_be_meant(graph: Graph, holds: Holds, rest: str) -> NDArray[np.bool_]:
    """Of each edge: looked at without its words, for there may be millions."""
    fixed = [hold for hold, words in FIXED_WORDS.items() if rest.startswith(words)]
    found: NDArray[np.bool_] = np.isin(holds.hold, np.array([*fixed, *_OF_FEW], np.uint8))
    if match := _ATTRIBUTE.match(rest):
        found |= (holds.hold == Hold.ATTRIBUTE) & np.isin(holds.number, graph.names.rows_of(match[1]))
    elif match := _INDEX.match(rest):
        found |= (holds.hold == Hold.INDEX) & (holds.number == int(match[1]))
    elif match := _TEXT.match(rest):
        found |= (holds.hold == Hold.VALUE) & np.isin(holds.number, graph.names.rows_of(ast.literal_eval(match[1])))
    elif match := _ADDRESS.match(rest):
        rows = np.flatnonzero(graph.snapshot.object_address == np.uint64(int(match[1], 16)))
        found |= (holds.hold == Hold.VALUE) & np.isin(holds.number, rows)
    return found
