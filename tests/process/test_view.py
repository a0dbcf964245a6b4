"""quire view of a live process: its memory over time, its heap, another snapshot, and its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("quire._core", reason="the native core is not installed")

from pages import shop
from processes import started, wait_until_ready

PROGRAM = """
import sys, time
class Record:
    pass
kept = [Record() for _ in range(500)]
print("ready", flush=True)
for _ in sys.stdin:
    kept += [Record() for _ in range(1000)]
    print("grown", flush=True)
"""
WAIT_SECONDS = 60


@contextmanager
def viewed(*words: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``quire view``, and the address that it prints."""
    with started(sys.executable, "-m", "quire", "view", *words, environment=environment) as viewer:
        assert viewer.stdout is not None
        address = viewer.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), viewer.communicate(timeout=WAIT_SECONDS)
        yield address, viewer


def ask(address: str, name: str) -> dict[str, Any]:
    with urlopen(f"{address}data/{name}", timeout=WAIT_SECONDS) as response:
        found: dict[str, Any] = json.load(response)
        return found


def wait_for(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_SECONDS
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return value


def records(address: str) -> int:
    """How many of the program's there are."""
    return sum(row["count"] for row in ask(address, "types")["rows"] if row["type"] == "Record")


def test_a_live_process_is_shown_and_shown_again() -> None:
    """Its objects now, its memory every second, and after another snapshot what came; at its end the page says so."""
    with started(sys.executable, "-m", "quire", "run", "--quiet", "-c", PROGRAM) as program:
        assert program.stdin is not None
        wait_until_ready(program)
        with viewed(str(program.pid)) as (address, _):
            about = ask(address, "about")
            assert (about["live"]["pid"], about["compared_with"]) == (program.pid, None)
            assert records(address) == 500
            rows = wait_for(
                lambda: len(ask(address, "samples?since=0")["rows"]) > 1 and ask(address, "samples?since=0")
            )
            assert rows["rows"][0]["rss_bytes"] > 1 << 20
            assert not rows["has_ended"]

            program.stdin.write("\n")
            program.stdin.flush()
            wait_until_ready(program, "grown")
            origin = address.rsplit("/", 2)[0]
            with urlopen(Request(f"{address}data/snapshot", b"", {"Origin": origin}), timeout=WAIT_SECONDS) as taken:
                assert json.load(taken) == {"number": 2}
            assert records(address) == 1500
            changes = ask(address, "difference")["rows"]
            assert sum(row["came"] for row in changes if row["type"].endswith("Record")) == 1000

            program.kill()
            program.wait()
            wait_for(lambda: ask(address, "samples?since=0")["has_ended"])
            assert records(address) == 1500


def test_it_ends_with_an_interrupt_and_leaves_nothing(tmp_path: Path) -> None:
    """Exit code 0, no word of complaint, no file."""
    path = shop().write(tmp_path / "heap.quire")
    with viewed(str(path)) as (_, viewer):
        assert viewer.stdout is not None
        assert "until Ctrl-C" in viewer.stdout.readline()
        viewer.send_signal(signal.SIGINT)
        out, _ = viewer.communicate(timeout=WAIT_SECONDS)
        assert (viewer.returncode, out) == (0, "")
    assert [each.name for each in tmp_path.iterdir()] == ["heap.quire"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_it_took_of_a_process_is_gone_with_it(tmp_path: Path, number: int) -> None:
    """However it is asked to end: its folder for temporary files is as it was."""
    with started(sys.executable, "-m", "quire", "run", "--quiet", "-c", PROGRAM) as program:
        wait_until_ready(program)
        with viewed(str(program.pid), TMPDIR=str(tmp_path)) as (_, viewer):
            assert viewer.stdout is not None
            assert "until Ctrl-C" in viewer.stdout.readline()
            viewer.send_signal(number)
            out, _ = viewer.communicate(timeout=WAIT_SECONDS)
            assert (viewer.returncode, out) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_cannot_be_asked_is_refused() -> None:
    """In a line, with what to do: it is not on quire; or, since 3.14, its main thread waits for what never comes."""
    is_asked = sys.version_info >= (3, 14)
    with (
        started(sys.executable, "-c", "input()") as plain,
        started(sys.executable, "-m", "quire", "view", str(plain.pid), "--timeout=1") as viewer,
    ):
        said, _ = viewer.communicate(timeout=WAIT_SECONDS)
        assert viewer.returncode == 2
        assert f"process {plain.pid} {'does not answer' if is_asked else 'does not run on quire'}" in said
        assert said.count("\n") == 1
