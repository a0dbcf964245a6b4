"""When samples are taken while a program runs, with a heap, a clock and memory that are made up."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from quire.process import sampling
from quire.process.parts import Parts
from quire.process.sampling import PeakSampler

MIB = 1024**2


class World:
    """A heap that grows when told, and what the sampler sees of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.sample_seconds = 0.002
        self.rss_bytes = 10 * MIB
        self.rss_max_bytes = 10 * MIB
        self.heap_bytes = 4 * MIB
        self.limit_bytes = 0
        self.late_limit_bytes = sys.maxsize
        self.due_seconds = 0.0
        self.nudges = 0
        self.handler: Callable[[int, None], object] | None = None
        self.signal_number = 0
        self.taken: list[int] = []
        self.error: BaseException | None = None
        monkeypatch.setattr(sampling, "Sampler", lambda core: self)
        monkeypatch.setattr(sampling, "read_rss_bytes", lambda: self.rss_bytes)
        monkeypatch.setattr(sampling, "claim_signal", self.claim_signal)
        monkeypatch.setattr(sampling, "release_signal", self.release_signal)
        self.sampler = PeakSampler(self, clock=lambda: self.now)

    # what the sampler asks of the core

    def watch(
        self, limit_bytes: int, signal_number: int, late_limit_bytes: int = sys.maxsize, due_seconds: float = 0.0
    ) -> None:
        self.limit_bytes, self.signal_number = limit_bytes, signal_number
        self.late_limit_bytes, self.due_seconds = late_limit_bytes, due_seconds

    def statistics(self) -> tuple[object, ...]:
        return (), (), 0, 0, (0, 0, 0, 0, 0, MIB, 0, 0, 0, self.heap_bytes - MIB)

    # the signal by which it is nudged

    def claim_signal(self, handler: Callable[[int, None], object]) -> int:
        self.handler = handler
        return 63

    def release_signal(self, number: int, handler: object) -> None:
        assert (number, handler) == (63, self.handler)
        self.handler = None

    # what it takes samples with

    def measure_quickly(self) -> Parts:
        self.now += self.sample_seconds
        if self.error is not None:
            raise self.error
        self.taken.append(self.rss_bytes)
        parts = Parts((0, 0, 0, 0, 0))
        parts.rss_bytes = self.rss_bytes
        parts.rss_max_bytes = self.rss_max_bytes
        return parts

    measure = measure_quickly

    # what the program does

    def grow(self, size_bytes: int, seconds: float = 0.0) -> None:
        """The heap and memory grow by so much, and time passes."""
        self.now += seconds
        self.rss_bytes += size_bytes
        self.heap_bytes += size_bytes
        self.obtain()

    def obtain(self) -> None:
        """The heap obtains memory from the system: the one-shot watch may fire."""
        is_late = self.heap_bytes > self.late_limit_bytes and self.now >= self.due_seconds
        if self.handler is not None and self.signal_number and (is_late or self.heap_bytes > self.limit_bytes):
            self.signal_number = 0
            self.nudges += 1
            self.handler(63, None)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(monkeypatch)
    world.sampler.start()
    return world


def test_the_highest_sample_is_close_to_a_slow_peak(world: World) -> None:
    """A program that grows slowly and falls again has a sample within a twentieth of its peak."""
    for _ in range(1000):
        world.grow(MIB, seconds=0.5)
    top = world.rss_bytes
    for _ in range(900):
        world.grow(-MIB, seconds=0.5)
    end, peak, samples = world.sampler.stop()
    assert top * 0.95 <= peak.rss_bytes <= top
    assert (end.rss_bytes, samples) == (world.rss_bytes, len(world.taken))
    assert 100 < peak.seconds + 100 < world.now


def test_the_highest_sample_is_close_to_a_quick_peak(world: World) -> None:
    """A program that makes a gigabyte in a second has a sample of four fifths of it."""
    for _ in range(1000):
        world.grow(MIB, seconds=0.001)
    top = world.rss_bytes
    world.rss_bytes = 10 * MIB
    _end, peak, _samples = world.sampler.stop()
    assert top * 0.8 <= peak.rss_bytes <= top
    assert len(world.taken) < 25
    assert world.nudges < 100  # each wakes an event loop that waits for signals


@pytest.mark.parametrize(("told", "most"), [(300 * MIB, 300 * MIB), (200 * MIB, 210 * MIB)])
def test_the_most_is_no_less_than_any_sample(world: World, told: int, most: int) -> None:
    """What the kernel says at the end was resident at most counts, unless a sample has found more."""
    world.grow(200 * MIB)
    world.grow(-100 * MIB)
    world.rss_max_bytes = told
    world.sampler.stop()
    assert world.sampler.rss_max_bytes == most


def test_samples_cost_a_hundredth_of_the_time(world: World) -> None:
    """However expensive a sample is, all of them together take about 1 % of a program that grows without haste."""
    world.sample_seconds = 0.5
    start = world.now
    for _ in range(100_000):
        world.grow(MIB // 8, seconds=0.05)
    assert len(world.taken) > 10
    assert len(world.taken) * world.sample_seconds < 0.015 * (world.now - start)


def test_a_heap_that_keeps_its_height_is_not_sampled_again(world: World) -> None:
    """A program that allocates and frees at one height is left alone, once that height has its sample."""
    world.grow(100 * MIB)
    world.grow(10 * MIB, seconds=10)
    taken = len(world.taken)
    for _ in range(1000):
        world.now += 1
        world.obtain()
    assert len(world.taken) == taken


def test_a_peak_that_lasts_is_sampled_late(world: World) -> None:
    """Where there was no time at the top, the next memory that the heap obtains brings the sample."""
    world.grow(100 * MIB)
    world.grow(10 * MIB)
    assert world.taken == [110 * MIB]
    world.now += 10
    world.obtain()
    assert world.taken == [110 * MIB, 120 * MIB]


def test_memory_that_is_not_the_heaps_counts(world: World) -> None:
    """When the heap reaches a new height, it is the process's resident memory that must have grown."""
    world.grow(5 * MIB)
    taken = len(world.taken)
    world.now += 10
    world.heap_bytes += 50 * MIB
    world.obtain()
    assert len(world.taken) == taken
    world.now += 10
    world.heap_bytes += 5 * MIB
    world.rss_bytes += 500 * MIB
    world.obtain()
    assert len(world.taken) == taken + 1


def test_an_error_ends_the_sampling_and_is_remembered(world: World) -> None:
    """The program does not see an error of quire's; there are no further samples, and the last one is still taken."""
    world.error = ZeroDivisionError("a fault of ours")
    raise_from("quire.process.sample", world)
    world.grow(100 * MIB)
    assert world.sampler.failure is world.error
    world.error = None
    world.measure_quickly = World.measure_quickly.__get__(world)
    world.grow(100 * MIB, seconds=100)
    assert world.taken == []
    end, peak, samples = world.sampler.stop()
    assert (end.rss_bytes, peak.rss_bytes, samples) == (world.rss_bytes, world.rss_bytes, 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TimeoutError("a signal handler of the program's")])
def test_what_the_programs_signal_handlers_raise_is_the_programs(world: World, error: BaseException) -> None:
    """It passes through the sample into the program, and sampling goes on."""
    world.error = error
    with pytest.raises(type(error)):
        world.grow(100 * MIB)
    world.error = None
    world.grow(MIB, seconds=100)
    assert (len(world.taken), world.sampler.failure) == (1, None)


def test_a_program_deep_in_its_calls_is_sampled_another_time(world: World) -> None:
    """A RecursionError in a sample says nothing of quire; the next growth is sampled."""
    world.error = RecursionError()
    world.grow(100 * MIB)
    world.error = None
    world.grow(MIB, seconds=100)
    assert (len(world.taken), world.sampler.failure) == (1, None)


def test_a_fork_is_not_sampled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process than the one that it was made in, the sampler does nothing."""
    monkeypatch.setattr(sampling.os, "getpid", lambda: -1)
    world.grow(100 * MIB)
    assert (world.taken, world.signal_number) == ([], 0)


def test_nothing_is_sampled_while_python_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When modules are being taken down, the sampler does nothing."""
    monkeypatch.setattr(sampling.sys, "is_finalizing", lambda: True)
    world.grow(100 * MIB)
    assert world.taken == []


def test_the_signal_is_given_back(world: World) -> None:
    """From start to stop, and no longer, the sampler handles a signal and watches the heap."""
    assert world.handler is not None
    world.sampler.stop()
    assert (world.handler, world.signal_number) == (None, 0)


def test_without_a_signal_there_is_the_last_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no signal can be had, nothing is watched, and the report has the end for its peak."""
    world = World(monkeypatch)
    monkeypatch.setattr(sampling, "claim_signal", lambda handler: 0)
    monkeypatch.setattr(sampling, "release_signal", lambda number, handler: None)
    world.sampler.start()
    world.grow(100 * MIB)
    end, peak, samples = world.sampler.stop()
    assert (end, samples) == (peak, 1)


def raise_from(module: str, world: World) -> None:
    """Have samples raise the world's error in a frame of this module."""
    namespace: dict[str, object] = {"__name__": module, "world": world}
    exec("def measure_quickly():\n    raise world.error", namespace)
    monkey = namespace["measure_quickly"]
    world.measure_quickly = monkey  # type: ignore[method-assign, assignment]
