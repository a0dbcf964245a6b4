"""Writing what was asked for whole: a file or a folder that is complete, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from quire.process.whole_file import whole_file
from quire.process.writable import name_beside


def write_whole(path: str, text: str) -> None:
    """Put the text where the path leads, as ``write_pieces`` does."""
    write_pieces(path, [text])


def write_pieces(path: str, pieces: Iterable[str]) -> None:
    """Put a text there, piece by piece.

    A regular file is put in place at once; a device or a pipe that somebody reads is written to as it is, and so is
    where standard output or error goes, with what the program has written there.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    stream = _stream_to(path)
    if stream is not None:
        _write(os.dup(stream), pieces)
    elif os.path.exists(path) and not os.path.isfile(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # a pipe that nobody reads would have us wait for ever
        os.set_blocking(descriptor, True)
        _write(descriptor, pieces)
    else:
        with whole_file(path) as descriptor:
            _write(descriptor, pieces)


@contextmanager
def whole_folder(path: str) -> Iterator[str]:
    """A folder to write into; it gets its name at the end, and is gone if something goes wrong.

    Raises:
        OSError: it cannot be made, or something with that name is there, but for an empty folder.
    """
    beside = name_beside(os.path.realpath(path))
    os.mkdir(beside)
    try:
        yield beside
        os.rename(beside, os.path.realpath(path))
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _stream_to(path: str) -> int | None:
    """Standard output or error, if it goes to the regular file there."""
    for stream in (1, 2):
        with suppress(OSError):
            if os.path.isfile(path) and os.path.samestat(os.stat(path), os.fstat(stream)):
                return stream
    return None


def _write(descriptor: int, pieces: Iterable[str]) -> None:
    with open(descriptor, "w", encoding="utf-8") as opened:
        opened.writelines(pieces)
