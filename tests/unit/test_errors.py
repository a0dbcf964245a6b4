"""Errors in words: one line, without Python's names for them where the system has its own."""

from __future__ import annotations

import pytest

from quire.errors import InvalidOption, in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InvalidOption("give another\npath\x1b[31m"), "give another path [31m"),
        (FileNotFoundError(2, "No such file or directory", "/proc/self/\tlimits"), "/proc/self/ limits: No such file"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (OSError("odd"), "OSError: odd"),
        (ValueError("two\nlines"), "ValueError: two lines"),
        (MemoryError(), "no memory is left for it; allow the process more"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_is_one_line(error: Exception, words: str) -> None:
    """The system's words come with the file; an error that nobody expected keeps its kind, for whoever mends it."""
    assert in_words(error).startswith(words)
    assert in_words(error).isprintable()
