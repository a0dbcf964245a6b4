"""Who owns a piece of anonymous memory, told from its bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.process.claims import Claims
from quire.process.cpython_arenas import POOL_BYTES, arena_end, arena_of_pool
from quire.process.libc import HEAP_ALIGNMENT, LibcShare, chunk_size_bytes, find_heaps, heap_size_bytes
from quire.process.libraries import find_zeroed_data, image_bytes
from quire.process.memory import PAGE_BYTES
from quire.process.smaps import SystemMapping
from quire.process.stacks import bounds_in_record, claim_stacks, stack_pointer

MIB = 1024**2


def memory(contents: dict[int, bytes]) -> Callable[[int, int], bytes]:
    """A reader of memory that holds these bytes at these addresses, zeroes around them up to the page, and no more."""

    def read(address: int, size_bytes: int) -> bytes:
        page = address // PAGE_BYTES * PAGE_BYTES
        end = -(-(address + size_bytes) // PAGE_BYTES) * PAGE_BYTES
        pages = {start // PAGE_BYTES * PAGE_BYTES for start in contents}
        if not all(at in pages for at in range(page, end, PAGE_BYTES)):
            return b""
        content = bytearray(end - page)
        for start, text in contents.items():
            if page <= start < end:
                content[start - page : start - page + len(text)] = text
        return bytes(content[address - page : address - page + size_bytes])

    return read


# --- CPython's arenas -----------------------------------------------------------------------------------------


def pool(
    address: int, arena: int = 0, size_class: int = 3, count: int = 5, carved: int = 7, free_block: int = 0
) -> bytes:
    """A pool's header as CPython writes it."""
    block = (size_class + 1) * 16
    return struct.pack(
        "<IIQQQIIII", count, 0, free_block, address, address, arena, size_class, 48 + carved * block, POOL_BYTES - block
    )


@given(st.integers(0, 31), st.data())
def test_every_pool_that_cpython_makes_is_recognised(size_class: int, data: st.DataObject) -> None:
    """Any size class, any number of blocks carved and in use, with or without a free block."""
    capacity = (POOL_BYTES - 48) // ((size_class + 1) * 16)
    carved = data.draw(st.integers(0, capacity))
    count = data.draw(st.integers(0, capacity))
    address = 0x7F0000000000
    free_block = data.draw(st.sampled_from([0, address + 48, address + POOL_BYTES - 16]))
    assert arena_of_pool(pool(address, 9, size_class, count, carved, free_block), address) == 9


@given(st.binary(max_size=60))
def test_other_bytes_are_not_a_pool(content: bytes) -> None:
    """Random bytes, and too few, are not taken for a pool."""
    assert arena_of_pool(content, 0x7F0000000000) is None


def test_an_aligned_arena_has_a_pool_more() -> None:
    """The arena's end follows from whether its 64th pool is there."""
    start = 0x7F0000000000
    first, last = start, start + 63 * POOL_BYTES
    assert arena_end(start, memory({first: pool(first, 2), last: pool(last, 2)})) == start + MIB
    assert arena_end(start, memory({first: pool(first, 2), last: pool(last, 3)})) == last
    assert arena_end(start, memory({first: pool(first, 2)})) == last
    assert arena_end(start, memory({})) is None


# --- libc -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "found"),
    [
        (50 * PAGE_BYTES | 2, 50 * PAGE_BYTES),
        (50 * PAGE_BYTES - 16 | 2, 50 * PAGE_BYTES),  # since glibc 2.42 the header is not counted
        (PAGE_BYTES | 2, PAGE_BYTES),
        (50 * PAGE_BYTES | 3, 0),
        (50 * PAGE_BYTES, 0),
        (50 * PAGE_BYTES + 16 | 2, 0),
        (2, 0),
    ],
)
def test_a_mapped_chunk_has_whole_pages_and_its_mark(size: int, found: int) -> None:
    """Only a header with nothing before it, the mark of a mapping alone, and whole pages is a chunk's."""
    assert chunk_size_bytes(struct.pack("<QQ", 0, size)) == found
    assert chunk_size_bytes(struct.pack("<QQ", 16, size)) == 0
    assert chunk_size_bytes(struct.pack("<Q", 0)) == 0


def test_a_threads_heap_is_known_by_its_own_address() -> None:
    """The first heap of an arena holds the arena; a next one names the one before; anything else is none."""
    start = 100 * HEAP_ALIGNMENT
    end = start + HEAP_ALIGNMENT
    some, more = 33 * PAGE_BYTES, 66 * PAGE_BYTES
    first = struct.pack("<4Q", start + 0x30, 0, some, more)
    following = struct.pack("<4Q", 7 * HEAP_ALIGNMENT + 0x30, 8 * HEAP_ALIGNMENT, some, some)
    foreign = struct.pack("<4Q", 0x1234, 0, some, some)
    too_long = struct.pack("<4Q", start + 0x30, 0, some, 2 * HEAP_ALIGNMENT)
    sizes = [heap_size_bytes(start, end, memory({start: info})) for info in (first, following, foreign, too_long)]
    assert sizes == [more, some, 0, 0]
    assert heap_size_bytes(start, end, memory({})) == 0


def test_threads_heaps_are_looked_for_at_their_alignment() -> None:
    """Each multiple of 64 MiB in a gap is looked at, and nothing else."""
    start = 100 * HEAP_ALIGNMENT
    size = 33 * PAGE_BYTES
    info = {at: struct.pack("<4Q", at + 0x30, 0, size, size) for at in (start, start + HEAP_ALIGNMENT)}
    gaps = [(start - MIB, start + 2 * HEAP_ALIGNMENT)]
    assert list(find_heaps(gaps, memory(info))) == [(at, at + size) for at in info]
    assert list(find_heaps([(start + PAGE_BYTES, start + MIB)], memory(info))) == []


def test_libcs_memory_is_live_or_held_as_far_as_resident() -> None:
    """Live comes first; the held rest is no more than what libc says is free; what is beyond is not libc's."""
    share = LibcShare((1000, 600, 400, 300), 800, 250, 1000, 300)
    assert (share.live_bytes, share.held_bytes, share.other_bytes, share.missing_bytes) == (850, 200, 0, 0)
    share = LibcShare((1000, 100, 50, 0), 800, 0, 1000, 0)
    assert (share.live_bytes, share.held_bytes, share.other_bytes) == (100, 50, 650)
    share = LibcShare((1000, 900, 100, 500), 500, 0, 700, 100)
    assert (share.live_bytes, share.held_bytes, share.missing_bytes) == (500, 0, 700)


def test_without_totals_all_of_libcs_memory_is_live() -> None:
    """Where libc has no mallinfo2, nothing is said to be held or missing."""
    share = LibcShare(None, 800, 250, 1000, 300)
    assert (share.live_bytes, share.held_bytes, share.other_bytes, share.missing_bytes) == (1050, 0, 0, 0)


# --- stacks ---------------------------------------------------------------------------------------------------

STACK = 0x7F0000100000
STACK_END = STACK + 8 * MIB + PAGE_BYTES
RECORD = STACK_END - 0x940


def record(start: int = STACK, size: int = STACK_END - STACK) -> bytes:
    """A thread's record as far as it matters: its own address, other words, and the stack's bounds."""
    return struct.pack("<300Q", RECORD, 0, RECORD, *range(1, 208), start, size, 0x1000, *range(86, 0, -1), 0)[:0x940]


def stacks_found(
    contents: dict[int, bytes], mappings: list[SystemMapping], idents: list[int] = (), pointers: list[int] = ()
) -> list[tuple[int, int]]:
    claims = Claims()
    claim_stacks(claims, idents, pointers, mappings, memory(contents))
    return [(start, end) for start, end, _row in claims.inside(0, 1 << 62)]


def test_a_records_bounds_hold_the_thread() -> None:
    """The pair of words around the thread's own address is taken; others are not."""
    assert bounds_in_record(record(), RECORD) == [(STACK, STACK_END)]
    assert bounds_in_record(record(STACK + 8), RECORD) == []
    assert bounds_in_record(record(size=PAGE_BYTES), RECORD) == []
    assert bounds_in_record(b"", RECORD) == []


@pytest.mark.parametrize("guard", [True, False])
def test_a_stack_with_a_mapping_of_its_own_needs_no_thread(guard: bool) -> None:
    """With a guard that the kernel shows, or one that it does not (glibc 2.42), the mapping's end tells."""
    if guard:
        mappings = [SystemMapping(STACK, STACK + PAGE_BYTES, b"---p"), SystemMapping(STACK + PAGE_BYTES, STACK_END)]
    else:
        mappings = [SystemMapping(STACK, STACK_END)]
    assert stacks_found({RECORD: record()}, mappings) == [(STACK, STACK_END)]


def test_a_stack_joined_with_other_memory_is_found_by_its_thread() -> None:
    """By the thread's identity, or by the pointer of a thread that is not Python's."""
    mappings = [SystemMapping(STACK, STACK_END + MIB)]
    contents = {RECORD: record(), STACK_END: b"other"}
    assert stacks_found(contents, mappings) == []
    assert stacks_found(contents, mappings, idents=[RECORD]) == [(STACK, STACK_END)]
    assert stacks_found(contents, mappings, pointers=[RECORD - 0x300]) == [(STACK, STACK_END)]


def test_a_stack_without_a_record_is_found_by_its_guard() -> None:
    """Another libc keeps no such record; the guard below the pointer's mapping tells."""
    guard = SystemMapping(STACK, STACK + PAGE_BYTES, b"---p")
    mappings = [guard, SystemMapping(STACK + PAGE_BYTES, STACK_END)]
    assert stacks_found({}, mappings, pointers=[RECORD]) == [(STACK, STACK_END)]
    assert stacks_found({}, mappings[1:], pointers=[RECORD]) == []


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (b"230 0x1 0x1 0x7f3d 0x0 0x0 0xa5 0x7f3df298dbc0 0x7f3e0145a545\n", 0x7F3DF298DBC0),
        (b"-1 0x7ffcd3f45230 0x7f3e014832ec\n", 0x7FFCD3F45230),
        (b"running\n", 0),
        (b"", 0),
        (b"x y z\n", 0),
    ],
)
def test_a_sleeping_threads_pointer_is_the_last_but_one(text: bytes, pointer: int) -> None:
    """In a system call or stopped elsewhere; none while it runs, or where the system does not tell."""
    assert stack_pointer(text) == pointer


# --- libraries ------------------------------------------------------------------------------------------------


def library(*segments: tuple[int, int, int]) -> bytes:
    """An ELF file's headers with segments of (type, address, size in memory)."""
    ident = b"\x7fELF\x02\x01\x01"
    headers = struct.pack("<16sHHIQQQIHHHHHH", ident, 3, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    for kind, address, size in segments:
        headers += struct.pack("<IIQQQQQQ", kind, 6, 0, address, address, 0, size, PAGE_BYTES)
    return headers


def test_a_library_reaches_to_the_end_of_its_last_segment() -> None:
    """In whole pages from where it begins; what is not a library reaches nowhere."""
    headers = library((6, 64, 100), (1, 0, 0x800), (1, 0x5000, 0x9001), (2, 0x5000, 16))
    assert image_bytes(headers) == -(-0xE001 // PAGE_BYTES) * PAGE_BYTES
    assert image_bytes(b"\x7fELF\x01\x01" + headers[6:]) == 0
    assert image_bytes(headers[:100]) == image_bytes(b"data") == image_bytes(b"") == 0


def test_memory_behind_a_library_is_its_own_as_far_as_its_headers_say() -> None:
    """The anonymous mapping behind a library's data is cut where the library ends, and nothing else is taken."""
    begin = 0x7F0000000000
    end_of_file = begin + 4 * PAGE_BYTES
    end = end_of_file + 2 * PAGE_BYTES
    mappings = [
        SystemMapping(begin, begin + 2 * PAGE_BYTES, b"r-xp", 0, b"/lib/x.so"),
        SystemMapping(begin + 2 * PAGE_BYTES, end_of_file, b"rw-p", 0x2000, b"/lib/x.so"),
        SystemMapping(end_of_file, end_of_file + 100 * PAGE_BYTES),
    ]
    contents = {begin: library((1, 0, end - begin))}
    assert list(find_zeroed_data(mappings, memory(contents))) == [(end_of_file, end)]
    assert list(find_zeroed_data(mappings, memory({}))) == []
    assert list(find_zeroed_data(mappings[:1] + mappings[2:], memory(contents))) == []
