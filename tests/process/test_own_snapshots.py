"""Snapshots that a program writes of itself under ``quire run``: at its end, at a size, on a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processes import Outcome, run, run_python
from quire.export.snapshot_file import open_snapshot
from quire.report.snapshot import Snapshot

pytest.importorskip("quire._core", reason="the native core is not installed")

QUIRE_RUN = [sys.executable, "-m", "quire", "run"]
ITEMS = """
class Item:
    def __init__(self, number):
        self.number = number
kept = [Item(number) for number in range(3000)]
"""


def quire_run(folder: Path, code: str, *options: str, environment: dict[str, str] | None = None) -> Outcome:
    """Run a program's text in the folder."""
    return run([*QUIRE_RUN, "--quiet", *options, "-c", code], environment, cwd=folder)


def items(path: Path) -> int:
    """How many ``Item`` there are."""
    snapshot = open_snapshot(os.fspath(path))
    rows = [row for row, each in enumerate(snapshot.types) if each.words == "__main__.Item"]
    return int((snapshot.object_type == rows[0]).sum()) if rows else 0


def modules(snapshot: Snapshot) -> set[str]:
    return {root.name for root in snapshot.roots if root.kind == "module"}


@pytest.mark.parametrize(
    ("last", "exit_code"),
    [("", 0), ("raise SystemExit(3)", 3), ("import os; os.chdir('/')", 0), ("del kept[1000:]; 1 / 0", 1)],
)
def test_a_program_writes_one_at_its_end(last: str, exit_code: int, tmp_path: Path) -> None:
    """However it ends by itself: with what its modules held, and nothing else lies about. The exit code is its own."""
    done = quire_run(tmp_path, ITEMS + last, "--snapshot", "heap.quire")
    assert done.exit_code == exit_code
    assert "quire" not in done.stderr
    assert items(tmp_path / "heap.quire") == (1000 if "del" in last else 3000)
    assert os.listdir(tmp_path) == ["heap.quire"]


def test_the_end_is_behind_the_programs_own_functions(tmp_path: Path) -> None:
    """What a function given to atexit frees is gone by then; the main module is there still."""
    code = ITEMS + "import atexit; atexit.register(kept.clear)"
    quire_run(tmp_path, code, "--snapshot=heap.quire").expect("")
    assert items(tmp_path / "heap.quire") == 0
    assert "__main__" in modules(open_snapshot(os.fspath(tmp_path / "heap.quire")))


def test_a_report_and_a_snapshot_do_not_see_each_other(tmp_path: Path) -> None:
    """The snapshot comes before what the report imports, and its file is made after it; a line says where it is."""
    outcome = run([*QUIRE_RUN, "--snapshot", "heap.quire", "--json", "out.json", "-c", ITEMS], cwd=tmp_path)
    assert outcome.exit_code == 0
    assert "Where is the memory?" in outcome.stderr
    assert outcome.stderr.splitlines()[-1].startswith(f"quire: {tmp_path}/heap.quire: ")
    assert not {"dataclasses", "zipfile", "quire.records"} & modules(open_snapshot(os.fspath(tmp_path / "heap.quire")))
    assert sorted(os.listdir(tmp_path)) == ["heap.quire", "out.json"]


@pytest.mark.parametrize("how", ["import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)"])
def test_what_ends_past_python_writes_none(how: str, tmp_path: Path) -> None:
    """There is no moment for it; nothing half-written is left."""
    quire_run(tmp_path, ITEMS + how, "--snapshot", "heap.quire")
    assert os.listdir(tmp_path) == []


def test_modules_beside_the_script_are_not_taken_for_the_systems(tmp_path: Path) -> None:
    """A program may have a zipfile of its own."""
    (tmp_path / "zipfile.py").write_text("raise RuntimeError('not yours')")
    (tmp_path / "script.py").write_text(ITEMS)
    run([*QUIRE_RUN, "--quiet", "--snapshot", "heap.quire", "script.py"], cwd=tmp_path).expect("")
    assert items(tmp_path / "heap.quire") == 3000


GROW = """
class Item:
    def __init__(self, number):
        self.number = number
kept = []
try:
    for number in range({items}):
        kept.append((Item(number), "x%d" % number * 20))
    print(len(kept))
finally:
    kept.clear()
"""


@pytest.mark.parametrize("options", [["--quiet"], ["--json", "out.json"]], ids=["alone", "with a report"])
def test_a_program_writes_one_at_a_size(options: list[str], tmp_path: Path) -> None:
    """When its memory first stands above it, once: close to the size, and though it is gone at the end."""
    command = [*QUIRE_RUN, *options, "--snapshot=heap.quire", "--snapshot-at=60M", "-c", GROW.format(items=700_000)]
    outcome = run(command, cwd=tmp_path)
    assert (outcome.exit_code, outcome.stdout) == (0, "700000\n")
    snapshot = open_snapshot(os.fspath(tmp_path / "heap.quire"))
    assert snapshot.sample is not None
    assert 60 <= snapshot.sample.rss_bytes / 1024**2 < 72
    assert 50_000 < items(tmp_path / "heap.quire") < 400_000


def test_a_size_that_is_not_reached_writes_none(tmp_path: Path) -> None:
    """Not at the end either."""
    quire_run(tmp_path, GROW.format(items=1000), "--snapshot=heap.quire", "--snapshot-at=1G").expect("1000\n")
    assert os.listdir(tmp_path) == []


WAIT = """
import sys
print("ready", flush=True)
for line in sys.stdin:
    kept = kept[: int(line)]
    print("ready", flush=True)
"""


def test_a_signal_asks_for_one_each_time(tmp_path: Path) -> None:
    """The program goes on; each is another file where the path counts them."""
    command = [*QUIRE_RUN, "--quiet", "--snapshot=heap-%p-%n.quire", "--snapshot-on", "SIGUSR2", "-c", ITEMS + WAIT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, left in enumerate((2000, 100), start=1):
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGUSR2)
            path = tmp_path / f"heap-{process.pid}-{number}.quire"
            wait_for(path)
            print(left, file=process.stdin, flush=True)
        assert process.communicate()[0] == "ready\n"
    assert process.returncode == 0
    counts = [items(tmp_path / f"heap-{process.pid}-{number}.quire") for number in (1, 2)]
    assert counts == [3000, 2000]
    assert len(os.listdir(tmp_path)) == 2


def wait_for(path: Path) -> None:
    import time

    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_signal_that_the_program_takes_is_the_programs(tmp_path: Path) -> None:
    """From then on it is."""
    code = "import signal; signal.signal(signal.SIGUSR2, lambda *_: print('mine')); signal.raise_signal(12)"
    quire_run(tmp_path, code, "--snapshot=heap.quire", "--snapshot-on=SIGUSR2").expect("mine\n")
    assert os.listdir(tmp_path) == []


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As nohup has it; a line says that there will be no snapshot."""
    code = "import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    command = [*QUIRE_RUN, "--quiet", "--snapshot=heap.quire", "--snapshot-on=SIGHUP", "-c", code]
    done = subprocess.run(["nohup", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n"
    assert "quire: no snapshot on SIGHUP: the program's parent has it ignored" in done.stderr


def test_what_the_programs_handlers_raise_is_the_programs(tmp_path: Path) -> None:
    """Also where they run amid a snapshot; nothing half-written is left then."""
    code = ITEMS + (
        "import builtins, os, signal\n"
        "class Alarm(Exception): pass\n"
        "def ring(*_): raise Alarm\n"
        "signal.signal(signal.SIGALRM, ring)\n"
        "mkdir = os.mkdir\n"
        "def slow(*args): mkdir(*args); signal.raise_signal(signal.SIGALRM)\n"
        "os.mkdir = slow\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGUSR2)\n"
        "except Alarm:\n"
        "    print('rang')\n"
    )
    quire_run(tmp_path, code, "--snapshot=heap.quire", "--snapshot-on=SIGUSR2").expect("rang\n")
    assert os.listdir(tmp_path) == []


def test_each_process_writes_its_own(tmp_path: Path) -> None:
    """With %p in the path a fork, one of multiprocessing, and a child that is a Python; without, the first alone."""
    code = ITEMS + (
        "import multiprocessing, os, subprocess, sys\n"
        "fork = os.fork()\n"
        "if fork == 0:\n    del kept[10:]\n    sys.exit()\n"
        "os.waitpid(fork, 0)\n"
        "worker = multiprocessing.get_context('fork').Process(target=kept.clear)\n"
        "worker.start(); worker.join()\n"
        "child = subprocess.Popen([sys.executable, '-c', 'pass']); child.wait()\n"
        "print(os.getpid(), fork, worker.pid, child.pid)\n"
    )
    environment = {"QUIRE": "1", "QUIRE_SNAPSHOT": os.fspath(tmp_path / "%p.quire")}
    outcome = run_python(code, environment=environment)
    outcome.expect()
    paths = [tmp_path / f"{pid}.quire" for pid in outcome.stdout.split()]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert [items(path) for path in paths] == [3000, 10, 0, 0]
    for path in paths:
        path.unlink()
    run_python(code, environment=environment | {"QUIRE_SNAPSHOT": os.fspath(tmp_path / "heap.quire")}).expect()
    assert items(tmp_path / "heap.quire") == 3000
    assert os.listdir(tmp_path) == ["heap.quire"]


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """The folder may be gone at the end; the exit code is the program's."""
    folder = tmp_path / "folder"
    folder.mkdir()
    done = quire_run(tmp_path, "import os; os.rmdir('folder')", "--snapshot", "folder/heap.quire")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("quire: no snapshot: ")
    assert done.stderr.count("\n") == 1
    assert "No such file or directory" in done.stderr


def test_a_config_asks_for_one(tmp_path: Path) -> None:
    """In a program that installs quire itself."""
    code = f"import quire; quire.install(quire.Config(snapshot={os.fspath(tmp_path / 'heap.quire')!r}))" + ITEMS
    run_python(code).expect("")
    assert items(tmp_path / "heap.quire") == 3000


def test_the_programs_trace_sees_nothing_of_it(tmp_path: Path) -> None:
    """Neither what is called at the end, nor what is taken before."""
    code = ITEMS + (
        "import sys\n"
        "def trace(frame, event, argument):\n"
        "    if 'quire' in frame.f_code.co_filename:\n"
        "        print(frame.f_code)\n"
        "sys.settrace(trace)\nsys.setprofile(trace)\n"
    )
    quire_run(tmp_path, code, "--snapshot", "heap.quire").expect("")
    assert items(tmp_path / "heap.quire") == 3000
