"""Asking another process for a snapshot: the other end of requests.py.

    check it --> make the folder, write the request --> signal --> wait for the answer --> take the folder away

A signal that a process does not handle would end it, so it is sent only to one that has quire's core mapped and handles
that signal. Asking takes no more rights than sending a signal does. Where that cannot be, sys.remote_exec may
(remote.py).
"""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager, suppress

from quire.errors import InvalidOption, ProgramFailed
from quire.process import remote
from quire.process.named import has_ended, read_status
from quire.process.requests import ANSWER, PLACES, REQUEST, folder_in
from quire.process.serving import REQUEST_SIGNAL
from quire.process.writable import name_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

_LOOK_SECONDS: Final = 0.01
_CORE: Final = "/quire/_core."


class Target:
    """A process that can be asked.

    Args:
        pid: its number, as this process sees it; there is such a process (``read_pid``).

    Raises:
        InvalidOption: it is another user's, or it cannot answer; the message says why.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        status = read_status(pid)
        self.uid = int(status["Uid"].split()[1])
        self.own_pid = int(status.get("NSpid", str(pid)).split()[-1])
        if os.geteuid() not in (0, self.uid):
            raise InvalidOption(f"process {pid} is another user's; ask as that user, or as root")
        self._has_signal = self._check_serves(status)

    def summon(self, place: str) -> None:
        """Tell it that a request waits in its folder in the place.

        Raises:
            InvalidOption: it cannot be told.
            ProgramFailed: it has ended.
        """
        try:
            if self._has_signal:
                os.kill(self.pid, REQUEST_SIGNAL)
                return
            folder = folder_in(place, self.own_pid)
            remote.run_in(self.pid, place, self.uid, folder, os.path.join(folder, ANSWER))
        except ProcessLookupError:
            raise ProgramFailed(f"process {self.pid} has ended; there is nothing to look at") from None

    def _check_serves(self, status: dict[str, str]) -> bool:
        """Whether it takes the signal; if not, there is another way."""
        try:
            with open(f"/proc/{self.pid}/maps", encoding="utf-8", errors="replace") as file:
                has_core = any(_CORE in line for line in file)
        except OSError as error:
            raise InvalidOption(f"cannot look into process {self.pid}: {error.strerror}; ask as its user") from None
        handles = int(status["SigCgt"], 16) >> (REQUEST_SIGNAL - 1) & 1
        if remote.can_ask():
            return bool(has_core and handles)
        if not has_core:
            raise InvalidOption(f"process {self.pid} does not run on quire; start it with quire run, or with QUIRE=1")
        if not handles:
            raise InvalidOption(
                f"process {self.pid} cannot be asked: signal {REQUEST_SIGNAL} is not quire's there; "
                "have the program call quire.snapshot(path)"
            )
        return True

    def sees(self, folder: str) -> bool:
        """Whether it has the same folder under the same path."""
        with suppress(OSError):
            return os.path.samestat(os.stat(folder), os.stat(f"/proc/{self.pid}/root{os.path.abspath(folder)}"))
        return False


def ask(target: Target, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Have the process serve a request; returns its answer.

    Args:
        seconds: how long to wait for its main thread to come to a safe point, and for the answer.

    Raises:
        InvalidOption: no place for the request can be made.
        ProgramFailed: it has ended, does not answer in time, or answers with an error.
    """
    with _folder_for(target) as (place, folder):
        with open(os.path.join(folder, REQUEST), "x", encoding="utf-8") as file:
            json.dump(request, file)
        _own(target, file.name)
        target.summon(place)
        answer = _wait(target, os.path.join(folder, ANSWER), seconds)
    if "error" in answer:
        raise ProgramFailed(f"process {target.pid} says: {answer['error']}")
    return answer


@contextmanager
def folder_beside(target: Target, path: str) -> Iterator[tuple[str, str]]:
    """A folder for what the process writes, on the disk where the path is if it sees that, gone at the end: as this
    process finds it, and as the other does."""
    parent = os.path.dirname(os.path.abspath(path))
    root = "" if target.sees(parent) else f"/proc/{target.pid}/root"
    place = f"{parent}/{os.path.basename(path)}" if not root else f"{PLACES[0]}/quire"
    inside = name_beside(f"{place}.{target.own_pid}")
    os.mkdir(root + inside, 0o700)
    try:
        _own(target, root + inside)
        yield root + inside, inside
    finally:
        shutil.rmtree(root + inside, ignore_errors=True)


@contextmanager
def _folder_for(target: Target) -> Iterator[tuple[str, str]]:
    """The place for temporary files that was taken, and the folder in it, as this process finds it."""
    refusal = "there is none"
    for place in PLACES:
        folder = f"/proc/{target.pid}/root{folder_in(place, target.own_pid)}"
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            raise InvalidOption(f"process {target.pid} is being asked already; or remove {folder}") from None
        except OSError as error:
            refusal = error.strerror or str(error)
            continue
        try:
            _own(target, folder)
            yield place, folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    raise InvalidOption(f"process {target.pid} has no folder for temporary files: {refusal}")


def _own(target: Target, path: str) -> None:
    """What root has made is the process's user's."""
    if os.geteuid() != target.uid:
        os.chown(path, target.uid, -1)


def _wait(target: Target, path: str, seconds: float) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while not os.path.exists(path):
        if has_ended(target.pid):
            raise ProgramFailed(f"process {target.pid} has ended before it could answer")
        if time.monotonic() >= end:
            raise ProgramFailed(
                f"process {target.pid} does not answer: its main thread has not come to a safe point in {seconds:g} s; "
                "try --timeout, or once it has"
            )
        time.sleep(_LOOK_SECONDS)
    with open(path, encoding="utf-8") as file:
        answer: dict[str, Any] = json.load(file)
    return answer
