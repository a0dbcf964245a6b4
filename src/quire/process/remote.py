"""Asking a process that does not run on quire, from CPython 3.14 on: ``sys.remote_exec`` has it run a script.

    who asks                                    the process asked, in its main thread, between two bytecodes
    folder and request, as in requests.py
    /tmp/quire-PID-....py, sys.remote_exec ---> runs the script: it loads this quire by the path of its package,
                                                serves the request, and takes quire out of its modules again

Nothing of the process changes but what lies in memory for a moment: not its module path, no signal, no file; no
bytecode is written. What its standard library imports for it stays, and so does the file of the native core, mapped.
Where it already has a quire of its own, that one serves.

The script removes itself. If it runs only after who asks has given up, there is no request, and it does nothing more.
"""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress

from quire.errors import InvalidOption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_SCRIPT: Final = """\
def _quire_serves(script, package, folder, answer):
    import os, sys
    try:
        os.unlink(script)
    except OSError:
        pass
    if not os.path.exists(folder):
        return
    before = set(sys.modules)
    wrote = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        if "quire" not in before:
            from importlib.util import module_from_spec, spec_from_file_location
            spec = spec_from_file_location("quire", package + "/__init__.py", submodule_search_locations=[package])
            sys.modules["quire"] = module_from_spec(spec)
            spec.loader.exec_module(sys.modules["quire"])
        from quire.process.requests import answer_requests
        from quire.process.snapshot_columns import serve_request
        answer_requests(serve_request)
    except Exception as error:
        import json
        with open(answer + ".tmp", "w") as file:
            json.dump({"error": type(error).__name__ + ": " + str(error)}, file)
        os.rename(answer + ".tmp", answer)
    finally:
        sys.dont_write_bytecode = wrote
        if "quire" not in before:
            for name in [name for name in sys.modules if name.partition(".")[0] == "quire"]:
                del sys.modules[name]
"""


def can_ask() -> bool:
    """Whether this Python can have another run something."""
    return hasattr(sys, "remote_exec")


def run_in(pid: int, place: str, uid: int, folder: str, answer: str) -> None:
    """Have the process serve the request that waits in the folder.

    Args:
        pid: its number, as this process sees it.
        place: a folder for temporary files, as the process sees it.
        uid: its user.
        folder: where the request is, as the process sees it.
        answer: where the answer goes, likewise.

    Raises:
        InvalidOption: it may not be asked so, or is no such Python; the message says what to do.
    """
    if not os.path.exists(f"/proc/{pid}/root{_PACKAGE}"):
        raise refused(pid, f"it does not see {_PACKAGE}, being in a container perhaps")
    inside = f"{place}/quire-{pid}-{secrets.token_hex(8)}.py"
    script = f"/proc/{pid}/root{inside}"
    text = f"{_SCRIPT}\n\n_quire_serves{(inside, _PACKAGE, folder, answer)!r}\ndel _quire_serves\n"
    with open(os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        if os.geteuid() != uid:
            os.chown(file.fileno(), uid, -1)
    try:
        sys.remote_exec(pid, inside)  # type: ignore[attr-defined]  # since 3.14
    except BaseException as error:
        with suppress(OSError):
            os.unlink(script)
        if isinstance(error, (RuntimeError, OSError)):
            raise refused(pid, _why(error)) from None
        raise


def refused(pid: int, why: str) -> InvalidOption:
    """It cannot be asked."""
    return InvalidOption(f"process {pid} does not run on quire, and {why}; start it with quire run, or with QUIRE=1")


def _why(error: RuntimeError | OSError) -> str:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if isinstance(error, PermissionError):
        return "the system does not let you write to its memory (be root; in a container --cap-add=SYS_PTRACE)"
    if "not enabled" in str(error):
        return "it has remote debugging switched off (PYTHON_DISABLE_REMOTE_DEBUG, -X disable-remote-debug)"
    if "Can't send commands" in str(error):
        return f"is of another version than this Python, {own}: use a quire on its version"
    return f"sys.remote_exec finds no Python {own} in it ({error})"
