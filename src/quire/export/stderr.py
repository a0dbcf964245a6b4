"""Standard error as it was when the program began, for what is said in the middle of it or at its end."""

from __future__ import annotations

import os
import sys

NOT_AT_A_SIZE = "quire: no snapshot at a size: that takes the main thread, and a signal that is free\n"
"""Said by whoever would watch."""
_STDERR = 2


class Stderr:
    """Says something there, unless the program has put something else in its place."""

    def __init__(self) -> None:
        self._file = _identity(_STDERR)

    def say(self, text: str) -> None:
        """Write the text, with what its encoding does not have escaped; what cannot be written is dropped."""
        if self._file is None or _identity(_STDERR) != self._file:
            return
        left = text.encode(encoding(), "backslashreplace")
        try:
            while left:
                left = left[os.write(_STDERR, left) :]
        except OSError:
            pass


def encoding() -> str:
    """Of standard error."""
    return getattr(sys.__stderr__, "encoding", None) or "utf-8"


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Which file an open descriptor leads to."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
