"""Pages of every size that Linux has on the machines quire runs on: 4 KiB, and 16 and 64 KiB on aarch64."""

from __future__ import annotations

import ctypes
import gc
import random
from collections.abc import Iterator

import pytest

from quire.process.heap import Heap
from quire.records.kinds import Domain
from seeds import often, seeds
from twins import Twins

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

KIB = 1024
RANGE_BYTES = 32 * KIB * KIB
SIZES = [100, 520, 520, 18_000, 70_000, 270_000, 900_000]


@pytest.fixture(params=[4 * KIB, 16 * KIB, 64 * KIB], ids=lambda size: f"{size // KIB}KiB")
def page_bytes(request: pytest.FixtureRequest) -> Iterator[int]:
    """The fake system has pages of this size, for one test."""
    set_page_bytes(request.param)
    yield request.param
    set_page_bytes(4 * KIB)


def set_page_bytes(size_bytes: int) -> None:
    """The size of a page cannot change under a living heap; the traceback of a failed test keeps one."""
    gc.collect()
    if fake.held_bytes():
        pytest.skip("a failed test's heap is still there")
    fake.set_page_bytes(size_bytes)


@pytest.mark.parametrize("seed", seeds(often(1, 2)))
def test_the_twins_agree(page_bytes: int, seed: int) -> None:
    """Whatever the page, the model and the heap place every request alike, and everything goes back at the end."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    twins = Twins(fake.Heap, page_bytes=page_bytes)
    for step in range(600):
        ask(twins, chance)
        if step % 20 == 0:
            twins.check()
    while twins.blocks:
        twins.free(chance.randrange(len(twins.blocks)))
    twins.check()
    del twins
    assert fake.held_bytes() == 0


def ask(twins: Twins, chance: random.Random) -> None:
    """One random request, small ones often many at once."""
    size_bytes, domain = int(chance.choice(SIZES) * chance.random()), chance.choice(list(Domain))
    match chance.choice("aaazfr" if twins.blocks else "az"):
        case "a":
            for _ in range(chance.choice([1, 20, 300]) if size_bytes < 3_000 else 1):
                twins.allocate(size_bytes, domain)
        case "z":
            twins.allocate_zeroed(chance.randrange(1, 9), size_bytes // 4, domain)
        case "f":
            for _ in range(min(len(twins.blocks), chance.choice([1, 1, 300]))):
                twins.free(chance.randrange(len(twins.blocks)))
        case "r":
            twins.reallocate(chance.randrange(len(twins.blocks)), size_bytes, domain)


def test_the_parts_of_residency_add_up(page_bytes: int) -> None:
    """Live, free, empty, holes and metadata are every resident byte, also where parts share a page or span several."""
    chance = random.Random(1)
    heap = Heap(RANGE_BYTES, core=fake.Heap)
    blocks: list[int] = []
    for _step in range(300):
        if chance.random() < 0.7 or not blocks:
            blocks.append(heap.allocate(int(chance.choice(SIZES) * chance.random()), chance.choice(list(Domain))))
            ctypes.memset(blocks[-1] + chance.randrange(heap.size_of(blocks[-1])), 1, 1)
        else:
            heap.free(blocks.pop(chance.randrange(len(blocks))))
        assert sum(heap._heap.residency()) == fake.resident_bytes()


def test_one_touched_page_is_one_resident_page(page_bytes: int) -> None:
    """A long run of which one byte was written counts as the page of that byte, not as the whole run."""
    heap = Heap(RANGE_BYTES, core=fake.Heap)
    run = heap.allocate(256 * KIB)
    live_before = heap._heap.residency()[0]  # the run's share of the page that the arena's header touched
    ctypes.memset(run + 200 * KIB, 1, 1)
    assert heap._heap.residency()[0] - live_before == page_bytes
