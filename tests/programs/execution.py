"""One run of one program: its output, its exit code, and what it took."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from catalogue import Archive, Program

SECONDS_MAX = 1200


@dataclass(frozen=True)
class Run:
    """What came of it."""

    outputs: dict[str, str]
    """By name: standard output, standard error, and the client's output where there is a client."""
    code: int
    wall_seconds: float
    cpu_seconds: float
    """Of the program and of every process that it waited for."""
    peak_bytes: int
    """Resident, of the largest of these processes."""


def run_plainly(program: Program, work: Path) -> Run:
    return _run(program, [sys.executable, *program.arguments], work, "plain")


def run_on_quire(program: Program, work: Path, report: Path) -> Run:
    quire = [sys.executable, "-m", "quire", "run", "--quiet", "--json", str(report), *program.options]
    return _run(program, [*quire, *program.arguments], work, "quire")


# --- where ---------------------------------------------------------------------------------------------------


def _fresh_folder(program: Program, work: Path) -> Path:
    """The program's working folder as it is at its start; one path for all its runs, for it may be told."""
    folder = work / program.name / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    if program.archive is None:
        folder.mkdir(parents=True)
    else:
        with tarfile.open(_fetch(program.archive, work)) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # not in the first releases of 3.11
            archive.extractall(work / program.name)
        (work / program.name / program.archive.folder).rename(folder)
    return folder


def _fetch(archive: Archive, work: Path) -> Path:
    """The archive's file, downloaded once and found to be the one that was pinned."""
    path = work / Path(archive.url).name
    if not path.exists():
        with urllib.request.urlopen(archive.url, timeout=120) as response:
            path.write_bytes(response.read())
    if hashlib.sha256(path.read_bytes()).hexdigest() != archive.sha256:
        path.unlink()
        raise RuntimeError(f"{archive.url} is not the file it was")
    return path


def _environment(program: Program) -> dict[str, str]:
    """The user's, without what changes Python; sets and dictionaries in one order every time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "QUIRE"))}
    return {**kept, "PYTHONHASHSEED": "0", **program.environment}


# --- running -------------------------------------------------------------------------------------------------


def _run(program: Program, command: list[str], work: Path, kind: str) -> Run:
    folder = _fresh_folder(program, work)
    files = {name: work / program.name / f"{kind}.{name}" for name in ("stdout", "stderr", "client")}
    start = time.monotonic()
    with files["stdout"].open("wb") as stdout, files["stderr"].open("wb") as stderr:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(program),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        guard = threading.Timer(SECONDS_MAX, _kill_all, [process.pid])
        guard.start()
        try:
            _drive(program, process.pid, folder, files["client"])
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill_all(process.pid)  # Ctrl-C does not reach its session, and workers without a parent wait for ever
            raise
        finally:
            guard.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        {name: program.normalise(path.read_text(errors="backslashreplace")) for name, path in files.items()},
        process.returncode,
        time.monotonic() - start,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024,
    )


def _drive(program: Program, pid: int, folder: Path, output: Path) -> None:
    """Run the client to its end. If it fails, its program would wait for ever."""
    output.touch()
    if program.client is None:
        return
    command = [sys.executable, program.client, str(pid)]
    with output.open("wb") as file:
        done = subprocess.run(command, cwd=folder, env=_environment(program), stdout=file, stderr=file, check=False)
    if done.returncode != 0:
        _kill_all(pid)


def _kill_all(pid: int) -> None:
    """The program and the processes that it started, as far as they are of its session."""
    os.killpg(pid, signal.SIGKILL)
