"""Page frames, page tables, and processes that cannot touch each other's pages."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from quire.errors import InvalidSize, NotABlock, OutOfMemory
from quire.model import CPYTHON_3_10, QUIRE, Allocator, Geometry, Machine, System
from quire.model.errors import BadAddress
from quire.model.machine import ZERO_FRAME
from quire.records.machine import PageRecord
from seeds import seeds

PAGE = 4096
HERE = 0x10000


def test_the_same_address_of_two_processes_is_two_pieces_of_memory() -> None:
    """Two writers write to one address; each reads what it wrote."""
    machine = Machine()
    ann, ben = machine.start("Ann"), machine.start("Ben")
    for writer, text in ((ann, b"Once upon a time"), (ben, b"A dark, cold night")):
        writer.map(HERE, PAGE)
        writer.write(HERE, text)
    assert ann.read(HERE, 16) == b"Once upon a time"
    assert ann.frame_of(HERE) != ben.frame_of(HERE)


def test_a_process_cannot_touch_what_it_has_no_page_for() -> None:
    """Reading and writing outside one's pages is refused, also where another process has pages; nothing is written."""
    machine = Machine()
    ann, ben = machine.start("Ann"), machine.start("Ben")
    ann.map(HERE, PAGE)
    ann.write(HERE, b"mine")
    ben.map(HERE + PAGE, PAGE)
    with pytest.raises(BadAddress, match="Ben has no page at 0x10000"):
        ben.read(HERE, 1)
    with pytest.raises(BadAddress, match="Ben has no page"):
        ben.write(HERE + 2 * PAGE - 1, b"over the end")
    assert ben.read(HERE + 2 * PAGE - 1, 1) == b"\0"
    assert (ann.read(HERE, 4), machine.frames_in_use) == (b"mine", 1)


def test_without_a_table_one_writes_over_the_other() -> None:
    """On bare memory nothing asks who writes: the second text stands where the first one stood."""
    machine = Machine()
    machine.write(PAGE, b"Once upon a time")
    machine.write(PAGE + 5, b"a dark night")
    assert machine.read(PAGE, 17) == b"Once a dark night"


def test_a_page_takes_a_frame_when_it_is_first_written() -> None:
    """Mapping costs nothing, reading costs nothing and gives zeros; each page that is written costs one frame."""
    machine = Machine()
    process = machine.start("Ann")
    process.map(HERE, 100 * PAGE)
    assert process.read(HERE, 3 * PAGE) == bytes(3 * PAGE)
    assert (process.mapped_bytes, process.resident_bytes) == (100 * PAGE, 0)
    process.write(HERE + 2 * PAGE - 1, b"ab")
    assert (process.resident_bytes, machine.frames_in_use) == (2 * PAGE, 2)
    assert process.record().pages[:3] == (
        PageRecord(HERE, None, ""),
        PageRecord(HERE + PAGE, 1, ""),
        PageRecord(HERE + 2 * PAGE, 2, "b"),
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [("등대지기\0고래".encode(), "등대지기"), (b"a\x1b\xffb", "a��b"), (("a" + "등" * 30).encode(), "a" + "등" * 19)],
)
def test_a_page_is_told_by_the_text_it_begins_with(data: bytes, text: str) -> None:
    """Up to the first zero; what is no letter shows as �, and no half letter is left where it is cut."""
    process = Machine().start("Ann")
    process.map(HERE, PAGE)
    process.write(HERE, data)
    assert process.record().pages == (PageRecord(HERE, 1, text),)


def test_what_goes_back_is_wiped_before_another_gets_it() -> None:
    """A frame's next owner reads zeros, not what the last one left."""
    machine = Machine(frames=1)
    ann, ben = machine.start("Ann"), machine.start("Ben")
    ann.map(HERE, PAGE)
    ann.write(HERE, b"secret")
    ann.end()
    ben.map(HERE, PAGE)
    ben.write(HERE + 100, b"x")
    assert ben.frame_of(HERE) == 1
    assert ben.read(HERE, 6) == bytes(6)


def test_nobody_writes_to_the_frame_of_zeros() -> None:
    """It stands behind every page that was never written: a write to it would show everywhere."""
    machine = Machine()
    with pytest.raises(BadAddress, match="frame of zeros"):
        machine.write(ZERO_FRAME * PAGE + 8, b"x")
    assert machine.read(0, PAGE) == bytes(PAGE)


def test_bare_memory_ends() -> None:
    """An address behind the last frame is refused, and a write that would run over the end writes nothing."""
    machine = Machine(frames=2)
    with pytest.raises(BadAddress):
        machine.read(3 * PAGE, 1)
    with pytest.raises(BadAddress):
        machine.write(3 * PAGE - 2, b"abc")
    assert machine.read(3 * PAGE - 2, 2) == b"\0\0"


@pytest.mark.parametrize("wrong", [-1, -4096, 1.5, "1", None])
def test_a_size_that_is_none_is_refused_at_every_layer(wrong: Any) -> None:
    """Negative, or no whole number: of frames, of pages, of a piece of a table, of a piece that the system deals."""
    process = Machine().start("Ann")
    process.map(HERE, PAGE)
    system = System.on(process)
    before = process.record()
    for ask in (
        lambda: Machine(frames=wrong),
        lambda: Machine(page_bytes=wrong),
        lambda: Machine().read(PAGE, wrong),
        lambda: process.map(2 * HERE, wrong),
        lambda: process.unmap(HERE, wrong),
        lambda: process.read(HERE, wrong),
        lambda: process.purge(HERE, wrong),
        lambda: System(wrong),
        lambda: system.obtain(wrong),
        lambda: system.resize(HERE, wrong),
    ):
        with pytest.raises(InvalidSize, match=re.escape(repr(wrong))):
            ask()
    assert process.record() == before
    assert system.pages_held == 0


def test_no_address_is_below_0_and_no_piece_where_none_was_dealt() -> None:
    """Tables begin at 0; the system resizes and takes back what it dealt, and nothing else."""
    process = Machine().start("Ann")
    with pytest.raises(BadAddress, match="begin at 0"):
        process.map(-PAGE, PAGE)
    for ask in (lambda: System(PAGE).resize(HERE, PAGE), lambda: System(PAGE).give_back(HERE)):
        with pytest.raises(NotABlock, match="dealt nothing at 0x10000"):
            ask()


def test_a_machine_without_frames_left_refuses_the_write_whole() -> None:
    """A write over two pages with one frame left writes to neither."""
    machine = Machine(frames=1)
    process = machine.start("Ann")
    process.map(HERE, 2 * PAGE)
    with pytest.raises(OutOfMemory, match="needs 2 frames, 1 are left"):
        process.write(HERE + PAGE - 1, b"ab")
    assert process.resident_bytes == 0


def test_a_table_is_changed_whole_or_not_at_all() -> None:
    """Mapping twice, unmapping what is not mapped and moving onto a page are refused; the table is as before."""
    process = Machine().start("Ann")
    process.map(HERE, 2 * PAGE)
    before = process.record()
    for wrong in (
        lambda: process.map(HERE + PAGE, 2 * PAGE),
        lambda: process.unmap(HERE + PAGE, 2 * PAGE),
        lambda: process.move(HERE, PAGE, to=HERE + PAGE),
        lambda: process.move(HERE + 2 * PAGE, PAGE, to=HERE + 8 * PAGE),
    ):
        with pytest.raises(BadAddress):
            wrong()
        assert process.record() == before


def test_moved_pages_keep_their_frames() -> None:
    """Growing at another address changes the table only: no byte is copied, no frame is taken."""
    machine = Machine(frames=1)
    process = machine.start("Ann")
    process.map(HERE, PAGE)
    process.write(HERE, b"here")
    process.move(HERE, PAGE, to=8 * HERE)
    assert process.read(8 * HERE, 4) == b"here"
    with pytest.raises(BadAddress):
        process.read(HERE, 4)


def test_purged_pages_stay_the_processs_own_and_read_as_zeros() -> None:
    """The frames go back, the addresses stay; the next write takes a frame again. Foreign pages are refused whole."""
    machine = Machine()
    process = machine.start("Ann")
    process.map(HERE, 2 * PAGE)
    process.write(HERE, b"x" * 2 * PAGE)
    process.purge(HERE, PAGE)
    assert (process.mapped_bytes, process.resident_bytes, machine.frames_in_use) == (2 * PAGE, PAGE, 1)
    assert process.read(HERE, 4) == bytes(4)
    with pytest.raises(BadAddress):
        process.purge(HERE + PAGE, 2 * PAGE)
    assert process.read(HERE + PAGE, 1) == b"x"


# --- a system on a process ---


@pytest.mark.parametrize("geometry", [CPYTHON_3_10, QUIRE], ids=lambda geometry: geometry.name)
@pytest.mark.parametrize("seed", seeds())
def test_an_allocator_on_a_process_keeps_what_is_written(geometry: Geometry, seed: int) -> None:
    """Blocks of every layer, filled to the last byte, resized and freed at random, keep their bytes; at the end the
    process's pages are the system's, and with real bytes beneath blocks go where they go without."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    process = Machine().start("python")
    allocator = Allocator(geometry, System.on(process))
    bare = Allocator(geometry)
    blocks: list[tuple[int, bytes]] = []
    for _ in range(1_500):
        size_bytes = int(chance.choice([64, 520, 18_000, 300_000]) * chance.random())
        text = chance.randbytes(size_bytes)
        action = chance.random()
        if action < 0.5 or not blocks:
            address = allocator.allocate(size_bytes)
            assert bare.allocate(size_bytes) == address
        else:
            address, old = blocks.pop(chance.randrange(len(blocks)))
            assert process.read(address, len(old)) == old
            if action < 0.8:
                allocator.free(address)
                bare.free(address)
                continue
            moved = allocator.reallocate(address, size_bytes)
            assert bare.reallocate(address, size_bytes) == moved
            kept = min(size_bytes, len(old))
            assert process.read(moved, kept) == old[:kept]
            address = moved
        process.write(address, text)
        blocks.append((address, text))
    assert process.mapped_bytes == allocator.system.pages_held * PAGE
    for address, text in blocks:
        assert process.read(address, len(text)) == text


def test_a_free_block_holds_the_address_of_the_next() -> None:
    """The free list stands in the blocks themselves: read from the pages, it is the list that the pool tells."""
    process = Machine().start("python")
    allocator = Allocator(CPYTHON_3_10, System.on(process))
    blocks = [allocator.allocate(64) for _ in range(6)]
    for block in (blocks[1], blocks[4], blocks[2]):
        allocator.free(block)
    assert process.read_number(blocks[2]) == blocks[4]
    assert process.read_number(blocks[4]) == blocks[1]
    assert process.read_number(blocks[1]) == 0


@pytest.mark.parametrize("geometry", [CPYTHON_3_10, QUIRE], ids=lambda geometry: geometry.name)
def test_a_machine_without_frames_refuses_a_request_and_nothing_changes(geometry: Geometry) -> None:
    """The allocator writes headers and links itself; where frames run out it says so before it has begun."""
    process = Machine(frames=6).start("python")
    allocator = Allocator(geometry, System.on(process))
    while process.machine.frames_free:
        allocator.allocate(500)
    before = allocator.state()
    with pytest.raises(OutOfMemory):
        allocator.allocate(500)
    assert allocator.state() == before
