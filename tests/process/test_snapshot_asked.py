"""The commands that take a snapshot's file take a process, too: it is asked for a snapshot, which goes again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from processes import Outcome, run

pytest.importorskip("quire._core", reason="the native core is not installed")

COMMANDS = ["types", "pins", "path", "referrers", "referents", "retained", "cycles", "diff", "waterfall"]


def ask(folder: Path, *words: str) -> Outcome:
    """A command whose temporary files would lie in the folder."""
    return run([sys.executable, "-m", "quire", *words], {"TMPDIR": os.fspath(folder)})


@pytest.mark.parametrize("command", COMMANDS)
def test_each_asks_a_process(command: str, served: subprocess.Popen[str], tmp_path: Path) -> None:
    """One line on standard error says so; nothing lies about, and the program goes on."""
    pid = str(served.pid)
    words = {"diff": [pid, pid], "path": [pid, "Item#7"], "referrers": [pid, "Item#7"], "referents": [pid, "Item#7"]}
    done = ask(tmp_path, command, *words.get(command, [pid]), "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["format"] == f"quire.{command}"
    lines = done.stderr.splitlines()
    assert len(lines) == len(words.get(command, [pid])) - (command in ("path", "referrers", "referents"))
    assert all(line.startswith(f"quire: process {pid}: ") and "it stood still for" in line for line in lines)
    assert os.listdir(tmp_path) == []
    assert not Path(f"/tmp/quire-{pid}").exists()
    assert served.communicate("")[0] == "goes on\n"


def test_what_a_process_holds_is_counted(served: subprocess.Popen[str], tmp_path: Path) -> None:
    """The answer is that of a file which is taken of it."""
    rows = json.loads(ask(tmp_path, "types", str(served.pid), "--json").stdout)["rows"]
    assert [row["count"] for row in rows if (row["module"], row["type"]) == ("__main__", "Item")] == [5000]


def test_two_moments_of_a_process_are_compared(served: subprocess.Popen[str], tmp_path: Path) -> None:
    """A file from before, and the process now: what it made meanwhile came."""
    before = tmp_path / "before.quire"
    assert ask(tmp_path, "snapshot", str(served.pid), "-o", os.fspath(before)).exit_code == 0
    document = json.loads(ask(tmp_path, "diff", os.fspath(before), str(served.pid), "--json").stdout)
    changes = {row["type"]: (row["came"], row["went"]) for row in document["rows"]}
    assert changes.get("__main__.Item", (0, 0)) == (0, 0)
    assert os.listdir(tmp_path) == ["before.quire"]


def test_every_resident_byte_is_told(served: subprocess.Popen[str], tmp_path: Path) -> None:
    """The rows add up to what the kernel says, which has hardly changed since; on the screen, too."""
    document = json.loads(ask(tmp_path, "waterfall", str(served.pid), "--json").stdout)
    assert sum(row["size_bytes"] for row in document["rows"]) == document["rss_bytes"]
    status = Path(f"/proc/{served.pid}/status").read_text()
    rss_bytes = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    assert abs(document["rss_bytes"] - rss_bytes) < 4 * 1024**2
    live = next(row for row in document["rows"] if row["label"] == "live blocks")
    assert live["size_bytes"] > 1024**2
    screen = ask(tmp_path, "waterfall", str(served.pid)).stdout
    assert "quire's heap\n" in screen
    assert "resident memory" in screen


def test_a_process_that_quire_does_not_serve_tells_its_memory(tmp_path: Path) -> None:
    """By quire.snapshot: all of its objects' memory is CPython's arenas."""
    path = os.fspath(tmp_path / "heap.quire")
    run([sys.executable, "-c", f"import quire; kept = [[] for _ in range(99999)]; quire.snapshot({path!r})"]).expect("")
    document = json.loads(ask(tmp_path, "waterfall", path, "--json").stdout)
    sizes = {(row["part"], row["label"]): row["size_bytes"] for row in document["rows"]}
    assert sum(sizes.values()) == document["rss_bytes"]
    assert sum(size for (part, _), size in sizes.items() if part == "heap") == 0
    assert sizes["beside", "CPython's arenas"] > 99999 * 56


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["types", "999999999"], "there is no process 999999999"),
        (["diff", "/nowhere", "999999999"], "cannot read /nowhere"),
        (["types", "1"], "process 1"),
        (["types", "{pid}", "--timeout", "soon"], "--timeout soon is not understood"),
        (["path", "{pid}"], "quire path takes FILE|PID OBJECT"),
        (["path", "{pid}", "Nothing"], "no type is called Nothing"),
    ],
)
def test_bad_input_is_one_line(words: list[str], says: str, served: subprocess.Popen[str], tmp_path: Path) -> None:
    """Beside the one that says that a process was asked; exit code 2."""
    done = ask(tmp_path, *(word.format(pid=served.pid) for word in words))
    assert (done.exit_code, done.stdout) == (2, "")
    lines = [line for line in done.stderr.splitlines() if "it stood still" not in line]
    assert len(lines) == 1
    assert says in lines[0]
    assert os.listdir(tmp_path) == []


def test_a_process_that_does_not_run_on_quire_is_named(tmp_path: Path) -> None:
    """And left alone."""
    with subprocess.Popen(["sleep", "60"]) as process:
        done = ask(tmp_path, "types", str(process.pid))
        assert done.exit_code == 2
        assert done.stderr.startswith(f"quire: process {process.pid} does not run on quire")
        assert done.stderr.endswith("; start it with quire run, or with QUIRE=1\n")
        assert process.poll() is None
        process.kill()


def test_a_file_whose_name_is_a_number_is_given_with_its_folder(tmp_path: Path) -> None:
    """A number alone is a process."""
    assert "there is no process 999999999" in ask(tmp_path, "types", "999999999").stderr
    assert "cannot read ./999999999" in ask(tmp_path, "types", "./999999999").stderr
