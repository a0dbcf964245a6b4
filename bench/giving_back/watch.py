"""A program that makes peaks (workloads/peaks.py), and what it holds meanwhile, seen from outside."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from execution import Failed, variables
from footprint import Footprint, footprint

SPACING_SECONDS = 0.25
LOOKING_SHARE = 0.05
"""Of the time, at most, is spent looking: to look at a gigabyte takes the kernel some 20 ms."""


class Watched:
    """The program, and its memory over time."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[bytes], group: Path | None) -> None:
        self._process = process
        self._errors = errors
        self._group = group
        self._began = time.monotonic()
        self._next = self._began
        self.series: list[tuple[float, int]] = []
        """Seconds, and bytes held."""

    def look(self) -> Footprint:
        began = time.monotonic()
        try:
            found = footprint(self._process.pid, self._group)
        except OSError as error:
            raise self._ended(f"could not be looked at: {error}") from error
        ended = time.monotonic()
        self.series.append((round(began - self._began, 2), found.held_bytes))
        self._next = ended + max(SPACING_SECONDS, (ended - began) / LOOKING_SHARE)
        return found

    def wait_for(self, stage: str) -> dict[str, Any]:
        """What it says when it gets there.

        Raises:
            Failed: it ended before.
        """
        output = self._process.stdout
        assert output is not None
        while not select.select([output], [], [], max(0, self._next - time.monotonic()))[0]:
            self.look()
        line = output.readline()
        if not line:
            raise self._ended(f"ended before its stage {stage!r}")
        said: dict[str, Any] = json.loads(line)
        if said.pop("stage") != stage:
            raise self._ended(f"said {line!r} instead of its stage {stage!r}")
        return said

    def rest_until(self, moment: float) -> None:
        """Let it alone until then, by the monotonic clock."""
        while (now := time.monotonic()) < moment:
            if now >= self._next and moment - now > SPACING_SECONDS:
                self.look()
            time.sleep(max(0, min(self._next, moment) - time.monotonic()))

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def wait_for_end(self) -> None:
        if self._process.wait() != 0:
            raise self._ended(f"ended with {self._process.returncode}")

    def _ended(self, how: str) -> Failed:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        errors = self._errors.read().decode(errors="backslashreplace")[-2000:]
        return Failed(f"{' '.join(map(str, self._process.args))} {how}\n{errors}".rstrip())


@contextmanager
def watched(command: list[str], environment: dict[str, str], group: Path | None) -> Iterator[Watched]:
    """Start it with the given environment, in a control group if one is given; it does not outlive this."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            env=variables(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=(lambda: join(group)) if group else None,
        )
        try:
            yield Watched(process, errors, group)
        finally:
            process.kill()
            process.communicate()


def join(group: Path) -> None:
    """Called in the child, so that all it touches is charged to the group."""
    (group / "cgroup.procs").write_text(str(os.getpid()))
