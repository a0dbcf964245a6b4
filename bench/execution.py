"""One process, run to its end, and what it took."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass


class Failed(Exception):
    """The process did not end well, or did not say what the others said."""


@dataclass(frozen=True)
class Run:
    output: str
    cpu_seconds: float
    """User and system time of the process and of those it waited for."""
    peak_bytes: int
    """The largest resident memory of the process (or of one that it waited for)."""
    faults: int
    """Page faults served without reading a file."""


def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run it in an environment of its own: nothing of ours but where programs and the user's files are.

    Raises:
        Failed: it ended with an error.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            env={**kept, "PYTHONHASHSEED": "0", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            words = errors.read().decode(errors="backslashreplace")[-2000:]
            raise Failed(f"{' '.join(command)} ended with {process.returncode}:\n{words}")
        text = output.read().decode(errors="backslashreplace")
    return Run(text, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, usage.ru_minflt)
