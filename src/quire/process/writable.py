"""Whether a report can be written where it is to go, before the program runs."""

from __future__ import annotations

import os

from quire.errors import InvalidOption


def check_writable(path: str) -> None:
    """See that a file can be written there, leaving what is there as it is.

    Raises:
        InvalidOption: it cannot; the message says why.
    """
    try:
        _try_to_write(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidOption(f"cannot write {path}: {reason}; give another path for the report") from None


def _try_to_write(path: str) -> None:
    if os.path.isdir(path):
        raise ValueError("it is a folder")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise ValueError("it may not be written")
    if os.path.exists(path) and not os.path.isfile(path):
        return  # a device or a pipe, which is written to as it is
    probe = f"{os.path.realpath(path)}.{os.getpid()}.tmp"
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    os.unlink(probe)
