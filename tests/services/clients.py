"""The load: many requests at once, each answer held against what this process works out, which is plain Python."""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from work import ANSWERS, BUSY, answer, digest

CLIENTS = 8
SECONDS_MAX = 60


@dataclass
class Tally:
    """What has come of the requests so far."""

    expected: list[str]
    answers: int = 0
    again: int = 0
    """Requests that were sent once more: a server that replaces a worker may drop connections not yet read."""
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    workers: dict[int, int] = field(default_factory=dict)
    """The processes that answered, and how much was live in quire's heap in them; 0 without quire."""

    def count(self, number: int, found: str, worker: str) -> None:
        pid, live_bytes = map(int, worker.split())
        self.workers[pid] = live_bytes
        self.answers += 1
        if found != self.expected[number]:
            self.wrong.append(f"answer {number} of process {pid} is wrong")


def expected_answers() -> list[str]:
    """The digest of each answer."""
    return [digest(answer(number)) for number in (*range(ANSWERS), *BUSY)]


def numbers(requests: int) -> list[int]:
    return [number % ANSWERS for number in range(requests)]


# --- HTTP, through a socket that is a file -------------------------------------------------------------------


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS_MAX)
        self.sock.connect(os.fspath(self._path))


def ask(path: Path, number: int) -> tuple[int, str, str]:
    """The number, the answer's digest, the worker."""
    connection = _Connection(path)
    try:
        connection.request("GET", f"/{number}", headers={"connection": "close"})
        response = connection.getresponse()
        return number, digest(response.read().decode()), response.headers["worker"] or "0 0"
    finally:
        connection.close()


def wait_for_server(path: Path) -> None:
    wait_for(lambda: _answers(path), "the server to answer")


def _answers(path: Path) -> bool:
    try:
        return bool(ask(path, 0))
    except OSError:
        return False


def _ask_patiently(path: Path, number: int, tally: Tally) -> tuple[int, str, str]:
    try:
        return ask(path, number)
    except ConnectionError:
        tally.again += 1
        return ask(path, number)


def send_requests(path: Path, asked: list[int], tally: Tally) -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for number, found, worker in pool.map(lambda number: _ask_patiently(path, number, tally), asked):
            tally.count(number, found, worker)
    tally.seconds += time.monotonic() - start


# --- Celery --------------------------------------------------------------------------------------------------


def send_tasks(requests: int, tally: Tally) -> None:
    from tasks import answer as task

    start = time.monotonic()
    results = [(number, task.delay(number)) for number in numbers(requests)]
    for number, result in results:
        found, worker = result.get(timeout=SECONDS_MAX)
        tally.count(number, found, worker)
    tally.seconds += time.monotonic() - start


# --- waiting -------------------------------------------------------------------------------------------------


def wait_for(is_so: Callable[[], bool], what: str) -> None:
    """Look every tenth of a second."""
    deadline = time.monotonic() + SECONDS_MAX
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {SECONDS_MAX} s for {what}")
        time.sleep(0.1)
