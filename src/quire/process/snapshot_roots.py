"""The columns of a snapshot's roots: who holds objects from outside of all objects. docs/design/snapshot.md tells them.

    modules      by their names in sys.modules
    frames       of every thread, as the core has read them: variables, and what stands on the evaluation stack
    types        that are static, so that nobody holds them
    interned     strings that CPython keeps for good
    interpreter  what it and its threads keep for themselves

What C holds beside is found by who reads the file: its count is above the references that are known.
"""

from __future__ import annotations

import mmap
import os
import sys
from array import array
from bisect import bisect_left
from contextlib import ExitStack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO
    from typing import Any, BinaryIO, Final

    Place = dict[str, Any]

ROOT_COLUMNS: Final = {"root_object": 4, "root_kind": 1, "root_place": 4}
"""And how many bytes a number of each has."""
_MODULE, _FRAME, _TYPE, _INTERNED, _INTERPRETER = range(5)
"""In ``root_kind``."""
_HEAP_TYPE: Final = 1 << 9
_FLAGS: Final = type.__dict__["__flags__"].__get__
_COPY_ROWS: Final = 1 << 16
_INTERNED_PLACE: Final = {"kind": "interned", "name": "", "counts": False}


def modules_now() -> list[tuple[str, int]]:
    """The modules by name, each by its address: who held them would be a root."""
    return [(name, id(module)) for name, module in list(sys.modules.items()) if type(name) is str]


def write_roots(
    folder: str, columns: dict[str, BinaryIO], taken: dict[str, Any], modules: list[tuple[str, int]]
) -> list[Place]:
    """Write the columns into the folder; returns what each place is.

    Args:
        folder: of the snapshot's columns.
        columns: files of those that the core has written, among them ``object_address`` and, with references,
            ``interned``.
        taken: what the core has told beside.
        modules: as they were before.

    Raises:
        OSError: a file cannot be written.
    """
    found = [*_of_modules(modules), *_of_frames(taken), *_of_types(taken)]
    rows = _rows(columns["object_address"], [address for address, _, _ in found])
    places: list[Place] = [_INTERNED_PLACE]
    with ExitStack() as stack:
        files = [stack.enter_context(open(os.path.join(folder, name), "xb", buffering=0)) for name in ROOT_COLUMNS]
        _copy_interned(columns.get("interned"), files)
        kept = [(row, kind, place) for row, (_, kind, place) in zip(rows, found, strict=True) if row is not None]
        numbers = range(len(places), len(places) + len(kept))
        values = array("I", [row for row, _, _ in kept]), array("B", [kind for _, kind, _ in kept]), array("I", numbers)
        for file, value in zip(files, values, strict=True):
            _write(file, value)
    places += [place for _, _, place in kept]
    return places


def _copy_interned(column: BinaryIO | None, files: Sequence[FileIO]) -> None:
    """They may be many, so they are copied in pieces; all of them have one place."""
    if column is None:
        return
    column.seek(0)
    while piece := column.read(_COPY_ROWS * 4):
        count = len(piece) // 4
        for file, value in zip(files, (piece, bytes([_INTERNED]) * count, bytes(4 * count)), strict=True):
            _write(file, value)


def _write(file: FileIO, values: array[int] | bytes) -> None:
    """All of it: what is not buffered may write less."""
    left = memoryview(values).cast("B") if len(values) else memoryview(b"")
    while left:
        left = left[file.write(left) or 0 :]


# --- who holds what -------------------------------------------------------------------------------------------


def _of_modules(modules: list[tuple[str, int]]) -> Iterator[tuple[int, int, Place]]:
    for name, address in modules:
        yield address, _MODULE, {"kind": "module", "name": name, "counts": False}


def _of_frames(taken: dict[str, Any]) -> Iterator[tuple[int, int, Place]]:
    threads = _thread_names()
    frames = taken["frames"]
    for address, frame, thread, name, has_reference, is_word, is_own in taken["roots"]:
        place: Place = {"name": name}
        if thread:
            place |= {"thread": threads.get(thread, ""), "thread_id": thread}
        if not has_reference:
            place["counts"] = False
        if is_word:
            place["is_word"] = True
        if is_own:
            place["is_own"] = True
        if frame < 0:
            yield address, _INTERPRETER, {"kind": "interpreter", **place}
            continue
        _, function, file, line = frames[frame]
        yield address, _FRAME, {"kind": "frame", **place, "function": function, "file": file, "line": line}


def _of_types(taken: dict[str, Any]) -> Iterator[tuple[int, int, Place]]:
    for its_type, *_ in taken["types"]:
        if not _FLAGS(its_type) & _HEAP_TYPE:
            yield id(its_type), _TYPE, {"kind": "type", "name": _type_name(its_type), "counts": False}


def _type_name(its_type: type) -> str:
    name, module = (type.__dict__[what].__get__(its_type) for what in ("__qualname__", "__module__"))
    return name if module == "builtins" or type(module) is not str else f"{module}.{name}"


def _thread_names() -> dict[int, str]:
    """As ``threading`` knows them, if it is there; read past what a class of threads may say instead."""
    active = getattr(sys.modules.get("threading"), "_active", None)
    if type(active) is not dict:
        return {}
    found = {}
    for ident, thread in list(active.items()):
        attributes = getattr(thread, "__dict__", None)
        name = attributes.get("_name") if type(attributes) is dict else None
        if type(ident) is int and type(name) is str:
            found[ident] = name
    return found


# --- rows -----------------------------------------------------------------------------------------------------


def _rows(addresses: BinaryIO, wanted: list[int]) -> list[int | None]:
    """Where each stands in a column of ascending addresses."""
    if os.fstat(addresses.fileno()).st_size == 0:
        return [None] * len(wanted)
    with mmap.mmap(addresses.fileno(), 0, access=mmap.ACCESS_READ) as whole, memoryview(whole).cast("Q") as column:
        places = [bisect_left(column, address) for address in wanted]
        return [
            place if place < len(column) and column[place] == address else None
            for place, address in zip(places, wanted, strict=True)
        ]
