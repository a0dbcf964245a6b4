"""Writing what was asked for whole: a file or a folder that is complete, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from quire.process.whole_file import whole_file


def write_whole(path: str, text: str) -> None:
    """Put the text where the path leads, as ``write_pieces`` does."""
    write_pieces(path, [text])


def write_pieces(path: str, pieces: Iterable[str]) -> None:
    """Put a text there, piece by piece.

    A regular file is put in place at once; a device or a pipe that somebody reads is written to as it is.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # a pipe that nobody reads would have us wait for ever
        _write(path, pieces)
        return
    with whole_file(path) as descriptor:
        _write(descriptor, pieces)


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


def _write(file: str | int, pieces: Iterable[str]) -> None:
    with open(file, "w", encoding="utf-8") as opened:
        opened.writelines(pieces)
