"""The process that a number names: is there one, is it one that has memory, and what is its command?"""

from __future__ import annotations

import os

from quire.errors import InvalidOption
from quire.process.permission import ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_KERNEL_THREAD: Final = 0x00200000
_DIGITS_MAX: Final = 100
"""Far more than a number of a process has, far fewer than int refuses."""

_FLAGS_FIELD: Final = 6
"""Of ``stat``, behind the command in brackets."""


def read_pid(word: str, command: str) -> int:
    """The number of a process that can be looked at.

    Raises:
        InvalidOption: it is no number, or no process has it that holds memory; the message says which.
    """
    if not (word.isascii() and word.isdigit() and len(word) <= _DIGITS_MAX):
        raise InvalidOption(
            f"quire {command} takes the number of a process, and {word or 'nothing'} is none; pgrep finds it"
        )
    pid = int(word)
    status = read_status(pid)
    if (process := _number(status, "Tgid")) != pid:
        raise InvalidOption(f"{pid} is a thread of process {process}: quire {command} {process}")
    if status.get("State", "").startswith(("Z", "X")):
        parent = _number(status, "PPid")
        raise InvalidOption(f"process {pid} has ended and holds no memory; its parent, {parent}, has yet to be told")
    if "VmRSS" not in status:
        raise _without_memory(pid)
    return pid


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or waits only for its parent to be told."""
    return _text(pid, "stat").rpartition(")")[2].split()[:1] in ([], ["Z"], ["X"])


def command_of(pid: int) -> tuple[str, ...]:
    """The process's command line, word by word; its name where it has none."""
    words = _text(pid, "cmdline").rstrip("\0").split("\0")
    return tuple(words) if any(words) else (_text(pid, "comm").strip() or f"process {pid}",)


def _without_memory(pid: int) -> InvalidOption:
    if _is_kernels(pid):
        return InvalidOption(f"{pid} is a thread of the kernel, which has no memory of its own")
    return ended(pid)


def read_status(pid: int) -> dict[str, str]:
    """What the kernel says of the process, by name.

    Raises:
        InvalidOption: there is none.
    """
    text = _text(pid, "status")
    if not text:
        raise InvalidOption(f"there is no process {pid}{_where()}")
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def _where() -> str:
    """A container has numbers of its own."""
    is_contained = len(_text("self", "status").partition("\nNSpid:")[2].partition("\n")[0].split()) > 1
    return " here; inside a container a process has another number" if is_contained else ""


def _number(status: dict[str, str], name: str) -> int:
    return int(status.get(name, "0"))


def _is_kernels(pid: int) -> bool:
    fields = _text(pid, "stat").rpartition(")")[2].split()
    return len(fields) > _FLAGS_FIELD and bool(int(fields[_FLAGS_FIELD]) & _KERNEL_THREAD)


def _text(pid: int | str, name: str) -> str:
    try:
        with open(os.path.join("/proc", str(pid), name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
