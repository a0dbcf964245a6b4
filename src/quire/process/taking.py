"""A snapshot of another process, into a file: it writes its columns (asking.py), and the file is made of them here."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager

from quire.process.asking import Target, ask, folder_beside
from quire.process.snapshot import finish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from quire.records.process import SnapshotTaken

TIMEOUT_SECONDS: Final = 30.0
"""How long to wait for the process to come to a safe point, where nobody says."""
_NAME: Final = "heap.quire"


def take_from(target: Target, path: str, *, references: bool, values: bool, timeout_seconds: float) -> SnapshotTaken:
    """Write a snapshot of the process to the path.

    Raises:
        InvalidOption: no place for what it writes can be made.
        ProgramFailed: it has ended, does not answer in time, or answers with an error.
        OSError: the file cannot be written; what was there is there still.
    """
    with folder_beside(target, path) as (here, there):
        request = {"folder": there, "references": references, "values": values}
        return finish(here, ask(target, request, timeout_seconds), path)


@contextmanager
def taken_for_now(target: Target, *, references: bool, timeout_seconds: float) -> Iterator[SnapshotTaken]:
    """The same in a folder that nobody else can look into; it goes at the end.

    Columns lie beside that folder, not in it: where root asks, the process could not write there.
    """
    with tempfile.TemporaryDirectory(prefix="quire-") as folder:
        path = os.path.join(folder, _NAME)
        beside = os.path.join(tempfile.gettempdir(), _NAME)
        with folder_beside(target, beside) as (here, there):
            about = ask(target, {"folder": there, "references": references, "values": False}, timeout_seconds)
            taken = finish(here, about, path)
        yield taken
