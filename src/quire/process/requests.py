"""Asking a process that quire serves for a snapshot, from outside: a signal says that a request waits in a folder.

    who asks                                the process asked, in its main thread, between two bytecodes
    folder /tmp/quire-PID, request.json
    SIGRTMAX-1 ---------------------------> finds the folder, writes columns where the request says
    reads answer.json, removes the folder <- answer.json

No thread waits in the process, no socket is open and nothing lies about: there is a handler of a signal, and that is
all. The signal is claimed only where nobody else has it. A process that does not handle it would be ended by it, so who
asks makes sure before (asking.py).

The folder is the process's user's alone, so nobody else can ask.
"""

from __future__ import annotations

import json
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

PLACES: Final = ("/tmp", "/var/tmp", "/dev/shm")
REQUEST: Final = "request.json"
ANSWER: Final = "answer.json"
_REQUEST_BYTES_MAX: Final = 64 * 1024


def folder_in(place: str, pid: int) -> str:
    """Where a request to the process waits; ``pid`` is its number as it knows it itself."""
    return f"{place}/quire-{pid}"


def answer_requests(serve: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Serve the request that waits for this process, and write what comes of it; do nothing where none waits.

    Args:
        serve: does what the request says; what it returns is the answer, and so is what it raises.
    """
    for place in PLACES:
        folder = folder_in(place, os.getpid())
        request = _read_request(folder)
        if request is not None:
            _write_answer(folder, _answer(serve, request))


def _read_request(folder: str) -> dict[str, Any] | None:
    """The request, if the folder is there and nobody but this process's user can have made it or put it there."""
    try:
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            return None
        if os.path.exists(os.path.join(folder, ANSWER)):
            return None
        with open(os.path.join(folder, REQUEST), "rb") as file:
            request = json.loads(file.read(_REQUEST_BYTES_MAX))
    except (OSError, ValueError):
        return None
    return request if isinstance(request, dict) else None


def _answer(serve: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    try:
        return serve(request)
    except Exception as error:
        from quire.errors import in_words

        return {"error": in_words(error)}


def _write_answer(folder: str, answer: dict[str, Any]) -> None:
    """Whole, or not at all: who asked waits for the name."""
    beside = os.path.join(folder, f"{ANSWER}.tmp")
    try:
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(answer, file)
        os.rename(beside, os.path.join(folder, ANSWER))
    except OSError:
        return  # who asked is gone, with the folder, or gives up in time
