"""What is said of a process that is gone or may not be looked at, and what can be done about it: one line each."""

from __future__ import annotations

import os

from quire.errors import InvalidOption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_PTRACE_SCOPE: Final = "/proc/sys/kernel/yama/ptrace_scope"
_SCOPE_OF_ALL: Final = 3
"""Nobody may, not even root, until the machine is started anew."""


def ended(pid: int) -> InvalidOption:
    """The process was there a moment ago."""
    return InvalidOption(f"process {pid} has ended")


def may_not_look(pid: int) -> InvalidOption:
    """Nothing of the process is shown."""
    return InvalidOption(f"{_whose(pid)}, and the system does not show its memory; {_remedy(pid)}")


def contents_refused(pid: int) -> str:
    """The kernel's accounts are shown, and no more."""
    scope = _ptrace_scope()
    if scope >= _SCOPE_OF_ALL:
        return f"kernel.yama.ptrace_scope is {scope}: nobody may read another process's memory on this machine"
    reason = f"kernel.yama.ptrace_scope is {scope}" if scope else _whose(pid)
    return f"{reason}, so its memory may not be read; {_remedy(pid)}"


def _whose(pid: int) -> str:
    try:
        owner = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return f"process {pid} has ended"
    if owner == os.geteuid():
        return f"process {pid} keeps others from looking"
    return f"process {pid} belongs to {_user_name(owner)}"


def _remedy(pid: int) -> str:
    if os.geteuid() != 0:
        return f'as root: sudo "$(command -v quire)" why {pid}'
    return "allow it here (docker run --cap-add=SYS_PTRACE), or look from outside of this container"


def _user_name(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _ptrace_scope() -> int:
    try:
        with open(_PTRACE_SCOPE, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
