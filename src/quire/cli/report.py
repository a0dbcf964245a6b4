"""``quire report``: the page of a snapshot as one file that opens without a network."""

from __future__ import annotations

import os

from quire.cli.asked import Asked
from quire.cli.progress import Progress
from quire.cli.question import read_timeout
from quire.cli.screen import write
from quire.errors import InvalidOption
from quire.export.files import write_whole
from quire.process.suggest import did_you_mean
from quire.process.writable import check_replaceable
from quire.report.units import size
from quire.web.data import PageData, Subject
from quire.web.one_file import one_file

HELP = """\
quire report FILE|PID [FILE|PID] [-o OUTPUT] [--timeout SECONDS]

Writes the page of a snapshot as one HTML file: the map of the heap, what
retains what, types, pins, and the objects that retain most. It opens in a
browser without a network or a server, and has no value of the program's in it.
With two files the page is of the second, and has what changed since the first.

  -o, --output FILE    where to; heap.html for heap.quire if not given
  --timeout SECONDS    how long to wait for a process to come to a safe point; 30
  --help               this text
"""

_OPTIONS = ("--output", "--timeout", "--help")


def run(arguments: list[str]) -> int:
    """Write the page; returns the exit code."""
    if "-h" in arguments or "--help" in arguments:
        print(HELP, end="")
        return 0
    files, values = _read(arguments)
    path = values.get("--output") or f"{os.path.splitext(files[-1])[0]}.html"
    timeout = read_timeout(values.get("--timeout"))
    _check_output(path, files)
    with Progress() as progress:
        asked = [Asked(each, progress, "report", timeout_seconds=timeout) for each in files]
        text = one_file(PageData(subject_of(asked, files)))
        progress.tell("writing")
        write_whole(path, text)
    write(f"{path}: {size(len(text.encode()) // 1024 * 1024)}; open it in a browser.\n")
    return 0


def subject_of(asked: list[Asked], files: list[str]) -> Subject:
    """The last of these files, compared with the one before."""
    title = os.path.basename(files[-1])
    if len(asked) == 1:
        return Subject(title, asked[0])
    return Subject(title, asked[-1], before=asked[0], before_title=os.path.basename(files[0]))


def _read(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """The files, and the options with their values."""
    files: list[str] = []
    values: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        name, has_value, value = word.partition("=")
        if not word.startswith("-"):
            files.append(word)
            continue
        option = "--output" if name == "-o" else name
        if option not in _OPTIONS:
            raise InvalidOption(f"quire report has no option {word}{did_you_mean(name, _OPTIONS, '--')}")
        values[option] = value if has_value else next(words, "")
        if option == "--output" and not values[option]:
            raise InvalidOption(f"{name} needs a value, like {name} heap.html")
    if not 1 <= len(files) <= 2:
        raise InvalidOption("quire report takes FILE, or FILE FILE to compare; see quire report --help")
    return files, values


def _check_output(path: str, files: list[str]) -> None:
    """Before anything is computed."""
    check_replaceable(path, "page")
    for each in files:
        if os.path.exists(each) and os.path.exists(path) and os.path.samefile(each, path):
            raise InvalidOption(f"the page would be written over {each}; give another path")
