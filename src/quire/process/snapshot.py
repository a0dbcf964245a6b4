"""Taking a snapshot of this process: its columns, raw, in a folder; and the one file that is made of them.

    in the process that is looked at:     take    the core's walk, then what is no column, in words
    there, or wherever the folder is:     finish  one file of all

docs/design/snapshot.md tells the columns. Values of the program's are in none of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import ExitStack

from quire.process.core import require_core
from quire.process.reviewed import reviewed_types
from quire.process.snapshot_file import Column, write_snapshot
from quire.process.version import __version__
from quire.records import SnapshotTaken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO, Final

_COLUMNS: Final = {
    "object_address": 8, "object_type": 4, "object_bytes": 8, "object_count": 4, "object_flags": 1,
    "table_address": 8, "table_bytes": 8, "table_owner": 4,
    "pool_address": 8, "pool_bytes": 4, "pool_block_bytes": 4, "pool_live": 4, "pool_resident_bytes": 4,
    "pool_flags": 1,
}  # fmt: skip
_EDGE_COLUMNS: Final = {"edge_end": 8, "edge_to": 4}
"""And how many bytes a number of each has."""
_AIDS: Final = ("claims", "edges")
"""What the walk writes for itself, and nobody keeps."""
_OWN: Final = {
    name: type.__dict__[name].__get__ for name in ("__qualname__", "__module__", "__basicsize__", "__itemsize__")
}
"""What a type says of itself, past what a metaclass may say instead."""


def snapshot(path: str | os.PathLike[str], *, references: bool = True) -> SnapshotTaken:
    """Write a snapshot of this process; quire need not serve it.

    Args:
        path: the file.
        references: with who refers to whom. Without, the pause is a tenth, and no path can be told.

    Raises:
        UnsupportedRuntime: the native core is missing, or cannot read this Python's objects.
        OutOfMemory: there is no memory for it.
        OSError: the file cannot be written; what was there is there still.
    """
    target = os.path.abspath(os.fsdecode(path))
    with tempfile.TemporaryDirectory(prefix=f"{os.path.basename(target)}.", dir=os.path.dirname(target)) as folder:
        return finish(folder, take(folder, references=references), target)


def serve_request(request: dict[str, Any]) -> dict[str, Any]:
    """For who asks from outside (requests.py): columns in the folder that it names; what is no column."""
    return take(str(request["folder"]), references=bool(request["references"]))


def take(folder: str, *, references: bool) -> dict[str, Any]:
    """Write the columns into the folder, which is empty, a file each; returns what is no column.

    Raises:
        UnsupportedRuntime, OutOfMemory, OSError: as ``snapshot``; files may be left in the folder.
    """
    core = require_core()
    names = [*_COLUMNS, *(_EDGE_COLUMNS if references else ()), *_AIDS]
    with ExitStack() as stack:
        files = {name: stack.enter_context(_create(folder, name)) for name in names}
        numbers = {name: file.fileno() for name, file in files.items()}
        try:
            taken = core.snapshot_take(tuple(_all_types()), tuple(reviewed_types()), numbers, references)
        except RuntimeError as error:
            from quire.errors import UnsupportedRuntime

            raise UnsupportedRuntime(f"no snapshot can be taken: {error}; try again") from None
    for name in _AIDS:
        os.unlink(os.path.join(folder, name))
    return _about(taken, references)


def finish(folder: str, about: dict[str, Any], path: str) -> SnapshotTaken:
    """Make the one file of a folder's columns.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    widths = _COLUMNS | (_EDGE_COLUMNS if about["has_edges"] else {})
    with ExitStack() as stack:
        files = {name: stack.enter_context(open(os.path.join(folder, name), "rb")) for name in widths}
        write_snapshot(path, [Column(name, files[name], width) for name, width in widths.items()], about)
    counts = about["counts"]
    return SnapshotTaken(
        path=path,
        file_bytes=os.path.getsize(path),
        objects=counts["objects"],
        references=counts["edges"] if about["has_edges"] else None,
        pause_seconds=about["pause_seconds"],
    )


def _create(folder: str, name: str) -> BinaryIO:
    return open(os.path.join(folder, name), "x+b", buffering=0)


# --- what is no column ----------------------------------------------------------------------------------------


def _about(taken: dict[str, Any], references: bool) -> dict[str, Any]:
    return {
        "quire": __version__,
        "python": sys.version.split()[0],
        "pid": os.getpid(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "program": os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else "",
        "has_edges": references,
        "has_values": False,
        "counts": {name: taken[name] for name in ("objects", "tables", "edges", "pools")},
        "types": [_told(type_, row) for type_, row in zip(taken["types"], taken["type_rows"], strict=True)],
        "roots": [],
        "pause_seconds": taken["pause_seconds"],
    }


def _told(told: tuple[type, str, bool, list[str], list[str | None]], row: int) -> dict[str, Any]:
    type_, shows, has_dict, slot_names, inline_names = told
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
    }


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
