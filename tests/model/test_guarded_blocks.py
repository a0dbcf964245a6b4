"""Guarded blocks by themselves: where they lie, how long a freed one stays closed, and a system that refuses."""

from __future__ import annotations

import ctypes
import random
from collections import deque
from collections.abc import Iterator

import pytest

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

PAGE_BYTES = 4096
SLOT_BYTES = 2 * PAGE_BYTES
STEP_BYTES = SLOT_BYTES + PAGE_BYTES
SIZES = [0, 1, 15, 16, 17, 100, 512, 513, 4095, 4096, 4097, 8191, 8192]
UNTOUCHED, ALLOCATED, FREED, LOST = range(4)


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """What a test holds is given back, and nothing is refused, when it ends."""
    held = fake.held_bytes()
    fake.refuse(0)
    yield
    fake.refuse(0)
    fake.guard_end()
    assert fake.held_bytes() == held


def state_at(address: int) -> int:
    return fake.guard_slot(address)[1]


@pytest.mark.parametrize("size_bytes", SIZES)
@pytest.mark.parametrize("at_left_end", [False, True])
def test_a_block_lies_at_an_end_of_its_slot(size_bytes: int, at_left_end: bool) -> None:
    """Less than an alignment's step lies between the block's end and the guard, or nothing between guard and start."""
    fake.guard_begin(1)
    address = fake.guard_allocate(size_bytes, at_left_end)
    assert address % 16 == 0
    assert fake.guard_slot(address) == (0, ALLOCATED, address, size_bytes, 0)
    assert ctypes.string_at(address, size_bytes) == bytes(size_bytes)
    if at_left_end:
        assert address % PAGE_BYTES == 0
    else:
        assert 0 <= -(address + size_bytes) % PAGE_BYTES <= 15 + (size_bytes == 0)


@pytest.mark.parametrize("size_bytes", SIZES)
@pytest.mark.parametrize("at_left_end", [False, True])
def test_a_changed_margin_is_seen_and_the_block_itself_is_free_to_change(size_bytes: int, at_left_end: bool) -> None:
    """Each byte of up to 64 on either side counts, told by its distance; those of the block do not."""
    fake.guard_begin(1)
    address = fake.guard_allocate(size_bytes, at_left_end)
    start = address if at_left_end else address + max(size_bytes + 15, 16) // 16 * 16 - SLOT_BYTES
    ctypes.memset(address, 0xFF, size_bytes)
    assert fake.guard_slot(address)[4] == 0
    for distance in [*range(-64, 0), *range(1, 65)]:
        at = address + distance if distance < 0 else address + size_bytes + distance - 1
        if not start <= at < start + SLOT_BYTES:
            continue
        saved = ctypes.string_at(at, 1)
        ctypes.memset(at, saved[0] ^ 0x40, 1)
        assert fake.guard_slot(address)[4] == distance
        assert fake.guard_check() == "the margins of a guarded block are whole"
        ctypes.memmove(at, saved, 1)
    assert fake.guard_check() is None


def test_the_slot_freed_longest_ago_is_used_next() -> None:
    """A freed block's addresses are not used again before all other slots were."""
    fake.guard_begin(8)
    first = [fake.guard_allocate(40, False) for _ in range(8)]
    with pytest.raises(MemoryError):
        fake.guard_allocate(40, False)
    order = random.Random(3).sample(first, 8)
    for address in order:
        fake.guard_free(address)
        assert state_at(address) == FREED
    assert [fake.guard_allocate(40, False) for _ in range(8)] == order


def test_an_address_belongs_to_the_nearest_block() -> None:
    """In a guard, whichever of the two neighbours is nearer; slots that were never used have no block."""
    fake.guard_begin(3)
    left = fake.guard_allocate(100, False)
    assert fake.guard_slot(left + 4000)[0] == 0
    assert fake.guard_slot(left + 5000) is None
    right = fake.guard_allocate(100, True)
    assert fake.guard_slot(left + 104)[0] == 0
    assert fake.guard_slot(right - 1)[0] == 1
    assert fake.guard_slot(left + SLOT_BYTES // 2 + PAGE_BYTES)[0] == 1
    assert fake.guard_slot(right + STEP_BYTES) is None
    region = left + 112 - SLOT_BYTES - PAGE_BYTES
    assert fake.guard_slot(region)[0] == 0
    assert fake.guard_slot(region - 1) is None
    assert fake.guard_slot(region + 3 * STEP_BYTES + PAGE_BYTES) is None


def test_a_guard_that_cannot_be_made_leaves_nothing_behind() -> None:
    """Each call that the making needs, refused in turn: no byte is held."""
    held = fake.held_bytes()
    for nth in (1, 2):
        fake.refuse(nth)
        with pytest.raises(MemoryError):
            fake.guard_begin(4)
        assert fake.held_bytes() == held
    fake.refuse(0)
    fake.guard_begin(4)


@pytest.mark.parametrize("seed", range(20))
def test_any_requests_with_any_refusals(seed: int) -> None:
    """Random requests, one call in five refused: the counts add up, live blocks keep their bytes, slots go in turn.

    A refused allocation changes nothing. A slot whose pages the system does not take back is lost, and not used again.
    """
    print("seed", seed)
    rng = random.Random(seed)
    fake.guard_begin(16)
    live: dict[int, bytes] = {}
    freed: deque[int] = deque()
    untouched, lost = 16, 0
    for _ in range(600):
        refused = rng.random() < 0.2
        if rng.random() < 0.5:
            size_bytes = rng.choice(SIZES)
            fake.refuse(int(refused))
            if refused or not (untouched or freed):
                before = fake.guard_statistics()
                with pytest.raises(MemoryError):
                    fake.guard_allocate(size_bytes, rng.random() < 0.5)
                assert fake.guard_statistics() == before
            else:
                address = fake.guard_allocate(size_bytes, rng.random() < 0.5)
                index = fake.guard_slot(address)[0]
                if untouched:
                    assert index == 16 - untouched
                    untouched -= 1
                else:
                    assert index == freed.popleft()
                live[address] = rng.randbytes(size_bytes)
                ctypes.memmove(address, live[address], size_bytes)
        elif live:
            address = rng.choice(list(live))
            index, _state, _block, size_bytes, _damage = fake.guard_slot(address)
            assert ctypes.string_at(address, size_bytes) == live.pop(address)
            fake.refuse(int(refused))
            fake.guard_free(address)
            lost += refused
            if not refused:
                freed.append(index)
        fake.refuse(0)
        assert fake.guard_check() is None
        live_bytes = sum(map(len, live.values()))
        assert fake.guard_statistics() == (16, len(live), len(freed), lost, live_bytes)


@pytest.mark.parametrize("page_bytes", [16 * 1024, 64 * 1024])
def test_larger_pages(page_bytes: int) -> None:
    """Where a page is larger than the largest block, a slot is one page, and its block lies at an end all the same."""
    assert fake.held_bytes() == 0
    fake.set_page_bytes(page_bytes)
    try:
        fake.guard_begin(4)
        right, left = fake.guard_allocate(40, False), fake.guard_allocate(40, True)
        assert (right + 48) % page_bytes == 0
        assert left % page_bytes == 0
        assert left - (right + 48) == page_bytes
        fake.guard_free(right)
        assert (state_at(right), fake.guard_check()) == (FREED, None)
        fake.guard_end()
    finally:
        fake.set_page_bytes(4096)
    fake.guard_begin(1)
