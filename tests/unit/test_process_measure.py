"""What one run took: which number comes from where."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any

import pytest

from quire.errors import UnsupportedRuntime
from quire.process import measure
from quire.process.measure import Program
from quire.process.reading import Reading, rss_max_bytes

MIB = 1024**2
OWN_MIB = 100
"""What the process that compares once had."""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A program that has run, in a process that compares of ``OWN_MIB``."""
    monkeypatch.setattr(measure, "rss_max_bytes", lambda: OWN_MIB * MIB)
    found = Program(("python",), os.devnull, None, tmp_path)
    found.stdout.write_bytes(b"")
    return found


def usage(largest_mib: int) -> Any:
    return resource.struct_rusage((1.5, 0.25, largest_mib * 1024, *[0] * 3, 700, 8, *[0] * 8))


def write_reading(program: Program, rss_mib: int, rss_max_mib: int, others: str = "-1 -1 -1 -1") -> None:
    program.reading.write_text(f"{rss_mib * MIB} {rss_mib * MIB} {rss_max_mib * MIB} 500000000 250000000 {others}")


def test_what_the_reading_took_is_taken_off(program: Program) -> None:
    """Half a second by the clock and a quarter of processor time went into the reading, not into the program."""
    write_reading(program, 40, 50)
    found = measure._measurement(program, 3.0, usage(1))
    assert (found.wall_seconds, found.cpu_seconds) == (2.5, 1.5)
    assert (found.minor_faults, found.major_faults) == (700, 8)


@pytest.mark.parametrize(("others", "more"), [("-1 -1 -1 -1", 0), (f"-1 1000 {5 * MIB} {MIB}", 6 * MIB + 245_000)])
def test_what_is_held(program: Program, others: str, more: int) -> None:
    """In proportion, with what is shared and in no page table, and the kernel's own, as far as the system tells."""
    write_reading(program, 40, 50, others)
    assert measure._measurement(program, 3.0, usage(1)).held_bytes == 40 * MIB + more


@pytest.mark.parametrize(
    ("largest_mib", "rss_mib", "rss_max_mib", "expected_mib"),
    [(100, 40, 50, 50), (101, 40, 50, 101), (99, 51, 50, 51), (101, 102, 101, 102)],
    ids=["inherited", "above", "counted differently", "above, counted differently"],
)
def test_the_peak(program: Program, largest_mib: int, rss_mib: int, rss_max_mib: int, expected_mib: int) -> None:
    """What wait4 tells counts only above what a new process inherits; no peak is below what is there at the end."""
    write_reading(program, rss_mib, rss_max_mib)
    found = measure._measurement(program, 3.0, usage(largest_mib))
    assert found.rss_max_bytes == expected_mib * MIB


def test_without_a_reading_only_a_large_peak_is_known(program: Program) -> None:
    """What may be inherited is not told as the program's."""
    assert measure._measurement(program, 3.0, usage(100)).rss_max_bytes is None
    assert measure._measurement(program, 3.0, usage(101)).rss_max_bytes == 101 * MIB


def test_an_interrupt_of_a_program_that_has_ended_is_no_other_error(tmp_path: Path) -> None:
    """Ctrl-C may come when the program has been waited for and nobody has noted it yet."""
    command = (sys.executable, "-c", "")
    process = measure._start(Program(command, os.devnull, None, tmp_path), {})
    os.waitpid(process.pid, 0)
    measure._interrupt(process)


@pytest.mark.parametrize("text", [b"", b"1 2 3 4", b"1 2 3 4 5 6 7", b"one 2 3 4 5 6"])
def test_a_reading_that_is_none_is_refused(text: bytes) -> None:
    """Half a reading is no reading."""
    with pytest.raises(ValueError, match=r"."):
        Reading(text)


def test_the_peak_is_the_kernels() -> None:
    """VmHWM, in bytes."""
    text = Path("/proc/self/status").read_text()
    assert rss_max_bytes() >= int(text.partition("VmHWM:")[2].split()[0]) * 1024 > 5 * MIB


def test_where_the_kernel_does_not_tell_nothing_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc the line says so, before anything is run."""

    def fail() -> int:
        raise FileNotFoundError(2, "No such file or directory", "/proc/self/status")

    measure.check_accounts()
    monkeypatch.setattr(measure, "rss_max_bytes", fail)
    with pytest.raises(UnsupportedRuntime, match="mount /proc"):
        measure.check_accounts()
