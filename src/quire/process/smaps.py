"""The kernel's account of a process, as text (``/proc/self/smaps``, ``maps`` and ``status``), read into records.

Pure functions over bytes. A sample is taken inside other people's programs, so this imports nothing that costs
time, and reads only the fields that are used: about 3 microseconds a mapping.

    7f3df0988000-7f3df1188000 rw-p 00000000 00:00 0          name, if any      header
    Rss:                  16 kB                                                fields, in the kernel's order
    VmFlags: rd wr mr mw me ac                                                 the last line
"""

from __future__ import annotations

from quire.errors import UnsupportedRuntime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

_KIB: Final = 1024
_LAST_FIELD: Final = b"\nVmFlags:"
_SHARED_MEMORY: Final = (b"/memfd:", b"/dev/zero", b"/dev/shm/", b"/SYSV", b"[anon_shmem:")


class SystemMapping:
    """A piece of the address space that the kernel keeps one account of."""

    __slots__ = ("end", "file_offset", "name", "perms", "pss_bytes", "rss_bytes", "start")

    def __init__(
        self,
        start: int,
        end: int,
        perms: bytes = b"rw-p",
        file_offset: int = 0,
        name: bytes = b"",
        rss_bytes: int = 0,
        pss_bytes: int = 0,
    ) -> None:
        self.start = start
        self.end = end
        self.perms = perms
        self.file_offset = file_offset
        self.name = name
        self.rss_bytes = rss_bytes
        self.pss_bytes = pss_bytes

    @property
    def size_bytes(self) -> int:
        return self.end - self.start

    @property
    def is_anonymous(self) -> bool:
        """Private memory that no file is behind, whatever name somebody gave it (``prctl``, since Linux 5.17)."""
        return self.perms.endswith(b"p") and (not self.name or self.name.startswith(b"[anon:"))

    @property
    def is_writable_anonymous(self) -> bool:
        """Anonymous, and of the kind that allocators and stacks use."""
        return self.perms.startswith(b"rw") and self.is_anonymous

    @property
    def is_private_memory(self) -> bool:
        """Anonymous, or what the kernel itself calls so: the heap grown by brk, the main stack."""
        return self.is_anonymous or self.name.startswith((b"[heap]", b"[stack"))

    @property
    def is_file(self) -> bool:
        """A file is behind it that is more than a name for shared memory."""
        return self.name.startswith(b"/") and not self.name.startswith(_SHARED_MEMORY)

    @property
    def is_closed(self) -> bool:
        """Nobody may touch it: addresses without memory."""
        return self.perms.startswith(b"---")


class Stretch:
    """Neighbouring writable anonymous mappings as one: what an owner has may lie across several of them.

    The kernel splits a mapping where a part of it is asked to be different; NumPy asks for huge pages in the middle
    of what it gets from libc.
    """

    __slots__ = ("end", "is_resident_whole", "start")

    def __init__(self, mapping: SystemMapping) -> None:
        self.start = mapping.start
        self.end = mapping.start
        self.is_resident_whole = True
        self.extend(mapping)

    def extend(self, mapping: SystemMapping) -> None:
        self.end = mapping.end
        self.is_resident_whole &= mapping.rss_bytes == mapping.size_bytes


def stretches(mappings: Iterable[SystemMapping]) -> list[Stretch]:
    """The stretches of writable anonymous memory, in address order as the mappings are."""
    found: list[Stretch] = []
    for mapping in mappings:
        if mapping.is_writable_anonymous:
            if found and found[-1].end == mapping.start:
                found[-1].extend(mapping)
            else:
                found.append(Stretch(mapping))
    return found


def parse_smaps(text: bytes) -> list[SystemMapping]:
    """The mappings of ``smaps``, in address order; an incomplete one at the end is left out.

    Raises:
        UnsupportedRuntime: the text is not what the kernel writes, or lacks a field.
    """
    mappings = []
    at = 0
    while (last := text.find(_LAST_FIELD, at)) >= 0:
        mappings.append(_parse_mapping(text, at, last))
        at = text.find(b"\n", last + 1) + 1
        if at == 0:
            break
    if not mappings:
        raise _not_understood()
    return mappings


def parse_maps(text: bytes) -> list[SystemMapping]:
    """The mappings of ``maps``, in address order, without what is resident of them.

    Raises:
        UnsupportedRuntime: the text is not what the kernel writes.
    """
    return [_parse_header(line) for line in text.split(b"\n") if line]


def parse_status(text: bytes) -> tuple[int, int]:
    """``VmRSS`` and ``VmSwap`` of ``status``: resident and swapped bytes, as the kernel counts them.

    Raises:
        UnsupportedRuntime: one is not there.
    """
    text = b"\n" + text
    return _field(text, b"\nVmRSS:", 0, len(text)), _field(text, b"\nVmSwap:", 0, len(text))


def _parse_mapping(text: bytes, at: int, last: int) -> SystemMapping:
    end_of_header = text.find(b"\n", at)
    mapping = _parse_header(text[at:end_of_header])
    mapping.rss_bytes = _field(text, b"\nRss:", end_of_header, last)
    mapping.pss_bytes = _field(text, b"\nPss:", end_of_header, last)
    return mapping


def _parse_header(line: bytes) -> SystemMapping:
    try:
        addresses, perms, file_offset, _device, _inode, *name = line.split(None, 5)
        start, end = addresses.split(b"-")
        return SystemMapping(int(start, 16), int(end, 16), perms, int(file_offset, 16), name[0] if name else b"")
    except ValueError:
        raise _not_understood() from None


def _field(text: bytes, label: bytes, start: int, end: int) -> int:
    """The field's value in bytes; the label begins with the newline before it."""
    at = text.find(label, start, end)
    if at < 0:
        raise _not_understood()
    at += len(label)
    number, _, unit = text[at : text.find(b"\n", at)].strip().partition(b" ")
    if unit != b"kB" or not number.isdigit():
        raise _not_understood()
    return int(number) * _KIB


def _not_understood() -> UnsupportedRuntime:
    return UnsupportedRuntime("/proc/self is not as Linux writes it; memory cannot be told apart on this system")
