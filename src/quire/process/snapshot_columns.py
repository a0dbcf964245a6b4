"""The columns of a snapshot of this process, raw, a file each in a folder; and what is no column, in words.

docs/design/snapshot.md tells the columns. Values of the program's are in none of them, unless they are asked for. This
runs in the process that is looked at, in the middle of its program, and what is imported here becomes a part of what is
looked at.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack

from quire.process.core import require_core
from quire.process.reviewed import reviewed_types
from quire.process.snapshot_roots import modules_now, write_roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any, BinaryIO, Final

COLUMNS: Final = {
    "object_address": 8, "object_type": 4, "object_bytes": 8, "object_count": 4, "object_flags": 1,
    "table_address": 8, "table_bytes": 8, "table_owner": 4,
    "pool_address": 8, "pool_bytes": 4, "pool_block_bytes": 4, "pool_live": 4, "pool_resident_bytes": 4,
    "pool_flags": 1,
    "large_address": 8, "large_bytes": 8, "large_resident_bytes": 8, "large_flags": 1,
}  # fmt: skip
EDGE_COLUMNS: Final = {"edge_end": 8, "edge_to": 4}
TEXT_COLUMNS: Final = {"text_object": 4, "text_end": 8, "text_bytes": 1}
"""And how many bytes a number of each has."""
_AIDS: Final = ("claims", "edges", "interned")
"""What the core writes for others to be made of, and nobody keeps."""
_OWN: Final = {
    name: type.__dict__[name].__get__ for name in ("__qualname__", "__module__", "__basicsize__", "__itemsize__")
}
"""What a type says of itself, past what a metaclass may say instead."""


def serve_request(request: dict[str, Any]) -> dict[str, Any]:
    """For who asks from outside (requests.py): columns in the folder that it names; what is no column."""
    wants_values = bool(request.get("values", False))
    return take(str(request["folder"]), references=bool(request["references"]), values=wants_values)


def take(folder: str, *, references: bool, values: bool) -> dict[str, Any]:
    """Write the columns into the folder, which is empty, a file each; returns what is no column.

    Raises:
        UnsupportedRuntime, OutOfMemory, OSError: as ``snapshot``; files may be left in the folder.
    """
    core = require_core()
    names = [*COLUMNS, *TEXT_COLUMNS, *(EDGE_COLUMNS if references else ()), *_AIDS]
    modules = modules_now()
    with ExitStack() as stack:
        files = {name: stack.enter_context(_create(folder, name)) for name in names}
        numbers = {name: file.fileno() for name, file in files.items()}
        try:  # the core empties the lists, which would hold what is in them
            taken = core.snapshot_take(list(_all_types()), list(reviewed_types()), numbers, references, values)
        except RuntimeError as error:
            from quire.errors import UnsupportedRuntime

            raise UnsupportedRuntime(f"no snapshot can be taken: {error}; try again") from None
        roots = write_roots(folder, files, taken, modules)
    for name in _AIDS:
        os.unlink(os.path.join(folder, name))
    return _about(taken, references, values) | {"roots": roots} | _memory(core)


def _create(folder: str, name: str) -> BinaryIO:
    return open(os.path.join(folder, name), "x+b", buffering=0)


# --- what is no column ----------------------------------------------------------------------------------------


def _about(taken: dict[str, Any], references: bool, values: bool) -> dict[str, Any]:
    return {
        "python": sys.version.split()[0],
        "pid": os.getpid(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "program": os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else "",
        "has_edges": references,
        "has_values": values,
        "counts": {name: taken[name] for name in ("objects", "tables", "edges", "pools", "large")},
        "types": [_told(type_, row) for type_, row in zip(taken["types"], taken["type_rows"], strict=True)],
        "pause_seconds": taken["pause_seconds"],
    }


def _memory(core: ModuleType) -> dict[str, Any]:
    """Imported after the walk, for it would be walked, too."""
    from quire.errors import UnsupportedRuntime, in_words
    from quire.process.snapshot_memory import read_memory

    try:
        return {"memory": read_memory(core)}
    except (UnsupportedRuntime, OSError) as error:
        return {"memory": None, "memory_missing": in_words(error)}


def _told(told: tuple[type, str, bool, list[str] | None, list[str | None] | None, type], row: int) -> dict[str, Any]:
    type_, shows, has_dict, slot_names, inline_names, base = told
    return {
        "name": _text(_OWN["__qualname__"](type_)),
        "module": _text(_OWN["__module__"](type_)),
        "object": row,
        "basic_bytes": _OWN["__basicsize__"](type_),
        "item_bytes": _OWN["__itemsize__"](type_),
        "shows": shows,
        "has_dict": has_dict,
        "slot_names": slot_names,
        "inline_names": inline_names,
        "base": _words(base),
    }


def _words(type_: type) -> str:
    """``logging.LogRecord``; a built-in one without its module."""
    name, module = _text(_OWN["__qualname__"](type_)), _text(_OWN["__module__"](type_))
    return name if module in ("", "builtins") else f"{module}.{name}"


def _text(value: object) -> str:
    """A program may have put anything in the place of a type's module."""
    return value if type(value) is str else ""


def _all_types() -> Iterator[type]:
    """Every type there is, down from ``object``."""
    waiting: list[type] = [object]
    known = {id(object)}  # a metaclass may compare its types as it likes
    while waiting:
        type_ = waiting.pop()
        yield type_
        found: list[type] = type.__subclasses__(type_)
        subtypes = [each for each in found if id(each) not in known]
        known.update(map(id, subtypes))
        waiting += subtypes
