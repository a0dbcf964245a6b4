"""Walking and searching memory for libc's chunks and CPython's arenas, over memory that is made up."""

from __future__ import annotations

import struct

import pytest

from quire.process.claims import Claims
from quire.process.cpython_arenas import POOL_BYTES
from quire.process.memory import PAGE_BYTES
from quire.process.parts import ARENAS, LIBC_CHUNKS
from quire.process.recognise import Findings, recognise
from quire.process.smaps import SystemMapping, stretches

MIB = 1024**2
START = 0x7F0000000000


class Memory:
    """Memory that is resident all over, with these bytes in it; it counts how often it is read."""

    def __init__(self, contents: dict[int, bytes]) -> None:
        self.contents = contents
        self.reads = 0

    def read(self, address: int, size_bytes: int) -> bytes:
        self.reads += 1
        return self.contents.get(address, b"\x01" * size_bytes)[:size_bytes]

    read_resident = read

    def presence(self, start: int, end: int) -> bytes:
        return b"\x80" * ((end - start) // PAGE_BYTES)


def chunk(size: int) -> bytes:
    return struct.pack("<QQ", 0, size | 2)


def arena(start: int) -> dict[int, bytes]:
    """The headers of an arena's first and last pool, of one that begins at a multiple of a pool's size."""
    header = struct.pack("<QQQQIIII", 1, 0, 0, 0, 5, 0, 64, POOL_BYTES - 16)
    return {start: header, start + 63 * POOL_BYTES: header}


def claim(
    memory: Memory, size: int, chunk_bytes: int | None, findings: Findings | None = None
) -> list[tuple[int, int, str]]:
    """What is claimed of one stretch of memory, as offsets from its start."""
    claims = Claims()
    found = recognise(
        stretches([SystemMapping(START, START + size)]), memory, claims, chunk_bytes, findings or Findings()
    )
    pieces = [(start - START, end - START, row) for start, end, row in claims.inside(START, START + size)]
    assert found == sum(end - start for start, end, row in pieces if row == LIBC_CHUNKS)
    return pieces


def test_a_walk_hops_from_piece_to_piece() -> None:
    """Chunks and arenas that follow on each other are found with a few reads, whatever their size."""
    memory = Memory(
        {
            START: chunk(300 * MIB),
            START + 300 * MIB: chunk(2 * MIB),
            **arena(START + 302 * MIB),
            **arena(START + 303 * MIB),
        }
    )
    assert claim(memory, 304 * MIB, 302 * MIB) == [(0, 302 * MIB, LIBC_CHUNKS), (302 * MIB, 304 * MIB, ARENAS)]
    assert memory.reads < 10


def test_a_search_finds_what_lies_behind_the_unknown() -> None:
    """What begins behind memory that nobody knows is found, and what follows on it."""
    memory = Memory({START + 3 * MIB: chunk(5 * MIB), **arena(START + 8 * MIB)})
    expected = [(3 * MIB, 8 * MIB, LIBC_CHUNKS), (8 * MIB, 9 * MIB, ARENAS)]
    assert claim(memory, 16 * MIB, 5 * MIB) == expected


def test_a_later_sample_goes_straight_to_what_was_found() -> None:
    """The second sample reads a few headers where the first one searched."""
    memory = Memory({START + 3 * MIB: chunk(5 * MIB), **arena(START + 8 * MIB)})
    findings = Findings()
    first = claim(memory, 16 * MIB, 5 * MIB, findings)
    memory.reads = 0
    assert claim(memory, 16 * MIB, 5 * MIB, findings) == first
    assert memory.reads < 30


def test_a_later_sample_searches_only_for_what_libc_says_is_there() -> None:
    """A new chunk behind unknown memory is found as soon as libc's total has it."""
    memory = Memory({})
    findings = Findings()
    assert claim(memory, 4 * MIB, 0, findings) == []
    memory.contents[START + 6 * MIB] = chunk(MIB)
    assert claim(memory, 8 * MIB, 0, findings) == []
    assert claim(memory, 8 * MIB, MIB, findings) == [(6 * MIB, 7 * MIB, LIBC_CHUNKS)]


def test_what_was_searched_in_vain_is_not_searched_again() -> None:
    """Although libc says that a chunk is missing, memory that held none is read once."""
    memory = Memory({})
    findings = Findings()
    claim(memory, 4 * MIB, 99 * MIB, findings)
    memory.reads = 0
    claim(memory, 4 * MIB, 99 * MIB, findings)
    assert memory.reads < 10


def test_no_more_chunks_are_believed_than_libc_has() -> None:
    """What looks like a chunk beyond libc's total, or beyond the memory it lies in, is not one."""
    assert claim(Memory({START: chunk(MIB), START + MIB: chunk(MIB)}), 4 * MIB, MIB) == [(0, MIB, LIBC_CHUNKS)]
    assert claim(Memory({START: chunk(8 * MIB)}), 4 * MIB, 8 * MIB) == []


def test_without_a_total_every_chunk_counts() -> None:
    """Where libc gives no totals, the chunks' own headers are believed."""
    assert claim(Memory({START: chunk(MIB), START + 2 * MIB: chunk(MIB)}), 4 * MIB, None) == [
        (0, MIB, LIBC_CHUNKS),
        (2 * MIB, 3 * MIB, LIBC_CHUNKS),
    ]


@pytest.mark.skipif(PAGE_BYTES >= POOL_BYTES, reason="every page begins a pool")
def test_an_arena_between_two_pools_leaves_its_neighbours_alone() -> None:
    """An arena that does not begin at a multiple of a pool's size has 63 pools, and the chunk behind it is found."""
    start = START + PAGE_BYTES
    first_pool = -(-start // POOL_BYTES) * POOL_BYTES
    contents = arena(first_pool)
    del contents[first_pool + 63 * POOL_BYTES]
    memory = Memory({**contents, start + MIB: chunk(MIB)})
    pieces = claim(memory, 4 * MIB, MIB)
    end = start + MIB - START
    assert pieces[0] == (first_pool - START, first_pool - START + 63 * POOL_BYTES, ARENAS)
    assert pieces[1] == (end, end + MIB, LIBC_CHUNKS)
