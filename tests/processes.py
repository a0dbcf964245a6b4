"""Running Python programs in processes of their own, for tests that touch a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TIMEOUT_S = 120


@dataclass(frozen=True)
class Outcome:
    """How a program ended, and what it said."""

    exit_code: int
    stdout: str
    stderr: str

    def expect(self, stdout: str | None = None, exit_code: int = 0) -> None:
        """The program ended with this code, said nothing on standard error, and said this on standard output."""
        assert (self.exit_code, self.stderr) == (exit_code, "")
        if stdout is not None:
            assert self.stdout == textwrap.dedent(stdout)


def run_python(code: str, *arguments: str, environment: dict[str, str] | None = None, **options: object) -> Outcome:
    """Run a program's text with this Python; ``arguments`` go before ``-c``."""
    return run([sys.executable, *arguments, "-c", textwrap.dedent(code)], environment, **options)


def run(command: list[str], environment: dict[str, str] | None = None, **options: object) -> Outcome:
    """Run a command in a clean environment: no QUIRE variable of ours, none of Python's."""
    done = subprocess.run(  # type: ignore[call-overload]
        command, env=clean_environment(environment), capture_output=True, text=True, timeout=TIMEOUT_S, **options
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*command: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command while it runs, in such an environment; what it says on standard error is among its output.

    At the end it is killed, if it is still there.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=clean_environment(environment), stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_ready(process: subprocess.Popen[str], word: str = "ready") -> None:
    """The line with this word is the next that the program prints."""
    assert process.stdout is not None
    assert process.stdout.readline() == f"{word}\n"


def clean_environment(changes: dict[str, str] | None) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("QUIRE", "PYTHON"))} | (changes or {})


IMITATE_VERSION = """
def imitate_version(number):  # CPython's, as quire's core reads it where it runs
    import ctypes, mmap
    version = ctypes.c_ulong.in_dll(ctypes.pythonapi, "Py_Version")
    page = ctypes.c_void_p(ctypes.addressof(version) // mmap.PAGESIZE * mmap.PAGESIZE)
    assert ctypes.CDLL(None).mprotect(page, ctypes.c_size_t(mmap.PAGESIZE), 3) == 0
    version.value = number
"""
"""For the beginning of a program's text."""
