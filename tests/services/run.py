"""Runs services under load, plainly and on quire, and checks every answer and every worker.

    run.py [SERVICE ...]

Each answer must be the one that this process works out; on quire every worker must be served, none may crash or say
anything of quire, and each must report where its kind can. Speed and memory are told side by side, and not judged.
One line a service; exit code 1 if anything is wrong. The packages of requirements.txt, quire, and a redis-server must
be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clients import Tally, expected_answers, wait_for

from catalogue import HERE, SERVICES, Running, Service

MIB = 1024**2
SERVED = {"QUIRE": "1", "QUIRE_JSON": "reports/%p.json"}
HEADER = (
    "service            requests/s  plain  quire   MiB resident, each worker  plain  quire   "
    "all in proportion  plain  quire   asked again  plain  quire   workers  reports"
)
ROW = "{:18} {:17.0f} {:6.0f} {:33.1f} {:6.1f} {:25.1f} {:6.1f} {:19} {:6} {:9} {:8}"


@dataclass(frozen=True)
class Run:
    """What came of one run of a service."""

    running: Running
    code: int
    log: str
    reports: dict[int, dict[str, object]]
    """By process."""


def main() -> int:
    names = parse_arguments().services
    services = [service for service in SERVICES if "all" in names or service.name in names]
    check_redis(services)
    expected = expected_answers()
    with tempfile.TemporaryDirectory() as work, redis_server(services, Path(work)):
        print(HEADER, flush=True)
        failures = sum(not run(service, Path(work), expected) for service in services)
    return 1 if failures else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run services under load, plainly and on quire.")
    names = ["all", *(service.name for service in SERVICES)]
    parser.add_argument("services", nargs="*", metavar="SERVICE", choices=names, default="all", help=", ".join(names))
    return parser.parse_args()


def check_redis(services: list[Service]) -> None:
    if any(service.needs_redis for service in services) and shutil.which("redis-server") is None:
        sys.exit("Celery needs redis-server, which is not there: apt-get install redis-server, or name other services")


@contextmanager
def redis_server(services: list[Service], work: Path) -> Iterator[None]:
    """Celery's broker, on a socket of its own, named by BROKER."""
    if not any(service.needs_redis for service in services):
        yield
        return
    path = work / "redis.sock"
    os.environ["BROKER"] = f"redis+socket://{path}"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(work)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            wait_for(path.exists, "redis-server")
            yield
        finally:
            process.terminate()


# --- running -------------------------------------------------------------------------------------------------


def run(service: Service, work: Path, expected: list[str]) -> bool:
    """Run it both ways, tell, and say whether all is well."""
    plain = run_once(service, work / f"{service.name}-plain", expected, {})
    quire = run_once(service, work / f"{service.name}-quire", expected, SERVED)
    print(line(service, plain, quire), flush=True)
    found = [f"plainly: {each}" for each in complaints(service, plain, is_served=False)]
    found += [f"on quire: {each}" for each in complaints(service, quire, is_served=True)]
    for complaint in found:
        print(f"    {complaint}", flush=True)
    return not found


def run_once(service: Service, folder: Path, expected: list[str], settings: dict[str, str]) -> Run:
    for name in ("reports", "workers"):
        (folder / name).mkdir(parents=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "QUIRE"))}
    ours = {"PYTHONPATH": str(HERE), "PYTHONFAULTHANDLER": "1", "WORKERS": str(folder / "workers")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *service.arguments],
            cwd=folder,
            env={**kept, **ours, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    running = Running(process.pid, folder, Tally(expected))
    with killed_at_last(process, service.seconds_max):
        service.drive(running, service.requests)
        code = process.wait()
    reports = {int(path.stem): json.loads(path.read_text()) for path in (folder / "reports").iterdir()}
    return Run(running, code, running.log, reports)


@contextmanager
def killed_at_last(process: subprocess.Popen[bytes], seconds_max: int) -> Iterator[None]:
    """Nothing of its session lives on, whatever happens; nor does it run for ever."""
    guard = threading.Timer(seconds_max, os.killpg, [process.pid, signal.SIGKILL])
    guard.start()
    try:
        yield
    finally:
        guard.cancel()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# --- judging -------------------------------------------------------------------------------------------------


def complaints(service: Service, run: Run, is_served: bool) -> list[str]:
    tally = run.running.tally
    found = tally.wrong[:3]
    if tally.answers != service.requests:
        found.append(f"{tally.answers} answers, not {service.requests}")
    if run.code != service.code:
        found.append(f"exit code {run.code}, not {service.code}: {run.log[-500:]!r}")
    if len(tally.workers) < service.workers_min:
        found.append(f"{len(tally.workers)} workers, fewer than {service.workers_min}")
    if not run.running.rss_bytes:
        found.append("no worker is left to look at after the load")
    found += unwanted_lines(service, run.log)
    return [*found, *(served_badly(service, run) if is_served else served_after_all(run))]


def unwanted_lines(service: Service, log: str) -> list[str]:
    """What a crash, an error or quire would have left in the log."""
    unwanted = re.compile(rf"{service.unwanted}|Fatal Python error|^quire: ")
    return [f"log: {line}" for line in log.splitlines() if unwanted.search(line)][:5]


def served_badly(service: Service, run: Run) -> list[str]:
    workers = run.running.tally.workers
    found = [f"worker {pid} is not served" for pid, live_bytes in workers.items() if live_bytes == 0]
    if service.reports_each:
        found += [f"worker {pid} has not reported" for pid in workers if pid not in run.reports]
    return found


def served_after_all(run: Run) -> list[str]:
    return [f"worker {pid} is served" for pid, live_bytes in run.running.tally.workers.items() if live_bytes]


# --- telling -------------------------------------------------------------------------------------------------


def line(service: Service, plain: Run, quire: Run) -> str:
    both = (plain.running, quire.running)
    return ROW.format(
        service.name,
        *(each.tally.answers / each.tally.seconds for each in both),
        *(sum(each.rss_bytes) / max(len(each.rss_bytes), 1) / MIB for each in both),
        *(each.pss_bytes / MIB for each in both),
        *(each.tally.again for each in both),
        len(quire.running.tally.workers),
        len(quire.reports),
    )


if __name__ == "__main__":
    sys.exit(main())
