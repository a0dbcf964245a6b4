"""Runs a server for an hour, with peaks and rests in turn, and sees to it that its memory goes back.

    soak.py [--minutes N] [--plain]

A floor is taken after ordinary load, before the first peak. After every peak and its rest the server's processes must
hold hardly more than that, and as much at the end of the hour as at its beginning. Every answer must be right, and
every worker served, as in run.py. With --plain it runs on CPython's own allocator, and memory is told, not judged. One
line a peak; exit code 1 if anything is wrong. Flask, gunicorn and quire must be installed.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from clients import expected_answers, numbers, send_requests, wait_for_server
from memory import children
from run import MIB, SERVED, complaints, run_once
from work import BUSY

from catalogue import HERE, Running, Service

sys.path.append(str(HERE.parents[1] / "bench"))  # which has the one place that knows what a process holds

from footprint import footprint

WORKERS, THREADS = 2, 4
REST_SECONDS = 30
ORDINARY, PEAKS = 400, 12
"""Requests of each kind between two rests."""
HELD_MAX = 0.12
"""After a rest, of the peak; both less the floor. Two or three rows in a hundred live on, scattered."""
DRIFT_MAX = 0.02
"""Of the peak, from the first third of the rests to the last, by their medians."""
RESTS_MIN = 6
"""So many are needed to speak of a drift."""
LOOK_SECONDS = 0.5
LEAVE_SECONDS = 300
"""For the start, the last rest and the end."""
ARGUMENTS = ("-m", "gunicorn", "--bind", "unix:web.sock", "--no-control-socket", "--timeout", "120")


@dataclass(frozen=True)
class Cycle:
    """One peak and its rest: what all processes held, and how much more plain RSS counts at rest."""

    peak_bytes: int
    rest_bytes: int
    rss_bytes: int


@dataclass
class Soak:
    """The server's hour, as it goes on."""

    seconds: float
    asked: int = 0
    floor_bytes: int = 0
    cycles: list[Cycle] = field(default_factory=list)

    def service(self) -> Service:
        workers = ("--workers", str(WORKERS), "--worker-class", "gthread", "--threads", str(THREADS))
        return Service(
            "soak",
            (*ARGUMENTS, *workers, "web_wsgi:app"),
            self.drive,
            workers_min=WORKERS,
            seconds_max=round(self.seconds) + LEAVE_SECONDS,
        )

    def drive(self, running: Running, _requests: int) -> None:
        """Ordinary load and rest, for the floor; then load with peaks and rest, until the time is over."""
        wait_for_server(running.socket)
        end = time.monotonic() + self.seconds
        self.send(running, numbers(2 * ORDINARY))
        time.sleep(REST_SECONDS)
        self.floor_bytes, _ = held(running.pid)
        while time.monotonic() < end:
            self.cycles.append(self.cycle(running))
            print(self.line(), flush=True)
        running.look_at_rest()
        running.send(signal.SIGTERM)

    def cycle(self, running: Running) -> Cycle:
        with highest(running.pid) as seen:
            self.send(running, mixed())
        time.sleep(REST_SECONDS)
        rest_bytes, rss_bytes = held(running.pid)
        return Cycle(max(seen), rest_bytes, rss_bytes)

    def send(self, running: Running, asked: list[int]) -> None:
        self.asked += len(asked)
        send_requests(running.socket, asked, running.tally)

    # --- judging -------------------------------------------------------------------------------------------------

    def complaints(self) -> list[str]:
        found = []
        for number, cycle in enumerate(self.cycles, 1):
            if self.share(cycle.rest_bytes, cycle) > HELD_MAX:
                held_share = self.share(cycle.rest_bytes, cycle)
                found.append(f"after peak {number} {held_share:.0%} of it is held, more than {HELD_MAX:.0%}")
        if self.drift() > DRIFT_MAX:
            found.append(f"what is held after rests grew by {self.drift():.1%} of a peak, more than {DRIFT_MAX:.0%}")
        if not self.cycles:
            found.append("there was no time for a peak; give it more minutes")
        return found

    def drift(self) -> float:
        """0 where there are too few rests to tell."""
        if len(self.cycles) < RESTS_MIN:
            return 0.0
        third = len(self.cycles) // 3
        first, final = (
            statistics.median(cycle.rest_bytes for cycle in part)
            for part in (self.cycles[:third], self.cycles[-third:])
        )
        height = statistics.median(cycle.peak_bytes for cycle in self.cycles) - self.floor_bytes
        return (final - first) / height

    def share(self, value_bytes: int, cycle: Cycle) -> float:
        return (value_bytes - self.floor_bytes) / (cycle.peak_bytes - self.floor_bytes)

    # --- telling -------------------------------------------------------------------------------------------------

    def line(self) -> str:
        cycle = self.cycles[-1]
        floor, peak, rest, rss = (
            number / MIB for number in (self.floor_bytes, cycle.peak_bytes, cycle.rest_bytes, cycle.rss_bytes)
        )
        return (
            f"peak {len(self.cycles):3}: {peak:6.0f} MiB; after it {rest:6.1f} MiB, "
            f"{self.share(cycle.rest_bytes, cycle):6.1%} of it; floor {floor:5.1f} MiB; plain RSS {rss:6.1f} MiB"
        )


def main() -> int:
    arguments = parse_arguments()
    soak = Soak(60 * arguments.minutes)
    with tempfile.TemporaryDirectory() as work:
        settings = {} if arguments.plain else SERVED
        run = run_once(soak.service(), Path(work), expected_answers(), settings)
        found = complaints(replace(soak.service(), requests=soak.asked), run, is_served=not arguments.plain)
    found += [] if arguments.plain else soak.complaints()
    print(f"{len(soak.cycles)} peaks, {soak.asked} requests, drift {soak.drift():.1%} of a peak")
    for complaint in found:
        print(f"    {complaint}", flush=True)
    return 1 if found else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a server with peaks and rests, and look at its memory.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--plain", action="store_true", help="on CPython's own allocator; memory is not judged")
    return parser.parse_args()


def mixed() -> list[int]:
    """The requests of one cycle: a peak after each so many ordinary ones."""
    ordinary = numbers(ORDINARY)
    each = ORDINARY // PEAKS
    parts = ([*ordinary[number * each :][:each], BUSY[number % len(BUSY)]] for number in range(PEAKS))
    return [number for part in parts for number in part]


# --- looking -------------------------------------------------------------------------------------------------


def held(pid: int) -> tuple[int, int]:
    """By the process and all that it started; and their plain RSS."""
    found = [footprint(each) for each in (pid, *children(pid))]
    return sum(each.held_bytes for each in found), sum(each.rss_bytes for each in found)


@contextmanager
def highest(pid: int) -> Iterator[list[int]]:
    """What is held meanwhile, looked at again and again by a thread."""
    seen: list[int] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(LOOK_SECONDS):
            with suppress(OSError):  # a process that ends meanwhile is told by what it leaves in the log
                seen.append(held(pid)[0])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
