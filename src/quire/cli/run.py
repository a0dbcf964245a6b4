"""``quire run``: checks what is asked, then becomes the Python that runs it.

    quire run --json out.json -X utf8 script.py args
      --> QUIRE_RUN=... python -X utf8 script.py args        by execve: the same process, nothing in between

So arguments, ``-X``, ``-W``, tracebacks, exit codes and signals are CPython's own. ``quire.pth`` installs quire
in that Python before the program (see boot.py). This file imports nothing that costs time.
"""

from __future__ import annotations

import os
import sys

from quire.cli.command_line import CommandLine, parse
from quire.cli.target import check_is_not_target, check_target, has_start_file, target_path
from quire.errors import InvalidOption, UnsupportedRuntime
from quire.process import settings
from quire.process.handing_on import write_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

HELP = """\
quire run [OPTIONS] [PYTHON'S OPTIONS] SCRIPT [ARGUMENTS]
quire run [OPTIONS] [PYTHON'S OPTIONS] -m MODULE [ARGUMENTS]
quire run [OPTIONS] [PYTHON'S OPTIONS] -c COMMAND [ARGUMENTS]
quire run [OPTIONS] [PYTHON'S OPTIONS] -     the program comes on standard input

Runs a Python program as plain python would, on quire's heap. When it ends, one
screen on standard error says where its memory was. (A program that a signal or
os._exit ends is gone before it can say anything.)

  --quiet               no screen
  --json FILE           write the report to FILE as well; quire show FILE shows
                        it again. With %p in FILE, which stands for the
                        process's number, forks and served children write one
                        each
  --snapshot FILE       write a snapshot (quire types FILE and others read it)
                        at the end; with one of the next two then instead. %p
                        in FILE is the process's number, and each served
                        process writes one; %n counts those of a process
  --snapshot-at SIZE    when resident memory first stands above SIZE, like 1.5G
  --snapshot-on SIGNAL  each time that SIGUSR1, SIGUSR2, SIGHUP or SIGQUIT comes
  --children            serve the Python processes it starts, too
  --large-blocks=libc   leave blocks above 512 bytes to libc, as CPython does
  --guard, --guard=N    guarded sampling, at its default rate or of one request
                        in N (up to 2147483647, or all): an access past a
                        sampled block's end or after its free ends the program,
                        and says whose it was
  --give-back=MODE      what goes back to the system by itself: all (if not
                        given), purge (no mesh), off
  --help                this text

What the options set can be set in the environment, too, for a service: QUIRE=1,
QUIRE_REPORT=1, QUIRE_JSON, QUIRE_LARGE_BLOCKS, QUIRE_GUARD, QUIRE_GIVE_BACK,
QUIRE_SNAPSHOT, QUIRE_SNAPSHOT_AT, QUIRE_SNAPSHOT_ON, QUIRE_RANGE (addresses to
reserve, like 64G), QUIRE_DISABLE=1.
"""


def run(arguments: list[str]) -> int:
    """Become the Python that runs the program. Returns only after ``--help``."""
    line = parse(arguments)
    if line.wants_help:
        print(HELP, end="")
        return 0
    _become_python(line, start_environment(line, read_config(line)))


def read_config(line: CommandLine) -> settings.Config:
    """What the options ask for, and what the environment does where they say nothing."""
    base = settings.Config() if settings.is_disabled(os.environ) else settings.read_config(os.environ)
    json = line.json or base.json
    if json is not None:
        from quire.process.writable import check_writable

        check_writable(json)
        check_is_not_target(line, json)
    snapshot = line.snapshot or base.snapshot
    if snapshot is not None:
        from quire.process.writable import check_replaceable

        check_replaceable(snapshot)
        check_is_not_target(line, snapshot, "snapshot")
    return settings.Config(
        large_blocks=line.large_blocks or base.large_blocks,
        range_bytes=base.range_bytes,
        report=not line.is_quiet,
        json=json,
        guard=base.guard if line.guard is None else line.guard,
        give_back=line.give_back or base.give_back,
        snapshot=snapshot,
        snapshot_at=line.snapshot_at or base.snapshot_at,
        snapshot_on=line.snapshot_on or base.snapshot_on,
    )


def start_environment(line: CommandLine, config: settings.Config) -> dict[str, str]:
    """See that the program can be run and served; the environment that its Python is to start with.

    Raises:
        InvalidOption, UnsupportedRuntime: it cannot; the message says why.
    """
    _check_python(line, os.environ)
    path = target_path(line)
    check_target(line, path)
    return _environment(line, config, path)


def _check_python(line: CommandLine, environment: Mapping[str, str]) -> None:
    """Refuse what would keep quire from being installed, with better words than the process itself would have."""
    if not sys.executable:
        raise UnsupportedRuntime("this Python does not know its own program; call quire by its full path")
    if line.has_flag("S"):
        raise InvalidOption("with -S Python reads no start-up files, and quire starts from one; leave -S out")
    if "dev" in line.x_options or (environment.get("PYTHONDEVMODE") and not line.ignores_environment):
        raise InvalidOption(
            "the development mode's debug allocator cannot be served; leave out -X dev and PYTHONDEVMODE"
        )
    allocator = "" if line.ignores_environment else environment.get("PYTHONMALLOC", "")
    if allocator.endswith("debug"):
        raise InvalidOption(f"the debug allocator PYTHONMALLOC={allocator} cannot be served; unset it")


def _environment(line: CommandLine, config: settings.Config, path: list[str]) -> dict[str, str]:
    """The environment that plain python would see, and the order to be served."""
    environment = _without_coerced_locale(os.environ)
    environment.pop(settings.FAMILY, None)  # what runs now is nobody's child
    if settings.is_disabled(environment):
        if config.report:
            print("quire: QUIRE_DISABLE=1 is set; the program runs without quire", file=sys.stderr)
        return environment
    if not has_start_file(path):
        raise UnsupportedRuntime(
            "Python would not read quire's start-up file quire.pth; install quire where this Python has its packages"
        )
    environment[settings.RUN] = write_order(config, line.serves_children)
    return environment


def _without_coerced_locale(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as it was before this Python, in the C locale, put LC_CTYPE into it (PEP 538).

    The Python to come would take it for the user's own, and not enter the UTF-8 mode.
    """
    copy = dict(environment)
    if copy.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8") and not _was_given("LC_CTYPE"):
        del copy["LC_CTYPE"]
    return copy


def _was_given(name: str) -> bool:
    try:
        with open("/proc/self/environ", "rb") as file:
            return f"\0{name}=".encode() in b"\0" + file.read()
    except OSError:
        return True


def _become_python(line: CommandLine, environment: dict[str, str]) -> NoReturn:
    try:
        os.execve(sys.executable, [sys.executable, *line.python_arguments], environment)
    except OSError as error:
        raise UnsupportedRuntime(f"cannot start {sys.executable}: {error.strerror}") from None
