"""Symbols that a program or a library shows, read from its file: the dynamic ones, which no stripping takes away.

    header  ->  section headers  ->  .dynsym   name (offset in .dynstr), value (address)
            ->  program headers  ->  segments  which address comes from where in the file

Addresses are those that the file was linked for; where it lies in memory is ``Image.bias``.
"""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

_ELF_64_LITTLE: Final = b"\x7fELF\x02\x01"
_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_LOADED: Final = 1
_DYNAMIC_SYMBOLS: Final = 11
_TABLE_BYTES_MAX: Final = 64 * 1024**2


class Image:
    """A program's or a library's file.

    Args:
        descriptor: the file, open; it stays the caller's.

    Raises:
        ValueError: it is no such file, or a damaged one.
        OSError: it cannot be read.
    """

    __slots__ = ("_descriptor", "_sections", "_segments")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        header = self._read(0, _HEADER.size)
        if not header.startswith(_ELF_64_LITTLE):
            raise ValueError("not a program's file")
        fields = _HEADER.unpack(header)
        segments, sections = fields[5], fields[6]
        _segment_bytes, segment_count, _section_bytes, section_count = fields[9:13]
        self._segments = list(_SEGMENT.iter_unpack(self._read(segments, segment_count * _SEGMENT.size)))
        self._sections = list(_SECTION.iter_unpack(self._read(sections, section_count * _SECTION.size)))

    def symbols(self, names: Iterable[bytes]) -> dict[bytes, int]:
        """The addresses of those of the names that the file shows."""
        found: dict[bytes, int] = {}
        for _name, kind, _flags, _address, offset, size_bytes, link, *_rest in self._sections:
            if kind == _DYNAMIC_SYMBOLS and link < len(self._sections):
                texts = self._read(*self._sections[link][4:6])
                table = self._read(offset, size_bytes // _SYMBOL.size * _SYMBOL.size)
                found.update(_values(table, texts, names))
        return found

    def bias(self, start: int) -> int:
        """By how much memory lies higher than the file was linked for, where its first byte is mapped to the start."""
        for kind, _flags, offset, address, *_rest in self._segments:
            if kind == _LOADED and offset == 0:
                return start - int(address)
        raise ValueError("its first byte is not loaded")

    def content(self, address: int, size_bytes: int) -> bytes:
        """What the file has for the address that it was linked for.

        Raises:
            ValueError: nothing.
        """
        for kind, _flags, offset, first, _physical, file_bytes, *_rest in self._segments:
            if kind == _LOADED and first <= address and address + size_bytes <= first + file_bytes:
                return self._read(offset + address - first, size_bytes)
        raise ValueError("the address is not in the file")

    def _read(self, offset: int, size_bytes: int) -> bytes:
        if size_bytes > _TABLE_BYTES_MAX:
            raise ValueError("a table of the file is too large")
        content = os.pread(self._descriptor, size_bytes, min(offset, 1 << 62))
        if len(content) < size_bytes:
            raise ValueError("the file is cut off")
        return content


def _values(table: bytes, texts: bytes, names: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    wanted = {(b"\0" + texts).find(b"\0" + name + b"\0"): name for name in names}
    wanted.pop(-1, None)
    for text, _info, _other, section, value, _size_bytes in _SYMBOL.iter_unpack(table):
        if text in wanted and section:
            yield wanted[text], value
