"""``quire compare``: runs a program plainly and on quire, in turn, and says what each takes: would it help me?

    warm up   plain  quire        finds out that it runs both ways, and how long that takes
    pair 1    plain  quire
    pair 2    quire  plain        each side goes first as often as the other
    ...

Both sides are the Python that ``quire run`` would become; a plain run differs by ``QUIRE_DISABLE=1`` alone.
"""

from __future__ import annotations

import os
import platform
import stat
import sys
import tempfile
import time
from pathlib import Path

from quire.cli.command_line import CommandLine, parse
from quire.cli.progress import Progress
from quire.cli.run import read_config, start_environment
from quire.cli.screen import show
from quire.errors import InvalidOption
from quire.export import COMPARISON_VERSION
from quire.export.comparison import to_json
from quire.export.files import write_whole
from quire.process import settings
from quire.process.core import require_core
from quire.process.measure import ON_QUIRE, PLAINLY, Program, check_accounts, measure
from quire.process.version import __version__
from quire.records.comparison import Comparison, Measurement, Pair
from quire.report.compare_view import compare_view
from quire.report.paired import PAIRS_MIN

HELP = """\
quire compare [OPTIONS] [PYTHON'S OPTIONS] SCRIPT [ARGUMENTS]
quire compare [OPTIONS] [PYTHON'S OPTIONS] -m MODULE [ARGUMENTS]
quire compare [OPTIONS] [PYTHON'S OPTIONS] -c COMMAND [ARGUMENTS]

Runs a Python program plainly and on quire, in turn, several times. Then says
what each side takes: time, peak memory, memory at the end; how far the runs lie
apart; and in one sentence whether quire helps this program.

  --runs N              pairs of runs, after one pair to warm up. If not given:
                        what fits into about a minute, 6 to 20; 3 where a pair
                        takes longer than a minute
  --timeout SECONDS     stop if one run takes longer
  --json FILE           write all measurements to FILE as well; quire show FILE
                        shows them again
  --children            serve the Python processes that the program starts, too
  --large-blocks=libc   leave blocks above 512 bytes to libc, as CPython does
  --guard, --guard=N    on quire, with guarded sampling (N up to 2147483647, or
                        all): what it costs
  --give-back=MODE      on quire, what goes back to the system by itself: all
                        (if not given), purge (no mesh), off
  --help                this text

The program must come to its end, and runs many times: whatever it changes, it
changes each time. What it prints is not shown, but its standard output is
compared. Its standard input is empty, or the file that is given:
quire compare SCRIPT < FILE. A run that fails ends the comparison with exit code
2. Ctrl-C ends it, too; what has been measured until then is shown.
"""

_MINUTE = 60.0
_PAIRS_MAX = 20
_PAIRS_OF_LONG_RUNS = 3
_STDIN = "/proc/self/fd/0"


def run(arguments: list[str]) -> int:
    """Compare; returns the exit code."""
    line = parse(arguments, "compare")
    if line.wants_help:
        print(HELP, end="")
        return 0
    plain, quire = _environments(line)
    require_core()
    check_accounts()
    with tempfile.TemporaryDirectory(prefix="quire-compare-") as folder, Progress() as progress:
        course = _Course(_program(line, Path(folder)), {PLAINLY: plain, ON_QUIRE: quire}, progress)
        try:
            course.run(line.runs)
        finally:
            progress.stop()
            if course.pairs:
                _tell(course.comparison(), line.json)
    return 0


def _tell(comparison: Comparison, json: str | None) -> None:
    try:
        if json is not None:
            _write(json, comparison)
    finally:
        show(compare_view(comparison))


def _write(path: str, comparison: Comparison) -> None:
    try:
        write_whole(path, to_json(comparison))
    except OSError as error:
        raise InvalidOption(f"cannot write {path}: {error.strerror}; the comparison is on the screen alone") from None


# --- what is run ----------------------------------------------------------------------------------------------


def _environments(line: CommandLine) -> tuple[dict[str, str], dict[str, str]]:
    """What the plain runs find, and those on quire. Both have one order for their sets, and so one output.

    Raises:
        InvalidOption, UnsupportedRuntime: the program cannot be run so.
    """
    if line.kind == "input":
        raise InvalidOption("quire compare runs the program many times; put it into a file and name that")
    if settings.is_disabled(os.environ):
        raise InvalidOption("QUIRE_DISABLE is set, so there is nothing to compare; unset it")
    quire = {"PYTHONHASHSEED": "0"} | start_environment(line, read_config(line).without_report().without_snapshot())
    return quire | {"QUIRE_DISABLE": "1"}, quire


def _program(line: CommandLine, folder: Path) -> Program:
    return Program((sys.executable, *line.python_arguments), _stdin(), line.timeout_seconds, folder)


def _stdin() -> str:
    """A file that was given as standard input can be read again; nothing else can."""
    try:
        is_file = stat.S_ISREG(os.stat(_STDIN).st_mode)
    except OSError:
        is_file = False
    return _STDIN if is_file else os.devnull


# --- running it -----------------------------------------------------------------------------------------------


class _Course:
    """The runs, one after the other, and what has been measured so far."""

    def __init__(self, program: Program, environments: dict[str, dict[str, str]], progress: Progress) -> None:
        self.pairs: list[Pair] = []
        self._program = program
        self._environments = environments
        self._progress = progress
        self._planned = 0
        self._started = time.monotonic()

    def run(self, planned: int | None) -> None:
        """Run the program in pairs, as many as planned, or as seems right.

        Raises:
            ProgramFailed, UnsupportedRuntime, KeyboardInterrupt: the comparison ends with the pairs there are.
        """
        self._pair(0, "warm-up")
        self._planned = planned or pairs_in_a_minute(time.monotonic() - self._started)
        self._progress.plan(self._planned)
        for number in range(1, self._planned + 1):
            self.pairs.append(self._pair(number, f"pair {number} of {self._planned}"))
            self._progress.advance()

    def _pair(self, number: int, name: str) -> Pair:
        sides = (ON_QUIRE, PLAINLY) if number and number % 2 == 0 else (PLAINLY, ON_QUIRE)
        runs = {side: self._run(side, f"{name}, {side}") for side in sides}
        return Pair(runs[PLAINLY], runs[ON_QUIRE])

    def _run(self, side: str, description: str) -> Measurement:
        self._progress.tell(description)
        return measure(self._program, self._environments[side], side)

    def comparison(self) -> Comparison:
        return Comparison(
            version=COMPARISON_VERSION,
            quire_version=__version__,
            python=platform.python_version(),
            argv=self._program.command,
            wall_seconds=time.monotonic() - self._started,
            pairs_planned=self._planned,
            pairs=tuple(self.pairs),
        )


def pairs_in_a_minute(pair_seconds: float) -> int:
    """How many pairs to run when nobody says: what fits into a minute, within bounds."""
    if pair_seconds > _MINUTE:
        return _PAIRS_OF_LONG_RUNS
    return min(max(int(_MINUTE / pair_seconds), PAIRS_MIN), _PAIRS_MAX)
