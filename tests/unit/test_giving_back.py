"""When memory goes back: the decisions, with a heap, a clock and a program made up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace

import pytest

from quire.process.account import Account
from quire.process.giving_back import GivingBack
from quire.process.pace import REST_SECONDS, SHARE_AMID_WORK, WINDOW_CPU_SECONDS, WINDOW_SECONDS

MIB = 1024**2
STEP_SECONDS = 0.002


class World:
    """A heap of pieces that rest, each a step of a sweep; a program that uses some of them; and the time."""

    def __init__(self, resting: list[int], used_bytes: int = 10 * MIB) -> None:
        self.now = 100.0
        self.cpu_seconds = 0.0
        self.helper_seconds = 0.0
        self.steps: list[float] = []
        self.program_share = 0.0
        self.used_bytes = used_bytes
        self.resting = resting
        self.is_old = [False] * len(resting)
        self.went = [0.0] * len(resting)
        self.is_refused = False
        self.young_pools = 0
        self.has_rested = True
        self.called_apart: list[Callable[[], object]] = []
        self.libc_free_bytes = 0
        self.libc_seconds = 0.001
        self.libc_trims: list[float] = []
        self.libc_asked: tuple[int, int] | None = None
        self.libc_done: tuple[int, int, float] | None = None
        clocks = SimpleNamespace(now=lambda: self.now, of_process=self.of_process, of_thread=self.of_thread)
        self.helper = GivingBack(self, clocks=clocks)  # type: ignore[arg-type]

    # what the helper asks of the clocks

    def of_process(self) -> float:
        return self.cpu_seconds

    def of_thread(self) -> float:
        return self.helper_seconds

    # what it asks of the core

    def held_bytes(self) -> int:
        return self.used_bytes + sum(self.resting)

    def sweep(
        self,
        cursor: int,
        slots_max: int,
        deadline_ns: int,
        reserve_bytes: int,
        live_percent_max: int,
        only_notes: bool = False,
    ) -> tuple[int, int, int, int, int, int, int, bool]:
        self.spend(STEP_SECONDS)
        if self.is_refused:
            return cursor, 0, 0, 0, 0, 0, 0, True
        if not self.resting:
            return 0, 0, 0, 0, 0, 0, self.young_pools, False
        given_bytes = young_bytes = 0
        if self.is_old[cursor]:
            given_bytes = min(self.resting[cursor], max(sum(self.resting) - reserve_bytes, 0))
            self.resting[cursor] -= given_bytes
            self.went[cursor] = self.now
        elif self.resting[cursor]:
            self.is_old[cursor] = True
            young_bytes = self.resting[cursor]
        following = cursor + 1 if cursor + 1 < len(self.resting) else 0
        return following, given_bytes, 0, 0, 0, young_bytes, self.young_pools, False

    def mesh_renew(self, deadline_ns: int) -> bool:
        return True

    def mesh_untouch(self, deadline_ns: int) -> bool:
        return True

    def shared_bytes(self) -> int:
        return 0

    def mesh_refusal(self) -> None:
        return None

    def counted_bytes(self) -> int:
        return 0

    def mappings(self) -> tuple[int, int]:
        return 0, 0

    def count_mappings_soon(self) -> None: ...

    def counted_mappings(self) -> tuple[int, int]:
        return 0, 0

    def mesh_mappings(self) -> int:
        return 0

    def mesh_abandon(self, deadline_ns: int) -> bool:
        return True

    def renew_free_list(self, items: int) -> int:
        return 0

    def proof_release(self, deadline_ns: int) -> bool:
        return True

    def proof_end(self) -> None: ...

    def trim_libc(self, free_bytes_min: int) -> tuple[int, int, float]:
        self.libc_trims.append(self.now)
        given_bytes, self.libc_free_bytes = self.libc_free_bytes, 0
        return 0, given_bytes, self.libc_seconds

    def trim_libc_soon(self, free_bytes_min: int, free_bytes_max: int) -> None:
        self.libc_asked = free_bytes_min, free_bytes_max

    def trimmed_libc(self) -> tuple[int, int, float] | None:
        done, self.libc_done = self.libc_done, None
        return done

    def take_rest(self) -> bool:
        has_rested, self.has_rested = self.has_rested, False
        return has_rested

    def call_apart(self, function: Callable[[], object]) -> bool:
        self.called_apart.append(function)
        return True

    def wait_for_teller(self) -> bool:
        return True

    # what happens

    def spend(self, seconds: float) -> None:
        """The helper computes."""
        self.steps.append(self.now)
        self.now += seconds
        self.cpu_seconds += seconds
        self.helper_seconds += seconds

    def use(self, index: int, size_bytes: int) -> None:
        """The program frees so much of a piece, or has taken what rested there."""
        self.resting[index] = size_bytes
        self.is_old[index] = False

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.cpu_seconds += seconds * self.program_share

    def live(self, seconds_max: float = 1000.0) -> float:
        """A helper's life, as core/hook/helper.c leads it; how long it was."""
        start = self.now
        self.has_rested = True
        self.wait(0.25)
        while self.now - start < seconds_max:
            seconds = self.helper.tick()
            if seconds is None:
                break
            assert seconds >= 0
            if self.libc_asked is not None and self.libc_asked[0] <= self.libc_free_bytes <= self.libc_asked[1]:
                self.libc_done = self.trim_libc(0)
            self.libc_asked = None
            self.wait(seconds)
        return self.now - start


def test_after_a_peak_what_rests_goes_back_but_for_a_reserve() -> None:
    """An idle program gives back all that rested for a second, and the helper ends."""
    world = World([10 * MIB] * 50)
    start = world.now
    assert world.live() < 20
    assert sum(world.resting) == max(world.held_bytes() // 32, MIB)
    assert min(when for when in world.went if when) >= start + REST_SECONDS
    assert world.helper.account.empty_pool_bytes == 500 * MIB - sum(world.resting)


def test_a_busy_program_lends_little_of_a_processor() -> None:
    """However many steps there are to do, they take no more than their share."""
    world = World([MIB] * 300)
    world.program_share = 1.0
    seconds = world.live()
    assert world.helper_seconds <= SHARE_AMID_WORK * seconds + STEP_SECONDS
    assert world.helper_seconds > SHARE_AMID_WORK * seconds / 3


def test_a_program_at_rest_lends_no_more_in_any_window_than_it_may() -> None:
    """The first steps follow one another soon; when the window's time is used up, the rest waits for it to move on."""
    world = World([MIB] * 600)
    world.live()
    steps = world.steps
    windows = [sum(0 <= when - start < WINDOW_SECONDS for when in steps) * STEP_SECONDS for start in steps]
    assert max(windows) <= WINDOW_CPU_SECONDS
    assert windows[0] > WINDOW_CPU_SECONDS * 0.8
    assert len(steps) * STEP_SECONDS > 2 * WINDOW_CPU_SECONDS
    soon = sum(when - steps[0] < WINDOW_SECONDS / 2 for when in steps)
    assert soon * STEP_SECONDS > WINDOW_CPU_SECONDS * 0.8


def test_what_is_used_between_two_sweeps_stays() -> None:
    """A piece that serves again and again is never given back."""
    world = World([10 * MIB] * 3)
    tick = world.helper.tick

    def use_and_tick() -> float | None:
        world.use(1, 10 * MIB)
        return tick()

    world.helper.tick = use_and_tick  # type: ignore[method-assign]
    world.live(60)
    assert world.went[1] == 0
    assert world.went[0] > 0


def test_a_growing_heap_is_left_alone_but_not_for_ever() -> None:
    """While the heap grows nothing is swept, for some seconds; a program that grows on and on gets its sweeps."""
    world = World([10 * MIB], used_bytes=1024 * MIB)
    account = world.helper.account
    world.helper.tick()  # the first sweep's
    steps = account.steps
    start, waits = world.now, []
    while account.steps == steps:
        world.used_bytes += world.used_bytes // 10
        wait = world.helper.tick()
        assert wait is not None
        waits.append(wait)
        world.wait(wait)
    assert 10 < world.now - start < 30
    assert set(waits[:15]) == {REST_SECONDS}


def test_nothing_to_do_ends_the_helper_soon() -> None:
    """A heap in which nothing rests is swept a few times, a second apart."""
    world = World([0] * 4)
    assert world.live() < 5
    assert world.helper.account.total_bytes == 0


def test_sparse_pools_that_may_come_to_rest_are_waited_for_a_while() -> None:
    """A program that goes on using its sparse pools has its helper end all the same."""
    world = World([0] * 4)
    world.young_pools = 1
    assert 5 < world.live() < 10


def test_a_helper_that_begins_again_goes_on_where_it_was_stopped() -> None:
    """A fork ends the helper amid a sweep; its next life ends the sweep first."""
    world = World([10 * MIB] * 40)
    world.live(seconds_max=1.4)
    left_bytes = sum(world.resting)
    world.wait(5)
    world.live()
    assert sum(world.resting) < left_bytes
    assert sum(world.resting) <= max(world.held_bytes() // 32, MIB)


def test_a_system_that_refuses_is_not_asked_again_in_this_life() -> None:
    """Locked memory: the sweep ends, the reason is known, and the next life tries again."""
    world = World([10 * MIB] * 40)
    world.is_refused = True
    assert world.live() < 5
    assert world.helper.account.is_refused
    world.is_refused = False
    world.live()
    assert not world.helper.account.is_refused
    assert world.helper.account.total_bytes > 300 * MIB


def test_libc_is_trimmed_once_in_a_while() -> None:
    """However often memory comes to rest, libc is asked twice a minute at most, and less where it is slow."""
    world = World([0])
    for _ in range(200):
        world.libc_free_bytes += 50 * MIB
        world.live()
    trims = world.libc_trims
    assert len(trims) > 5
    assert min(later - earlier for earlier, later in pairwise(trims)) >= 30
    assert world.helper.account.libc_bytes >= 50 * MIB * len(trims) - world.libc_free_bytes
    world.libc_seconds = 1.0
    before = len(trims)
    for _ in range(200):
        world.libc_free_bytes += 50 * MIB
        world.live()
    assert len(trims) - before <= 1 + 1 + (world.now - trims[before]) // 200


def test_little_in_libc_is_left_there() -> None:
    """Less than four MiB are not worth it."""
    world = World([0])
    world.libc_free_bytes = 3 * MIB
    world.live()
    assert world.libc_trims == []


def test_libc_is_trimmed_while_the_program_is_at_rest() -> None:
    """Whoever allocates there waits meanwhile. A program that works all the time keeps what is much, and not for ever
    a helper; what is little goes, at last."""
    for free_bytes, share, goes in ((500, 0.0, True), (500, 1.0, False), (20, 1.0, True)):
        world = World([0])
        world.program_share = share
        world.libc_free_bytes = free_bytes * MIB
        seconds = world.live()
        assert bool(world.libc_trims) == goes
        assert not share or 30 <= seconds < 60
        world.program_share = 0.0
        world.live()
        assert world.libc_trims


def test_a_fault_of_ours_ends_the_helper_and_is_remembered() -> None:
    """The program sees nothing of it; trimming works all the same."""
    world = World([10 * MIB])
    sweep, error = world.sweep, ZeroDivisionError("a fault of ours")

    def fail(*_arguments: int) -> tuple[int, int, int, int, int, int, int, bool]:
        raise error

    world.sweep = fail  # type: ignore[method-assign]
    assert world.helper.tick() is None
    assert world.helper.failure is error
    world.sweep = sweep  # type: ignore[method-assign]
    assert world.helper.tick() is None
    assert world.helper.trim().total_bytes == 10 * MIB


def test_a_helper_that_is_woken_without_new_rest_ends_at_once() -> None:
    """The collector wakes it too: where no pages are counted again there is nothing to do, and no sweep."""
    world = World([10 * MIB] * 5)
    world.has_rested = False
    assert world.helper.tick() is None
    assert world.helper.account.steps == 0


def test_memory_that_rests_while_the_helper_waits_for_something_else_is_swept() -> None:
    """It looks again every second."""
    world = World([0])
    world.live()
    world.has_rested = False
    world.helper.meshing.due = lambda now: now + 100  # type: ignore[method-assign]
    assert world.helper.tick() == REST_SECONDS
    steps = world.helper.account.steps
    world.has_rested = True
    world.helper.tick()
    assert world.helper.account.steps == steps + 1


def test_trimming_before_a_peak_does_not_delay_what_goes_back_by_itself() -> None:
    """A program that trims at its start, several times, is like one that does not."""
    plain, trimming = World([10 * MIB] * 50), World([0])
    for _ in range(20):
        trimming.helper.trim()
    trimming.helper_seconds = 0  # that was another thread
    trimming.wait(WINDOW_SECONDS)
    trimming.resting, trimming.is_old, trimming.went = [10 * MIB] * 50, [False] * 50, [0.0] * 50
    assert trimming.live() == pytest.approx(plain.live())
    assert trimming.resting == plain.resting


def test_trimming_leaves_nothing_and_is_accounted_for() -> None:
    """What ``trim`` says went back is what went back, without a reserve, and is not counted as the helper's."""
    world = World([10 * MIB] * 5)
    world.libc_free_bytes = 7 * MIB
    account = world.helper.trim()
    assert (account.empty_pool_bytes, account.libc_bytes) == (50 * MIB, 7 * MIB)
    assert world.helper.trimmed.total_bytes == account.total_bytes == 57 * MIB
    assert world.helper.account.total_bytes == 0
    assert sum(world.resting) == 0
    assert world.helper.trim().total_bytes == 0
    assert world.helper.trimmed.total_bytes == 57 * MIB


def test_how_long_steps_take() -> None:
    """The median and the 99.9th percentile are those of all steps, to a tenth of a millisecond, also of two accounts
    in one; a step that is longer than can be told apart counts with the longest."""
    account, other = Account(), Account()
    assert account.step_seconds(0.999) == 0
    for tenths in range(1000):
        account.note_step(tenths % 20 / 10_000 + 0.00005)
    for _ in range(1000):
        other.note_step(0.00045)
    other.note_step(1.5)
    other.note_step(2.5)
    assert account.step_seconds(0.5) == pytest.approx(0.001)
    assert account.step_seconds(0.999) == pytest.approx(0.00195)
    account.add(other)
    assert account.step_seconds(0.5) == pytest.approx(0.0005)
    assert account.step_seconds(0.999) == pytest.approx(0.002)
    assert account.step_seconds(1) == account.step_seconds_max == 2.5
