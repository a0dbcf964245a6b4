"""The system refuses: on demand, at each call, the heap says so and is as it was before."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator

import pytest

from quire.errors import OutOfMemory
from quire.process.heap import Heap
from quire.records.kinds import Domain
from seeds import seeds

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

RANGE_BYTES = 32 * 1024 * 1024


@pytest.fixture(autouse=True)
def _nothing_refused() -> Iterator[None]:
    fake.refuse(0)
    yield
    fake.refuse(0)


def new_heap() -> Heap:
    return Heap(RANGE_BYTES, core=fake.Heap)


def test_a_heap_that_cannot_be_made_leaves_nothing_behind() -> None:
    """Each call that the making needs, refused in turn: OutOfMemory, and no byte is held."""
    held = fake.held_bytes()
    calls = fake.calls()
    del_heap = new_heap()
    needed = fake.calls() - calls
    del del_heap
    assert needed > 0
    for nth in range(1, needed + 1):
        fake.refuse(nth)
        with pytest.raises(OutOfMemory):
            new_heap()
        assert fake.held_bytes() == held


@pytest.mark.parametrize("size_bytes", [0, 64, 600, 20_000, 300_000])
def test_a_refused_request_changes_nothing(size_bytes: int) -> None:
    """Whatever layer serves the request: refused, the state is as before; asked again, it is served."""
    heap = new_heap()
    before = heap.state()
    fake.refuse(1)
    with pytest.raises(OutOfMemory):
        heap.allocate(size_bytes)
    assert heap.check() is None
    assert heap.state() == before
    heap.free(heap.allocate(size_bytes))


def test_a_mapping_that_cannot_grow_keeps_its_bytes() -> None:
    """A refused remap leaves the mapping where it is, with what it holds."""
    heap = new_heap()
    address = heap.allocate(300_000)
    ctypes.memset(address, 0x5A, 300_000)
    fake.refuse(1, True)
    with pytest.raises(OutOfMemory):
        heap.reallocate(address, 900_000)
    assert ctypes.string_at(address, 300_000) == b"\x5a" * 300_000
    assert heap.size_of(address) >= 300_000


def test_shrinking_never_fails() -> None:
    """With every call refused a mapping and a run that shrink stay usable."""
    heap = new_heap()
    mapping, run = heap.allocate(900_000), heap.allocate(200_000)
    fake.refuse(1, True)
    assert heap.reallocate(mapping, 300_000) == mapping
    assert heap.reallocate(run, 100) == run
    assert heap.check() is None


def test_a_mapping_whose_table_cannot_grow_changes_nothing() -> None:
    """The table of mappings grows now and then; a refusal there refuses the mapping, and every other is still found."""
    heap = new_heap()
    mappings = []
    refused = 0
    while refused < 2 or len(mappings) < 140:
        fake.refuse(2)  # the first call is the mapping's own, unless the table has to grow before
        try:
            mappings.append(heap.allocate(270_000))
        except OutOfMemory:
            refused += 1
            assert heap.check() is None
            fake.refuse(0)
            mappings.append(heap.allocate(270_000))
    assert refused == 2
    assert all(heap.size_of(mapping) >= 270_000 for mapping in mappings)
    for mapping in mappings:
        heap.free(mapping)
    assert heap.statistics().mapping_bytes == 0


def test_an_arena_that_the_system_does_not_take_back_serves_again() -> None:
    """A refused decommit keeps the arena, empty and available, and nothing is lost."""
    heap = new_heap()
    blocks = [heap.allocate(4096) for _ in range(2_000)]
    fake.refuse(1, True)
    for block in blocks:
        heap.free(block)
    assert heap.check() is None
    assert heap.statistics().live_bytes == 0
    arenas = heap.statistics().arena_bytes
    assert len([heap.allocate(4096) for _ in range(2_000)]) == 2_000
    assert heap.statistics().arena_bytes == arenas


@pytest.mark.parametrize("seed", seeds(3))
def test_random_requests_with_random_refusals(seed: int) -> None:
    """Requests while the system refuses now and then: each block keeps its bytes, every invariant holds throughout."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    heap = new_heap()
    live: dict[int, bytes] = {}
    for step in range(3_000):
        fake.refuse(chance.choice([0, 0, 1, 2]))
        request(heap, live, chance)
        if step % 50 == 0:
            assert heap.check() is None
    fake.refuse(0)
    for address, content in live.items():
        assert ctypes.string_at(address, len(content)) == content
        heap.free(address)
    assert heap.statistics().live_bytes == 0


def request(heap: Heap, live: dict[int, bytes], chance: random.Random) -> None:
    """One random request; a refused one leaves what is live as it is."""
    size = int(chance.choice([520, 18_000, 270_000, 900_000]) * chance.random()) + 1
    domain = chance.choice(list(Domain))
    try:
        if chance.random() < 0.5 or not live:
            remember(heap.allocate(size, domain), size, live, chance)
        elif chance.random() < 0.5:
            heap.free(live_address := chance.choice(list(live)))
            del live[live_address]
        else:
            resize(heap, live, chance.choice(list(live)), size, domain)
    except OutOfMemory:
        pass


def remember(address: int, size_bytes: int, live: dict[int, bytes], chance: random.Random) -> None:
    """Fill a block and keep what it holds."""
    content = chance.randbytes(min(size_bytes, 64))
    ctypes.memmove(address, content, len(content))
    live[address] = content


def resize(heap: Heap, live: dict[int, bytes], address: int, size_bytes: int, domain: Domain) -> None:
    """Resize a block; the bytes that both sizes have stay."""
    moved = heap.reallocate(address, size_bytes, domain)
    content = live.pop(address)[:size_bytes]
    assert ctypes.string_at(moved, len(content)) == content
    live[moved] = content
