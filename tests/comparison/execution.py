"""One test file in a process of its own, plainly or on quire."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from comparison.junit import read_cases
from comparison.witness import NOT_AS_ASKED

PLAIN, QUIRE, STRESS = "plain", "quire", "stress"
"""How a process runs: on CPython's own allocator, on quire, on quire that meshes all it can all the time."""
_WITNESS = Path(__file__).with_name("witness.py")
_ASKED = {PLAIN: {}, QUIRE: {"QUIRE": "1"}, STRESS: {"QUIRE": "1", "QUIRE_STRESS": "1"}}


@dataclass(frozen=True)
class TestFile:
    """A test file, and how to run it: ``python -m module arguments``.

    Attributes:
        module: one that knows ``--junit-xml``.
        nothing_ran: its exit code where there was no test to run.
    """

    __test__ = False  # not for pytest to collect

    name: str
    module: str
    arguments: tuple[str, ...]
    folder: Path
    timeout_s: int
    nothing_ran: int


@dataclass(frozen=True)
class Result:
    """How a file's process ended, and its cases.

    Attributes:
        code: the exit code; negative for a signal, ``None`` if it did not end in time.
        cases: each one's name, and whether it passed.
        output: what the process said.
        meshed_pools: how many there were after the last test.
    """

    code: int | None
    cases: dict[str, str]
    seconds: float
    output: str
    meshed_pools: int = 0

    @property
    def is_broken(self) -> bool:
        """It crashed or hung, or ended before it wrote a case: what its cases say is not the whole."""
        return self.code is None or self.is_crash or (self.code > 0 and not self.cases)

    @property
    def is_crash(self) -> bool:
        return self.code is not None and self.code < 0

    @property
    def ending(self) -> str:
        if self.code is None:
            return "no end"
        return signal.Signals(-self.code).name if self.code < 0 else f"exit code {self.code}"


class NotServed(Exception):
    """A process was not served by quire, or a plain one was: nothing can be said about the tests."""


def run_file(file: TestFile, mode: str) -> Result:
    """Run it with this Python.

    Raises:
        NotServed: quire did not serve the process from before the first test until after the last.
    """
    with tempfile.TemporaryDirectory(prefix="comparison-") as temporary:
        evidence, xml = Path(temporary, "evidence"), Path(temporary, "cases.xml")
        command = [sys.executable, str(_WITNESS), mode, str(evidence), file.module, *file.arguments]
        command += ["--junit-xml", str(xml)]
        started = time.monotonic()
        code, output = _run(command, file, mode, Path(temporary))
        meshed_pools = int(evidence.read_text()) if evidence.exists() else 0
        ending = 0 if code == file.nothing_ran else code
        result = Result(ending, read_cases(xml), time.monotonic() - started, output, meshed_pools)
        if code == NOT_AS_ASKED or (not evidence.exists() and not result.is_broken and result.cases):
            raise NotServed(f"{file.name}: quire's service is not as asked for ({mode}):\n{output[-2000:]}")
    return result


def _run(command: list[str], file: TestFile, mode: str, temporary: Path) -> tuple[int | None, str]:
    """In a session of its own, so that whatever it leaves behind can be ended with it."""
    log = temporary / "log"
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            command,
            cwd=file.folder,
            env=environment(mode),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            code: int | None = process.wait(file.timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end_session(process)
    return code, log.read_text(encoding="utf-8", errors="replace")


def environment(mode: str) -> dict[str, str]:
    """A clean one: none of Python's variables, quire's only where it is to serve."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QUIRE", "PYTHON", "NOX"))}
    return clean | _ASKED[mode]


def _end_session(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
