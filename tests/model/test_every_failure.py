"""Every call of the system's in a long sequence of requests, refused in turn: the program goes on all the same.

A refused request raises MemoryError and is made once more. So every run, whatever was refused, ends with the same live
blocks as the run in which nothing was.
"""

from __future__ import annotations

import ctypes
import gc
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from quire.errors import OutOfMemory
from quire.process.heap import Heap
from quire.records.kinds import Domain
from seeds import often, seeds
from twins import Twin, Twins

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

RANGE_BYTES = 32 * 1024 * 1024
SIZES = [64, 520, 520, 9_000, 9_000, 270_000, 500_000, 3_000_000]
LIVE_MAX = 600


@pytest.fixture(autouse=True)
def _nothing_refused() -> Iterator[None]:
    gc.collect()
    fake.refuse(0)
    yield
    fake.refuse(0)


SWEEP_EVERY = 700
"""Requests, before which two sweeps are done."""


@dataclass(frozen=True)
class Request:
    """One request of a program; the slot is where the program keeps the block. Freeing has the size ``None``."""

    slot: int
    size_bytes: int | None
    domain: Domain
    zeroed: bool


def random_requests(seed: int, count: int) -> list[Request]:
    """Requests of every kind and layer; the program grows, shrinks, and grows again, so that arenas come and go."""
    chance = random.Random(seed)
    used: list[int] = []
    requests = []
    for step in range(count):
        is_growing = step // (count // 6) % 2 == 0
        size_bytes = int(chance.choice(SIZES) * chance.random())
        if used and (len(used) == LIVE_MAX or chance.random() < (0.3 if is_growing else 0.8)):
            place = chance.randrange(len(used))
            slot, used[place] = used[place], used[-1]
            used.pop()
            requests.append(Request(slot, None, Domain.OBJECT, False))
        else:
            slot = chance.choice(used) if used and chance.random() < 0.3 else len(requests)
            used += [slot] if slot == len(requests) else []
            requests.append(Request(slot, size_bytes, chance.choice(list(Domain)), chance.random() < 0.2))
    return requests


@dataclass
class Program:
    """Makes requests, looks after what its blocks hold, and makes a request that is refused once more."""

    heap: Heap = field(default_factory=lambda: Heap(RANGE_BYTES, core=fake.Heap))
    blocks: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    refused: int = 0
    cursor: int = 0

    def run(self, requests: list[Request]) -> None:
        """Make every request, and sweep now and then."""
        for count, request in enumerate(requests):
            if count % SWEEP_EVERY < 2:
                self.cursor = self.heap.sweep(self.cursor, live_percent_max=50).cursor
            if request.size_bytes is None:
                address, content = self.blocks.pop(request.slot)
                assert ctypes.string_at(address, len(content)) == content
                self.heap.free(address)
                continue
            try:
                self.serve(request)
            except OutOfMemory:
                self.refused += 1
                assert self.heap.check() is None
                fake.refuse(0)
                self.serve(request)

    def serve(self, request: Request) -> None:
        """Allocate or resize, and fill."""
        size_bytes = request.size_bytes or 0
        if request.slot in self.blocks:
            address, content = self.blocks[request.slot]
            address = self.heap.reallocate(address, size_bytes, request.domain)
            content = content[:size_bytes]
            assert ctypes.string_at(address, len(content)) == content
        elif request.zeroed:
            address = self.heap.allocate_zeroed(1, size_bytes, request.domain)
            assert ctypes.string_at(address, size_bytes) == bytes(size_bytes)
        else:
            address = self.heap.allocate(size_bytes, request.domain)
        content = (b"%d." % request.slot * 8)[: min(size_bytes, 32)]
        ctypes.memmove(address, content, len(content))
        self.blocks[request.slot] = (address, content)

    def live(self) -> dict[int, bytes]:
        """What every slot holds, read from its block."""
        return {slot: ctypes.string_at(address, len(content)) for slot, (address, content) in self.blocks.items()}


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("seed", seeds())
def test_every_call_refused_in_turn(seed: int, for_good: bool) -> None:
    """One call is refused, or all from it on until a request fails: the same blocks live at the end."""
    print(f"seed {seed}")
    requests = random_requests(seed, often(1_200, 2_000))
    plain = Program()
    made_before = fake.calls()
    plain.run(requests)
    calls, expected = fake.calls() - made_before, plain.live()
    assert calls > 50
    held = fake.held_bytes()
    refused = 0
    for nth in range(1, calls + 1):
        program = Program()
        fake.refuse(nth, for_good)
        program.run(requests)
        fake.refuse(0)
        assert program.live() == expected
        assert program.heap.check() is None
        refused += program.refused
        del program
        assert fake.held_bytes() == held
    assert 0 < refused <= calls  # fewer: kept mappings may serve, and what only gives back asks for nothing once more


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("seed", seeds())
def test_the_model_agrees_whatever_is_refused(seed: int, for_good: bool) -> None:
    """A refused call leaves the model and the heap in the same state, and so does the rest of the sequence."""
    print(f"seed {seed}")
    requests = random_requests(seed, often(240, 600))
    made_before = fake.calls()
    run_twins(requests)
    calls = fake.calls() - made_before
    for nth in range(3, calls + 1):  # the first two make the heap
        fake.refuse(nth, for_good)
        run_twins(requests)


def run_twins(requests: list[Request]) -> None:
    """Send the requests to both; a block that could not be had is allocated when it is next resized."""
    twins = Twins(fake.Heap, range_bytes=RANGE_BYTES, page_bytes=4096, take_refused=fake.take_refused)
    blocks: dict[int, Twin] = {}
    for count, request in enumerate(requests):
        if count % SWEEP_EVERY < 2:
            twins.sweep(live_percent_max=50)
            if twins.was_refused:
                twins.check()
        block = blocks.get(request.slot)
        if request.size_bytes is None:
            if block is not None:
                twins.free(twins.blocks.index(blocks.pop(request.slot)))
        elif block is not None:
            twins.reallocate(twins.blocks.index(block), request.size_bytes, request.domain)
        else:
            live = len(twins.blocks)
            twins.allocate(request.size_bytes, request.domain)
            if len(twins.blocks) > live:
                blocks[request.slot] = twins.blocks[-1]
        if twins.was_refused:
            twins.check()
    fake.refuse(0)
    twins.check()
