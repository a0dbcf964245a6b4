"""The kernel's account of a process, as recorded from Linux 5.10 to 6.18, and as it should never be."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from quire.errors import UnsupportedRuntime
from quire.process.smaps import SystemMapping, coalesce, parse_maps, parse_smaps, parse_status, stretches

PAGE = 4096
FIELDS_5_10 = b"""\
Size:                132 kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:                  24 kB
Pss:                  23 kB
Shared_Clean:          0 kB
Shared_Dirty:          0 kB
Private_Clean:         0 kB
Private_Dirty:        24 kB
Referenced:           24 kB
Anonymous:            24 kB
LazyFree:              0 kB
AnonHugePages:         0 kB
ShmemPmdMapped:        0 kB
FilePmdMapped:         0 kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:       0 kB
Swap:                  8 kB
SwapPss:               8 kB
Locked:                0 kB
THPeligible:    0
VmFlags: rd wr mr mw me ac sd
"""
FIELDS_6_18 = b"""\
Size:           67108864 kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:            123456789 kB
Pss:            123456789 kB
Pss_Dirty:             0 kB
Shared_Clean:          0 kB
Shared_Dirty:          0 kB
Private_Clean:         0 kB
Private_Dirty:         0 kB
Referenced:            0 kB
Anonymous:             0 kB
KSM:                   0 kB
LazyFree:              0 kB
AnonHugePages:         0 kB
ShmemPmdMapped:        0 kB
FilePmdMapped:         0 kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
SwapPss:               0 kB
Locked:                0 kB
THPeligible:           0
ProtectionKey:         0
VmFlags: rd wr mr mw me nr
"""
HEAP = b"55d0f2c4e000-55d0f2c6f000 rw-p 00000000 00:00 0                          [heap]\n"
HUGE = b"7f0000000000-7f1000000000 rw-p 00000000 00:00 0 \n"


def header(name: bytes = b"", perms: bytes = b"rw-p", addresses: bytes = b"7f0000000000-7f0000021000") -> bytes:
    return b"%s %s 00002000 fe:00 260131                     %s\n" % (addresses, perms, name)


def fields(mapping: SystemMapping) -> list[object]:
    return [getattr(mapping, name) for name in SystemMapping.__slots__]


def test_a_record_gives_its_addresses_and_what_is_resident() -> None:
    """Addresses, permissions, name and resident sizes come from their own places, whatever the kernel's version."""
    heap, huge = parse_smaps([HEAP + FIELDS_5_10 + HUGE + FIELDS_6_18])
    assert (heap.start, heap.end, heap.perms, heap.name) == (0x55D0F2C4E000, 0x55D0F2C6F000, b"rw-p", b"[heap]")
    assert (heap.rss_bytes, heap.pss_bytes) == (24 * 1024, 23 * 1024)
    assert (huge.size_bytes, huge.name) == (64 * 1024**3, b"")
    assert huge.rss_bytes == 123456789 * 1024  # wider than its column


@pytest.mark.parametrize(
    "name",
    [
        b"/srv/my programs/lib one.so",
        b"/tmp/x (deleted)",
        b"/tmp/Rss: 999999 kB",
        b"/tmp/VmFlags: rd",
        rb"/tmp/new\012line",
        b"/tmp/carriage\rreturn",
        b"/tmp/\xff\xfe",
        b"[anon: glibc: malloc arena]",
    ],
)
def test_any_name_is_read_as_a_name(name: bytes) -> None:
    """A name with blanks, or that looks like a field, changes nothing but the name."""
    for mapping in (*parse_smaps([header(name) + FIELDS_5_10]), *parse_maps([header(name)])):
        assert (mapping.name, mapping.file_offset, mapping.size_bytes) == (name, 0x2000, 0x21000)
    assert next(parse_smaps([header(name) + FIELDS_5_10])).rss_bytes == 24 * 1024


@pytest.mark.parametrize(
    ("name", "perms", "kind"),
    [
        (b"", b"rw-p", "is_writable_anonymous"),
        (b"[anon: glibc: malloc]", b"rw-p", "is_writable_anonymous"),
        (b"", b"rwxp", "is_writable_anonymous"),
        (b"[heap]", b"rw-p", "is_private_memory"),
        (b"[stack]", b"rw-p", "is_private_memory"),
        (b"/usr/lib/x.so", b"rw-p", "is_file"),
        (b"/home/me/data (deleted)", b"r--s", "is_file"),
        (b"", b"---p", "is_closed"),
    ],
)
def test_a_mapping_is_of_its_kind(name: bytes, perms: bytes, kind: str) -> None:
    """Name and permissions tell what a mapping is for."""
    (mapping,) = parse_maps([header(name, perms)])
    assert getattr(mapping, kind)


@pytest.mark.parametrize(
    "name",
    [b"/memfd:x (deleted)", b"/dev/zero (deleted)", b"/dev/shm/psm_1", b"/SYSV00000000 (deleted)", b"[anon_shmem:x]"],
)
def test_shared_memory_is_neither_a_file_nor_private(name: bytes) -> None:
    """What has a file's name but no file behind it does not count as a mapped file."""
    (mapping,) = parse_maps([header(name, b"rw-s")])
    assert (mapping.is_file, mapping.is_anonymous, mapping.is_private_memory) == (False, False, False)


def test_an_incomplete_record_at_the_end_is_left_out() -> None:
    """A text that was cut off at any byte of its second record gives the first one, or both."""
    text = HEAP + FIELDS_5_10 + HUGE + FIELDS_6_18
    first = len(HEAP + FIELDS_5_10)
    for cut in range(first, len(text)):
        assert len(list(parse_smaps([text[:cut]]))) in (1, 2)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"cat: smaps: Permission denied\n",
        HEAP,
        FIELDS_5_10,
        b"x-y rw-p 00000000 00:00 0\n" + FIELDS_5_10,
        b"7f0000000000 rw-p 00000000 00:00 0\n" + FIELDS_5_10,
        b"7f00-7f01 rw-p\n" + FIELDS_5_10,
        HEAP + FIELDS_5_10.replace(b"Rss:", b"Rxx:"),
        HEAP + FIELDS_5_10.replace(b"24 kB", b"24 MB"),
        HEAP + FIELDS_5_10.replace(b"24 kB", b"-4 kB"),
        HEAP + FIELDS_5_10.replace(b"   24 kB", b""),
    ],
)
def test_what_linux_does_not_write_is_refused(text: bytes) -> None:
    """A text without mappings, or with a header or a field that is not right, is an error in one line."""
    with pytest.raises(UnsupportedRuntime) as error:
        list(parse_smaps([text]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", [*range(1, 100), 1000, 100_000])
def test_a_text_may_come_in_any_pieces(size: int) -> None:
    """Wherever the kernel's answers end, the mappings are the same."""
    for parse, text in [
        (parse_smaps, HEAP + FIELDS_5_10 + HUGE + FIELDS_6_18),
        (parse_maps, HEAP + HUGE),
    ]:
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert [fields(mapping) for mapping in parse(pieces)] == [fields(mapping) for mapping in parse([text])]


def test_mappings_come_as_their_text_does() -> None:
    """A mapping is told before what follows it is read, so that nobody needs to have all of the text."""
    read = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            read.append(number)
            yield header(addresses=b"%x000-%x000" % (number + 1, number + 2)) + FIELDS_5_10

    for number, mapping in enumerate(parse_smaps(pieces())):
        assert (mapping.start, read) == ((number + 1) * PAGE, list(range(number + 1)))


def test_a_text_without_an_end_is_refused() -> None:
    """What is no account is not collected for ever in the hope of the first record's end."""
    with pytest.raises(UnsupportedRuntime):
        list(parse_smaps(itertools.repeat(FIELDS_5_10.partition(b"VmFlags")[0])))


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([(1, 3), (1, 3), (3, 4)], [(1, 3, 2), (3, 4, 1)]),  # once more
        ([(1, 3), (2, 5), (5, 6)], [(1, 3, 2), (3, 5, 2), (5, 6, 1)]),  # has grown
        ([(1, 9), (3, 5), (9, 10)], [(1, 9, 8), (9, 10, 1)]),  # was cut up
        ([(5, 6), (1, 2), (7, 8)], [(5, 6, 1), (7, 8, 1)]),  # below
        ([(1, 2), (5, 6)], [(1, 2, 1), (5, 6, 1)]),  # what lay between is gone
    ],
)
def test_what_changes_between_two_answers_counts_once(
    told: list[tuple[int, int]], kept: list[tuple[int, int, int]]
) -> None:
    """Addresses ascend: what the kernel tells a second time is left out, with as much as it may have resident."""
    text = b""
    for start, end in told:
        resident = b"%d kB" % ((end - start) * PAGE // 1024)
        text += header(addresses=b"%x000-%x000" % (start, end)) + re.sub(rb"2[34] kB", resident, FIELDS_5_10)
    mappings = [(each.start, each.end, each.rss_bytes, each.pss_bytes) for each in parse_smaps([text])]
    assert [tuple(size // PAGE for size in each) for each in mappings] == [(*each, each[2]) for each in kept]
    lines = [line for line in text.splitlines(keepends=True) if b"-" in line]
    assert [mapping.start // PAGE for mapping in parse_maps(lines)] == [start for start, _end, _rss in kept]


@pytest.mark.parametrize("text", [b"x-y rw-p 0 00:00 0\n", b"7f00-7f01 rw-p\n", b"\xff\n"])
def test_a_wrong_line_of_maps_is_refused(text: bytes) -> None:
    """A line that is not a mapping's is an error."""
    with pytest.raises(UnsupportedRuntime):
        list(parse_maps([text]))


def test_status_gives_resident_and_swapped_bytes() -> None:
    """VmRSS, VmHWM and VmSwap are found by their names, in bytes."""
    status = b"Name:\tVmRSS:\nVmHWM:\t    9000 kB\nVmRSS:\t    8776 kB\nVmSwap:\t      12 kB\n"
    assert parse_status(status) == (8776 * 1024, 9000 * 1024, 12 * 1024)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"Name:\tpython\n",
        b"VmHWM:\t 1 kB\nVmRSS:\t x kB\nVmSwap:\t 0 kB\n",
        b"VmHWM:\t 1 kB\nVmRSS:\t 1 kB\n",
        b"VmRSS:\t 1 kB\nVmSwap:\t 0 kB\n",
    ],
)
def test_status_without_its_fields_is_refused(text: bytes) -> None:
    """A process without memory of its own (a kernel thread) has no such lines; that is an error, not a zero."""
    with pytest.raises(UnsupportedRuntime):
        parse_status(text)


def test_a_stretch_goes_on_where_the_next_mapping_begins() -> None:
    """Writable anonymous neighbours are one stretch; a gap, a guard or a file between them ends it."""
    text = b"".join(
        header(name, perms, addresses)
        for addresses, perms, name in [
            (b"1000-2000", b"rw-p", b""),
            (b"2000-4000", b"rw-p", b""),
            (b"5000-6000", b"rw-p", b""),
            (b"6000-7000", b"---p", b""),
            (b"7000-8000", b"rw-p", b""),
            (b"8000-9000", b"rw-p", b"/lib/x.so"),
        ]
    )
    assert [(stretch.start, stretch.end) for stretch in stretches(parse_maps([text]))] == [
        (0x1000, 0x4000),
        (0x5000, 0x6000),
        (0x7000, 0x8000),
    ]


# --- neighbours as one ----------------------------------------------------------------------------------------

LIBRARY = b"/lib/x.so"


def laid_out(*pieces: tuple[int, bytes, bytes]) -> list[SystemMapping]:
    """Mappings one behind the other, given as pages, permissions and name; all of them resident, and half shared."""
    mappings = []
    at = 16 * PAGE
    for pages, perms, name in pieces:
        end = at + pages * PAGE
        mappings.append(SystemMapping(at, end, perms, 0, name, pages * PAGE, pages * PAGE // 2))
        at = end
    return mappings


def pages_of(mappings: list[SystemMapping]) -> list[int]:
    return [mapping.size_bytes // PAGE for mapping in mappings]


def nobodys(_start: int, _end: int) -> bool:
    return False


def test_pages_between_guards_are_one_mapping() -> None:
    """However many there are: one mapping of private memory, open, in which there is nothing to look for."""
    mappings = laid_out(*[(1, b"---p", b""), (1, b"rw-p", b"")] * 1000, (1, b"---p", b""), (4, b"rw-p", b""))
    guard_and_stack = [fields(mapping) for mapping in mappings[-2:]]
    one, *others = coalesce(iter(mappings), nobodys)
    assert (one.size_bytes, one.rss_bytes, one.pss_bytes) == (2000 * PAGE, 2000 * PAGE, 1000 * PAGE)
    assert (one.is_private_memory, one.is_closed, stretches([one])) == (True, False, [])
    assert [fields(mapping) for mapping in others] == guard_and_stack


def test_what_is_claimed_is_one_mapping() -> None:
    """Of the heap's own regions only sums are needed, whatever the sizes of the mappings there."""
    mappings = laid_out((100, b"rw-p", b""), (100, b"---p", b""), (1, b"rw-p", b""), (50, b"rw-p", b""))
    claimed_end = mappings[2].end
    coalesced = coalesce(iter(mappings), lambda _start, end: end <= claimed_end)
    assert pages_of(coalesced) == [201, 50]
    assert coalesced[0].rss_bytes == 201 * PAGE


def test_a_file_is_one_mapping() -> None:
    """A library's parts are one, which begins with its headers and ends with its data: zeroed data may follow."""
    parts = [(5, perms, LIBRARY) for perms in (b"r--p", b"r-xp", b"rw-p")]
    coalesced = coalesce(iter(laid_out(*parts, (1, b"rw-p", b""), (3, b"r--p", b"/lib/y.so"))), nobodys)
    assert pages_of(coalesced) == [15, 1, 3]
    assert (coalesced[0].perms, coalesced[0].file_offset, coalesced[0].is_file) == (b"rw-p", 0, True)


@pytest.mark.parametrize(
    "pieces",
    [
        [(1, b"---p", b""), (4, b"rw-p", b""), (1, b"---p", b""), (2048, b"rw-p", b"")],  # stacks
        [(1, b"---p", b""), (1, b"rw-p", b""), (512, b"rw-p", b"")],  # a chunk, all but its first page of huge pages
        [(512, b"rw-p", b""), (1, b"rw-p", b""), (1, b"---p", b"")],  # all but its last, below a stack's guard
        [(1, b"rw-p", LIBRARY), (1, b"rw-p", b""), (1, b"---p", b"")],  # zeroed data of a library
        [(33, b"rw-p", b""), (16351, b"---p", b""), (33, b"rw-p", b"")],  # a heap of libc's, and its neighbours
        [(1, b"r--p", b""), (1, b"---p", b""), (4, b"rw-p", b"")],  # a stack's guard above something else
        [(1, b"rw-s", b"/memfd:x (deleted)"), (1, b"r--s", b"/memfd:x (deleted)")],  # shared
        [(1, b"rw-p", b"[heap]"), (1, b"rw-p", b"")],
        [(1, b"r--p", LIBRARY), (512, b"---p", LIBRARY), (1, b"rw-p", LIBRARY)],  # parts far from each other
    ],
)
def test_what_may_hold_something_stays_as_it_is(pieces: list[tuple[int, bytes, bytes]]) -> None:
    """A mapping that can be a stack, an arena or a chunk, or the beginning or the guard of one, is told apart."""
    mappings = laid_out(*pieces)
    before = [fields(mapping) for mapping in mappings]
    assert [fields(mapping) for mapping in coalesce(iter(mappings), nobodys)] == before


@pytest.mark.parametrize(("gap", "expected"), [(1, [1, 2, 1]), (2, [1, 1, 1, 1]), (3, [2, 1, 1])])
def test_a_gap_divides(gap: int, expected: list[int]) -> None:
    """Mappings that are no neighbours are not one, though they are of a kind."""
    for is_claimed, pages in [(nobodys, expected), (lambda _start, _end: True, [gap, 4 - gap])]:
        mappings = laid_out(*[(1, b"---p", b""), (1, b"rw-p", b"")] * 2, (1, b"---p", b""))
        del mappings[gap]
        assert pages_of(coalesce(iter(mappings), is_claimed)) == pages
