"""quire: Python's memory manager as a program you can run on, look into and learn from.

    import quire
    quire.install()          serve this process from quire's own heap
    quire.stats()            the heap in numbers
    quire.snapshot(path)     every object, as a file that quire types, pins, path and others read
    quire.trim()             give back to the system, now, what rests
    quire.Heap()             a heap of one's own; quire.model has the same in plain Python

Importing quire costs next to nothing and changes nothing; what needs more is imported when it is asked for.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from quire.errors import (
        AllocatorInUse,
        DoubleFree,
        HeapMisuse,
        InvalidOption,
        InvalidSize,
        NotABlock,
        OutOfMemory,
        UnsupportedRuntime,
    )
    from quire.process.heap import Heap
    from quire.process.settings import Config
    from quire.process.version import __version__
    from quire.records.process import SnapshotTaken
    from quire.records.statistics import GivenBack, HeapStatistics

__all__ = [
    "AllocatorInUse",
    "Config",
    "DoubleFree",
    "Heap",
    "HeapMisuse",
    "InvalidOption",
    "InvalidSize",
    "NotABlock",
    "OutOfMemory",
    "QuireError",
    "UnsupportedRuntime",
    "__version__",
    "install",
    "installed",
    "snapshot",
    "stats",
    "trim",
]

_MODULES = ("errors", "model")
_ERRORS = "quire.errors"
_IMPORTED_WHEN_ASKED = {
    "AllocatorInUse": _ERRORS,
    "Config": "quire.process.settings",
    "DoubleFree": _ERRORS,
    "Heap": "quire.process.heap",
    "HeapMisuse": _ERRORS,
    "InvalidOption": _ERRORS,
    "InvalidSize": _ERRORS,
    "NotABlock": _ERRORS,
    "OutOfMemory": _ERRORS,
    "UnsupportedRuntime": _ERRORS,
    "__version__": "quire.process.version",
}


class QuireError(Exception):
    """The root of every error of quire's own."""

    __module__ = _ERRORS  # where the others are; here, for the end of Python, when nothing can be imported any more


def install(config: "Config | None" = None) -> None:
    """Serve this process from quire's heap, from now until it ends.

    What was allocated before stays where it is. A second call changes nothing, and with ``QUIRE_DISABLE=1`` in
    the environment no call does.

    Args:
        config: what to serve and what to report; without it, what the ``QUIRE_*`` variables ask for.

    Raises:
        UnsupportedRuntime: this Python, platform or build cannot be served.
        AllocatorInUse: a debug allocator, tracemalloc or another hook is active; nothing was changed.
        InvalidOption: a ``QUIRE_*`` variable is not what it should be.
        OutOfMemory: the system does not reserve the addresses.
    """
    from quire.process.install import install as install_process

    installed_config = install_process(config)
    if installed_config is not None and installed_config.writes:
        from quire.export.writing import begin

        begin(installed_config)


def installed() -> bool:
    """Whether quire's heap serves this process."""
    from quire.process.install import installed as process_installed

    return process_installed()


def stats() -> "HeapStatistics":
    """The heap that serves this process, in numbers.

    Raises:
        UnsupportedRuntime: the native core is missing.
        QuireError: quire does not serve this process, or what this needs cannot be imported now.
    """
    try:
        from quire.process.statistics import stats as process_stats
    except (ImportError, OSError) as error:
        raise _not_now("stats", error) from None
    return process_stats()


def trim(*, collect: bool = False) -> "GivenBack":
    """Give back to the system, now, what rests in this process: empty pools, holes between runs, kept pieces, and what
    is free in libc's heap. Nothing is held in reserve. By itself the process does the same with time, if it may.

    From several threads at once, one does it after the other. It works in a forked child, and with any ``give_back``.

    Args:
        collect: run the garbage collector first.

    Returns:
        What went back, by kind.

    Raises:
        UnsupportedRuntime: the native core is missing.
        QuireError: quire does not serve this process, Python is taking itself down, or what this needs cannot be
            imported now.
    """
    if sys.is_finalizing():
        raise QuireError("Python is taking itself down, and all of its memory goes back; call quire.trim() before")
    try:
        from quire.process.trim import trim as process_trim
    except (ImportError, OSError) as error:
        raise _not_now("trim", error) from None
    return process_trim(collect)


def snapshot(path: "str | os.PathLike[str]", *, references: bool = True, values: bool = False) -> "SnapshotTaken":
    """Write a snapshot of this process: every object with its type, size, count and references, and where bytes lie.

    quire need not serve the process. Names are in it (of modules, types, attributes, variables), but no values, unless
    they are asked for. All threads stand still meanwhile.

    Args:
        path: the file; one that is there is replaced when the new one is complete.
        references: with who refers to whom. Without, the pause is shorter, and no path can be told.
        values: with the texts of strings and bytes, the first 200 characters of each: heaps hold secrets.

    Returns:
        What was written, and how long the process stood still.

    Raises:
        UnsupportedRuntime: the native core is missing, or cannot read this Python's objects.
        MemoryError: there is no memory for it.
        OSError: the file cannot be written; what was there is there still.
    """
    from quire.process.snapshot import snapshot as process_snapshot

    return process_snapshot(path, references=references, values=values)


def _not_now(name: str, error: Exception) -> QuireError:
    """The first call comes amid itself, from a finalizer or a signal's handler, or where no file can be read."""
    return QuireError(f"quire.{name}() cannot import what it needs here; call it once at the start ({error})")


def __getattr__(name: str) -> object:
    module = f"quire.{name}" if name in _MODULES else _IMPORTED_WHEN_ASKED.get(name)
    if module is None:  # also when quire's own modules are imported, so nothing costs time before
        raise AttributeError(f"module 'quire' has no attribute {name!r}")
    import importlib

    found = importlib.import_module(module)
    return found if name in _MODULES else getattr(found, name)


def __dir__() -> list[str]:
    return sorted(__all__)
