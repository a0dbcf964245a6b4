"""One run of a program in a process of its own, and what it took.

    measure()  -->  python ...      in a session of its own, its output in files
                      at its end: a reading of its memory (reading.py), which costs the same plainly and on quire
               <--  wait4: processor time, page faults

Nothing stands between: no shell, no ``quire run``. So the time is the program's own.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from quire.errors import ProgramFailed, UnsupportedRuntime
from quire.process import settings
from quire.process.reading import Reading, rss_max_bytes
from quire.records.comparison import Measurement
from quire.records.statistics import Charge
from quire.text import printable

if TYPE_CHECKING:
    from resource import struct_rusage

PLAINLY, ON_QUIRE = "plainly", "on quire"
"""How messages call the two kinds of runs."""
_KIB = 1024
_LAST_WORDS_BYTES = 1200
_LAST_WORDS_LINES = 8
_INTERRUPT_SECONDS = 3.0
_REFUSED_CODE = 2
_REFUSED_WORDS = "quire: "


@dataclass(frozen=True, slots=True)
class Program:
    """What is run.

    ``stdin`` is a file that each run reads from its start; in ``folder`` a run leaves its output and its reading.
    """

    command: tuple[str, ...]
    stdin: str
    timeout_seconds: float | None
    folder: Path

    @property
    def stdout(self) -> Path:
        return self.folder / "stdout"

    @property
    def stderr(self) -> Path:
        return self.folder / "stderr"

    @property
    def reading(self) -> Path:
        return self.folder / "reading"


def check_accounts() -> None:
    """See that the kernel tells what a process uses.

    Raises:
        UnsupportedRuntime: it does not.
    """
    try:
        rss_max_bytes()
    except (OSError, ValueError):
        raise UnsupportedRuntime("the comparison needs /proc/self/status, which cannot be read; mount /proc") from None


def measure(program: Program, environment: dict[str, str], where: str) -> Measurement:
    """Run the program once, to its end.

    Args:
        program: what to run.
        environment: what the program finds, and whether it is served.
        where: ``PLAINLY`` or ``ON_QUIRE``.

    Raises:
        ProgramFailed: it ended with another exit code than 0, or took too long.
        UnsupportedRuntime: it cannot be served; the message is the one of the process itself.
    """
    program.reading.unlink(missing_ok=True)
    started = time.monotonic()
    process = _start(program, environment)
    usage = _wait(process, program.timeout_seconds)
    wall_seconds = time.monotonic() - started
    if process.returncode != 0:
        raise _failed(program, process.returncode, wall_seconds, where)
    return _measurement(program, wall_seconds, usage)


# --- a process ------------------------------------------------------------------------------------------------


def _start(program: Program, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with open(program.stdin, "rb") as stdin, program.stdout.open("wb") as stdout, program.stderr.open("wb") as stderr:
        return subprocess.Popen(
            program.command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment | {settings.READING: str(program.reading)},
            start_new_session=True,
        )


def _wait(process: subprocess.Popen[bytes], timeout_seconds: float | None) -> struct_rusage:
    """What the process used until it ended, or was stopped because it took too long."""
    guard = Timer(timeout_seconds or 0, _kill, [process])
    if timeout_seconds is not None:
        guard.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        _interrupt(process)
        raise
    finally:
        guard.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """What Ctrl-C at the terminal would do; the program is in another session, and not reached by it."""
    try:
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):  # it may have ended, and been waited for
            os.killpg(process.pid, signal.SIGINT)
            process.wait(_INTERRUPT_SECONDS)
    finally:
        _kill(process)
        process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The program and the processes that it started, as far as they are of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


# --- what came of it ------------------------------------------------------------------------------------------


def _measurement(program: Program, wall_seconds: float, usage: struct_rusage) -> Measurement:
    reading = _reading(program.reading)
    cpu_seconds = usage.ru_utime + usage.ru_stime
    with program.stdout.open("rb") as stdout:
        stdout_sha256 = hashlib.file_digest(stdout, "sha256").hexdigest()
    return Measurement(
        wall_seconds=max(wall_seconds - (reading.wall_seconds if reading else 0), 0.0),
        cpu_seconds=max(cpu_seconds - (reading.cpu_seconds if reading else 0), 0.0),
        minor_faults=usage.ru_minflt,
        major_faults=usage.ru_majflt,
        rss_max_bytes=_rss_max_bytes(reading, usage),
        rss_bytes=reading.rss_bytes if reading else None,
        pss_bytes=reading.pss_bytes if reading else None,
        cgroup_bytes=reading.cgroup_bytes if reading else None,
        held_bytes=_held_bytes(reading) if reading else None,
        stdout_sha256=stdout_sha256,
    )


def _held_bytes(reading: Reading) -> int | None:
    return Charge(
        reading.rss_bytes,
        reading.pss_bytes,
        reading.cgroup_bytes,
        reading.mappings,
        None,
        reading.uncounted_bytes,
        reading.page_table_bytes,
    ).held_bytes


def _reading(path: Path) -> Reading | None:
    """``None`` where the process ended without one: by ``os._exit``, or as another program (``exec``)."""
    try:
        return Reading(path.read_bytes())
    except (OSError, ValueError):
        return None


def _rss_max_bytes(reading: Reading | None, usage: struct_rusage) -> int | None:
    """The most that was resident of the program, or of one of the processes that it waited for.

    ``wait4`` knows of all of them. But a new process's number begins with what its parent had when it started it,
    so it tells something only if it is above what this process ever had. The reading's two numbers are counted
    differently by the kernel, and the highest is not always the higher one.
    """
    largest_bytes = usage.ru_maxrss * _KIB
    seen = [largest_bytes] if largest_bytes > rss_max_bytes() else []
    if reading:
        seen += [reading.rss_max_bytes, reading.rss_bytes]
    return max(seen, default=None)


# --- what went wrong ------------------------------------------------------------------------------------------


def _failed(program: Program, code: int, wall_seconds: float, where: str) -> ProgramFailed | UnsupportedRuntime:
    if program.timeout_seconds is not None and wall_seconds >= program.timeout_seconds:
        return ProgramFailed(
            f"{where} the program took longer than {program.timeout_seconds:g} s and was stopped; "
            "give it more in --timeout, or less to do"
        )
    words = _last_words(program.stderr)
    has_begun = program.reading.exists() or len(words) != 1 or not words[0].startswith(_REFUSED_WORDS)
    if code == _REFUSED_CODE and not has_begun:
        return UnsupportedRuntime(words[0].removeprefix(_REFUSED_WORDS))
    how = f"with exit code {code}" if code > 0 else f"by signal {-code}, {signal.strsignal(-code)}"
    other = " (plainly with 0)" if where == ON_QUIRE else ""
    told = "\n  ".join([", and its last words were:", *words]) if words else ", without a word"
    return ProgramFailed(f"{where} the program ended {how}{other}{told}{_stdin_hint(program, words)}")


def _stdin_hint(program: Program, words: list[str]) -> str:
    if program.stdin != os.devnull or not any(word.startswith("EOFError") for word in words[-1:]):
        return ""
    return "\nits standard input is empty; give it a file: quire compare SCRIPT < FILE"


def _last_words(path: Path) -> list[str]:
    """The last lines on standard error, as they can be shown."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _LAST_WORDS_BYTES, 0))
        text = file.read().decode(errors="replace")
    lines = [printable(line).rstrip() for line in text.splitlines()]
    return [line for line in lines if line][-_LAST_WORDS_LINES:]
