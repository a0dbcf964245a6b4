"""Objects that refer to nothing: numbers, text, bytes, None.

    1000       | count | int  | tag 1<<3  | 1000 |           digits of 30 bits, four bytes each
    1.5        | count | float| 1.5 as a C double |
    'abc'      | count | str  | length 3 | hash | state | a b c \\0 |
    b'abc'     | count | bytes| size 3 | hash | a b c \\0 |

They cannot be part of a cycle, so they have no collector header. They cannot change either, so one object can serve
everybody who needs its value: that is what small integers and interned strings are (see ``caches``).

Source: Include/cpython/longintrepr.h, Include/cpython/unicodeobject.h, Objects/longobject.c, Objects/unicodeobject.c.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable
from typing import cast

from quire.model.objects import SIZE_OFFSET, Object, Type
from quire.model.versions import Version

DIGIT_BITS = 30
_TAG_SHIFT = 3
_POSITIVE, _ZERO, _NEGATIVE = 0, 1, 2
_ITEMS_OFFSET = 24
_ENCODINGS = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}
"""Of text, by the bytes of a character."""


class AtomType(Type):
    """Objects of which their value says all."""

    def describe(self, one: Object) -> str:
        return repr(self.value_of(one))

    def key_of(self, one: Object) -> Hashable:
        key: Hashable = self.value_of(one)
        return key

    def truth_of(self, one: Object) -> bool:
        return bool(self.value_of(one))


class IntType(AtomType):
    """Integers: digits of 30 bits, as many as are needed."""

    item_bytes = 4

    def make(self, value: int) -> Object:
        """An integer: one of the small ones that are there already, else a new one."""
        small = self.space.caches.small_integers.get(value)
        return self.space.incref(small) if small else self.make_new(value)

    def make_new(self, value: int) -> Object:
        """An integer of its own, whatever its value."""
        one = self.new(max(_digit_count(value), 1))
        self.write(one, value)
        return one

    def write(self, one: Object, value: int) -> None:
        """Write the value's sign and digits behind the header."""
        digits = _digit_count(value)
        if self.space.version.ints_have_tag:
            sign = _NEGATIVE if value < 0 else _POSITIVE if value else _ZERO
            one.set_word(SIZE_OFFSET, digits << _TAG_SHIFT | sign)
        else:
            one.set_word(SIZE_OFFSET, -digits if value < 0 else digits)
        rest = abs(value)
        written = [rest >> DIGIT_BITS * index & (1 << DIGIT_BITS) - 1 for index in range(max(digits, 1))]
        self.space.memory.write(one.address + _ITEMS_OFFSET, struct.pack(f"<{len(written)}I", *written))

    def value_of(self, one: Object) -> int:
        digits, negative = self._digits_and_sign(one)
        stored = self.space.memory.read(one.address + _ITEMS_OFFSET, 4 * digits)
        value: int = sum(
            digit << DIGIT_BITS * index for index, digit in enumerate(struct.unpack(f"<{digits}I", stored))
        )
        return -value if negative else value

    def item_count(self, one: Object) -> int:
        return max(self._digits_and_sign(one)[0], 1)

    def _digits_and_sign(self, one: Object) -> tuple[int, bool]:
        word = one.word(SIZE_OFFSET)
        if self.space.version.ints_have_tag:
            return word >> _TAG_SHIFT, word & 3 == _NEGATIVE
        return (2**64 - word, True) if word >> 63 else (word, False)


class BoolType(IntType):
    """True and False: integers of another name, both made once."""

    def make(self, value: int) -> Object:
        """One of the two."""
        return self.space.incref(self.space.true if value else self.space.false)

    def value_of(self, one: Object) -> bool:
        return super().value_of(one) != 0


class NoneType(AtomType):
    """None: a header and nothing else, made once."""

    def value_of(self, one: Object) -> None:
        return None


class FloatType(AtomType):
    """A C double behind the header."""

    def make(self, value: float) -> Object:
        one = self.new()
        self.space.memory.write(one.address + SIZE_OFFSET, struct.pack("<d", value))
        return one

    def value_of(self, one: Object) -> float:
        return cast(float, struct.unpack("<d", self.space.memory.read(one.address + SIZE_OFFSET, 8))[0])


class BytesType(AtomType):
    """Bytes, with a zero behind them for C."""

    item_bytes = 1

    def make(self, value: bytes) -> Object:
        one = self.new(len(value))
        one.set_word(_ITEMS_OFFSET, -1)  # the hash, not computed yet
        self.space.memory.write(one.address + self.basic_bytes - 1, value + b"\0")
        return one

    def value_of(self, one: Object) -> bytes:
        return self.space.memory.read(one.address + self.basic_bytes - 1, self.item_count(one))


class StrType(AtomType):
    """Text: one, two or four bytes for each character, as the widest needs; a little less header if all are ASCII."""

    _STATE_OFFSET = 32

    def make(self, value: str) -> Object:
        """Text of its own, except the empty one and Latin-1 characters, which were made once."""
        shared = self.space.caches.single_characters.get(value)
        return self.space.incref(shared) if shared else self.make_new(value)

    def make_new(self, value: str) -> Object:
        """Text of its own, whatever it says."""
        one = self.new(more_bytes=text_bytes(value, self.space.version) - self.basic_bytes)
        self.write(one, value)
        return one

    def write(self, one: Object, value: str) -> None:
        """Write length, kind and characters behind the header."""
        kind = _character_bytes(value)
        one.set_word(SIZE_OFFSET, len(value))
        one.set_word(SIZE_OFFSET + 8, -1)  # the hash, not computed yet
        one.set_word(self._STATE_OFFSET, kind << 1 | value.isascii())
        encoded = value.encode(_ENCODINGS[kind], "surrogatepass")
        self.space.memory.write(one.address + self._text_offset(one), encoded + b"\0" * kind)

    def value_of(self, one: Object) -> str:
        kind = one.word(self._STATE_OFFSET) >> 1
        stored = self.space.memory.read(one.address + self._text_offset(one), one.word(SIZE_OFFSET) * kind)
        return stored.decode(_ENCODINGS[kind], "surrogatepass")

    def size_of(self, one: Object) -> int:
        kind = one.word(self._STATE_OFFSET) >> 1
        return self._text_offset(one) + (one.word(SIZE_OFFSET) + 1) * kind

    def _text_offset(self, one: Object) -> int:
        return _text_header_bytes(one.word(self._STATE_OFFSET) & 1 == 1, self.space.version)

    def release(self, one: Object) -> None:
        self.space.caches.interned.forget(one)
        super().release(one)


def text_bytes(value: str, version: Version) -> int:
    """The size of a ``str`` object."""
    return _text_header_bytes(value.isascii(), version) + (len(value) + 1) * _character_bytes(value)


def _text_header_bytes(ascii_only: bool, version: Version) -> int:
    """Text that is not ASCII has room for a UTF-8 copy's length and address; once, for a ``wchar_t`` copy's too."""
    if version.strings_have_wide_cache:
        return 48 if ascii_only else 72
    return 40 if ascii_only else 56


def _character_bytes(value: str) -> int:
    widest = max(value, default="\0")
    return 1 if widest < "\u0100" else 2 if widest < "\U00010000" else 4


def _digit_count(value: int) -> int:
    return -(-abs(value).bit_length() // DIGIT_BITS)
