"""Another process's memory as the system shows it, read while the process runs and without changing anything of it.

Only what is resident is read: a look at a page that is swapped out, or was never touched, would bring it in. Which
pages are resident is asked once for each 16 MiB. All files are opened relative to the process's folder in ``/proc``, so
that another process that gets its number is never taken for it.
"""

from __future__ import annotations

import errno
import os

from quire.process.memory import ADDRESSES_END, PAGE_BYTES, ProcessMemory
from quire.process.permission import ended, may_not_look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from quire.errors import InvalidOption

_WINDOW_PAGES: Final = 4096
_PRESENT: Final = 128
_REFUSED: Final = (errno.EACCES, errno.EPERM)
_NOT_OPEN: Final = -1


class OtherMemory(ProcessMemory):
    """The memory of the process with this number.

    Raises:
        InvalidOption: it has ended, or may not be looked at.
    """

    __slots__ = ("_folder", "_pid", "_windows", "has_contents")

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._windows: dict[int, bytes] = {}
        self.has_contents = True
        """Whether memory can be read, and not only the kernel's accounts of it."""
        try:
            self._folder = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            raise ended(pid) from None
        super().__init__(lambda start, size_bytes: self.resident_bytes(start, start + size_bytes))

    def close(self) -> None:
        super().close()
        if self._folder != _NOT_OPEN:
            os.close(self._folder)
            self._folder = _NOT_OPEN

    def forget(self) -> None:
        """Ask anew which pages are resident."""
        self._windows.clear()

    def open_file(self, name: str) -> int:
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder)

    def whole_text(self, name: str) -> bytes:
        """A whole file of the process's.

        Raises:
            InvalidOption: the file cannot be read.
        """
        return b"".join(self.text(name))

    def program(self) -> bytes:
        """The path of its program's file, as the process sees it; nothing where the system does not tell."""
        try:
            return os.readlink(b"exe", dir_fd=self._folder).removesuffix(b" (deleted)")
        except OSError:
            return b""

    def has_ended(self) -> bool:
        """Whether the process is gone, or only its parent has not noticed."""
        return b"\nVmRSS:" not in self._read_whole("status")

    def read(self, address: int, size_bytes: int) -> bytes:
        """What is there, if all of its pages are resident; otherwise nothing."""
        return super().read(address, size_bytes) if self._is_resident(address, size_bytes) else b""

    read_resident = read

    def read_front(self, address: int, size_bytes: int) -> bytes:
        """What is there from the address on, up to the first page that is not resident."""
        end = address
        while end < address + size_bytes and self._is_resident(end, 1):
            end = min((end // PAGE_BYTES + 1) * PAGE_BYTES, address + size_bytes)
        return super().read(address, end - address)

    def _is_resident(self, address: int, size_bytes: int) -> bool:
        if not 0 <= address < ADDRESSES_END:
            return False
        first, last = address // PAGE_BYTES, (address + size_bytes - 1) // PAGE_BYTES
        if first == last:
            return self._state(first) >= _PRESENT
        return all(self._state(page) >= _PRESENT for page in range(first, last + 1))

    def _state(self, page: int) -> int:
        window, index = divmod(page, _WINDOW_PAGES)
        states = self._windows.get(window)
        if states is None:
            start = window * _WINDOW_PAGES * PAGE_BYTES
            states = self._windows[window] = self.presence(start, start + _WINDOW_PAGES * PAGE_BYTES)
        return states[index] if index < len(states) else 0

    def _threads(self) -> Iterator[int]:
        descriptor = self.open_file("task")
        try:
            yield from map(int, os.listdir(descriptor))
        finally:
            os.close(descriptor)

    def _open_contents(self) -> int:
        try:
            descriptor = self.open_file("mem")
        except OSError as error:
            if error.errno not in _REFUSED:
                raise self._cannot_read("mem", error) from None
            self.has_contents = False
            return _NOT_OPEN
        self._descriptors.append(descriptor)
        return descriptor

    def _cannot_read(self, name: str, error: OSError) -> InvalidOption:
        return may_not_look(self._pid) if error.errno in _REFUSED else ended(self._pid)
