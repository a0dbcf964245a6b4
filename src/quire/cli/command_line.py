"""The words after ``quire run`` and ``compare``: quire's options, Python's options, and where the program's own begin.

Python reads its options the same way (``Python/getopt.c``): letters may be clustered, ``-c`` and ``-m`` take the
rest of the line, and the first word without a dash is the script. Not argparse, which takes longer to import than
Python to start, and looks for options behind the script.
"""

from __future__ import annotations

from quire.errors import InvalidOption
from quire.process.settings import (
    read_give_back,
    read_guard,
    read_json_path,
    read_large_blocks,
    read_snapshot_at,
    read_snapshot_on,
)
from quire.process.suggest import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from quire.process.settings import GiveBack, Guard, LargeBlocks

_PYTHON_FLAGS = "bBdEiIOPqRsSuvx"
_OF_BOTH = {
    "--children": "",
    "--give-back": "purge",
    "--guard": "",
    "--help": "",
    "--json": "FILE",
    "--large-blocks": "libc",
}
OPTIONS = {
    "run": _OF_BOTH | {"--quiet": "", "--snapshot": "heap.quire", "--snapshot-at": "1.5G", "--snapshot-on": "SIGUSR2"},
    "compare": _OF_BOTH | {"--runs": "10", "--timeout": "60"},
}
"""quire's options by command, each with an example of its value if it needs one."""
_MAY_HAVE_VALUE = ("--guard",)
_RUNS_MAX = 1000
_TIMEOUT_MAX = 1e6


class CommandLine:
    """What was asked for. ``python_arguments`` are the words as they were, without quire's options."""

    def __init__(self, command: str) -> None:
        self.command = command
        """``run`` or ``compare``."""
        self.wants_help = False
        self.is_quiet = False
        self.serves_children = False
        self.json: str | None = None
        self.large_blocks: LargeBlocks | None = None
        self.runs: int | None = None
        self.timeout_seconds: float | None = None
        self.guard: Guard | None = None
        self.give_back: GiveBack | None = None
        self.snapshot: str | None = None
        self.snapshot_at: int | None = None
        self.snapshot_on: str | None = None
        self.python_arguments: list[str] = []
        self.flags = ""
        self.x_options: list[str] = []
        self.kind = ""
        """``script``, ``module``, ``command`` or ``input``; empty where there is nothing to run."""
        self.target = ""

    def has_flag(self, letter: str) -> bool:
        return letter in self.flags

    @property
    def ignores_environment(self) -> bool:
        return self.has_flag("E") or self.has_flag("I")


def parse(arguments: list[str], command: str = "run") -> CommandLine:
    """Read the words after ``quire run``, or after another command that runs a program.

    Raises:
        InvalidOption: an option is unknown or lacks its value, or there is nothing to run.
    """
    line = CommandLine(command)
    words = _Words(arguments)
    while not line.kind and not line.wants_help:
        _parse_word(line, words)
    line.python_arguments += words.rest()
    return line


class _Words:
    """The words, taken one after the other."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._next = 0

    def take(self, otherwise: str) -> str:
        """The next word.

        Raises:
            InvalidOption: there is none; the message is ``otherwise``.
        """
        if self._next == len(self._words):
            raise InvalidOption(otherwise)
        self._next += 1
        return self._words[self._next - 1]

    def rest(self) -> list[str]:
        return self._words[self._next :]


def _parse_word(line: CommandLine, words: _Words) -> None:
    ways = "-m MODULE, -c COMMAND, or - for standard input" if line.command == "run" else "-m MODULE or -c COMMAND"
    word = words.take(f"there is nothing to run; give a script, {ways}")
    if word == "-":
        _set_target(line, "input", word, [word])
    elif word == "--":
        script = words.take("there is no script after --")
        _set_target(line, "script", script, [word, script])
    elif word == "--check-hash-based-pycs":
        line.python_arguments += [word, words.take(f"{word} needs a value: always, default or never")]
    elif word.startswith("--"):
        _parse_option(line, word, words)
    elif word.startswith("-"):
        _parse_cluster(line, word, words)
    else:
        _set_target(line, "script", word, [word])


def _set_target(line: CommandLine, kind: str, target: str, words: list[str]) -> None:
    line.kind = kind
    line.target = target
    line.python_arguments += words


# --- quire's options ------------------------------------------------------------------------------------------


def _parse_option(line: CommandLine, word: str, words: _Words) -> None:
    name, has_value, value = word.partition("=")
    options = OPTIONS[line.command]
    if name not in options:
        raise InvalidOption(f"quire {line.command} has no option {name}{did_you_mean(name, options, '--')}")
    example = options[name]
    if has_value and not example and name not in _MAY_HAVE_VALUE:
        raise InvalidOption(f"{name} takes no value")
    if example and not has_value:
        value = words.take(f"{name} needs a value: {name} {example}")
    match name:
        case "--guard":
            line.guard = read_guard(value if has_value else "1", name)
        case "--give-back":
            line.give_back = read_give_back(value, name)
        case "--help":
            line.wants_help = True
        case "--quiet":
            line.is_quiet = True
        case "--children":
            line.serves_children = True
        case "--json":
            line.json = read_json_path(value, name)
        case "--large-blocks":
            line.large_blocks = read_large_blocks(value, name)
        case "--snapshot":
            line.snapshot = read_json_path(value, name)
        case "--snapshot-at":
            line.snapshot_at = read_snapshot_at(value, name)
        case "--snapshot-on":
            line.snapshot_on = read_snapshot_on(value, name)
        case "--runs":
            line.runs = _runs(value)
        case "--timeout":
            line.timeout_seconds = _seconds(value)


def _runs(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 5 and 1 <= int(value) <= _RUNS_MAX):
        raise InvalidOption(f"--runs={value} is not a number from 1 to {_RUNS_MAX}; it says how many pairs of runs")
    return int(value)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _TIMEOUT_MAX:
        what = f"a number of seconds above 0, up to {_TIMEOUT_MAX:.0f}"
        raise InvalidOption(f"--timeout={value} is not {what}; it says how long a run may take")
    return seconds


# --- Python's options -----------------------------------------------------------------------------------------


def _parse_cluster(line: CommandLine, word: str, words: _Words) -> None:
    """One word of Python's options, like ``-u``, ``-Wignore`` or ``-Im``."""
    taken = [word]
    for position, letter in enumerate(word[1:], start=2):
        if letter in _PYTHON_FLAGS:
            line.flags += letter
        elif letter in "cmWX":
            _parse_valued(line, letter, word[position:], taken, words)
            break
        else:
            _end_of_cluster(line, letter)
            break
    line.python_arguments += taken


def _parse_valued(line: CommandLine, letter: str, value: str, taken: list[str], words: _Words) -> None:
    """An option whose value is the rest of the word, or the next one."""
    if not value:
        value = words.take(f"-{letter} needs a value")
        taken.append(value)
    match letter:
        case "c":
            _set_target(line, "command", value, [])
        case "m":
            _set_target(line, "module", value, [])
        case "X":
            line.x_options.append(value)


def _end_of_cluster(line: CommandLine, letter: str) -> None:
    if letter not in "h?":
        raise InvalidOption(f"neither quire {line.command} nor Python has an option -{letter} that runs a program")
    line.wants_help = True
