"""``quire why`` on real processes: what it says is what the process itself says, and the process does not notice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from quire.errors import InvalidOption
from quire.process.named import read_pid
from quire.process.other_memory import OtherMemory
from quire.process.outside import look_at
from quire.records.outside import OutsideSample, WhyReport

MIB = 1024**2
NOBODY = 65534

PEAK = """
    random.seed(7)
    peak = [(number, str(number)) for number in range(600_000)]
    kept = [pair for pair in peak if random.random() < 0.01]
    del peak
    gc.collect()
"""
PRELUDE = """
    import ctypes, gc, json, mmap, os, random, sys, threading, time

    def vm_rss():
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))
"""
ENDING = """
    sys._debugmallocstats()
    print(json.dumps(globals().get("truth", {})), flush=True)
    sys.stdin.read()
"""


class Target:
    """A Python that has planted something, and waits; ``truth`` is what it says of itself."""

    def __init__(self, process: subprocess.Popen[str], stderr: Path) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, stderr.read_text()
        self.truth = json.loads(line)
        self._statistics = stderr.read_text()

    def look(self) -> WhyReport:
        return look_at(self.process.pid, 1)

    def statistic(self, pattern: str) -> int:
        """A number of ``sys._debugmallocstats()``."""
        found = re.search(pattern, self._statistics)
        assert found is not None, pattern
        return int(found[1].replace(",", ""))


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Callable[..., Target]]:
    """Starts targets, and ends them."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, command: tuple[str, ...] = (sys.executable,), **environment: str) -> Target:
        script, stderr = tmp_path / "target.py", tmp_path / "stderr"
        script.write_text("".join(map(textwrap.dedent, (PRELUDE, code, ENDING))))
        with stderr.open("w") as errors:
            process = subprocess.Popen(
                [*command, str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | environment,
            )
        started.append(process)
        return Target(process, stderr)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def why(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quire", "why", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def parts_of(memory: OutsideSample) -> dict[str, int]:
    names = [field.name for field in fields(memory)][3:]
    return {name: getattr(memory, name) for name in names}


# --- what is told is true -------------------------------------------------------------------------------------


def test_what_survivors_of_a_peak_keep_is_told(plant: Callable[..., Target]) -> None:
    """Arenas, blocks and bytes are those that CPython itself counts, and 1 % of scattered survivors keep them all."""
    target = plant(PEAK)
    report = target.look()
    memory, arenas = report.memory, report.arenas
    assert report.python == ".".join(map(str, sys.version_info[:3]))
    assert report.reason is None
    assert arenas.arenas == target.statistic(r"# arenas allocated current\s*=\s*([\d,]+)")
    live_bytes = target.statistic(r"# bytes in allocated blocks\s*=\s*([\d,]+)")
    free_bytes = target.statistic(r"# bytes in available blocks\s*=\s*([\d,]+)")
    assert abs(memory.arena_live_bytes - live_bytes) < 0.01 * live_bytes
    assert abs(memory.arena_free_bytes - free_bytes) < 0.01 * free_bytes
    assert arenas.sparse_arenas > 0.2 * arenas.arenas
    assert arenas.pools_unknown == 0
    assert memory.arena_live_bytes < arenas.quire_bytes < 0.15 * memory.arena_bytes


@pytest.mark.parametrize(
    "code",
    [PEAK, "kept = bytearray(90 << 20)", "kept = [bytearray(n % 9999) for n in range(20_000)][::2]"],
    ids=["objects", "one block", "blocks"],
)
def test_parts_add_up(plant: Callable[..., Target], code: str) -> None:
    """The rows add up to VmRSS; hardly anything of a process at rest is unexplained."""
    target = plant(code + "\ntruth = vm_rss()")
    memory = target.look().memory
    assert sum(parts_of(memory).values()) == memory.rss_bytes
    assert min(parts_of(memory).values()) >= 0
    assert abs(memory.rss_bytes - target.truth) < 2 * MIB
    assert 0 < memory.pss_bytes <= memory.rss_bytes
    assert memory.unexplained_bytes <= 0.02 * memory.rss_bytes


def test_the_process_is_not_disturbed(plant: Callable[..., Target]) -> None:
    """No page comes in, no fault is counted, nothing runs: the same afterwards as before."""

    def account(pid: int) -> tuple[str, ...]:
        text = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        state, faults, times, resident = text[0], text[7:11], text[11:13], text[21]
        return (state, *faults, *times, resident)

    target = plant(PEAK)
    time.sleep(0.2)
    before = account(target.process.pid)
    target.look()
    assert account(target.process.pid) == before


def test_what_libc_keeps_is_told(plant: Callable[..., Target]) -> None:
    """Of blocks of which every other one is freed, half is held; in the main heap and in a thread's."""
    target = plant(
        """
        def work(kept):
            kept += [bytearray(20_000) for _ in range(2000)]
            del kept[::2]

        mine, others = [], []
        work(mine)
        thread = threading.Thread(target=lambda: (work(others), stay.wait()), daemon=True)
        stay = threading.Event()
        thread.start()
        while len(others) != 1000:
            time.sleep(0.01)
        """
    )
    memory = target.look().memory
    assert 38 * MIB < memory.libc_live_bytes < 44 * MIB
    assert 36 * MIB < memory.libc_held_bytes < 42 * MIB


def test_each_kind_of_memory_has_its_row(plant: Callable[..., Target]) -> None:
    """Frames of deep calls, stacks, mapped blocks and shared memory are found where they are."""
    target = plant(
        """
        block = b"x" * (30 << 20)
        shared = mmap.mmap(-1, 40 << 20)
        shared.write(b"x" * (40 << 20))

        def deep(depth):
            if depth:
                return deep(depth - 1)
            ready.set()
            time.sleep(600)

        sys.setrecursionlimit(100_000)
        ready = threading.Event()
        threading.Thread(target=deep, args=(20_000,), daemon=True).start()
        ready.wait()
        """
    )
    report = target.look()
    memory = report.memory
    assert memory.shared_memory_bytes == pytest.approx(40 * MIB, rel=0.01)
    assert 30 * MIB < memory.libc_live_bytes < 36 * MIB
    assert memory.frame_bytes > 20_000 * 64
    assert memory.other_anonymous_bytes < MIB
    assert (report.interpreters, report.threads) == (1, 2)


def test_where_libc_has_all_objects_there_are_no_arenas(plant: Callable[..., Target]) -> None:
    """With PYTHONMALLOC=malloc what was freed is in libc's quick lists, and told as free."""
    target = plant(PEAK.replace("600_000", "100_000"), PYTHONMALLOC="malloc")
    report = target.look()
    assert (report.arenas.arenas, report.memory.arena_bytes) == (0, 0)
    assert report.memory.libc_held_bytes > 8 * MIB
    assert "CPython has no arenas" in " ".join(why(str(target.process.pid)).stdout.split())


def test_quires_heap_is_told_apart(plant: Callable[..., Target]) -> None:
    """Of a process on quire its heap is one row, about as large as it says itself."""
    code = "kept = [(number,) for number in range(500_000)]\nimport quire\ntruth = quire.stats().touched_bytes"
    target = plant(code, (sys.executable, "-m", "quire", "run", "--quiet"))
    report = target.look()
    assert report.is_on_quire
    assert report.memory.quire_heap_bytes == pytest.approx(target.truth, rel=0.1)
    assert sum(parts_of(report.memory).values()) == report.memory.rss_bytes
    assert "It runs on quire" in why(str(target.process.pid)).stdout


def test_a_process_that_changes_gives_answers_that_add_up(plant: Callable[..., Target]) -> None:
    """Threads that allocate, map and free all the time: each look adds up, and is no error."""
    target = plant(
        """
        def churn():
            while True:
                some = [(number, bytearray(number % 3000)) for number in range(3000)]
                mmap.mmap(-1, 1 << 20).write(b"x")

        for _ in range(3):
            threading.Thread(target=churn, daemon=True).start()
        """
    )
    for _ in range(5):
        memory = target.look().memory
        assert sum(parts_of(memory).values()) == memory.rss_bytes
        assert min(parts_of(memory).values()) >= 0


def test_another_namespace_is_looked_into(plant: Callable[..., Target]) -> None:
    """As root, from outside of a container: its process has another number here, and its files lie in another root."""
    unshare = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
    if os.geteuid() != 0 or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("namespaces of its own are not allowed here")
    target = plant(PEAK, (*unshare, sys.executable))
    children = Path(f"/proc/{target.process.pid}/task/{target.process.pid}/children").read_text()
    report = look_at(int(children), 1)
    assert report.arenas.arenas == target.statistic(r"# arenas allocated current\s*=\s*([\d,]+)")


# --- what cannot be told --------------------------------------------------------------------------------------


def test_of_another_program_the_kernels_accounts_are_told() -> None:
    """No CPython: every byte is there by its mapping, and a line says why no more."""
    process = subprocess.Popen(["sleep", "60"])
    try:
        time.sleep(0.2)
        report = look_at(process.pid, 1)
        assert "No more than the kernel's accounts: no CPython" in " ".join(why(str(process.pid)).stdout.split())
    finally:
        process.kill()
        process.wait()
    assert (report.python, report.arenas.arenas) == (None, 0)
    assert sum(parts_of(report.memory).values()) == report.memory.rss_bytes


def test_where_memory_may_not_be_read_the_accounts_are_told(
    plant: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under kernel.yama.ptrace_scope: ``mem`` is refused, ``smaps`` is not; one line says what to do."""
    target = plant(PEAK)
    open_file = OtherMemory.open_file

    def refuse(memory: OtherMemory, name: str) -> int:
        if name == "mem":
            raise PermissionError(13, "Permission denied")
        return open_file(memory, name)

    monkeypatch.setattr(OtherMemory, "open_file", refuse)
    report = target.look()
    assert report.reason is not None
    assert "may not be read" in report.reason
    assert report.arenas.arenas == 0
    assert report.memory.other_anonymous_bytes > 30 * MIB
    assert sum(parts_of(report.memory).values()) == report.memory.rss_bytes


def test_a_process_that_ends_meanwhile_is_told_so(plant: Callable[..., Target]) -> None:
    """Once its folder is open another process can never be taken for it."""
    target = plant("")
    with OtherMemory(target.process.pid) as memory:
        target.process.kill()
        target.process.wait()
        assert memory.has_ended()
        with pytest.raises(InvalidOption, match="has ended"):
            b"".join(memory.text("smaps"))


# --- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "the number of one process"),
        (("1", "2"), "the number of one process"),
        (("--jsn",), "quire why has no option --jsn; did you mean --json?"),
        (("abc",), "abc is none"),
        (("",), "nothing is none"),
        (("-1",), "-1 is none"),
        (("99999999999999999999",), "there is no process 99999999999999999999"),
        (("0",), "there is no process 0"),
    ],
)
def test_bad_input_is_one_line(words: tuple[str, ...], line: str) -> None:
    """One line on standard error, exit code 2, nothing on standard output."""
    answer = why(*words)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert line in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_zombie_holds_nothing() -> None:
    """It has ended; whose task it is to say so is told."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    answer = why(str(process.pid))
    process.wait()
    assert answer.returncode == 2
    assert f"its parent, {os.getpid()}," in answer.stderr


def test_a_thread_is_not_a_process(plant: Callable[..., Target]) -> None:
    """The process that it belongs to is named."""
    target = plant("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()")
    threads = {int(name) for name in os.listdir(f"/proc/{target.process.pid}/task")} - {target.process.pid}
    answer = why(str(threads.pop()))
    assert answer.returncode == 2
    assert answer.stderr.endswith(f"quire why {target.process.pid}\n")


def test_a_thread_of_the_kernel_has_no_memory() -> None:
    """Where there is one to be seen: in a container there is none."""
    status = Path("/proc/2/status")
    if not status.exists() or "VmRSS" in status.read_text():
        pytest.skip("no thread of the kernel is seen here")
    with pytest.raises(InvalidOption, match="thread of the kernel"):
        read_pid("2", "why")


def test_another_users_process_may_not_be_looked_at(plant: Callable[..., Target]) -> None:
    """Whose it is, and what to do about it, in one line."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    target = plant("")
    imports = "import os, pwd, sys, quire.text, quire.cli.signals, quire.cli.why; from quire.cli.main import main"
    become = f"os.setgid({NOBODY}); os.setuid({NOBODY})"
    code = f"{imports}; {become}; sys.exit(main(['why', '{target.process.pid}']))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "belongs to root, and the system does not show its memory; as root: sudo" in answer.stderr


def test_an_interrupt_ends_it_quietly(plant: Callable[..., Target]) -> None:
    """Ctrl-C is no traceback."""
    target = plant(PEAK)
    command = [sys.executable, "-m", "quire", "why", str(target.process.pid)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    _stdout, stderr = process.communicate()
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert "quire why" not in stderr


def test_programs_read_the_same_as_people(plant: Callable[..., Target]) -> None:
    """``--json`` is one object with the numbers of the screen."""
    target = plant(PEAK)
    answer = why("--json", str(target.process.pid))
    document = json.loads(answer.stdout)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert (document["format"], document["pid"]) == ("quire.why", target.process.pid)
    assert document["arenas"]["arenas"] == target.statistic(r"# arenas allocated current\s*=\s*([\d,]+)")
