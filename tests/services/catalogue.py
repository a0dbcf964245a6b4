"""Which services are run, how each is driven through its life, and what must be so at its end."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clients import Tally, numbers, send_requests, send_tasks, wait_for, wait_for_server
from memory import children, resident

HERE = Path(__file__).resolve().parent
REST_SECONDS = 2
WORKERS = 3
TESTS_PASSED, TESTS_FAILED, TESTS_SKIPPED = 1600, 50, 50


@dataclass
class Running:
    """A service that has been started, and what has come of it so far."""

    pid: int
    folder: Path
    tally: Tally
    rss_bytes: list[int] = field(default_factory=list)
    """Of each worker, at rest after the load."""
    pss_bytes: int = 0
    """Of all its processes, then."""

    @property
    def socket(self) -> Path:
        return self.folder / "web.sock"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="backslashreplace")

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    @contextmanager
    def sent_meanwhile(self, number: int) -> Iterator[None]:
        """The signal arrives in the middle of the load."""
        timer = threading.Timer(1, self.send, [number])
        timer.start()
        yield
        timer.join()

    def look_at_rest(self) -> None:
        time.sleep(REST_SECONDS)
        wait_for(self._look, "every worker that has ended to be gone")

    def _look(self) -> bool:
        """Whether there was no process among them that had just ended."""
        try:
            everyone = [self.pid, *children(self.pid)]
            self.rss_bytes = [resident(pid)[0] for pid in everyone if pid in self.tally.workers]
            self.pss_bytes = sum(resident(pid)[1] for pid in everyone)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True


@dataclass(frozen=True)
class Service:
    """A service and what is expected of it."""

    name: str
    arguments: tuple[str, ...]
    """What follows ``python``."""
    drive: Callable[[Running, int], None]
    """Puts the load on it, and has it end."""
    requests: int = 3000
    workers_min: int = 1
    """How many processes answer at least, those that took the place of others included."""
    code: int = 0
    """What it exits with."""
    reports_each: bool = True
    """Whether every worker ends in a way that lets it report."""
    unwanted: str = r"^Traceback|ERROR|CRITICAL|was sent SIG(?!TERM)|WorkerLost"
    """What its log does not hold when all is well."""
    needs_redis: bool = False
    seconds_max: int = 900


# --- how they are driven -------------------------------------------------------------------------------------


def drive_web(running: Running, requests: int) -> None:
    """Load; load while all workers are replaced; load; rest; the end."""
    wait_for_server(running.socket)
    send_requests(running.socket, numbers(requests // 3), running.tally)
    with running.sent_meanwhile(signal.SIGHUP):
        send_requests(running.socket, numbers(requests // 3), running.tally)
    send_requests(running.socket, numbers(requests // 3), running.tally)
    running.look_at_rest()
    running.send(signal.SIGTERM)


def drive_single_web(running: Running, requests: int) -> None:
    """The one process cannot be replaced while it serves. Ended by SIGINT it may report; SIGTERM ends it at once."""
    wait_for_server(running.socket)
    send_requests(running.socket, numbers(requests), running.tally)
    running.look_at_rest()
    running.send(signal.SIGINT)


def drive_tasks(running: Running, requests: int) -> None:
    """Load; load while the program is replaced by itself, which does the tasks that wait; rest; the end."""
    wait_for(lambda: "ready." in running.log, "Celery to be ready")
    send_tasks(requests // 2, running.tally)
    with running.sent_meanwhile(signal.SIGHUP):
        send_tasks(requests // 2, running.tally)
    running.look_at_rest()
    running.send(signal.SIGTERM)


def drive_tests(running: Running, _requests: int) -> None:
    """The suite runs by itself; each of its processes leaves a line."""
    start = time.monotonic()
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)
    running.tally.seconds = time.monotonic() - start
    for path in (running.folder / "workers").iterdir():
        _pid, live_bytes, rss_bytes, pss_bytes = map(int, path.read_text().split())
        running.tally.workers[int(path.name)] = live_bytes
        running.rss_bytes.append(rss_bytes)
        running.pss_bytes += pss_bytes
    outcome = f"{TESTS_FAILED} failed, {TESTS_PASSED} passed, {TESTS_SKIPPED} skipped"
    running.tally.answers = sum(map(int, re.findall(r"(\d+) (?:failed|passed|skipped)", running.log.splitlines()[-1])))
    if outcome not in running.log.splitlines()[-1]:
        running.tally.wrong.append(running.log.splitlines()[-1])


# --- which there are -----------------------------------------------------------------------------------------


def gunicorn(name: str, *options: str) -> Service:
    recycled = ("--max-requests", "250", "--max-requests-jitter", "50")
    arguments = ("-m", "gunicorn", "--bind", "unix:web.sock", "--workers", str(WORKERS), "--no-control-socket")
    return Service(name, (*arguments, *recycled, *options, "web_wsgi:app"), drive_web, workers_min=3 * WORKERS)


def celery(name: str, *options: str, workers_min: int) -> Service:
    program = str(Path(sys.executable).with_name("celery"))  # which can start itself anew; ``-m celery`` cannot
    arguments = (program, "-A", "tasks", "worker", "--loglevel", "INFO", "--concurrency", str(WORKERS))
    return Service(
        name, (*arguments, *options), drive_tasks, workers_min=workers_min, reports_each=False, needs_redis=True
    )


def pytest(name: str, *options: str, workers_min: int) -> Service:
    ours = ("-c", os.devnull, "--rootdir", str(HERE), "--confcutdir", str(HERE), "-p", "suite_plugin")
    arguments = ("-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", *ours)
    return Service(
        name,
        (*arguments, *options, str(HERE / "suite.py")),
        drive_tests,
        requests=TESTS_PASSED + TESTS_FAILED + TESTS_SKIPPED,
        workers_min=workers_min,
        code=1,  # for there are failures
        unwanted="INTERNALERROR|crashed",
    )


UVICORN = ("-m", "uvicorn", "--uds", "web.sock", "--no-access-log")
PATIENT = ("--timeout-worker-healthcheck", "15")

SERVICES = [
    gunicorn("gunicorn"),
    gunicorn("gunicorn-preload", "--preload", "--worker-class", "gthread", "--threads", "4"),
    Service("uvicorn", (*UVICORN, "web_asgi:app"), drive_single_web),
    Service(
        "uvicorn-workers",
        (*UVICORN, "--workers", str(WORKERS), "--limit-max-requests", "400", *PATIENT, "web_asgi:app"),
        drive_web,
        workers_min=2 * WORKERS,
        reports_each=False,
    ),
    celery("celery-prefork", "--pool", "prefork", "--max-tasks-per-child", "200", workers_min=3 * WORKERS),
    celery("celery-threads", "--pool", "threads", workers_min=1),
    pytest("pytest", workers_min=1),
    pytest("pytest-xdist", "-n", str(WORKERS), workers_min=WORKERS),
]
