"""This process's memory as the system shows it: texts about it, its contents, and which of its pages are resident.

Contents are read through ``/proc/self/mem``: what is gone by the time it is read gives an answer, not a fault. The
files are opened for one sample and closed again, because a program may close descriptors that it does not know, and
because a forked child's would still show its parent. The core opens them, so that no audit hook of the program's runs
in the middle of what the sample has interrupted: the hook may take a lock that is held there.
"""

from __future__ import annotations

import errno
import os

from quire.errors import UnsupportedRuntime
from quire.process.core import require_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final, Self

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_WORD_BYTES: Final = 8
_ADDRESSES_END: Final = 1 << 63
_NOT_PRESENT: Final = bytes(range(128))
"""Top bytes of pagemap entries without the topmost bit, which says that the page is present."""
_PAGES_AT_ONCE: Final = 16 * 1024
_PIECE_BYTES: Final = 16 * 1024


def read_rss_bytes() -> int:
    """``VmRSS``, by the quickest way there is.

    Raises:
        UnsupportedRuntime: the system does not tell.
    """
    descriptor = _open("statm")
    try:
        _mapped, resident, *_rest = os.read(descriptor, PAGE_BYTES).split()
    except (OSError, ValueError):
        raise UnsupportedRuntime("/proc/self/statm is not as Linux writes it") from None
    finally:
        os.close(descriptor)
    return int(resident) * PAGE_BYTES


class OwnMemory:
    """Contents and residency of this process's memory, for one sample.

    Args:
        resident_bytes: the core's, which tells what private memory has resident much faster than ``pagemap``.

    Raises:
        UnsupportedRuntime: the system does not show them.
    """

    __slots__ = ("_contents", "_descriptors", "_pages", "_status", "private_resident_bytes")

    def __init__(self, resident_bytes: Callable[[int, int], int]) -> None:
        _check_residency(resident_bytes)
        self.private_resident_bytes = resident_bytes
        self._descriptors: list[int] = []
        try:
            self._contents = self._open("mem")
            self._pages = self._open("pagemap")
            self._status = self._open("status")
        except UnsupportedRuntime:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _open(self, name: str) -> int:
        self._descriptors.append(_open(name))
        return self._descriptors[-1]

    def status(self) -> bytes:
        """The file ``status``, in one read, so that hardly anything comes between it and what is read next.

        A user's groups come before the sizes: there may be a thousand, where a directory service gives them.
        """
        return os.pread(self._status, _PIECE_BYTES, 0)

    def text(self, name: str) -> Iterator[bytes]:
        """A file of ``/proc/self``, piece by piece, as the kernel hands it out: about a page at a time.

        Raises:
            UnsupportedRuntime: the file cannot be read.
        """
        descriptor = self._open(name)
        try:
            while piece := os.read(descriptor, _PIECE_BYTES):
                yield piece
        except OSError as error:
            raise _cannot_read(name, error) from None

    def read(self, address: int, size_bytes: int) -> bytes:
        """What is there; fewer bytes, or none, where nothing is. Brings in a page that is not resident."""
        if not 0 <= address < _ADDRESSES_END:
            return b""
        try:
            return os.pread(self._contents, size_bytes, address)
        except OSError:
            return b""

    def read_resident(self, address: int, size_bytes: int) -> bytes:
        """What is there in private memory, if all of its pages are resident; otherwise nothing."""
        first = address // PAGE_BYTES * PAGE_BYTES
        whole_bytes = -(-(address + size_bytes - first) // PAGE_BYTES) * PAGE_BYTES
        is_resident = first < _ADDRESSES_END and self.private_resident_bytes(first, whole_bytes) == whole_bytes
        return self.read(address, size_bytes) if is_resident else b""

    def presence(self, start: int, end: int) -> bytes:
        """One byte for each page that the piece touches, 128 or more where the page is present."""
        first = start // PAGE_BYTES
        pages = -(-end // PAGE_BYTES) - first
        try:
            entries = os.pread(self._pages, pages * _WORD_BYTES, first * _WORD_BYTES)
        except (OSError, OverflowError):
            return b""
        return entries[_WORD_BYTES - 1 :: _WORD_BYTES]

    def resident_bytes(self, start: int, end: int) -> int:
        """Bytes of the present pages that the piece touches. The zero page counts; the kernel's Rss leaves it out."""
        pages = 0
        step = _PAGES_AT_ONCE * PAGE_BYTES
        for at in range(start // PAGE_BYTES * PAGE_BYTES, end, step):
            pages += len(self.presence(at, min(at + step, end)).translate(None, _NOT_PRESENT))
        return pages * PAGE_BYTES


def words(content: bytes) -> memoryview[int]:
    """The content as 64-bit words, as far as they are whole."""
    return memoryview(content[: len(content) // _WORD_BYTES * _WORD_BYTES]).cast("Q")


_witness = object()
_WITNESS_PAGE = id(_witness) // PAGE_BYTES * PAGE_BYTES
"""A page in use; computed here, for ``id`` raises an audit event."""


def _check_residency(resident_bytes: Callable[[int, int], int]) -> None:
    """A filter of system calls may refuse ``mincore``; then nothing would seem resident, not even what is in use."""
    if resident_bytes(_WITNESS_PAGE, PAGE_BYTES) != PAGE_BYTES:
        raise UnsupportedRuntime("the system refuses mincore; allow it (SystemCallFilter=mincore in a systemd unit)")


def _open(name: str) -> int:
    try:
        return int(require_core().open_own(name))
    except OSError as error:
        raise _cannot_read(name, error) from None


_REMEDIES: Final = {
    errno.EACCES: "a process that has changed its user may not read its own files there",
    errno.EPERM: "a process that has changed its user may not read its own files there",
    errno.EMFILE: "the process has as many files open as it may (ulimit -n)",
    errno.ENOENT: "mount /proc",
}


def _cannot_read(name: str, error: OSError) -> UnsupportedRuntime:
    remedy = _REMEDIES.get(error.errno or 0, "the report needs it")
    return UnsupportedRuntime(f"/proc/self/{name} cannot be read: {error.strerror}; {remedy}")
