"""Memory by address: bytes, and words of eight of them, the lowest byte first.

An allocator decides who has which addresses; what stands there is here. Nothing is cleared when a block is handed out
or handed back: who reads what was never written reads zeros, who reads a dead block reads what is left of the dead (all
but the first word, which links the free blocks of a pool).

    address   0x10_0000_1030     +8           +16          +24
              | count          | type       | size       | first item ...     an object is words at an address
"""

from __future__ import annotations

from array import array

WORD_BYTES = 8
_CHUNK_BYTES = 4096


class Memory:
    """All bytes of one process."""

    def __init__(self) -> None:
        self._chunks: dict[int, array[int]] = {}
        """Words that somebody wrote to, with those around them, by address divided by a chunk's size."""

    def word(self, address: int) -> int:
        """The word at an address that is a multiple of eight."""
        chunk = self._chunks.get(address // _CHUNK_BYTES)
        return chunk[address % _CHUNK_BYTES // WORD_BYTES] if chunk else 0

    def set_word(self, address: int, value: int) -> None:
        """Write the word at an address that is a multiple of eight; a negative value as its two's complement."""
        self._chunk(address)[address % _CHUNK_BYTES // WORD_BYTES] = value % 2**64

    def words(self, address: int, count: int) -> list[int]:
        """``count`` words in a row."""
        return [self.word(place) for place in range(address, address + count * WORD_BYTES, WORD_BYTES)]

    def set_words(self, address: int, values: list[int]) -> None:
        """Write words in a row."""
        for index, value in enumerate(values):
            self.set_word(address + WORD_BYTES * index, value)

    def read(self, address: int, size_bytes: int) -> bytes:
        """Bytes from any address on."""
        before = address % WORD_BYTES
        words = self.words(address - before, -(-(before + size_bytes) // WORD_BYTES))
        return b"".join(word.to_bytes(WORD_BYTES, "little") for word in words)[before : before + size_bytes]

    def write(self, address: int, data: bytes) -> None:
        """Write bytes from any address on."""
        before = address % WORD_BYTES
        after = -(before + len(data)) % WORD_BYTES
        padded = self.read(address - before, before) + data + self.read(address + len(data), after)
        for offset in range(0, len(padded), WORD_BYTES):
            self.set_word(address - before + offset, int.from_bytes(padded[offset : offset + WORD_BYTES], "little"))

    def _chunk(self, address: int) -> array[int]:
        number = address // _CHUNK_BYTES
        if number not in self._chunks:
            self._chunks[number] = array("Q", bytes(_CHUNK_BYTES))
        return self._chunks[number]
