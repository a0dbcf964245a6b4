"""The kernel's account of a process, as recorded from Linux 5.10 to 6.18, and as it should never be."""

from __future__ import annotations

import pytest

from quire.errors import UnsupportedRuntime
from quire.process.smaps import parse_maps, parse_smaps, parse_status, stretches

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


def test_a_record_gives_its_addresses_and_what_is_resident() -> None:
    """Addresses, permissions, name and resident sizes come from their own places, whatever the kernel's version."""
    heap, huge = parse_smaps(HEAP + FIELDS_5_10 + HUGE + FIELDS_6_18)
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
    for mapping in (*parse_smaps(header(name) + FIELDS_5_10), *parse_maps(header(name))):
        assert (mapping.name, mapping.file_offset, mapping.size_bytes) == (name, 0x2000, 0x21000)
    assert parse_smaps(header(name) + FIELDS_5_10)[0].rss_bytes == 24 * 1024


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
    (mapping,) = parse_maps(header(name, perms))
    assert getattr(mapping, kind)


@pytest.mark.parametrize(
    "name",
    [b"/memfd:x (deleted)", b"/dev/zero (deleted)", b"/dev/shm/psm_1", b"/SYSV00000000 (deleted)", b"[anon_shmem:x]"],
)
def test_shared_memory_is_neither_a_file_nor_private(name: bytes) -> None:
    """What has a file's name but no file behind it does not count as a mapped file."""
    (mapping,) = parse_maps(header(name, b"rw-s"))
    assert (mapping.is_file, mapping.is_anonymous, mapping.is_private_memory) == (False, False, False)


def test_an_incomplete_record_at_the_end_is_left_out() -> None:
    """A text that was cut off at any byte of its second record gives the first one, or both."""
    text = HEAP + FIELDS_5_10 + HUGE + FIELDS_6_18
    first = len(HEAP + FIELDS_5_10)
    for cut in range(first, len(text)):
        assert len(parse_smaps(text[:cut])) in (1, 2)


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
        parse_smaps(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", [b"x-y rw-p 0 00:00 0\n", b"7f00-7f01 rw-p\n", b"\xff\n"])
def test_a_wrong_line_of_maps_is_refused(text: bytes) -> None:
    """A line that is not a mapping's is an error."""
    with pytest.raises(UnsupportedRuntime):
        parse_maps(text)


def test_status_gives_resident_and_swapped_bytes() -> None:
    """VmRSS and VmSwap are found by their names, in bytes."""
    status = b"Name:\tVmRSS:\nVmHWM:\t   90 kB\nVmRSS:\t    8776 kB\nVmSwap:\t      12 kB\n"
    assert parse_status(status) == (8776 * 1024, 12 * 1024)


@pytest.mark.parametrize("text", [b"", b"Name:\tpython\n", b"VmRSS:\t x kB\nVmSwap:\t 0 kB\n", b"VmRSS:\t 1 kB\n"])
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
    assert [(stretch.start, stretch.end) for stretch in stretches(parse_maps(text))] == [
        (0x1000, 0x4000),
        (0x5000, 0x6000),
        (0x7000, 0x8000),
    ]
