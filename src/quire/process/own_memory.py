"""This process's memory as the system shows it, for a sample in the middle of a program.

The files are opened for one sample and closed again, because a program may close descriptors that it does not know, and
because a forked child's would still show its parent. The core opens them, so that no audit hook of the program's runs
in the middle of what the sample has interrupted: the hook may take a lock that is held there.
"""

from __future__ import annotations

import errno
import os

from quire.errors import UnsupportedRuntime
from quire.process.core import require_core
from quire.process.memory import PAGE_BYTES, ProcessMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Final


def read_rss_bytes() -> int:
    """``VmRSS``, by the quickest way there is.

    Raises:
        UnsupportedRuntime: the system does not tell.
    """
    try:
        descriptor = _open("statm")
    except OSError as error:
        raise _cannot_read("statm", error) from None
    try:
        _mapped, resident, *_rest = os.read(descriptor, PAGE_BYTES).split()
    except (OSError, ValueError):
        raise UnsupportedRuntime("/proc/self/statm is not as Linux writes it") from None
    finally:
        os.close(descriptor)
    return int(resident) * PAGE_BYTES


class OwnMemory(ProcessMemory):
    """This process's.

    Args:
        resident_bytes: the core's, which tells what private memory has resident much faster than ``pagemap``.

    Raises:
        UnsupportedRuntime: the system does not show it.
    """

    __slots__ = ()

    def __init__(self, resident_bytes: Callable[[int, int], int]) -> None:
        _check_residency(resident_bytes)
        super().__init__(resident_bytes)

    def open_file(self, name: str) -> int:
        return _open(name)

    def _cannot_read(self, name: str, error: OSError) -> UnsupportedRuntime:
        return _cannot_read(name, error)

    def _threads(self) -> Iterable[int]:
        return list(require_core().own_threads())


def _open(name: str) -> int:
    return int(require_core().open_own(name))


_witness = object()
_WITNESS_PAGE = id(_witness) // PAGE_BYTES * PAGE_BYTES
"""A page in use; computed here, for ``id`` raises an audit event."""


def _check_residency(resident_bytes: Callable[[int, int], int]) -> None:
    """A filter of system calls may refuse ``mincore``; then nothing would seem resident, not even what is in use."""
    if resident_bytes(_WITNESS_PAGE, PAGE_BYTES) != PAGE_BYTES:
        raise UnsupportedRuntime("the system refuses mincore; allow it (SystemCallFilter=mincore in a systemd unit)")


_REMEDIES: Final = {
    errno.EACCES: "a process that has changed its user may not read its own files there",
    errno.EPERM: "a process that has changed its user may not read its own files there",
    errno.EMFILE: "the process has as many files open as it may (ulimit -n)",
    errno.ENOENT: "mount /proc",
}


def _cannot_read(name: str, error: OSError) -> UnsupportedRuntime:
    remedy = _REMEDIES.get(error.errno or 0, "the report needs it")
    return UnsupportedRuntime(f"/proc/self/{name} cannot be read: {error.strerror}; {remedy}")
