"""The kernel's account of a process, as text (``/proc/self/smaps``, ``maps`` and ``status``), read into records.

Pure functions over bytes. A sample is taken inside other people's programs, so this imports nothing that costs
time, and reads only the fields that are used: about 3 microseconds a mapping. A program may have 60,000 mappings, and
their text is 40 MB: it is read in pieces, and few of them are kept (``coalesce``).

    7f3df0988000-7f3df1188000 rw-p 00000000 00:00 0          name, if any      header
    Rss:                  16 kB                                                fields, in the kernel's order
    VmFlags: rd wr mr mw me ac                                                 the last line
"""

from __future__ import annotations

from quire.errors import UnsupportedRuntime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final

_KIB: Final = 1024
_LAST_FIELD: Final = b"\nVmFlags:"
_RECORD_BYTES_MAX: Final = 64 * 1024
_SMALL_BYTES: Final = 16 * 1024
_CLAIMED: Final = b"claimed"
_GUARD: Final = b"guard"
_SMALL: Final = b"small"
_BETWEEN_GUARDS: Final = b"between guards"
_APART: Final = (None, _GUARD, _SMALL)
_KINDS_LOOKED_AT: Final = 3
_NOTHING_TO_FIND: Final = b"r--p"
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

    def cut(self, start: int) -> None:
        """Leave out what lies below the address. How much of that is resident is not told: as little as may be."""
        self.start = start
        self.rss_bytes = min(self.rss_bytes, self.size_bytes)
        self.pss_bytes = min(self.pss_bytes, self.rss_bytes)

    def absorb(self, mapping: SystemMapping) -> None:
        """Take in the neighbour above, which is of the same kind."""
        self.end = mapping.end
        self.perms = mapping.perms if self.is_file else _NOTHING_TO_FIND
        self.rss_bytes += mapping.rss_bytes
        self.pss_bytes += mapping.pss_bytes

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
        return self.name.startswith(b"/") and not self.is_shared_memory

    @property
    def is_shared(self) -> bool:
        """What is written there, other mappings of the same pages show."""
        return self.perms.endswith(b"s")

    @property
    def is_shared_memory(self) -> bool:
        """A file that is only a name for memory that several may share."""
        return self.name.startswith(_SHARED_MEMORY)

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


def coalesce(mappings: Iterable[SystemMapping], is_claimed: Callable[[int, int], bool]) -> list[SystemMapping]:
    """The mappings, where neighbours that need not be told apart are one.

    Such are the parts of one file, and what is claimed. So are small pieces, each between two guards: nothing that
    anybody looks for fits in. The last guard stays apart, for it may be that of a stack above it:

        | guard | page | guard | page | guard | page | guard | stack |
        |------------------- one ---------------------|-------|-------|

    Args:
        mappings: in address order.
        is_claimed: whether the owner of all that lies between two addresses is known already.
    """
    coalesced: list[SystemMapping] = []
    kinds: list[bytes | None] = []
    for mapping in mappings:
        if coalesced and coalesced[-1].end != mapping.start:
            kinds[-1] = None
        kind = _kind(mapping, is_claimed)
        if kind == _GUARD and kinds[-2:] == [_GUARD, _SMALL]:
            del kinds[-2:]
            page, guard = coalesced.pop(), coalesced.pop()
            guard.absorb(page)
            _add(coalesced, kinds, guard, _BETWEEN_GUARDS)
        _add(coalesced, kinds, mapping, kind)
        del kinds[:-_KINDS_LOOKED_AT]
    return coalesced


def _add(coalesced: list[SystemMapping], kinds: list[bytes | None], mapping: SystemMapping, kind: bytes | None) -> None:
    if kind not in _APART and kinds and kind == kinds[-1]:
        coalesced[-1].absorb(mapping)
    else:
        coalesced.append(mapping)
        kinds.append(kind)


def _kind(mapping: SystemMapping, is_claimed: Callable[[int, int], bool]) -> bytes | None:
    if mapping.is_file:
        return None if mapping.is_closed else mapping.name
    if not mapping.is_anonymous:
        return None
    if is_claimed(mapping.start, mapping.end):
        return _CLAIMED
    if mapping.size_bytes >= _SMALL_BYTES:
        return None
    return _SMALL if mapping.is_writable_anonymous else _GUARD


# --- reading text ---------------------------------------------------------------------------------------------


def parse_smaps(pieces: Iterable[bytes]) -> Iterator[SystemMapping]:
    """The mappings of ``smaps``, in address order; an incomplete one at the end is left out.

    Args:
        pieces: the text, cut anywhere.

    Raises:
        UnsupportedRuntime: the text is not what the kernel writes, or lacks a field.
    """
    return _ascending(_parse_records(pieces))


def parse_maps(pieces: Iterable[bytes]) -> Iterator[SystemMapping]:
    """The mappings of ``maps``, likewise, without what is resident of them."""
    return _ascending(_parse_lines(pieces))


def parse_status(text: bytes) -> tuple[int, int, int]:
    """``VmRSS``, ``VmHWM`` and ``VmSwap`` of ``status``: bytes resident, resident at most, and swapped.

    Raises:
        UnsupportedRuntime: one is not there.
    """
    text = b"\n" + text
    resident, resident_max, swapped = (
        _field(text, label, 0, len(text)) for label in (b"\nVmRSS:", b"\nVmHWM:", b"\nVmSwap:")
    )
    return resident, resident_max, swapped


def _ascending(mappings: Iterable[SystemMapping]) -> Iterator[SystemMapping]:
    """Each address once. The kernel writes a few mappings at a time, and in between they may change."""
    end = 0
    for mapping in mappings:
        if mapping.end > end:
            if mapping.start < end:
                mapping.cut(end)
            end = mapping.end
            yield mapping


def _parse_records(pieces: Iterable[bytes]) -> Iterator[SystemMapping]:
    text = b""
    has_any = False
    for piece in pieces:
        text += piece
        at = 0
        while (last := text.find(_LAST_FIELD, at)) >= 0 and (end := text.find(b"\n", last + 1)) >= 0:
            yield _parse_mapping(text, at, last)
            has_any = True
            at = end + 1
        text = text[at:]
        if len(text) > _RECORD_BYTES_MAX:
            raise _not_understood()
    if not has_any:
        raise _not_understood()


def _parse_lines(pieces: Iterable[bytes]) -> Iterator[SystemMapping]:
    text = b""
    for piece in pieces:
        *lines, text = (text + piece).split(b"\n")
        yield from map(_parse_header, lines)


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
