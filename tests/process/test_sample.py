"""Samples of real processes: memory of every kind is planted, and must be found in its row.

Each program runs in a process of its own, plainly and served by quire.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

import pytest

from processes import run, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

MIB = 1024 * 1024
PLANTED = 200 * MIB
TOLERANCE = 6 * MIB
PLANTER = Path(__file__).parents[1] / "planter.py"

ROWS = {
    "small_blocks": "libc_live_bytes",
    "small_blocks_in_threads": "libc_live_bytes",
    "large_blocks": "libc_live_bytes",
    "large_blocks_behind_unknown_memory": "libc_live_bytes",
    "freed_blocks": "libc_held_bytes",
    "anonymous_memory": "other_anonymous_bytes",
    "shared_memory": "other_anonymous_bytes",
    "mapped_file": "mapped_file_bytes",
    "changed_pages_of_a_file": "mapped_file_bytes",
    "stacks_of_pythons_threads": "thread_stack_bytes",
    "stacks_of_cs_threads": "thread_stack_bytes",
}

modes = pytest.mark.parametrize("mode", ["plain", "served"])


def plant(kind: str, mode: str, where: Path) -> dict[str, object]:
    """What the samples of a process say in which memory of this kind was planted."""
    outcome = run([sys.executable, str(PLANTER), kind, mode], cwd=where)
    assert outcome.exit_code == 0, outcome.stderr
    return json.loads(outcome.stdout)


@modes
@pytest.mark.parametrize("kind", ROWS)
def test_planted_memory_is_found_in_its_row(kind: str, mode: str, tmp_path: Path) -> None:
    """200 MiB of a kind make its row grow by as much, in a full and in a quick sample, and no more is unexplained."""
    for grown in plant(kind, mode, tmp_path)["grown"]:
        assert abs(grown[ROWS[kind]] - PLANTED) < TOLERANCE, grown
        assert grown["unexplained_bytes"] < TOLERANCE / 2


@modes
def test_objects_are_found_where_they_live(mode: str, tmp_path: Path) -> None:
    """In quire's live blocks if it serves the process, and in CPython's arenas if it does not."""
    row, other = "heap_live_bytes", "cpython_arena_bytes"
    if mode == "plain":
        row, other = other, row
    for grown in plant("objects", mode, tmp_path)["grown"]:
        assert grown["rss_bytes"] > PLANTED // 2
        assert abs(grown[row] - grown["rss_bytes"]) < TOLERANCE, grown
        assert abs(grown[other]) < TOLERANCE, grown
        assert grown["unexplained_bytes"] < TOLERANCE / 2


def test_all_that_the_heap_counts_is_in_its_regions() -> None:
    """Page by page: else the sample would count as somebody else's what the heap counts as its own."""
    code = """
        import quire
        quire.install()
        from quire.process.core import require_core
        core = require_core()
        small, runs, mappings = [[b"x" * n for n in range(first, last, step)] for first, last, step in
                                 [(0, 30_000, 7), (20_000, 250_000, 900), (300_000, 3_000_000, 200_000)]]
        del small[::2], runs[::2], mappings[::2], small[-1], runs[-1], mappings[-1]
        assert quire.stats().kept_mapping_bytes > 1_000_000
        print(sum(core.residency()) - sum(core.resident_bytes(*region) for region in core.regions()))
    """
    run_python(code, environment={"QUIRE_RANGE": "1G"}).expect("0\n")


@modes
def test_zeroes_that_were_only_read_are_nobodys(mode: str, tmp_path: Path) -> None:
    """200 MiB of untouched zeroes take no memory, although every page of them is mapped; no row has them."""
    for grown in plant("only_read", mode, tmp_path)["grown"]:
        grown.pop("pss_bytes", None)  # a quick sample does not have it, until it meets such zeroes
        assert all(abs(size) < TOLERANCE for size in grown.values()), grown


@modes
def test_a_sample_agrees_with_the_kernel(mode: str, tmp_path: Path) -> None:
    """The rows add up to VmRSS, but for what the sampling itself and the kernel's counters come to."""
    told = plant("large_blocks", mode, tmp_path)
    for after in told["after"]:
        assert abs(after["rss_bytes"] - told["vm_rss"]) < TOLERANCE
        assert after["unexplained_bytes"] < 0.03 * after["rss_bytes"]
    full, quick = told["after"]
    assert 0.5 * full["rss_bytes"] < full["pss_bytes"] <= full["rss_bytes"]
    assert "pss_bytes" not in quick


def test_cpythons_arenas_are_all_found() -> None:
    """Every arena that CPython itself counts is found; its own figure is their size, ours what of them is resident."""
    code = """
        import sys
        sys.path.insert(0, "TESTS")
        from planter import Unserved, Sampler, objects
        objects()
        print(Sampler(Unserved).measure().rows["cpython_arena_bytes"], flush=True)
        sys._debugmallocstats()
    """
    outcome = run_python(code.replace("TESTS", str(PLANTER.parent)))
    assert outcome.exit_code == 0
    counted = {}
    for line in outcome.stderr.splitlines():
        name, _, value = line.partition("=")
        counted.setdefault(name.strip(), value.replace(",", "").strip())
    total = int(counted["# arenas allocated current"]) * MIB
    found = int(outcome.stdout)
    assert total > 60 * MIB
    assert 0.97 * total - 2 * MIB < found < total + MIB


def test_frames_of_deep_calls_are_found() -> None:
    """A hundred thousand Python calls under way take memory for their frames, and it is in their row."""
    code = """
        import sys, quire, quire._core
        from quire.process.sample import take_sample
        quire.install()
        def call(depth):
            return call(depth - 1) if depth else take_sample(quire._core).frame_bytes
        sys.setrecursionlimit(200_000)
        print(call(0) < 200_000, 8_000_000 < call(100_000) < 40_000_000)
    """
    run_python(code).expect("True True\n")


def test_a_forks_samples_are_its_own() -> None:
    """In a forked process the parts add up as well; what it shares with its parent is resident in both."""
    code = """
        import os, quire, quire._core
        from quire.process.sample import take_sample
        quire.install()
        kept = [(i,) for i in range(1_000_000)]
        before = take_sample(quire._core)
        def look(who):
            sample = take_sample(quire._core)
            assert sample.unexplained_bytes < 0.03 * sample.rss_bytes, (who, sample)
            assert sample.heap.live_bytes > 0.9 * before.heap.live_bytes, (who, sample)
            assert sample.pss_bytes < 0.7 * sample.rss_bytes, (who, sample)
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            look("child")
            os.write(ready[1], b"x"); os.read(go[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
        look("parent")
        os.write(go[1], b"x")
        assert os.waitpid(child, 0)[1] == 0
    """
    run_python(code).expect("")


def test_sampling_leaves_nothing_behind() -> None:
    """A hundred samples keep no descriptor open and no memory."""
    code = """
        import os, quire, quire._core
        from quire.process.own_memory import read_rss_bytes
        from quire.process.sample import Sampler
        quire.install()
        sampler = Sampler(quire._core)
        def state():
            for _ in range(50):
                sampler.measure(); sampler.measure_quickly()
            return len(os.listdir("/proc/self/fd")), read_rss_bytes()
        state()
        (files, before), (files_after, after) = state(), state()
        print(files == files_after, after - before < 1_000_000)
    """
    run_python(code).expect("True True\n")


MANY_MAPPINGS = """
        import ctypes, mmap
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        PAGE, MANY = mmap.PAGESIZE, 30_000
        start = libc.mmap(None, MANY * PAGE, 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        ctypes.memset(start, 1, MANY * PAGE)
        for page in range(start, start + MANY * PAGE, 2 * PAGE):
            assert libc.mprotect(page, PAGE, 0) == 0
"""
"""A program with 30,000 mappings: pages of its own, with guards between them."""


def test_many_mappings_take_no_memory_to_sample() -> None:
    """With 30,000 mappings a sample takes a few hundred KiB, all is explained, and none of it is the sample's own."""
    code = """
        import quire, quire._core
        from quire.process.own_memory import read_rss_bytes
        from quire.process.sample import Sampler
        quire.install()
        sampler = Sampler(quire._core)
        sampler.measure(), sampler.measure_quickly()
        before = read_rss_bytes()
        for parts in sampler.measure(), sampler.measure_quickly():
            assert abs(parts.rss_bytes - before) < 1_000_000, (parts.rss_bytes, before)
            assert abs(parts.rows["other_anonymous_bytes"] - MANY * PAGE) < 1_000_000, parts.rows
            assert parts.rows["unexplained_bytes"] < 300_000, parts.rows
            assert sum(parts.heap) < 5_000_000, parts.heap
        with open("/proc/self/status", "rb") as file:
            most = next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"VmHWM"))
        print(most - before < 2_000_000)
    """
    run_python(MANY_MAPPINGS + code).expect("True\n")


def test_a_report_of_guarded_blocks_tells_what_the_program_has(tmp_path: Path) -> None:
    """One request in ten guarded makes 30,000 mappings; the report has the program's memory, and none of its own."""
    code = """
        kept = [[i] for i in range(1_000_000)]
        with open("/proc/self/status", "rb") as file:
            print(*(int(line.split()[1]) * 1024 for line in file if line.startswith((b"VmHWM", b"VmRSS"))))
    """
    file = tmp_path / "out.json"
    outcome = run_python(code, environment={"QUIRE_GUARD": "10", "QUIRE_JSON": str(file), "QUIRE": "1"})
    outcome.expect()
    rss_max_bytes, rss_bytes = map(int, outcome.stdout.split())
    report = json.loads(file.read_text())
    assert report["statistics"]["guard"]["slots_allocated"] > 5_000
    assert abs(report["rss_max_bytes"] - rss_max_bytes) < MIB
    assert abs(report["end"]["rss_bytes"] - rss_bytes) < MIB
    assert report["end"]["heap"]["free_run_bytes"] < MIB
    assert report["end"]["unexplained_bytes"] < MIB // 2


def test_totals_do_not_contradict_each_other_while_threads_allocate() -> None:
    """Each sample has VmHWM, VmRSS and PSS of one moment: none is less than the next, and the rest is explained."""
    code = """
        import mmap, threading, quire, quire._core
        from quire.process.sample import Sampler
        quire.install()
        def grow():
            kept = []
            while True:
                kept.append(mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE))
                kept[-1][::4096] = b"x" * 256
                if len(kept) > 300:
                    kept.clear()
        threading.Thread(target=grow, daemon=True).start()
        sampler = Sampler(quire._core)
        for _ in range(30):
            parts = sampler.measure()
            assert parts.rss_max_bytes >= parts.rss_bytes >= parts.pss_bytes
    """
    run_python(code).expect("")


def test_samples_are_right_while_threads_map_and_unmap() -> None:
    """Memory that comes and goes during a sample does no harm: every sample adds up, and nothing crashes."""
    code = """
        import mmap, threading, quire, quire._core
        from quire.process.parts import FIELDS
        from quire.process.sample import Sampler
        quire.install()
        stop = False
        def churn():
            while not stop:
                blocks = [bytearray(b"x" * (1 << 20)) for _ in range(8)]
                mapped = mmap.mmap(-1, 1 << 22, flags=mmap.MAP_PRIVATE)
                mapped[::4096] = b"x" * 1024
                del blocks, mapped
        threads = [threading.Thread(target=churn) for _ in range(4)]
        for thread in threads: thread.start()
        sampler = Sampler(quire._core)
        for index in range(20):
            parts = sampler.measure() if index % 2 else sampler.measure_quickly()
            assert sum(parts.heap) + sum(parts.rows[field] for field in FIELDS) == parts.rss_bytes
            assert min(*parts.heap, *parts.rows.values()) >= 0
        stop = True
        for thread in threads: thread.join()
    """
    run_python(code).expect("")


def test_threads_that_start_and_end_do_no_harm() -> None:
    """Stacks are looked up while their threads end and others begin."""
    code = """
        import threading, quire, quire._core
        from quire.process.sample import Sampler
        quire.install()
        stop = False
        def breed():
            while not stop:
                threads = [threading.Thread(target=sum, args=(range(100),)) for _ in range(20)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
        breeders = [threading.Thread(target=breed) for _ in range(2)]
        for breeder in breeders: breeder.start()
        sampler = Sampler(quire._core)
        for _ in range(20):
            sampler.measure(); sampler.measure_quickly()
        stop = True
        for breeder in breeders: breeder.join()
    """
    run_python(code).expect("")


def test_a_process_that_may_not_see_its_memory_is_told_so() -> None:
    """Where /proc is not there, or files of it are not, the error is quire's own, in one line."""
    code = """
        import os, quire, quire._core
        from quire.errors import QuireError
        from quire.process.sample import take_sample
        quire.install()
        open_file = quire._core.open_own
        for hidden in "mem", "pagemap", "status", "smaps":
            def refuse(name):
                if name == hidden:
                    raise FileNotFoundError(2, "No such file or directory")
                return open_file(name)
            quire._core.open_own = refuse
            files = len(os.listdir("/proc/self/fd"))
            try:
                take_sample(quire._core)
            except QuireError as error:
                print(error)
            assert len(os.listdir("/proc/self/fd")) == files
    """
    remedy = "cannot be read: No such file or directory; mount /proc"
    run_python(code).expect("".join(f"/proc/self/{name} {remedy}\n" for name in ("mem", "pagemap", "status", "smaps")))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root takes groups")
def test_a_user_of_a_thousand_groups_is_told_of_its_memory() -> None:
    """The kernel's text names them all before it comes to the sizes."""
    run_python(
        """
        import os
        os.setgroups(range(2_000_000_000, 2_000_001_000))
        import quire; quire.install()
        from quire.process.core import require_core
        from quire.process.sample import take_sample
        print(take_sample(require_core()).rss_bytes > 0)
        """
    ).expect("True\n")


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the filter names the call by its number")
def test_where_residency_is_refused_there_is_no_report() -> None:
    """A filter of system calls that refuses mincore, as systemd's @system-service does, is told in a line."""
    code = """
        import ctypes, platform, struct
        number = {"x86_64": 27, "aarch64": 232}[platform.machine()]
        load, jump_if_equal, answer = 0x20, 0x15, 0x06
        refuse_it, allow = 0x00050001, 0x7FFF0000
        steps = [(load, 0, 0, 0), (jump_if_equal, 0, 1, number), (answer, 0, 0, refuse_it), (answer, 0, 0, allow)]
        steps = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
        program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(steps)))
        libc = ctypes.CDLL(None)
        assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
        assert libc.prctl(22, 2, program) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        print("ran")
    """
    outcome = run_python(code, environment={"QUIRE": "1", "QUIRE_REPORT": "1"})
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (0, "ran\n", 1)
    assert "the system refuses mincore; allow it" in outcome.stderr


# --- samples while a program runs -----------------------------------------------------------------------------


def test_the_peak_of_a_program_is_sampled() -> None:
    """A program that makes and drops objects has a sample near its peak, which adds up and explains it."""
    code = """
        import quire
        from quire.process.sampling import PeakSampler
        quire.install()
        sampler = PeakSampler()
        sampler.start()
        kept = []
        for index in range(3_000_000):
            kept.append((index, index + 1))
        del kept
        end, peak, samples = sampler.stop()
        assert sampler.failure is None, sampler.failure
        with open("/proc/self/status", "rb") as file:
            most = next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"VmHWM"))
        print(0.7 * most < peak.rss_bytes <= most, end.rss_bytes < 0.5 * peak.rss_bytes, samples > 3)
        print(peak.heap.live_bytes > 0.7 * peak.rss_bytes, peak.unexplained_bytes < 0.03 * peak.rss_bytes)
        print(0 < peak.seconds < end.seconds)
    """
    run_python(code).expect("True True True\nTrue True\nTrue\n")


def test_a_fork_takes_no_samples() -> None:
    """A child of a sampled process grows, forks and ends without a sample; its parent goes on with its own."""
    code = """
        import os, quire
        from quire.process.sampling import PeakSampler
        quire.install()
        sampler = PeakSampler()
        sampler.start()
        before = sampler.samples
        child = os.fork()
        kept = [(index,) for index in range(1_000_000)]
        if child == 0:
            os._exit(sampler.samples - before)
        assert os.waitpid(child, 0)[1] == 0
        print(sampler.samples > before)
    """
    run_python(code).expect("True\n")
