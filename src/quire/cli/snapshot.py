"""``quire snapshot``: every object of a running process, with its type, size, count and references, into a file."""

from __future__ import annotations

from quire.cli.question import read_timeout
from quire.cli.screen import write
from quire.errors import InvalidOption
from quire.process.asking import Target
from quire.process.named import read_pid
from quire.process.suggest import did_you_mean
from quire.process.taking import TIMEOUT_SECONDS, take_from
from quire.process.writable import check_replaceable
from quire.records.process import SnapshotTaken
from quire.report.units import count, seconds, size

HELP = """\
quire snapshot [OPTIONS] PID

Writes a snapshot of a process that runs on quire: every object with its type,
size, count and references, and where the bytes lie. Names are in it (modules,
types, attributes, variables), but no values, unless they are asked for. The
process stands still meanwhile, about as long as for a collection or two. From
CPython 3.14 on the process need not run on quire, if it is of this Python's
version and allows sys.remote_exec.

  -o, --output FILE     where to; heap-PID.quire if not given
  --no-references       without who refers to whom: a shorter pause, but nobody
                        can tell then why an object lives
  --values              with the texts of strings and bytes, the first 200
                        characters of each; heaps hold secrets
  --timeout SECONDS     how long to wait for the program to come to a safe
                        point, between two of its bytecodes; 30 if not given
  --help                this text
"""

_OPTIONS = ("--output", "--no-references", "--values", "--timeout", "--help")


class _Order:
    """What the command line asks for."""

    def __init__(self, arguments: list[str]) -> None:
        self.output: str | None = None
        self.references = True
        self.values = False
        self.timeout_seconds = TIMEOUT_SECONDS
        self._words = iter(arguments)
        pids = [word for word in self._words if not self._read(word)]
        if len(pids) != 1:
            raise InvalidOption("quire snapshot takes the number of one process; pgrep finds it")
        self.pid = read_pid(pids[0], "snapshot")
        self.path = self.output or f"heap-{self.pid}.quire"

    def _read(self, word: str) -> bool:
        """Whether it is an option."""
        name, has_value, value = word.partition("=")
        match name:
            case "-o" | "--output":
                self.output = value if has_value else self._value(name)
            case "--timeout":
                self.timeout_seconds = read_timeout(value if has_value else self._value(name))
            case "--no-references":
                self.references = False
            case "--values" if not has_value:
                self.values = True
            case "--values":
                raise InvalidOption("--values takes no value; without it there are none in the file")
            case _ if word.startswith("-"):
                raise InvalidOption(f"quire snapshot has no option {word}{did_you_mean(name, _OPTIONS, '--')}")
            case _:
                return False
        return True

    def _value(self, name: str) -> str:
        value = next(self._words, None)
        if not value:
            raise InvalidOption(f"{name} needs a value, like {name} {'heap.quire' if name != '--timeout' else '60'}")
        return value


def run(arguments: list[str]) -> int:
    """Have the process write its columns, and make one file of them; returns the exit code."""
    if "-h" in arguments or "--help" in arguments:
        print(HELP, end="")
        return 0
    order = _Order(arguments)
    check_replaceable(order.path)  # before the process stands still for it
    target = Target(order.pid)
    taken = take_from(
        target, order.path, references=order.references, values=order.values, timeout_seconds=order.timeout_seconds
    )
    write(_in_words(taken))
    return 0


def _in_words(taken: SnapshotTaken) -> str:
    references = "" if taken.references is None else f", {count(taken.references)} references"
    return (
        f"{taken.path}: {count(taken.objects)} objects{references}, {size(taken.file_bytes)}\n"
        f"the process stood still for {seconds(taken.pause_seconds)}; quire types {taken.path} says what they are\n"
    )
