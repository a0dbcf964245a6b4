"""What can go wrong, as one tree.

    QuireError
    ├── UnsupportedRuntime   this Python, platform or build cannot be served
    ├── AllocatorInUse       another allocator hook was there before quire; nothing was changed
    ├── InvalidOption        an option, setting or argument is not what it should be
    ├── DamagedSnapshot      a snapshot's columns do not fit together, or its file is cut off, damaged or newer
    ├── ProgramFailed        a run of quire compare did not end as it must; there is nothing to compare
    ├── OutOfMemory          the request cannot be met (a MemoryError); the heap is as it was before
    ├── HeapMisuse           a rule of the heap was broken; the heap is as it was before
    │   ├── DoubleFree       the block is free already
    │   ├── NotABlock        the address is not the start of an allocated block
    │   └── InvalidSize      the size is negative, or no whole number
    └── ...                  what only the model can meet: quire.model.errors

The command line catches ``QuireError`` once, prints its one line and exits with code 2. What else is caught, the
system's refusals most of all, is told by ``in_words``.
"""

from __future__ import annotations

from quire import QuireError as QuireError


class UnsupportedRuntime(QuireError):
    """This Python, platform or build cannot be served; the message gives the reason and the remedy."""


class AllocatorInUse(QuireError):
    """Another allocator hook (a debug allocator, tracemalloc, a profiler) is active; nothing was changed."""


class InvalidOption(QuireError):
    """An option, setting or argument is not what it should be; the message says what to write instead."""


class DamagedSnapshot(QuireError):
    """A snapshot's columns do not fit together, or its file is cut off, damaged or newer; the message says which."""


class ProgramFailed(QuireError):
    """A run of ``quire compare`` failed, took too long or ended otherwise on quire; the message has its last words."""


class OutOfMemory(QuireError, MemoryError):
    """The request cannot be met; the heap is as it was before."""


class HeapMisuse(QuireError):
    """A rule of the heap was broken; the heap is as it was before."""


class DoubleFree(HeapMisuse):
    """The block is free already."""


class NotABlock(HeapMisuse):
    """The address is not the start of an allocated block."""


class InvalidSize(HeapMisuse, ValueError):
    """The size is negative, or no whole number."""


def in_words(error: BaseException) -> str:
    """The error on one line: quire's own as it is, the system's with the file, and any other with its kind."""
    from quire.text import printable

    if isinstance(error, QuireError):
        return printable(str(error))
    if isinstance(error, OSError) and error.strerror:
        return printable(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    if isinstance(error, MemoryError) and not str(error):
        return "no memory is left for it; allow the process more (ulimit -v, ulimit -d)"
    return printable(f"{type(error).__name__}: {error}")
