"""What a library has in memory beyond its file: zero-initialised data (``.bss``), in anonymous memory behind it.

The library's own headers say how far it reaches; its first mapping begins with them.
"""

from __future__ import annotations

from quire.process.memory import PAGE_BYTES, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Final

    from quire.process.smaps import SystemMapping

    Read = Callable[[int, int], bytes]

_ELF_64_BIT: Final = b"\x7fELF\x02\x01"
_HEADERS_BYTES: Final = 2048
_TABLE_OFFSET: Final = 32
_ENTRY_SIZE_OFFSET: Final = 54
_COUNT_OFFSET: Final = 56
_LOADED: Final = 1


def image_bytes(headers: bytes) -> int:
    """How far a library reaches in memory from where it begins, in whole pages; 0 if the bytes are not its headers."""
    if not headers.startswith(_ELF_64_BIT):
        return 0
    table = int.from_bytes(headers[_TABLE_OFFSET : _TABLE_OFFSET + 8], "little")
    entry_bytes = int.from_bytes(headers[_ENTRY_SIZE_OFFSET : _ENTRY_SIZE_OFFSET + 2], "little")
    count = int.from_bytes(headers[_COUNT_OFFSET : _COUNT_OFFSET + 2], "little")
    first, end = None, 0
    for index in range(count):
        entry = words(headers[table + index * entry_bytes : table + index * entry_bytes + 48])
        if len(entry) == 6 and entry[0] & 0xFFFFFFFF == _LOADED:
            first = entry[2] if first is None else first
            end = entry[2] + entry[5]
    return 0 if first is None else -(-end // PAGE_BYTES) * PAGE_BYTES - first // PAGE_BYTES * PAGE_BYTES


def find_zeroed_data(mappings: Sequence[SystemMapping], read: Read) -> Iterator[tuple[int, int]]:
    """Start and end of the anonymous memory that belongs to libraries, in address order.

    Args:
        mappings: the process's mappings, in address order.
    """
    begins: dict[bytes, int] = {}
    before = None
    for mapping in mappings:
        if mapping.is_file and mapping.file_offset == 0 and mapping.name not in begins:
            begins[mapping.name] = mapping.start
        if before is not None and _may_be_zeroed_data(before, mapping):
            begin = begins.get(before.name)
            end = 0 if begin is None else begin + image_bytes(read(begin, _HEADERS_BYTES))
            if end > mapping.start:
                yield mapping.start, min(end, mapping.end)
        before = mapping


def _may_be_zeroed_data(before: SystemMapping, mapping: SystemMapping) -> bool:
    return mapping.start == before.end and mapping.is_writable_anonymous and before.is_file and b"w" in before.perms
