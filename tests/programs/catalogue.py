"""Which programs are run, how, and what of their output may differ from one run to the next."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Archive:
    """Sources that a program works on, from the package index."""

    url: str
    sha256: str
    folder: str
    """The one folder that the archive holds."""


@dataclass(frozen=True)
class Program:
    """One program of the kind people run.

    It is run in a folder of its own, whose path is the same every time: an empty one, or a copy of its archive.
    """

    name: str
    arguments: tuple[str, ...]
    """What follows ``python`` on the command line, and ``quire run``."""
    options: tuple[str, ...] = ()
    """Of ``quire run``."""
    code: int = 0
    """What it exits with."""
    client: str | None = None
    """A script that is run beside it, plainly both times, with the program's process number as its argument."""
    archive: Archive | None = None
    environment: dict[str, str] = field(default_factory=dict)
    normalise: Callable[[str], str] = str
    """Takes away from its output what differs between any two runs."""


def script(name: str, *options: str, code: int = 0) -> Program:
    return Program(name, (str(HERE / f"{name}.py"),), options, code)


def without_durations(output: str) -> str:
    """pytest tells how long it took."""
    return re.sub(r"in \d+\.\d\ds( \(\d+:\d\d:\d\d\))?", "in a while", output)


def events_of_server(output: str) -> str:
    """gunicorn's log, down to the kinds of events that every run has.

    It names processes by their numbers; which worker answers what, and so grows old when, is the kernel's choice.
    And a worker that is told to end before it has its signal handlers ends by the signal, which is an event more.
    """
    lines = {re.sub(r"\d+", "N", line) for line in output.splitlines() if "was sent SIGTERM" not in line}
    return "\n".join(sorted(lines))


SQLALCHEMY = Archive(
    "https://files.pythonhosted.org/packages/3f/69/b87a540f6888ebc1f63a6e6138e8dc0827331a9be7c5eb15e3bd40a76281/"
    "sqlalchemy-2.1.9.tar.gz",
    "d700a8b2edfb26282a470333d6bc4a454c4acda4d201a3bea7b72fa76c217d28",
    "sqlalchemy-2.1.9",
)

PROGRAMS = [
    script("graph"),
    script("threads"),
    script("processes", "--children", code=7),
    Program(
        "web",
        ("-m", "gunicorn", "--config", str(HERE / "web_settings.py")),
        ("--children",),
        client=str(HERE / "web_client.py"),
        normalise=events_of_server,
    ),
    Program(
        # Eleven thousand tests. With -s they test the installed SQLAlchemy with its C extensions, not its sources. With
        # -rfE the reasons for skips are left out: they are made from sets in the order of addresses.
        "tests",
        ("-s", "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "test/base", "test/engine", "test/sql"),
        ("--children",),
        archive=SQLALCHEMY,
        normalise=without_durations,
    ),
    script("analytics"),
    script("streams"),
    Program(
        # It finds errors. Without --no-fast-exit mypy ends by os._exit, after which nothing can report.
        "types",
        ("-m", "mypy", "--no-incremental", "--cache-dir=/dev/null", "--no-fast-exit", "-p", "sqlalchemy"),
        code=1,
    ),
    script("syntax"),
    script("records"),
    script("documents"),
    script("service"),
]
