"""Whether a file can be written where it is to go, before the program runs, and where it lies until it is whole."""

from __future__ import annotations

import os

from quire.errors import InvalidOption


def check_writable(path: str) -> None:
    """See that a report can be written there, leaving what is there as it is.

    Raises:
        InvalidOption: it cannot; the message says why.
    """
    _check(path, "report")


def check_replaceable(path: str, what: str = "snapshot") -> None:
    """The same for what takes the place of a file that is there.

    Raises:
        InvalidOption: it cannot be written; the message says why.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise InvalidOption(f"cannot write {path}: it is no file; give another path for the {what}")
    _check(path, what)


def _check(path: str, what: str) -> None:
    try:
        _try_to_write(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidOption(f"cannot write {path}: {reason}; give another path for the {what}") from None


def _try_to_write(path: str) -> None:
    if os.path.isdir(path):
        raise ValueError("it is a folder")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise ValueError("it may not be written")
    if os.path.exists(path) and not os.path.isfile(path):
        return  # a device or a pipe, which is written to as it is
    probe = name_beside(os.path.realpath(path))
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    os.unlink(probe)


def name_beside(path: str) -> str:
    """Of what lies beside it for a while only. Who is killed amid writing leaves one behind, and in a container every
    process may have the same number: so no two are the same."""
    return f"{path}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
