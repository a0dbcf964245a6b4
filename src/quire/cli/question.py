"""The words after a command that asks a snapshot: its files, perhaps an object, and how to answer.

quire retained heap.quire LogRecord#1 --rows 50
quire pins heap.quire --json
quire types 4711
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from quire.errors import InvalidOption
from quire.process.suggest import did_you_mean
from quire.process.taking import TIMEOUT_SECONDS

OPTIONS_HELP = """\
  --rows N     show as many rows; 20 if not given
  --json       the answer as JSON, on standard output
  --csv        its rows as CSV, on standard output
  --timeout S  how many seconds to wait for a process; 30 if not given
  --help       this text

FILE is a snapshot, as quire snapshot writes it; PID the number of a process,
which is asked for one now: see quire snapshot --help.
"""
OBJECT_HELP = """\
OBJECT is an address (0x7f3c80a1b2c0), a type and which of its objects by
address (LogRecord#3, logging.LogRecord#3; LogRecord is the first), or a path,
as quire path writes it: 'app.cache[3].name'.
"""
_ROWS = 20
_ROWS_MAX = 10**9
"""More than there are in any snapshot."""
_OPTIONS = ("--rows", "--json", "--csv", "--timeout", "--help")
_VALUED = ("--rows", "--timeout")
_TIMEOUT_SECONDS_MAX = 1e6


class Form(StrEnum):
    """How an answer is written."""

    SCREEN = "screen"
    JSON = "json"
    CSV = "csv"
    DOT = "dot"
    """Of paths alone."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked for. ``words`` are the files and the object, in the order that the command names them in."""

    words: tuple[str, ...] = ()
    form: Form = Form.SCREEN
    rows: int | None = None
    timeout_seconds: float = TIMEOUT_SECONDS
    wants_help: bool = False

    @property
    def rows_on_screen(self) -> int:
        return _ROWS if self.rows is None else self.rows

    @property
    def rows_in_answer(self) -> int | None:
        """How many rows to compute; ``None``: all."""
        return self.rows_on_screen if self.form is Form.SCREEN else self.rows


def read_question(arguments: list[str], command: str, takes: str) -> Question:
    """Read the words after the command.

    Args:
        arguments: the words.
        command: its name.
        takes: what it is given, as in its help: ``FILE|PID OBJECT``, ``FILE|PID [OBJECT]``.

    Raises:
        InvalidOption: a word is unknown, too many, or missing.
    """
    question = Question()
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            question = replace(question, words=(*question.words, word))
            continue
        name, has_value, value = word.partition("=")
        if name in _VALUED and not has_value:
            value = next(words, "")
        question = _with_option(question, command, name, value)
    if not question.wants_help:
        _check_words(question, command, takes)
    return question


def _with_option(question: Question, command: str, name: str, value: str) -> Question:
    if value and name in ("--json", "--csv", "--dot"):
        raise InvalidOption(f"{name} takes no value, it writes to standard output: quire {command} FILE {name} > FILE")
    match name:
        case "--json" | "--csv":
            return _in_form(question, Form(name.removeprefix("--")))
        case "--dot" if command == "path":
            return _in_form(question, Form.DOT)
        case "--rows":
            return replace(question, rows=_rows(value))
        case "--timeout":
            return replace(question, timeout_seconds=read_timeout(value))
        case "--help" | "-h":
            return replace(question, wants_help=True)
    raise InvalidOption(f"quire {command} has no option {name}{did_you_mean(name, _OPTIONS, '--')}")


def _in_form(question: Question, form: Form) -> Question:
    if question.form not in (Form.SCREEN, form):
        raise InvalidOption(f"an answer is written in one form; give --{question.form} or --{form}, not both")
    return replace(question, form=form)


def _rows(value: str) -> int:
    if not (value.isascii() and value.isdigit() and value.strip("0")):
        raise InvalidOption(f"--rows {value or 'without a value'} is no number of rows; write --rows 50")
    return int(value) if len(value) < len(str(_ROWS_MAX)) else _ROWS_MAX


def read_timeout(value: str | None) -> float:
    """How long to wait for a process, in seconds; ``None``: as long as where nothing is said.

    Raises:
        InvalidOption: it is no such time.
    """
    if value is None:
        return TIMEOUT_SECONDS
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _TIMEOUT_SECONDS_MAX:
        raise InvalidOption(f"--timeout {value or 'without a value'} is not understood; give seconds: --timeout 60")
    return seconds


def _check_words(question: Question, command: str, takes: str) -> None:
    names = takes.split()
    required = [name for name in names if not name.startswith("[")]
    if not len(required) <= len(question.words) <= len(names):
        raise InvalidOption(f"quire {command} takes {takes}; see quire {command} --help")
