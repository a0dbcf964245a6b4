"""One program, run to its end, and what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parent / "launcher.py"


class Failed(Exception):
    """A program did not end well, or did not say what the others said."""


@dataclass(frozen=True)
class Run:
    output: str
    cpu_seconds: float
    """User and system time of the program and of those it waited for."""
    wall_seconds: float
    peak_bytes: int
    """Resident, of the program or the largest of those it waited for."""
    faults: int
    """Page faults that read no file."""


def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run it with the given environment, and of ours no more than where things are.

    Raises:
        Failed: it ended with an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "taken"
        words = [f"{name}={value}" for name, value in variables(environment).items()]
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(taken), *words, "--"]
        done = subprocess.run(
            [*launcher, *command], env=surroundings(), capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode != 0:
            errors = done.stderr.decode(errors="backslashreplace")[-2000:]
            raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{errors}")
        cpu_seconds, wall_seconds, peak_bytes, faults = taken.read_text().split()
    output = done.stdout.decode(errors="backslashreplace")
    return Run(output, float(cpu_seconds), float(wall_seconds), int(peak_bytes), int(faults))


def variables(environment: dict[str, str]) -> dict[str, str]:
    """A program's environment: the one given, and of ours no more than where things are."""
    return {**surroundings(), "PYTHONHASHSEED": "0", **environment}


def surroundings() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
