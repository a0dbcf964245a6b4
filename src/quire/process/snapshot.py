"""A snapshot as one file, of the columns that the process wrote (snapshot_columns.py)."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack

from quire.process.snapshot_columns import COLUMNS, EDGE_COLUMNS, TEXT_COLUMNS, take
from quire.process.snapshot_file import Column, write_snapshot
from quire.process.snapshot_roots import ROOT_COLUMNS
from quire.process.version import __version__
from quire.records.process import SnapshotTaken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def snapshot(path: str | os.PathLike[str], *, references: bool = True, values: bool = False) -> SnapshotTaken:
    """Write a snapshot of this process; quire need not serve it.

    Args:
        path: the file.
        references: with who refers to whom. Without, the pause is about half as long, and no path can be told.
        values: with the texts of strings and bytes, the first 200 characters of each.

    Raises:
        UnsupportedRuntime: the native core is missing, or cannot read this Python's objects.
        OutOfMemory: there is no memory for it.
        OSError: the file cannot be written; what was there is there still.
    """
    target = os.path.abspath(os.fsdecode(path))
    with tempfile.TemporaryDirectory(prefix=f"{os.path.basename(target)}.", dir=os.path.dirname(target)) as folder:
        return finish(folder, take(folder, references=references, values=values), target)


def finish(folder: str, about: dict[str, Any], path: str) -> SnapshotTaken:
    """Make the one file of a folder's columns.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    widths = COLUMNS | (EDGE_COLUMNS if about["has_edges"] else {}) | ROOT_COLUMNS | TEXT_COLUMNS
    with ExitStack() as stack:
        files = {name: stack.enter_context(open(os.path.join(folder, name), "rb")) for name in widths}
        columns = [Column(name, files[name], width) for name, width in widths.items()]
        write_snapshot(path, columns, {"quire": __version__, **about})
    counts = about["counts"]
    return SnapshotTaken(
        path=path,
        file_bytes=os.path.getsize(path),
        objects=counts["objects"],
        references=counts["edges"] if about["has_edges"] else None,
        pause_seconds=about["pause_seconds"],
    )
