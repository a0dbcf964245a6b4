"""Memory by address: bytes, and words of eight of them, the lowest byte first.

An allocator decides who has which addresses; what stands there is here. Nothing is cleared when a block is handed out
or handed back: who reads what was never written reads zeros, who reads a dead block reads what is left of the dead.

    address   0x10_0000_1030     +8           +16          +24
              | count          | type       | size       | first item ...     an object is words at an address
"""

from __future__ import annotations

WORD_BYTES = 8
_CHUNK_BYTES = 4096


class Memory:
    """All bytes of one process."""

    def __init__(self) -> None:
        self._chunks: dict[int, bytearray] = {}

    def word(self, address: int) -> int:
        """The word at an address that is a multiple of eight."""
        chunk = self._chunks.get(address // _CHUNK_BYTES)
        if chunk is None:
            return 0
        offset = address % _CHUNK_BYTES
        return int.from_bytes(chunk[offset : offset + WORD_BYTES], "little")

    def set_word(self, address: int, value: int) -> None:
        """Write the word at an address that is a multiple of eight; a negative value as its two's complement."""
        chunk = self._chunks.setdefault(address // _CHUNK_BYTES, bytearray(_CHUNK_BYTES))
        offset = address % _CHUNK_BYTES
        chunk[offset : offset + WORD_BYTES] = (value % 2**64).to_bytes(WORD_BYTES, "little")

    def words(self, address: int, count: int) -> list[int]:
        """``count`` words in a row."""
        return [self.word(address + WORD_BYTES * index) for index in range(count)]

    def set_words(self, address: int, values: list[int]) -> None:
        """Write words in a row."""
        for index, value in enumerate(values):
            self.set_word(address + WORD_BYTES * index, value)

    def read(self, address: int, size_bytes: int) -> bytes:
        """Bytes from any address on."""
        return bytes(
            self._chunks[place // _CHUNK_BYTES][place % _CHUNK_BYTES] if place // _CHUNK_BYTES in self._chunks else 0
            for place in range(address, address + size_bytes)
        )

    def write(self, address: int, data: bytes) -> None:
        """Write bytes from any address on."""
        for place, byte in enumerate(data, address):
            self._chunks.setdefault(place // _CHUNK_BYTES, bytearray(_CHUNK_BYTES))[place % _CHUNK_BYTES] = byte
