"""A process's memory as the system shows it: texts about it, its contents, and which of its pages are resident.

    ProcessMemory        what is asked, whosever memory it is
      OwnMemory          this process, out of the middle of a program (own_memory.py)
      OtherMemory        another one, from outside, while it runs (other_memory.py)

Contents are read through ``/proc/PID/mem``: what is gone by the time it is read gives an answer, not a fault.
"""

from __future__ import annotations

import os

from quire.errors import QuireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final, Self

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
WORD_BYTES: Final = 8
ADDRESSES_END: Final = 1 << 63
_NOT_PRESENT: Final = bytes(range(128))
"""Top bytes of pagemap entries without the topmost bit, which says that the page is present."""
_PAGES_AT_ONCE: Final = 16 * 1024
_PIECE_BYTES: Final = 16 * 1024


class ProcessMemory:
    """Contents and residency of one process's memory, for one look at it. Its files are open until it is closed.

    Args:
        private_resident_bytes: what private memory has resident from an address on, for so many bytes.

    Raises:
        QuireError: the system does not show them.
    """

    __slots__ = ("_contents", "_descriptors", "_pages", "_status", "private_resident_bytes")

    def __init__(self, private_resident_bytes: Callable[[int, int], int]) -> None:
        self.private_resident_bytes = private_resident_bytes
        self._descriptors: list[int] = []
        try:
            self._contents = self._open_contents()
            self._pages = self._open("pagemap")
            self._status = self._open("status")
        except QuireError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    # --- what is another's and what is one's own ---

    def open_file(self, name: str) -> int:
        """Open a file of the process's in ``/proc``.

        Raises:
            OSError: the system refuses.
        """
        raise NotImplementedError

    def _cannot_read(self, name: str, error: OSError) -> QuireError:
        """What to say of it, and what can be done."""
        raise NotImplementedError

    def _threads(self) -> Iterable[int]:
        """The numbers of the process's threads.

        Raises:
            OSError: the system refuses.
        """
        raise NotImplementedError

    def _open_contents(self) -> int:
        return self._open("mem")

    # --- texts ---

    def _open(self, name: str) -> int:
        try:
            descriptor = self.open_file(name)
        except OSError as error:
            raise self._cannot_read(name, error) from None
        self._descriptors.append(descriptor)
        return descriptor

    def status(self) -> bytes:
        """The file ``status``, in one read, so that hardly anything comes between it and what is read next.

        A user's groups come before the sizes: there may be a thousand, where a directory service gives them.
        """
        return os.pread(self._status, _PIECE_BYTES, 0)

    def text(self, name: str) -> Iterator[bytes]:
        """A file of the process's, piece by piece, as the kernel hands it out: about a page at a time.

        Raises:
            QuireError: the file cannot be read.
        """
        descriptor = self._open(name)
        try:
            while piece := os.read(descriptor, _PIECE_BYTES):
                yield piece
        except OSError as error:
            raise self._cannot_read(name, error) from None

    def thread_calls(self) -> Iterator[bytes]:
        """What each thread's file ``syscall`` says, as far as the system tells."""
        try:
            threads = list(self._threads())
        except OSError:
            return
        for thread in threads:
            yield self._read_whole(f"task/{thread}/syscall")

    def _read_whole(self, name: str) -> bytes:
        """A short file; nothing where the system refuses."""
        try:
            descriptor = self.open_file(name)
        except OSError:
            return b""
        try:
            return os.read(descriptor, _PIECE_BYTES)
        except OSError:
            return b""
        finally:
            os.close(descriptor)

    # --- contents and pages ---

    def read(self, address: int, size_bytes: int) -> bytes:
        """What is there; fewer bytes, or none, where nothing is. Brings in a page that is not resident."""
        if not 0 <= address < ADDRESSES_END:
            return b""
        try:
            return os.pread(self._contents, size_bytes, address)
        except OSError:
            return b""

    def read_resident(self, address: int, size_bytes: int) -> bytes:
        """What is there in private memory, if all of its pages are resident; otherwise nothing."""
        first = address // PAGE_BYTES * PAGE_BYTES
        whole_bytes = -(-(address + size_bytes - first) // PAGE_BYTES) * PAGE_BYTES
        is_resident = first < ADDRESSES_END and self.private_resident_bytes(first, whole_bytes) == whole_bytes
        return self.read(address, size_bytes) if is_resident else b""

    def presence(self, start: int, end: int) -> bytes:
        """One byte for each page that the piece touches, 128 or more where the page is present."""
        first = start // PAGE_BYTES
        pages = -(-end // PAGE_BYTES) - first
        try:
            entries = os.pread(self._pages, pages * WORD_BYTES, first * WORD_BYTES)
        except (OSError, OverflowError):
            return b""
        return entries[WORD_BYTES - 1 :: WORD_BYTES]

    def resident_bytes(self, start: int, end: int) -> int:
        """Bytes of the present pages that the piece touches. The zero page counts; the kernel's Rss leaves it out."""
        pages = 0
        step = _PAGES_AT_ONCE * PAGE_BYTES
        for at in range(start // PAGE_BYTES * PAGE_BYTES, end, step):
            pages += len(self.presence(at, min(at + step, end)).translate(None, _NOT_PRESENT))
        return pages * PAGE_BYTES


def words(content: bytes) -> memoryview[int]:
    """The content as 64-bit words, as far as they are whole."""
    return memoryview(content[: len(content) // WORD_BYTES * WORD_BYTES]).cast("Q")
