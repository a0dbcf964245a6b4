"""What the page asks for, under the names by which it asks: plain values for JSON, and columns as arrays.

about                     what was looked at, and what the page can ask
types, pins, difference   the answers that commands give
retained                  the tree of dominators, cut; of an object with ``at``
object                    one object, by what somebody types
pool_..., large_...       columns of the map;  blocks_...: of some pools
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from threading import RLock
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from quire.errors import InvalidOption
from quire.process.core import core
from quire.process.version import __version__
from quire.records.process import WaterfallRow
from quire.report.answers import Differences, TypeRow
from quire.report.attribute_names import show_names_alone
from quire.report.block_rows import NOBODY, rows_in_blocks
from quire.report.differences import Side, differences
from quire.report.edges import Graph
from quire.report.heap_blocks import Blocks, blocks
from quire.report.heap_map import HeapMap, columns_of, heap_map
from quire.report.large_map import LargeMap, large_map
from quire.report.named import meant_object
from quire.report.object_details import Describer, ObjectDetails, lies
from quire.report.objects import require_edges
from quire.report.pins import ARENA_BYTES, arenas_of, arenas_of_runs, pins
from quire.report.places import Places
from quire.report.reach import Reach
from quire.report.retained import DominatorTree
from quire.report.retained_nodes import Forest
from quire.report.sizes import foreign_blocks, sizes_with_tables
from quire.report.snapshot import LARGE_STATES, U8, Snapshot
from quire.report.types import types

DATA_VERSION: Final = 1
ROWS_MAX: Final = 2_000
"""Of a table on the page; the rest is told as a sum."""
REFERENCES_MAX: Final = 50
_FLOAT_EXACT: Final = 2**53
_COLOURS: Final = 8
_LIES: Final = ("where", "objects", "size_bytes")
_BLOCK: Final = "block:"
Column = NDArray[Any]


class Findings(Protocol):
    """A snapshot and what is computed of it, each when it is needed first; ``cli.asked`` has it of a file."""

    @property
    def snapshot(self) -> Snapshot: ...
    @property
    def graph(self) -> Graph: ...
    @property
    def reach(self) -> Reach: ...
    @property
    def places(self) -> Places | None: ...
    @property
    def tree(self) -> DominatorTree: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at, in words."""

    title: str
    """A file's name, or a process's number."""
    findings: Findings
    before: Findings | None = None
    """The snapshot to compare with."""
    before_title: str = ""
    memory: tuple[WaterfallRow, ...] = ()
    """Where a live process's memory is, if the snapshot does not tell."""


class PageData:
    """Answers for one page; from several threads, one after the other."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._snapshot = subject.findings.snapshot
        self._lock = RLock()
        self._answers: dict[str, Any] = {}

    # --- what was looked at ---

    @cached_property
    def heap(self) -> HeapMap:
        return heap_map(self._snapshot)

    @cached_property
    def large(self) -> LargeMap:
        return large_map(self._snapshot)

    @cached_property
    def sizes(self) -> U8:
        """Of each object, with its tables."""
        return sizes_with_tables(self._snapshot)

    def about(self) -> dict[str, Any]:
        """What the page shows first, and needs to know."""
        return self._about

    @cached_property
    def _about(self) -> dict[str, Any]:
        snapshot = self._snapshot
        foreign_count, foreign_bytes = foreign_blocks(snapshot)
        return {
            "version": DATA_VERSION,
            "quire": __version__,
            "title": self._subject.title,
            "command": snapshot.command,
            "python": snapshot.python,
            "objects": snapshot.count,
            "size_bytes": int(self.sizes.sum()) + foreign_bytes,
            "references": len(snapshot.edge_to) if snapshot.has_edges else None,
            "foreign_blocks": foreign_count,
            "foreign_bytes": foreign_bytes,
            "pools": len(snapshot.pool_address),
            "runs": _count(snapshot, "run"),
            "mappings": _count(snapshot, "mapping"),
            "large_bytes": int(snapshot.large_bytes[snapshot.large_is_live].sum()),
            "arenas": len(np.unique(np.concatenate((arenas_of(snapshot), arenas_of_runs(snapshot))))),
            "arena_bytes": ARENA_BYTES,
            "types": [each.words for each in snapshot.types],
            "type_order": self._type_order(),
            "memory": [asdict(row) for row in snapshot.memory or self._subject.memory],
            "lies": [dict(zip(_LIES, row, strict=True)) for row in lies(snapshot, self.sizes)],
            "retained": self.retained_state(),
            "compared_with": self._subject.before_title if self._subject.before is not None else None,
        }

    def _type_order(self) -> list[int]:
        """The types with most bytes, the largest first: those that have a colour."""
        total = np.bincount(self._snapshot.object_type, self.sizes, minlength=len(self._snapshot.types))
        return [each for each in np.argsort(-total, kind="stable")[:_COLOURS].tolist() if total[each] > 0]

    def retained_state(self) -> str:
        """``known``; or why dominators are not: ``no_references``, ``no_core``."""
        if not self._snapshot.has_edges:
            return "no_references"
        return "known" if core is not None else "no_core"

    # --- the map ---

    def columns(self) -> dict[str, Column]:
        """Of the map, by their names."""
        return columns_of("pool", self.heap) | columns_of("large", self.large)

    def block_columns(self, first: int, last: int) -> dict[str, Column]:
        """The blocks of some pools; numbers outside of the map are none."""
        count = len(self._snapshot.pool_address)
        first, last = min(max(first, 0), count), min(max(last, 0), count)
        return block_columns_of(blocks(self._snapshot, first, last))

    def block_count(self) -> int:
        return int(self.heap.known.sum(dtype=np.int64))

    # --- answers ---

    def types(self) -> dict[str, Any]:
        return self._once("types", self._types)

    def pins(self) -> dict[str, Any]:
        return self._once(
            "pins", lambda: told(asdict(pins(self._snapshot, places_of(self._subject.findings), ROWS_MAX)))
        )

    def retained(self, at: str | None = None) -> dict[str, Any]:
        """The tree of an object, or all of it.

        Raises:
            InvalidOption: there is no such object, or the snapshot has no references.
            UnsupportedRuntime: the native core is missing.
        """
        return self._once(f"retained {at or ''}", lambda: self._retained(at))

    def object(self, text: str) -> dict[str, Any]:
        """One object.

        Raises:
            InvalidOption: there is no such object, or the snapshot has no references.
        """
        with self._lock:
            row = self._row(text)
            (details,) = self.describer.details([row], REFERENCES_MAX)
            return object_told(details)

    def difference(self) -> dict[str, Any]:
        """From the snapshot before.

        Raises:
            InvalidOption: there is none.
        """
        return self._once("difference", self._difference)

    def largest_objects(self, rows_max: int, references_max: int) -> dict[str, Any]:
        """Those that retain most, by address, for a page that cannot ask."""
        with self._lock:
            if self.retained_state() != "known":
                return {}
            rows = self.forest.largest(rows_max).tolist()
            told_of = self.describer.details(rows, references_max)
            return {hex(each.address): object_told(each) for each in told_of}

    # --- how ---

    @cached_property
    def forest(self) -> Forest:
        return Forest(self._snapshot, self._subject.findings.tree)

    @cached_property
    def describer(self) -> Describer:
        require_edges(self._snapshot)
        findings = self._subject.findings
        forest = self.forest if self.retained_state() == "known" else None
        return Describer(graph_of(findings), findings.reach, forest, self.sizes)

    def _row(self, text: str) -> int:
        """The object that is meant; ``block:0x7f3c80a1b2c0`` means the one in the block that begins there, or the one
        whose table it is."""
        block = text.removeprefix(_BLOCK)
        if block == text:
            return self._meant(text)
        try:
            address = int(block, 16)
        except ValueError:
            raise InvalidOption(f"{block} is no address; write it as 0x7f3c80a1b2c0") from None
        (row,), _ = rows_in_blocks(self._snapshot, np.array([min(max(address, 0), 2**64 - 1)], np.uint64))
        if row == NOBODY:
            raise InvalidOption(f"no object lies in the block at {block}")
        return int(row)

    def _meant(self, text: str) -> int:
        return meant_object(self._snapshot, text, lambda: graph_of(self._subject.findings))

    def _once(self, name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        with self._lock:
            if name not in self._answers:
                self._answers = {**dict(list(self._answers.items())[-_ANSWERS_MAX:]), name: compute()}
            answer: dict[str, Any] = self._answers[name]
            return answer

    def _types(self) -> dict[str, Any]:
        tree = self._subject.findings.tree if self.retained_state() == "known" else None
        answer = types(self._snapshot, tree)
        rows, modules = cut_rows(answer.rows), cut_rows(answer.modules)
        return told(asdict(replace(answer, rows=rows, modules=modules))) | {"row_count": len(answer.rows)}

    def _retained(self, at: str | None) -> dict[str, Any]:
        require_edges(self._snapshot)
        findings = self._subject.findings
        of = None if at is None else self._meant(at)
        nodes = self.forest.nodes(graph_of(findings), findings.reach, of)
        address = np.append(self._snapshot.object_address, np.uint64(0))[np.minimum(nodes.row, self._snapshot.count)]
        columns = {name: getattr(nodes, name).tolist() for name in _NODE_COLUMNS}
        return {**columns, "address": [hex(each) for each in address.tolist()], "label": list(nodes.label)}

    def _difference(self) -> dict[str, Any]:
        before = self._subject.before
        if before is None:
            raise InvalidOption("there is no snapshot to compare with; give two files")
        after = self._subject.findings
        found = differences(Side(before.snapshot, places_of(before)), Side(after.snapshot, places_of(after)))
        return told(asdict(cut_difference(found))) | {"row_count": len(found.rows)}


_NODE_COLUMNS: Final = ("parent", "kind", "type", "retained_bytes", "own_bytes", "members", "objects")
_ANSWERS_MAX: Final = 12
"""Kept, of those that a page may ask for without end."""


def graph_of(findings: Findings) -> Graph:
    """The references, which tell names of attributes and no values."""
    graph = findings.graph
    show_names_alone(graph)
    return graph


def places_of(findings: Findings) -> Places | None:
    """The places, likewise."""
    if findings.snapshot.has_edges:
        graph_of(findings)
    return findings.places


def _count(snapshot: Snapshot, state: str) -> int:
    return int(np.count_nonzero(snapshot.large_flags == LARGE_STATES.index(state)))


def block_columns_of(found: Blocks) -> dict[str, Column]:
    return {"blocks_end": found.end, "blocks_slot": found.slot, "blocks_type": found.type}


def cut_rows(rows: Sequence[TypeRow]) -> tuple[TypeRow, ...]:
    """The largest; what the others come to is in the sums of the answer."""
    return tuple(rows[:ROWS_MAX])


def cut_difference(found: Differences) -> Differences:
    """The largest changes."""
    return replace(found, rows=found.rows[:ROWS_MAX])


def object_told(details: ObjectDetails) -> dict[str, Any]:
    return told(asdict(details))


def told(record: dict[str, Any]) -> dict[str, Any]:
    """The same with addresses as texts: numbers of a page are exact up to 2^53 only."""
    return {name: _address(each) if name in _ADDRESSES else _told(each) for name, each in record.items()}


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return told(value)
    if isinstance(value, (list, tuple)):
        return [_told(each) for each in value]
    return min(value, _FLOAT_EXACT) if type(value) is int else value


_ADDRESSES: Final = ("address", "pool")


def _address(value: int | None) -> str | None:
    return None if value is None else hex(value)
