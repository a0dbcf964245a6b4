"""``quire view``: the page of a snapshot or of a live process, served on this machine alone."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
import webbrowser
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from quire.cli.asked import Asked
from quire.cli.progress import Progress
from quire.cli.question import read_timeout
from quire.cli.report import subject_of
from quire.cli.screen import write
from quire.errors import InvalidOption, QuireError
from quire.process.asking import Target
from quire.process.named import read_pid
from quire.process.suggest import did_you_mean
from quire.process.taking import TIMEOUT_SECONDS, take_from
from quire.web.data import Subject
from quire.web.live import Live
from quire.web.server import Server
from quire.web.site import Site

HELP = """\
quire view FILE [FILE] [OPTIONS]
quire view PID [OPTIONS]

Shows a snapshot in a browser: the map of the heap, what retains what, types,
pins, any object with its path. With two files also what changed from the first
to the second; with the number of a process that runs on quire (from CPython
3.14 on, of any: see quire snapshot --help), its memory over time, and snapshots
whenever you like. The page is served on 127.0.0.1 alone, under an address that
has a token in it, until Ctrl-C. No value of the program's is in it.

  --port N            listen there; any free port if not given
  --open              open the address in a browser
  --timeout SECONDS   how long to wait for a process to come to a safe point; 30
  --help              this text
"""

_OPTIONS = ("--port", "--open", "--timeout", "--help")
_TAKE_A_VALUE = ("--port", "--timeout")
_PORT_MAX = 65535
_FIRST_PICTURE_SECONDS = 1.0


@dataclass(slots=True)
class _Order:
    """What the command line asks for."""

    words: list[str]
    port: int = 0
    wants_browser: bool = False
    timeout_seconds: float = TIMEOUT_SECONDS


def run(arguments: list[str]) -> int:
    """Serve until interrupted; returns the exit code."""
    if "-h" in arguments or "--help" in arguments:
        print(HELP, end="")
        return 0
    order = _read(arguments)
    with ExitStack() as stack:
        site = _site_of_process(order, stack) if _is_pid(order.words) else _site_of_files(order)
        _serve(site, order)
    return 0


def _serve(site: Site, order: _Order) -> None:
    site.prepare()
    with Server(site, order.port) as server, suppress(KeyboardInterrupt):
        threading.Thread(target=_warm, args=(site,), name="quire-warm", daemon=True).start()
        write(f"{server.url}\nThe page is served there, to this machine alone, until Ctrl-C.\n")
        sys.stdout.flush()
        if order.wants_browser:
            webbrowser.open(server.url)
        server.serve_forever()


def _warm(site: Site) -> None:
    """Compute what the page will ask for while its map is looked at; what is wrong is said when it asks."""
    site.has_map.wait()
    time.sleep(_FIRST_PICTURE_SECONDS)
    for compute in (site.data.types, site.data.retained, site.data.pins):
        with suppress(QuireError, OSError, MemoryError):
            compute()


# --- files ----------------------------------------------------------------------------------------------------


def _site_of_files(order: _Order) -> Site:
    with Progress() as progress:
        timeout = order.timeout_seconds
        asked = [Asked(each, progress, "view", timeout_seconds=timeout) for each in order.words]
        return Site(subject_of(asked, order.words))


# --- a process ------------------------------------------------------------------------------------------------


def _is_pid(words: list[str]) -> bool:
    return len(words) == 1 and words[0].isascii() and words[0].isdigit()


def _site_of_process(order: _Order, stack: ExitStack) -> Site:
    pid = read_pid(order.words[0], "view")
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="quire-view-"))
    process = _Process(pid, folder, order.timeout_seconds)
    first = process.take()
    live = Live(pid)
    live.start()
    stack.callback(live.stop)
    return Site(first, live, process.take)


class _Process:
    """A process that is asked for one snapshot after the other; the last two are kept."""

    def __init__(self, pid: int, folder: str, timeout_seconds: float) -> None:
        self._target = Target(pid)
        self._folder, self._timeout_seconds = folder, timeout_seconds
        self._number = 0
        self._last: tuple[Asked, str] | None = None

    def take(self) -> Subject:
        """The process as it is now, compared with the snapshot before, if there is one."""
        self._number += 1
        path = os.path.join(self._folder, f"{self._number}.quire")
        take_from(self._target, path, references=True, values=False, timeout_seconds=self._timeout_seconds)
        with Progress() as progress:
            asked = Asked(path, progress, "view")
        os.unlink(path)  # its columns stay mapped as long as they are looked at
        before, self._last = self._last, (asked, self._title())
        if before is None:
            return Subject(self._title(), asked)
        return Subject(self._title(), asked, before=before[0], before_title=before[1])

    def _title(self) -> str:
        return f"{self._target.pid} #{self._number}"


# --- words ----------------------------------------------------------------------------------------------------


def _read(arguments: list[str]) -> _Order:
    order = _Order([])
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            order.words.append(word)
            continue
        name, has_value, value = word.partition("=")
        if name in _TAKE_A_VALUE and not has_value:
            value = next(words, "")
        _set(order, name, value)
    if not 1 <= len(order.words) <= 2:
        raise InvalidOption("quire view takes FILE, FILE FILE or PID; see quire view --help")
    return order


def _set(order: _Order, name: str, value: str) -> None:
    match name:
        case "--port":
            order.port = _port(value)
        case "--timeout":
            order.timeout_seconds = read_timeout(value)
        case "--open":
            order.wants_browser = True
        case _:
            raise InvalidOption(f"quire view has no option {name}{did_you_mean(name, _OPTIONS, '--')}")


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 6 and 0 < int(value) <= _PORT_MAX):
        raise InvalidOption(f"--port {value or 'without a value'} is no port; write --port 8765")
    return int(value)
