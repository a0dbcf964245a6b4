"""``quire``: finds the command, and turns every error of quire's own into one line and exit code 2.

A command's file is imported when it is asked for, and this one imports next to nothing: whoever types
``quire run`` waits for it.
"""

from __future__ import annotations

import errno
import os
import sys

from quire.errors import InvalidOption, ProgramFailed, QuireError, UnsupportedRuntime, in_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

HELP = """\
quire: Python's memory manager as a program you can run on and look into.

  quire run SCRIPT       run a program on quire's heap; see where its memory is
  quire show FILE        see a report again that --json has written
  quire compare SCRIPT   run it plainly and on quire: would quire help it?
  quire why PID          where the memory of a running Python is, and why
  quire model [CHAPTER]  how Python manages memory, told by a model of it
  quire snapshot PID     every object of a process on quire (from 3.14 on: any)
  quire waterfall FILE   where its resident memory was, every byte of it
  quire types FILE       what its heap is made of, by type and module
  quire pins FILE        which survivors keep which memory from going back
  quire path FILE OBJECT       the shortest paths from a root to an object
  quire referrers FILE OBJECT  who refers to it (referents: to whom it does)
  quire retained FILE [OBJECT]  what would be free without it
  quire view FILE|PID    a picture of all that in a browser, on this machine
  quire report FILE      the same as one HTML file
  quire cycles FILE      what only the collector can free
  quire diff FILE FILE   what came, went and grew between two snapshots
  quire export FILE --to FORMAT  for Chrome, DuckDB and others
  quire info             whether this Python can be served, and what is set

  FILE is a snapshot; PID in its place asks a process for one now.
  quire COMMAND --help   more about one of them
  quire --version

A service needs no other command: set QUIRE=1 in its environment.
"""

_OF_SNAPSHOTS = (
    "waterfall", "types", "pins", "path", "referrers", "referents", "retained", "cycles", "diff", "export", "view",
    "report",
)  # fmt: skip
_COMMANDS = ("run", "show", "compare", "why", "snapshot", "model", *_OF_SNAPSHOTS, "info")
_EXIT_ERROR = 2
_EXIT_INTERRUPTED = 130
_WRITE_ERRORS = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        code = _dispatch(sys.argv[1:] if arguments is None else arguments)
        _flush()
        return code
    except ProgramFailed as error:  # with the program's last words, a line each
        _say(f"quire: {error}")
        return _EXIT_ERROR
    except QuireError as error:
        _say(f"quire: {in_words(error)}")
        return _EXIT_ERROR
    except MemoryError:
        _say("quire: there is not enough memory for this answer; ask on a machine that has more, or raise its limit")
        return _EXIT_ERROR
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        _quiet(sys.stdout)
        return 0
    except OSError as error:
        _quiet(sys.stdout)
        what = "cannot write the answer" if error.errno in _WRITE_ERRORS else "the system refuses"
        _say(f"quire: {what}: {in_words(error)}")
        return _EXIT_ERROR


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if arguments[0] in ("-V", "--version"):
        from quire import __version__

        print(f"quire {__version__}")
        return 0
    return _command(arguments[0])(arguments[1:])


def _command(name: str) -> Callable[[list[str]], int]:
    if name == "run":  # becomes another program; it imports nothing that costs time
        from quire.cli.run import run

        return run
    from quire.cli.signals import end_like_an_interrupt

    end_like_an_interrupt()
    return _command_of_snapshots(name) if name in _OF_SNAPSHOTS else _plain_command(name)


def _command_of_snapshots(name: str) -> Callable[[list[str]], int]:
    """It computes over columns.

    Raises:
        UnsupportedRuntime: NumPy is missing.
    """
    try:
        import numpy  # noqa: F401  # whether it can be
    except ImportError:
        raise UnsupportedRuntime(f"quire {name} needs NumPy; pip install 'quire[snapshots]'") from None
    match name:
        case "waterfall":
            from quire.cli.waterfall import run
        case "types":
            from quire.cli.types import run
        case "pins":
            from quire.cli.pins import run
        case "path":
            from quire.cli.path import run
        case "referrers":
            from quire.cli.references import run_referrers as run
        case "referents":
            from quire.cli.references import run_referents as run
        case "retained":
            from quire.cli.retained import run
        case "cycles":
            from quire.cli.cycles import run
        case "export":
            from quire.cli.export import run
        case "view":
            from quire.cli.view import run
        case "report":
            from quire.cli.report import run
        case _:
            from quire.cli.diff import run
    return run


def _plain_command(name: str) -> Callable[[list[str]], int]:
    match name:
        case "show":
            from quire.cli.show import run
        case "compare":
            from quire.cli.compare import run
        case "snapshot":
            from quire.cli.snapshot import run
        case "why":
            from quire.cli.why import run
        case "model":
            from quire.cli.model import run
        case "info":
            from quire.cli.info import run
        case _:
            raise InvalidOption(_unknown(name))
    return run


def _unknown(name: str) -> str:
    from quire.process.suggest import did_you_mean

    if os.path.exists(name):
        return f"there is no command {name}; to run a program: quire run {name}"
    return f"there is no command {name or 'without a name'}{did_you_mean(name, _COMMANDS)}"


def _say(line: str) -> None:
    """One line on standard error, if there is one that can be written."""
    if sys.stderr is not None:  # closed: print would turn to standard output
        try:
            print(line, file=sys.stderr)
        except OSError:
            _quiet(sys.stderr)


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _quiet(stream: TextIO | None) -> None:
    """Nobody takes what is written there; without this, Python would complain when it flushes at its end."""
    if stream is None:
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
