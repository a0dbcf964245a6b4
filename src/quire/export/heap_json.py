"""A whole snapshot as one JSON document, piece by piece. docs/schema/heap.json says what is in it.

The classes are its shape; the schema is made of them, and tests hold what is written to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import repeat
from typing import Any, Final

from numpy.typing import NDArray

from quire.export.record_json import Format
from quire.records.process import MemorySample
from quire.report.snapshot import (
    KNOWN_BITS,
    LARGE_STATES,
    NONE,
    OBJECT_KNOWN,
    POOL_SHARES,
    POOL_STATE_BITS,
    POOL_STATES,
    Snapshot,
)
from quire.report.words import root_kind, root_words

_ROWS_AT_ONCE: Final = 1 << 14
_NONE: Final = int(NONE)


@dataclass(frozen=True, slots=True)
class TypeEntry:
    name: str
    module: str


@dataclass(frozen=True, slots=True)
class RootEntry:
    """An object that is held from outside: its place in ``objects``, by what, in words."""

    object: int
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """``type``: place in ``types``. ``count``: of references, ``None``: it never dies. ``references``: places in
    ``objects``, ``None`` where one leads to nothing; left out in a snapshot without references."""

    address: int
    type: int
    size_bytes: int
    count: int | None
    known: str
    """``tracked``, ``shown`` or ``looks``: as what it is known to be an object."""
    references: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """A block that is no object. ``owner``: the object's place it belongs to; ``None``: to none."""

    address: int
    size_bytes: int
    owner: int | None


@dataclass(frozen=True, slots=True)
class PoolEntry:
    address: int
    size_bytes: int
    block_bytes: int
    live_blocks: int
    resident_bytes: int
    state: str
    """``empty``, ``used`` or ``full``."""
    shares_pages: bool


@dataclass(frozen=True, slots=True)
class LargeEntry:
    address: int
    size_bytes: int
    resident_bytes: int
    state: str
    """``run``; ``hole`` between runs; ``untouched``, a hole that never was a run; ``mapping``; ``kept``, of a mapping
    that was freed."""


@dataclass(frozen=True, slots=True)
class TextEntry:
    """The text of a string, by its place in ``objects``."""

    object: int
    text: str


@dataclass(frozen=True, slots=True)
class HeapDocument:
    version: int
    python: str
    program: str
    pid: int
    time: str
    has_references: bool
    memory: MemorySample | None
    types: tuple[TypeEntry, ...]
    roots: tuple[RootEntry, ...]
    objects: tuple[ObjectEntry, ...]
    blocks: tuple[BlockEntry, ...]
    pools: tuple[PoolEntry, ...]
    large: tuple[LargeEntry, ...]
    texts: tuple[TextEntry, ...]


HEAP_FORMAT: Final = Format("quire.heap", 1, HeapDocument, "quire export")


def heap_json(snapshot: Snapshot) -> Iterator[str]:
    """The document's text, in pieces; beside the columns, memory does not grow."""
    head = {
        "format": HEAP_FORMAT.name,
        "version": HEAP_FORMAT.version,
        "python": snapshot.python,
        "program": snapshot.command,
        "pid": snapshot.pid,
        "time": snapshot.time,
        "has_references": snapshot.has_edges,
        "memory": None if snapshot.sample is None else asdict(snapshot.sample),
        "types": [{"name": each.name, "module": each.module} for each in snapshot.types],
        "roots": list(_roots(snapshot)),
    }
    yield json.dumps(head).removesuffix("}")
    yield from _list("objects", _objects(snapshot))
    yield from _list("blocks", _blocks(snapshot))
    yield from _list("pools", map(json.dumps, _pools(snapshot)))
    yield from _list("large", map(json.dumps, _large(snapshot)))
    yield from _list("texts", map(json.dumps, _texts(snapshot)))
    yield "}\n"


def _list(name: str, entries: Iterable[str]) -> Iterator[str]:
    yield f',\n"{name}": ['
    separator = "\n"
    for entry in entries:
        yield separator + entry
        separator = ",\n"
    yield "]"


Entries = Iterator[dict[str, Any]]


def _roots(snapshot: Snapshot) -> Entries:
    for index, row in enumerate(snapshot.root_object.tolist()):
        yield {"object": row, "kind": root_kind(snapshot, index), "words": root_words(snapshot, index)}


def _parts(length: int, *columns: NDArray[Any]) -> Iterable[tuple[int, ...]]:
    """Rows of columns as plain numbers."""
    for begin in range(0, length, _ROWS_AT_ONCE):
        yield from zip(*(column[begin : begin + _ROWS_AT_ONCE].tolist() for column in columns), strict=True)


def _objects(snapshot: Snapshot) -> Iterator[str]:
    """Each as text, put together by hand: a library takes four times as long."""
    columns = (snapshot.object_address, snapshot.object_type, snapshot.object_bytes, snapshot.object_count)
    rows = _parts(snapshot.count, *columns, snapshot.object_flags)
    for (address, its_type, size_bytes, count, flags), shown in zip(rows, _references(snapshot), strict=True):
        its_count = "null" if count == _NONE else count
        known = OBJECT_KNOWN[flags & KNOWN_BITS]
        yield (
            f'{{"address":{address},"type":{its_type},"size_bytes":{size_bytes},"count":{its_count},"known":"{known}"{shown}}}'
        )


def _references(snapshot: Snapshot) -> Iterator[str]:
    """Of each object, the end of its entry."""
    if not snapshot.has_edges:
        yield from repeat("", snapshot.count)
        return
    begin = 0
    for rows in range(0, snapshot.count, _ROWS_AT_ONCE):
        ends = snapshot.edge_end[rows : rows + _ROWS_AT_ONCE].tolist()
        rows_to = ["null" if to == _NONE else str(to) for to in snapshot.edge_to[begin : ends[-1]].tolist()]
        first = begin
        for end in ends:
            yield f',"references":[{",".join(rows_to[begin - first : end - first])}]'
            begin = end


def _blocks(snapshot: Snapshot) -> Iterator[str]:
    rows = _parts(len(snapshot.table_address), snapshot.table_address, snapshot.table_bytes, snapshot.table_owner)
    for address, size_bytes, owner in rows:
        its_owner = "null" if owner == _NONE else owner
        yield f'{{"address":{address},"size_bytes":{size_bytes},"owner":{its_owner}}}'


def _pools(snapshot: Snapshot) -> Entries:
    names = ("address", "size_bytes", "block_bytes", "live_blocks", "resident_bytes")
    columns = (snapshot.pool_address, snapshot.pool_bytes, snapshot.pool_block_bytes, snapshot.pool_live)
    rows = _parts(len(snapshot.pool_address), *columns, snapshot.pool_resident_bytes, snapshot.pool_flags)
    for *numbers, flags in rows:
        entry = dict(zip(names, numbers, strict=True))
        yield {**entry, "state": POOL_STATES[flags & POOL_STATE_BITS], "shares_pages": bool(flags & POOL_SHARES)}


def _large(snapshot: Snapshot) -> Entries:
    columns = (snapshot.large_address, snapshot.large_bytes, snapshot.large_resident_bytes, snapshot.large_flags)
    for address, size_bytes, resident_bytes, flags in _parts(len(snapshot.large_address), *columns):
        entry = {"address": address, "size_bytes": size_bytes, "resident_bytes": resident_bytes}
        yield {**entry, "state": LARGE_STATES[flags]}


def _texts(snapshot: Snapshot) -> Entries:
    begin = 0
    for row, end in _parts(len(snapshot.text_object), snapshot.text_object, snapshot.text_end):
        yield {"object": row, "text": snapshot.text_bytes[begin:end].tobytes().decode("utf-8", "replace")}
        begin = end
