"""Byte buffers of varying sizes: uploads arrive in pieces, are put together, checked, cut into parts, and answered.

buffers.py [ROUNDS]
"""

import hashlib
import random
import sys
import zlib

PIECE = 64 * 1024


def main(rounds: int) -> None:
    random.seed(1)
    source = random.randbytes(PIECE) + bytes(PIECE)
    digest = hashlib.sha256()
    waiting: list[bytes] = []
    for _ in range(rounds):
        upload = arrive(source, random.randrange(100_000, 6_000_000))
        parts = cut(upload, 1_000_000)
        digest.update(answer(parts))
        waiting.append(bytes(upload[: random.randrange(50_000, 900_000)]))
        if len(waiting) > 8:
            digest.update(waiting.pop(random.randrange(8))[-1000:])
    print(digest.hexdigest())


def arrive(source: bytes, size: int) -> bytearray:
    """A buffer that grows by what a connection delivers at once."""
    buffer = bytearray()
    while len(buffer) < size:
        start = random.randrange(PIECE)
        buffer += source[start : start + random.randrange(1000, PIECE)]
    return buffer


def cut(upload: bytearray, part_bytes: int) -> list[bytes]:
    """Parts, each one a copy; what they are cut from becomes shorter."""
    parts = []
    while upload:
        parts.append(bytes(upload[-part_bytes:]))
        del upload[-part_bytes:]
    upload += parts[-1]
    return parts


def answer(parts: list[bytes]) -> bytes:
    whole = b"".join(reversed(parts))
    sums = b"".join(zlib.crc32(part).to_bytes(4) for part in parts)
    return sums + whole.replace(b"\0\0", b"\0")[-64:]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
