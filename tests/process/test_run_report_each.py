"""A report from each process: with %p in the file's name, children and forks write their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from processes import Outcome, run, run_python
from quire.export.run_report import from_json
from quire.records.process import RunReport

pytest.importorskip("quire._core", reason="the native core is not installed")

QUIRE_RUN = [sys.executable, "-m", "quire", "run", "--quiet"]
KEEP = "kept = [str(i) * 20 for i in range(200_000)]"
KEPT_BYTES_MIN = 200_000 * 100


def run_all(code: str, folder: Path, **options: object) -> Outcome:
    """Run a program's text with QUIRE=1, and reports in the folder."""
    return run_python(code, environment={"QUIRE": "1", "QUIRE_JSON": str(folder / "%p.json")}, **options)


def reports(folder: Path) -> dict[int, RunReport]:
    """By process; each lies where its number says."""
    found = {int(path.stem): from_json(path.read_text()) for path in folder.iterdir()}
    assert all(report.pid == pid for pid, report in found.items())
    return found


def test_each_process_tells_its_own(tmp_path: Path) -> None:
    """A parent, its fork and its child each tell of their own memory and time, and nothing is said on the screen."""
    code = f"""
    import os, subprocess, sys, time
    time.sleep(0.5)
    fork = os.fork()
    if fork == 0:
        {KEEP}
        sys.exit()
    os.wait()
    child = subprocess.Popen([sys.executable, "-c", {KEEP!r}])
    child.wait()
    print(os.getpid(), fork, child.pid)
    """
    outcome = run_all(code, tmp_path)
    outcome.expect()
    found = reports(tmp_path)
    parent, fork, child = (found.pop(int(pid)) for pid in outcome.stdout.split())
    assert not found
    assert parent.statistics.live_bytes < KEPT_BYTES_MIN < min(fork.statistics.live_bytes, child.statistics.live_bytes)
    assert parent.peak.rss_bytes < min(fork.peak.rss_bytes, child.peak.rss_bytes)
    assert fork.samples > 1
    assert fork.wall_seconds < parent.wall_seconds
    assert fork.argv == parent.argv
    assert child.argv[1:] == ("-c", KEEP)


def test_a_fork_made_in_a_thread_and_a_fork_of_a_fork_tell(tmp_path: Path) -> None:
    """Wherever a fork was made, it samples and tells."""
    code = f"""
    import multiprocessing, os, threading
    def fill():
        {KEEP}
    process = multiprocessing.get_context("fork").Process(target=fill)
    thread = threading.Thread(target=process.start)
    thread.start()
    thread.join()
    process.join()
    if os.fork() or os.fork():
        os.wait()
    """
    run_all(code, tmp_path).expect("")
    samples = sorted(report.samples for report in reports(tmp_path).values())
    assert len(samples) == 4
    assert samples[-1] > 1


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_tells_of_each_of_its_processes(tmp_path: Path, method: str) -> None:
    """Its processes end by os._exit, but not before they told, once; the program's own finalizers come first."""
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import multiprocessing, os
from multiprocessing.util import Finalize
kept = []
replace = os.replace
def write(*paths):
    print(os.getpid(), "wrote", flush=True)
    replace(*paths)
os.replace = write
def keep():
    kept.extend(str(i) * 20 for i in range(200_000))
def fill(depth):
    Finalize(None, keep, exitpriority=-1)
    if depth:
        inner = multiprocessing.get_context({method!r}).Process(target=fill, args=(depth - 1,))
        inner.start()
        inner.join()
    print(os.getpid(), "filled", flush=True)
if __name__ == "__main__":
    fill(2)
"""
    )
    folder = tmp_path / "reports"
    folder.mkdir()
    outcome = run([sys.executable, str(script)], {"QUIRE": "1", "QUIRE_JSON": str(folder / "%p.json")})
    outcome.expect()
    found = reports(folder)
    lines = [line.split() for line in outcome.stdout.splitlines()]
    pids = {int(pid) for pid, word in lines if word == "filled"}
    assert len(pids) == 3
    assert sorted(int(pid) for pid, word in lines if word == "wrote" and int(pid) in pids) == sorted(pids)
    assert all(found[pid].statistics.live_bytes > KEPT_BYTES_MIN for pid in pids)


def test_a_fork_takes_one_signal_as_its_parent_does(tmp_path: Path) -> None:
    """The signal by which the heap's growth is told passes from the parent's sampling to the fork's."""
    code = """
    import os, signal
    def claimed():
        return [n for n in range(signal.SIGRTMIN, signal.SIGRTMAX) if signal.getsignal(n) != signal.SIG_DFL]
    before = claimed()
    if os.fork() == 0:
        print(len(before), claimed() == before)
    else:
        os.wait()
    """
    run_all(code, tmp_path).expect("2 True\n")  # the other one asks for a snapshot


def test_a_pool_that_is_closed_tells(tmp_path: Path) -> None:
    """The workers of a pool and of an executor tell when they are let go."""
    code = """
    import multiprocessing, os
    from concurrent.futures import ProcessPoolExecutor
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        print(executor.submit(os.getpid).result())
    pool = context.Pool(1)
    print(pool.apply(os.getpid))
    pool.close()
    pool.join()
    """
    outcome = run_all(code, tmp_path)
    outcome.expect()
    assert {int(pid) for pid in outcome.stdout.split()} < set(reports(tmp_path))


def test_what_ends_at_once_tells_nothing(tmp_path: Path) -> None:
    """os._exit and a signal leave no time to tell."""
    code = "import os\nif os.fork() == 0: os._exit(0)\nif os.fork() == 0: os.abort()\nos.wait(); os.wait()"
    run_all(code, tmp_path).expect("")
    assert len(reports(tmp_path)) == 1


def test_quire_run_tells_of_forks_and_with_children_of_children(tmp_path: Path) -> None:
    """Where --json has %p, forks write; children do where they are served. A relative path is the first process's."""
    code = "import os, subprocess, sys; os.chdir('/')"
    code += "\nif os.fork(): os.wait(); subprocess.run([sys.executable, '-c', ''])"
    for options, count in ([], 2), (["--children"], 3):
        folder = tmp_path / str(count)
        folder.mkdir()
        run([*QUIRE_RUN, *options, "--json", "%p.json", "-c", code], cwd=folder).expect("")
        assert len(reports(folder)) == count


def test_a_relative_path_is_the_first_process_s_with_quire_1(tmp_path: Path) -> None:
    """Wherever a child starts, it writes beside its parent."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', ''], cwd='/')"
    run_python(code, environment={"QUIRE": "1", "QUIRE_JSON": "%p.json"}, cwd=tmp_path).expect("")
    assert len(reports(tmp_path)) == 2


def test_the_screen_is_the_first_process_s_alone(tmp_path: Path) -> None:
    """Files are one for each process; the screen is one."""
    code = "import os, subprocess, sys\nif os.fork(): os.wait(); subprocess.run([sys.executable, '-c', ''])"
    environment = {"QUIRE": "1", "QUIRE_REPORT": "1", "QUIRE_JSON": str(tmp_path / "%p.json")}
    assert run_python(code, environment=environment).stderr.count("resident memory") == 1
    assert len(reports(tmp_path)) == 3


def test_a_child_that_may_not_write_runs(tmp_path: Path) -> None:
    """A child that finds no place for its report is served all the same, without a word."""
    folder = tmp_path / "goes"
    folder.mkdir()
    served = "import quire; print(quire.installed())"
    code = f"import os, subprocess, sys; os.rmdir({str(folder)!r}); subprocess.run([sys.executable, '-c', {served!r}])"
    outcome = run_python(code, environment={"QUIRE": "1", "QUIRE_JSON": str(folder / "%p.json")})
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (0, "True\n", 1)
    assert outcome.stderr.startswith(f"quire: cannot write {folder}/")
