"""From CPython 3.14 on, a process that does not run on quire is asked through sys.remote_exec."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from processes import Outcome, run, started, wait_until_ready
from quire.export.snapshot_file import open_snapshot

pytest.importorskip("quire._core", reason="the native core is not installed")
pytestmark = pytest.mark.skipif(not hasattr(sys, "remote_exec"), reason="since 3.14")

PROGRAM = """
import os, sys, time

class Item:
    def __init__(self, number):
        self.number = number

kept = [Item(number) for number in range(5000)]
state = list(sys.path), sorted(globals()), sys.dont_write_bytecode
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
print(any(name.partition(".")[0] == "quire" for name in sys.modules))
print(state == (list(sys.path), sorted(set(globals()) - {"state"}), sys.dont_write_bytecode))
"""


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program on plain Python, without site-packages, until a file ``end`` is there."""
    with running(tmp_path) as process:
        yield process


@contextmanager
def running(folder: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-S", *options, "-c", PROGRAM, os.fspath(folder / "end")]
    with started(*command, environment=environment) as process:
        wait_until_ready(process)
        yield process


def quire(*words: str) -> Outcome:
    return run([sys.executable, "-m", "quire", *words])


def left_over(pid: int) -> list[str]:
    return [name for name in os.listdir("/tmp") if name.startswith(f"quire-{pid}")]


def test_a_plain_process_is_asked(plain: subprocess.Popen[str], tmp_path: Path) -> None:
    """As often as one likes: all of its objects are told, and it goes on as it was, without quire among its modules."""
    pid = plain.pid
    for number in range(2):
        path = tmp_path / f"{number}.quire"
        done = quire("snapshot", str(pid), "-o", os.fspath(path))
        assert (done.exit_code, done.stderr) == (0, "")
        snapshot = open_snapshot(os.fspath(path))
        (kind,) = (row for row, each in enumerate(snapshot.types) if each.words == "__main__.Item")
        assert (snapshot.object_type == kind).sum() == 5000
        assert left_over(pid) == []
    (tmp_path / "end").touch()
    assert plain.communicate()[0] == "False\nTrue\n"
    assert plain.returncode == 0


def test_answers_take_a_plain_process(plain: subprocess.Popen[str]) -> None:
    """In the place of a file; its memory is CPython's arenas."""
    done = quire("waterfall", str(plain.pid), "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert sum(row["size_bytes"] for row in document["rows"]) == document["rss_bytes"]
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("how", [["-X", "disable-remote-debug"], []], ids=["option", "environment"])
def test_a_process_that_does_not_allow_it_says_so(how: list[str], tmp_path: Path) -> None:
    """And is left alone."""
    more = {} if how else {"PYTHON_DISABLE_REMOTE_DEBUG": "1"}
    with running(tmp_path, *how, **more) as process:
        done = quire("snapshot", str(process.pid), "-o", os.fspath(tmp_path / "heap.quire"))
        (tmp_path / "end").touch()
        assert done.exit_code == 2
        assert "it has remote debugging switched off (PYTHON_DISABLE_REMOTE_DEBUG" in done.stderr
        assert done.stderr.count("\n") == 1
        assert left_over(process.pid) == []
        assert process.communicate()[0] == "False\nTrue\n"


def test_what_runs_too_late_does_nothing(tmp_path: Path) -> None:
    """A main thread that is in C for long does not answer; when it comes back, nothing is asked of it any more."""
    code = "import sys; print('ready', flush=True); sys.stdin.readline(); print('goes on')"
    with started(sys.executable, "-S", "-c", code) as process:
        wait_until_ready(process)
        done = quire("types", str(process.pid), "--timeout", "0.5")
        assert done.exit_code == 2
        assert "does not answer" in done.stderr
        assert [name.endswith(".py") for name in left_over(process.pid)] == [True]
        assert process.communicate("\n")[0] == "goes on\n"
        assert left_over(process.pid) == []
