"""A snapshot of a heap: columns that fit together, and what ``snapshot.json`` says. docs/design/snapshot.md tells each.

Rows are numbers: an object is its row in the ``object_`` columns, and whatever refers to it says that row. Columns come
from a file, which anybody may have written, so nothing here is computed before all of it is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quire.errors import DamagedSnapshot
from quire.records.process import HeapResidency, MemorySample, WaterfallRow
from quire.report.waterfall import sample_rows

U1: TypeAlias = NDArray[np.uint8]
U4: TypeAlias = NDArray[np.uint32]
U8: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = NDArray[np.intp]
"""Numbers of rows, as NumPy takes them for an index."""

NONE: Final = np.uint32(0xFFFFFFFF)
"""In a column of rows: no row."""
SIZE_BYTES_MAX: Final = 2**47
"""Of an object or a block: user space. Sums of a snapshot's sizes then stay within 64 bits."""

ROOT_KINDS: Final = ("module", "frame", "type", "interned", "interpreter", "c", "immortal")
"""As ``root_kind`` numbers them. The last two are found by who reads the file (held.py)."""

KNOWN_BITS: Final = 3
OBJECT_KNOWN: Final = ("tracked", "shown", "looks", "unknown")
"""How objects are known, as ``object_flags & KNOWN_BITS`` numbers it."""
PLACE_SHIFT: Final = 3
PLACE_BITS: Final = 7
OBJECT_PLACES: Final = ("pool", "run", "mapping", "outside", "no heap", "guarded", "unknown", "unknown")
"""Where objects lie, as ``object_flags >> PLACE_SHIFT & PLACE_BITS`` numbers it."""
HAS_HEADER: Final = 1 << 2
"""In ``object_flags``: the collector's header lies before the object."""
INLINE_ATTRIBUTES: Final = 1 << 6
"""In ``object_flags``: the instance's attributes are shown as values, not as a dictionary."""
HEADER_BYTES: Final = 16
POOL_STATE_BITS: Final = 3
POOL_STATES: Final = ("empty", "used", "full", "unknown")
"""As ``pool_flags & POOL_STATE_BITS`` numbers them."""
_POOL_SEALED: Final = 1 << 2
_POOL_SPENT: Final = 1 << 3
POOL_SHARES: Final = _POOL_SEALED | _POOL_SPENT
"""In ``pool_flags``: the pool shares pages."""
LARGE_STATES: Final = ("run", "hole", "untouched", "mapping", "kept")
"""As ``large_flags`` numbers them."""
_LIVE_STATES: Final = (LARGE_STATES.index("run"), LARGE_STATES.index("mapping"))
_ARENA_STATES_END: Final = LARGE_STATES.index("mapping")


@dataclass(frozen=True, slots=True)
class HeapType:
    """A type whose instances are in the snapshot."""

    name: str
    module: str
    object: int | None
    """Its row, as an object."""
    basic_bytes: int
    slot_names: tuple[str, ...] | None
    """Of a Python class: its slots and its bases'; ``None``: its instances do not show their attributes by name."""
    inline_names: tuple[str, ...] | None
    """An empty one: the attribute's name is no identifier, and not in the file."""
    has_dict: bool
    """Of a Python class: whether its instances have a dictionary of attributes, where they are not inline."""
    base: str
    """Of a Python class: in words, its first base that is none. Of another type: its own words, or empty."""

    @property
    def words(self) -> str:
        """``logging.LogRecord``; a built-in one without its module."""
        return self.name if self.module in ("", "builtins") else f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Root:
    """Something outside of the heap's objects that holds some."""

    kind: str
    """One of ROOT_KINDS."""
    name: str
    function: str
    file: str
    line: int
    thread: str
    """Its name, of what a thread holds."""
    counts: bool
    """The object's count counts it, and it is no reference of another object's."""
    is_word: bool
    """On a frame's stack, where it may be left from before."""
    is_own: bool
    """A frame's, for its own work: its function, its code."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Columns by their names in the file, of one width each, and what ``snapshot.json`` says of them."""

    object_address: U8
    object_type: U4
    object_bytes: U8
    object_count: U4
    object_flags: U1
    table_address: U8
    table_bytes: U8
    table_owner: U4
    edge_end: U8
    edge_to: U4
    pool_address: U8
    pool_bytes: U4
    pool_block_bytes: U4
    pool_live: U4
    pool_resident_bytes: U4
    pool_flags: U1
    large_address: U8
    large_bytes: U8
    large_resident_bytes: U8
    large_flags: U1
    text_object: U4
    text_end: U8
    text_bytes: U1
    root_object: U4
    root_kind: U1
    root_place: U4
    types: tuple[HeapType, ...]
    roots: tuple[Root, ...]
    sample: MemorySample | None
    """Where the process's memory was just after the walk."""
    sample_missing: str
    """Why there is none, in words."""
    has_edges: bool
    has_values: bool
    python: str
    command: str
    pid: int
    time: str
    """When it was taken, in UTC: ``2026-11-22T14:00:00Z``."""

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.object_address)

    @property
    def memory(self) -> tuple[WaterfallRow, ...]:
        """The rows of the sample; none where there is no sample."""
        return () if self.sample is None else sample_rows(self.sample)

    @property
    def pool_is_used(self) -> NDArray[np.bool_]:
        """Pools that have a live block, and whose pages are their own."""
        is_shared = self.pool_flags & POOL_SHARES != 0
        is_used: NDArray[np.bool_] = (self.pool_flags & POOL_STATE_BITS != 0) & ~is_shared
        return is_used

    @property
    def large_is_live(self) -> NDArray[np.bool_]:
        """Large blocks that serve a request: runs and mappings."""
        return np.isin(self.large_flags, _LIVE_STATES)

    @property
    def large_is_in_arena(self) -> NDArray[np.bool_]:
        """Runs, and the holes between them."""
        is_in_arena: NDArray[np.bool_] = self.large_flags < _ARENA_STATES_END
        return is_in_arena

    def type_of(self, row: int) -> HeapType:
        return self.types[int(self.object_type[row])]

    def edges_begin(self, rows: Rows) -> NDArray[np.int64]:
        """Where the references of each of these objects begin in ``edge_to``."""
        return np.where(rows > 0, self.edge_end[rows - 1], 0).astype(np.int64)

    def edges_of(self, row: int) -> range:
        """The references of one object, as places in ``edge_to``."""
        return range(int(self.edge_end[row - 1]) if row else 0, int(self.edge_end[row]))

    def sources_of(self, edges: NDArray[Any]) -> Rows:
        """The objects that these references belong to."""
        return np.searchsorted(self.edge_end, edges.astype(np.uint64), side="right")


def snapshot_of(columns: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> Snapshot:
    """The columns, checked.

    Args:
        columns: of unsigned integers of any width, by name; those that are not known are left alone.
        about: what ``snapshot.json`` says.

    Raises:
        DamagedSnapshot: a column is missing, or they do not fit together.
    """
    has_edges = _value(about, "has_edges", bool)
    there = _with_large(columns if has_edges else _without_edges(columns))
    exact = {name: _exact(name, there, kind) for name, kind in _KINDS.items()}
    types = tuple(_heap_type(each) for each in _list(about, "types"))
    roots = tuple(_root(each) for each in _list(about, "roots"))
    _check(exact, len(types), len(roots))
    return Snapshot(
        **exact,
        types=types,
        roots=roots,
        sample=_sample(about),
        sample_missing=_value(about, "memory_missing", str, ""),
        has_edges=has_edges,
        has_values=_value(about, "has_values", bool, False),
        python=_value(about, "python", str, ""),
        command=_value(about, "program", str, ""),
        pid=_value(about, "pid", int, 0),
        time=_value(about, "time", str, ""),
    )


# --- columns --------------------------------------------------------------------------------------------------

_KINDS: Final[dict[str, type[np.unsignedinteger[Any]]]] = {
    **dict.fromkeys(("object_address", "object_bytes", "table_address", "table_bytes", "pool_address"), np.uint64),
    **dict.fromkeys(("edge_end", "text_end"), np.uint64),
    **dict.fromkeys(("large_address", "large_bytes", "large_resident_bytes"), np.uint64),
    **dict.fromkeys(("object_type", "object_count", "table_owner", "edge_to"), np.uint32),
    **dict.fromkeys(("pool_bytes", "pool_block_bytes", "pool_live", "pool_resident_bytes"), np.uint32),
    **dict.fromkeys(("text_object", "root_object", "root_place"), np.uint32),
    **dict.fromkeys(("object_flags", "pool_flags", "large_flags", "text_bytes", "root_kind"), np.uint8),
}
_OF_ONE_LENGTH: Final = {
    "object": ("object_address", "object_type", "object_bytes", "object_count", "object_flags", "edge_end"),
    "table": ("table_address", "table_bytes", "table_owner"),
    "pool": ("pool_address", "pool_bytes", "pool_block_bytes", "pool_live", "pool_resident_bytes", "pool_flags"),
    "large": ("large_address", "large_bytes", "large_resident_bytes", "large_flags"),
    "text": ("text_object", "text_end"),
    "root": ("root_object", "root_kind", "root_place"),
}

_NOTHING: Final = np.empty(0, np.uint8)


def _without_edges(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A snapshot that was taken without references has no columns of them."""
    count = len(columns.get("object_address", ()))
    roots = dict.fromkeys(_OF_ONE_LENGTH["root"], _NOTHING)
    return {**columns, **roots, "edge_end": np.zeros(count, np.uint64), "edge_to": _NOTHING}


def _with_large(columns: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """A file of an older quire's tells nothing of large blocks; of a newer one's it tells all."""
    names = _OF_ONE_LENGTH["large"]
    return columns if any(name in columns for name in names) else {**columns, **dict.fromkeys(names, _NOTHING)}


def _exact(name: str, columns: Mapping[str, NDArray[Any]], kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """The column in the width that is computed with, each number at a multiple of it; the largest value stays so."""
    column = columns.get(name)
    if column is None:
        raise DamagedSnapshot(f"the snapshot has no column {name}; take it again")
    if column.ndim != 1 or column.dtype.kind != "u":
        raise DamagedSnapshot(f"the snapshot's column {name} is not one of unsigned integers; take it again")
    if column.dtype == kind:
        return np.require(column, requirements=("C", "A"))
    is_none = column == np.iinfo(column.dtype).max
    none = np.iinfo(kind).max
    if (column[~is_none] > none).any():
        raise DamagedSnapshot(f"the snapshot's column {name} has a number that is too large; take it again")
    return np.where(is_none, none, column.astype(kind)).astype(kind)


def _check(columns: Mapping[str, NDArray[Any]], type_count: int, root_count: int) -> None:
    for broken in _broken_rules(columns, type_count, root_count):
        raise DamagedSnapshot(f"the snapshot's columns do not fit together: {broken}; take it again")


def _broken_rules(columns: Mapping[str, NDArray[Any]], type_count: int, root_count: int) -> Iterable[str]:
    """Each rule's sentence says what is wrong. Later rules rest on earlier ones."""
    for names in _OF_ONE_LENGTH.values():
        if len({len(columns[name]) for name in names}) != 1:
            yield f"{', '.join(names)} are of different lengths"
    count = len(columns["object_address"])
    if count >= NONE:
        yield f"there are {count:,} objects, more than rows have numbers"
    for name in ("object_address", "table_address", "pool_address"):
        if (columns[name][1:] <= columns[name][:-1]).any():
            yield f"{name} does not ascend"
    if (columns["text_object"][1:] <= columns["text_object"][:-1]).any():
        yield "text_object does not ascend"
    for name, limit in (("object_type", type_count), ("text_object", count), ("root_object", count)):
        if (columns[name] >= limit).any():
            yield f"{name} names a row that is not there"
    for name, limit in (("table_owner", count), ("edge_to", count), ("root_place", root_count)):
        if ((columns[name] >= limit) & (columns[name] != NONE)).any():
            yield f"{name} names a row that is not there"
    for name, ended in (("edge_end", "edge_to"), ("text_end", "text_bytes")):
        if not _ends(columns[name], len(columns[ended])):
            yield f"{name} does not divide {ended}"
    if (columns["large_flags"] >= len(LARGE_STATES)).any():
        yield "large_flags has a state that no large block is in"
    if (columns["large_resident_bytes"] > columns["large_bytes"]).any():
        yield "more of a large block is resident than it has"
    for name in ("object_bytes", "table_bytes", "large_bytes"):
        if (columns[name] > SIZE_BYTES_MAX).any():
            yield f"{name} has a size that no memory has"


def _ends(ends: NDArray[Any], length: int) -> bool:
    last = int(ends[-1]) if len(ends) else 0
    return last == length and not (ends[1:] < ends[:-1]).any()


# --- snapshot.json --------------------------------------------------------------------------------------------

_MISSING: Final = object()


def _value(about: object, name: str, kind: type, otherwise: Any = _MISSING) -> Any:
    """What stands there under a name, if it is of the type."""
    value = about.get(name, otherwise) if isinstance(about, Mapping) else _MISSING
    if value is _MISSING or (value is not otherwise and type(value) is not kind):
        raise DamagedSnapshot(f"snapshot.json does not tell {name} as it should; take the snapshot again")
    return value


def _list(about: Mapping[str, Any], name: str, otherwise: Any = _MISSING) -> list[Any]:
    values: list[Any] = _value(about, name, list, otherwise)
    return values


def _heap_type(about: object) -> HeapType:
    return HeapType(
        name=_value(about, "name", str),
        module=_value(about, "module", str, ""),
        object=_row(about, "object"),
        basic_bytes=min(max(_value(about, "basic_bytes", int, 0), 0), SIZE_BYTES_MAX),
        slot_names=_names(about, "slot_names"),
        inline_names=_names(about, "inline_names"),
        has_dict=_value(about, "has_dict", bool, False),
        base=_value(about, "base", str, ""),
    )


def _row(about: object, name: str) -> int | None:
    """Of an object; which rows there are is not known here."""
    row: int | None = _value(about, name, int, None)
    if row is not None and row < 0:
        raise DamagedSnapshot(f"snapshot.json tells no {name} in row {row}; take the snapshot again")
    return row


def _names(about: object, name: str) -> tuple[str, ...] | None:
    names = _value(about, name, list, None)
    if names is None:
        return None
    names = ["" if each is None else each for each in names]
    if not all(isinstance(each, str) for each in names):
        raise DamagedSnapshot(f"snapshot.json does not tell {name} as it should; take the snapshot again")
    return tuple(names)


def _root(about: object) -> Root:
    return Root(
        kind=_value(about, "kind", str),
        name=_value(about, "name", str, ""),
        function=_value(about, "function", str, ""),
        file=_value(about, "file", str, ""),
        line=_value(about, "line", int, 0),
        thread=_value(about, "thread", str, ""),
        counts=_value(about, "counts", bool, True),
        is_word=_value(about, "is_word", bool, False),
        is_own=_value(about, "is_own", bool, False),
    )


_SAMPLE_FIELDS: Final = (
    "rss_bytes", "swap_bytes", "uncounted_bytes", "counted_again_bytes", "cpython_arena_bytes", "frame_bytes",
    "libc_live_bytes", "libc_held_bytes", "thread_stack_bytes", "mapped_file_bytes", "other_anonymous_bytes",
    "unexplained_bytes",
)  # fmt: skip
_HEAP_FIELDS: Final = ("live_bytes", "free_bytes", "empty_pool_bytes", "free_run_bytes", "metadata_bytes")


def _sample(about: Mapping[str, Any]) -> MemorySample | None:
    """Where the memory was.

    Raises:
        DamagedSnapshot: its parts do not add up to what was resident.
    """
    memory = _value(about, "memory", dict, None)
    if memory is None:
        return None
    heap = _value(memory, "heap", dict)
    pss_bytes = None if memory.get("pss_bytes") is None else _size(memory, "pss_bytes")
    sample = MemorySample(
        seconds=0.0,
        pss_bytes=pss_bytes,
        heap=HeapResidency(**{name: _size(heap, name) for name in _HEAP_FIELDS}),
        **{name: _size(memory, name) for name in _SAMPLE_FIELDS},
    )
    if sum(row.end_bytes for row in sample_rows(sample)) != sample.rss_bytes:
        raise DamagedSnapshot("the parts of memory in snapshot.json do not add up; take the snapshot again")
    return sample


def _size(about: object, name: str) -> int:
    size_bytes: int = _value(about, name, int)
    if not 0 <= size_bytes <= SIZE_BYTES_MAX:
        raise DamagedSnapshot(f"snapshot.json tells {name} as no size; take the snapshot again")
    return size_bytes
