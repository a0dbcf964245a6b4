"""Writing a file whole: whoever looks sees the old one or the new one, never half of it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress


def write_whole(path: str, text: str) -> None:
    """Put the text where the path leads.

    A regular file is written beside and put in place at once, with the old one's permissions; a device or a pipe that
    somebody reads is written to as it is.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # a pipe that nobody reads would have us wait for ever
        _write(path, "w", text)
        return
    target = os.path.realpath(path)
    beside = f"{target}.{os.getpid()}.tmp"
    try:
        _write(beside, "x", text)
        if os.path.exists(target):
            os.chmod(beside, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(beside, target)
    except BaseException:
        _remove(beside)
        raise


def write_pieces(path: str, pieces: Iterable[str]) -> None:
    """Put a long text there, piece by piece: a file that is complete, or nothing.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    target = os.path.realpath(path)
    beside = f"{target}.{os.getpid()}.tmp"
    try:
        with open(beside, "x", encoding="utf-8") as file:
            file.writelines(pieces)
        os.replace(beside, target)
    except BaseException:
        _remove(beside)
        raise


@contextmanager
def whole_folder(path: str) -> Iterator[str]:
    """A folder to write into; it gets its name at the end, and is gone if something goes wrong.

    Raises:
        OSError: it cannot be made, or something with that name is there, but for an empty folder.
    """
    beside = f"{os.path.realpath(path)}.{os.getpid()}.tmp"
    os.mkdir(beside)
    try:
        yield beside
        os.rename(beside, os.path.realpath(path))
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _write(path: str, mode: str, text: str) -> None:
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
