"""The first thing a served Python runs: ``quire.pth`` imports this file, which installs quire before the program.

    quire run  --(QUIRE_RUN)-->  python  -->  site  -->  quire.pth  -->  boot  -->  the program
    QUIRE=1    ------------------------------^

``quire compare`` starts its plain runs the same way, with ``QUIRE_DISABLE=1``: they are read at their end (reading.py)
as the others are.

What comes of it, by who asked:

    quire run                served, or one line on standard error and exit code 2, nothing run
    QUIRE=1                  served, or one line on standard error and the program runs plainly
    a served one's child     served, or the program runs plainly

A setting that is not understood ends the process in each case. Imported without being asked for, it does nothing.
"""

import os
import sys

from quire.process import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from quire.errors import InvalidOption
    from quire.process.settings import Config

_EXIT_CODE = 2


def boot() -> None:
    """Do what the environment asks for."""
    order = os.environ.pop(settings.RUN, None)
    reading = os.environ.pop(settings.READING, None)
    if reading is not None:
        _read_at_end(reading)
    try:
        if settings.is_disabled(os.environ):
            return
        if order is not None:
            _start_ordered(order)
        elif settings.is_asked(os.environ):
            _start_asked()
    except _invalid_option() as error:
        _end(error)


def _read_at_end(path: str) -> None:
    """In a run of ``quire compare``."""
    from quire.process.reading import read_at_end

    read_at_end(path)


def _start_ordered(order: str) -> None:
    """Under ``quire run``."""
    from quire.process.handing_on import read_order, write_environment

    config, serves_children = read_order(order)
    try:
        _install(config)
    except Exception as error:
        _end(error)
    if serves_children:
        os.environ.update(write_environment(config))
    if settings.is_asked(os.environ):
        os.environ[settings.FAMILY] = str(os.getpid())


def _start_asked() -> None:
    """With ``QUIRE=1``: the first process of a family speaks, its children are silent."""
    config = settings.read_config(os.environ)
    if config.reports_each or config.snapshots_each:
        from quire.process.handing_on import write_files_each

        os.environ.update(write_files_each(config))
    own = str(os.getpid())
    family = os.environ.setdefault(settings.FAMILY, own)
    try:
        _install(config if family == own else _for_child(config))
    except _invalid_option():
        raise
    except Exception as error:
        if family == own and not _is_sub_interpreter():
            _say(f"{_in_words(error)}; the program runs without quire")


def _for_child(config: "Config") -> "Config":
    """A child that cannot write its report or snapshot, as another user perhaps, runs without."""
    from quire.process.writable import check_replaceable, check_writable

    child = config.for_child()
    if not _passes(check_writable, child.json):
        child = child.without_report()
    return child if _passes(check_replaceable, child.snapshot) else child.without_snapshot()


def _passes(check: "Callable[[str], None]", path: str | None) -> bool:
    try:
        if path is not None:
            check(path)
    except _invalid_option():
        return False
    return True


def _install(config: "Config") -> None:
    """Install, with what reports and snapshots need after it."""
    from quire.process.install import install

    frames = _pause_tracemalloc()
    try:
        served = install(config)
    finally:
        _resume_tracemalloc(frames)
    if served is not None and served.writes:
        from quire.export.writing import begin

        begin(served)


def _is_sub_interpreter() -> bool:
    """Whether this is not the process's first interpreter: each of them reads the start-up files."""
    from importlib import import_module

    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = import_module(name)
        except ImportError:
            continue
        return bool(interpreters.get_current() != interpreters.get_main())
    return False


# tracemalloc, asked for with -X or PYTHONTRACEMALLOC, is on by now. It works over quire, but not under it: when it
# stops, it puts back the allocator that it found. It has seen nothing of the program yet, so it can start again.


def _pause_tracemalloc() -> int:
    """Stop tracemalloc; how many frames it keeps, 0 if it was not on."""
    try:
        import _tracemalloc
    except (ImportError, RuntimeError):  # 3.11 does not load it again where CPython was started anew
        return 0
    if not _tracemalloc.is_tracing():
        return 0
    frames = _tracemalloc.get_traceback_limit()
    _tracemalloc.stop()
    return frames


def _resume_tracemalloc(frames: int) -> None:
    if frames:
        import _tracemalloc

        _tracemalloc.start(frames)


# --- words ----------------------------------------------------------------------------------------------------

# quire.errors is imported where there is one. What an except clause names is looked up only then.


def _invalid_option() -> "type[InvalidOption]":
    from quire.errors import InvalidOption

    return InvalidOption


def _in_words(error: Exception) -> str:
    from quire.errors import in_words

    return in_words(error)


def _say(line: str) -> None:
    """One line on standard error, if there is one."""
    try:
        sys.stderr.write(f"quire: {line}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass


def _end(error: Exception) -> "NoReturn":
    """Before the program: an exception would be reported, and passed over, by ``site``."""
    _say(_in_words(error))
    os._exit(_EXIT_CODE)


boot()
