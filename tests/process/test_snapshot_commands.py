"""A snapshot of a process that runs: asked for from outside, or by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quire.export.snapshot_file import open_snapshot
from quire.process.serving import REQUEST_SIGNAL


def quire(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quire", *words], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_process_is_asked_from_outside(served: subprocess.Popen[str], tmp_path: Path) -> None:
    """The file has what the program made, which waits for its input meanwhile, and goes on; nothing lies about."""
    path = tmp_path / "heap.quire"
    done = quire("snapshot", str(served.pid), "-o", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert os.listdir(tmp_path) == ["heap.quire"]
    assert not Path(f"/tmp/quire-{served.pid}").exists()
    snapshot = open_snapshot(os.fspath(path))
    items = [index for index, each in enumerate(snapshot.types) if each.words == "__main__.Item"]
    assert (snapshot.object_type == items[0]).sum() == 5000
    assert "dataclasses" not in {root.name for root in snapshot.roots}, "what is imported for it becomes a part of it"
    assert served.communicate("")[0] == "goes on\n"
    assert served.returncode == 0


def test_values_are_asked_for(served: subprocess.Popen[str], tmp_path: Path) -> None:
    """What the process read is in the file then, and only then."""
    paths = [tmp_path / "plain.quire", tmp_path / "values.quire"]
    done = [quire("snapshot", str(served.pid), "-o", str(paths[0]))]
    done.append(quire("snapshot", "--values", str(served.pid), "-o", str(paths[1])))
    assert [(each.returncode, each.stderr) for each in done] == [(0, ""), (0, "")]
    text = b"goes on"
    assert [text in path.read_bytes() for path in paths] == [False, True]
    assert [open_snapshot(os.fspath(path)).has_values for path in paths] == [False, True]


def test_a_process_that_quire_does_not_serve_can_write_its_own(tmp_path: Path) -> None:
    """All of its objects are found, though they lie in CPython's arenas."""
    path = tmp_path / "heap.quire"
    program = f"import quire; kept = [[] for _ in range(5000)]; print(quire.snapshot({os.fspath(path)!r}))"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE")}
    done = subprocess.run([sys.executable, "-c", program], env=plain, capture_output=True, text=True, check=True)
    assert "SnapshotTaken" in done.stdout
    snapshot = open_snapshot(os.fspath(path))
    lists = [index for index, each in enumerate(snapshot.types) if each.words == "list"]
    assert (snapshot.object_type == lists[0]).sum() > 5000
    assert os.listdir(tmp_path) == ["heap.quire"]


def test_without_references(served: subprocess.Popen[str], tmp_path: Path) -> None:
    """The objects are the same; who refers to whom is not in it."""
    path = tmp_path / "heap.quire"
    done = quire("snapshot", "--no-references", f"--output={path}", str(served.pid))
    assert (done.returncode, done.stderr) == (0, "")
    snapshot = open_snapshot(os.fspath(path))
    assert not snapshot.has_edges
    assert len(snapshot.edge_to) == 0
    assert snapshot.count > 5000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["{pid}", "-o", "/nowhere/heap.quire"], "cannot write /nowhere/heap.quire"),
        (["{pid}", "-o", "/"], "cannot write /"),
        (["{pid}", "--timeout", "soon"], "--timeout soon is not understood"),
        (["{pid}", "--timout=3"], "did you mean --timeout?"),
        (["{pid}", "--values=yes"], "--values takes no value"),
        (["{pid}", "-o"], "-o needs a value"),
        ([], "takes the number of one process"),
        (["one"], "takes the number of a process"),
        (["999999999"], "there is no process 999999999"),
    ],
)
def test_bad_input_is_one_line(served: subprocess.Popen[str], words: list[str], says: str) -> None:
    """It says what to do, before the process stands still for anything."""
    done = quire("snapshot", *(word.format(pid=served.pid) for word in words))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_a_process_that_does_not_run_on_quire_is_left_alone(tmp_path: Path) -> None:
    """The signal would end it."""
    with subprocess.Popen(["sleep", "60"]) as process:
        done = quire("snapshot", str(process.pid), "-o", str(tmp_path / "heap.quire"))
        assert done.returncode == 2
        assert "does not run on quire" in done.stderr
        assert process.poll() is None
        process.kill()


def test_the_signal_alone_does_nothing(served: subprocess.Popen[str]) -> None:
    """Where no request waits, the program goes on as if nothing had been."""
    os.kill(served.pid, REQUEST_SIGNAL)
    assert served.communicate("")[0] == "goes on\n"
    assert served.returncode == 0


def test_a_process_that_is_stopped_does_not_answer(served: subprocess.Popen[str], tmp_path: Path) -> None:
    """Who asks is told in time, and takes its folder away."""
    served.send_signal(signal.SIGSTOP)
    done = quire("snapshot", str(served.pid), "--timeout", "0.5", "-o", str(tmp_path / "heap.quire"))
    served.send_signal(signal.SIGCONT)
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert os.listdir(tmp_path) == []
    assert not Path(f"/tmp/quire-{served.pid}").exists()
    assert served.communicate("")[0] == "goes on\n"
