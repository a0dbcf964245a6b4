"""When a pass of meshing begins, goes on and is given up: the decisions, with a core made up."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from quire.process import meshing
from quire.process.clocks import CLOCKS
from quire.process.meshing import CANDIDATES_MIN, Meshing

MIB = 1024**2
COUNTING, PROVING, MATCHING = 1, 3, 5


class Core:
    """A core whose pass goes as a test says; what it was asked for, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.allowed: tuple[int, int] = (65_530, 500)
        self.cut_short: list[bool] = []
        self.meshed = self.shared = 0
        self.counted: int | None = 6 * MIB
        self.candidates = 1000
        self.foreign = 0
        self.renewed: list[int] = []
        self.live_blocks = 100_000
        self.refusal: str | int | None = None
        self.forbidden: str | None = None
        self.refused = 0
        self.proofs = ["goes on", "waits", "done"]
        self.given_bytes = 8 * MIB
        self.options: tuple[Any, ...] = ()
        self.places: tuple[int, ...] = ()
        self.abandons: list[bool] = []
        self._phases: list[int] = []

    def mappings(self) -> tuple[int, int]:
        self.calls.append("count")
        return self.allowed

    def count_mappings_soon(self) -> None:
        self.calls.append("count soon")

    def counted_mappings(self) -> tuple[int, int] | None:
        self.calls.append("count")
        return None if self.cut_short and self.cut_short.pop() else self.allowed

    def shared_bytes(self) -> int:
        return self.shared

    def counted_bytes(self) -> int | None:
        return self.counted

    def mesh_mappings(self) -> int:
        return self.meshed

    def mesh_refusal(self) -> str | None:
        return self.forbidden

    def mesh_begin(self, *options: Any) -> str | int | None:
        self.calls.append("begin")
        self.options = options
        self._phases = [COUNTING, PROVING]
        return self.refusal

    def mesh_step(self, deadline_ns: int) -> tuple[int, int]:
        phase = self._phases.pop(0)
        return phase, 0 if phase in (COUNTING, PROVING) else self.given_bytes

    def mesh_settle(self, *places: int) -> None:
        self.calls.append("settle")
        self.places = places
        self._phases = [MATCHING, 0]

    def mesh_abandon(self, deadline_ns: int) -> bool:
        self.calls.append("abandon")
        return self.abandons.pop(0) if self.abandons else True

    def mesh_pass(self) -> tuple[int, int, int, int, int, int, int, bool, int]:
        return self.candidates, self.foreign, 0, 0, 0, self.live_blocks, 0, False, self.refused

    def mesh_renew(self, deadline_ns: int) -> bool:
        self.calls.append("renew")
        return True

    def mesh_untouch(self, deadline_ns: int) -> bool:
        self.calls.append("untouch")
        self.counted = 6 * MIB
        return True

    def proof_begin(self, reviewed: Any, only_candidates: bool) -> str | None:
        assert only_candidates
        self.calls.append("prove")
        return None

    def proof_step(self, deadline_ns: int) -> str:
        return self.proofs[0] if len(self.proofs) == 1 else self.proofs.pop(0)

    def proof_release(self, deadline_ns: int) -> bool:
        self.calls.append("release")
        return True

    def proof_end(self) -> None:
        self.calls.append("end of proof")

    def renew_free_list(self, items: int) -> int:
        self.renewed.append(items)
        return 100


class Sweeps:
    def __init__(self) -> None:
        self.sweeps = 0
        self.last_found = 0.0
        self.keeps_pages = False
        self.waiting_pools = 0
        self.is_over = True
        self.begun = 0

    def begin(self, now: float) -> None:
        self.begun += 1


class World:
    def __init__(self) -> None:
        self.core, self.sweeps, self.given = Core(), Sweeps(), 0
        self.meshing = Meshing(self.core, self, lambda kind, given_bytes: None, self.sweeps)
        self.now = 100.0

    def note_step(self, cpu_seconds: float) -> None: ...

    def add_meshed(self, given_bytes: int, now: float) -> None:
        self.given += given_bytes

    def rest(self) -> None:
        """Memory came to rest, and two sweeps have noted it."""
        self.meshing.begin(self.now)
        self.sweeps.sweeps += 2

    def live(self) -> float:
        """Until nothing is due; when the first step was."""
        first = None
        while (due := self.meshing.due(self.now)) is not None:
            first = due if first is None else first
            self.now = max(self.now, due)
            self.meshing.step(self.now)
        assert first is not None
        return first


def test_a_pass_follows_the_second_sweep_and_its_references_go_last() -> None:
    """Before, nothing is at rest; pages are left alone meanwhile, and of what was not meshed they go afterwards."""
    world = World()
    world.meshing.begin(world.now)
    assert world.meshing.due(world.now) is None
    assert world.sweeps.keeps_pages
    world.sweeps.sweeps = 2
    world.live()
    assert world.core.calls[:6] == ["renew", "count soon", "count", "begin", "prove", "settle"]
    assert world.core.calls[6:] == ["release", "end of proof", "untouch"]
    assert (world.given, world.meshing.reason) == (16 * MIB, None)
    assert (world.sweeps.keeps_pages, world.sweeps.begun) == (False, 1)


def test_a_poor_pass_is_followed_by_a_longer_pause_each_time() -> None:
    """And a good one by a short one again."""
    world = World()
    world.core.refusal = "not now"
    pauses = []
    for _ in range(9):
        start = world.now
        world.rest()
        pauses.append(world.live() - start)
    assert pauses == [0, 20, 40, 80, 160, 320, 600, 600, 600]
    assert world.meshing.reason == "not now"
    world.core.refusal = None
    world.rest()
    world.live()
    start = world.now
    world.rest()
    assert world.live() - start <= 1
    assert world.meshing.reason is None


def test_poor_passes_amid_work_do_not_keep_those_at_rest_waiting() -> None:
    """What a server leaves alone for a second it needs in the next; after its peak it rests."""
    world = World()
    world.sweeps.is_over = False
    world.core.refusal = "not now"
    for _ in range(4):
        world.rest()
        world.live()
    world.rest()
    assert world.meshing.due(world.now) == world.now + 60
    world.sweeps.is_over = True
    assert world.meshing.due(world.now) == world.now


def test_poor_passes_at_rest_keep_those_amid_work_waiting_too() -> None:
    """What cannot be meshed at rest cannot be meshed amid work."""
    world = World()
    world.core.refusal = "not now"
    world.rest()
    world.live()
    world.rest()
    for world.sweeps.is_over in (True, False):
        assert world.meshing.due(world.now) == world.now + 20


def test_while_sweeps_find_something_one_pass_follows_another() -> None:
    """A program works on, so the helper never ends: what was not at rest at the first pass is at a later one."""
    world = World()
    world.rest()
    world.live()
    world.sweeps.sweeps += 2
    assert world.meshing.due(world.now) is None
    world.sweeps.last_found = world.now + 0.5
    assert world.live() - world.now <= 1
    assert world.core.calls.count("begin") == 2


def test_hardly_any_candidates_are_not_worth_a_proof() -> None:
    """That is no failure: there is nothing to tell, and no longer pause."""
    world = World()
    world.core.candidates = 5
    world.rest()
    world.live()
    assert world.core.calls == ["renew", "count soon", "count", "begin", "abandon", "release", "end of proof"]
    assert world.meshing.reason is None


@pytest.mark.parametrize(
    ("proof", "reason"), [("void", "interpreters"), ("waits", "the collector"), ("goes on", "worth")]
)
def test_a_proof_that_does_not_end_is_given_up(proof: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that allocates faster than the walk goes on must not keep it going for ever."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(CLOCKS, "of_thread", lambda: next(seconds) / 100)
    world = World()
    world.core.proofs = [proof]
    world.rest()
    world.live()
    assert world.core.calls[-3:] == ["abandon", "release", "end of proof"]
    assert reason in (world.meshing.reason or "")
    assert world.now < 110


def test_three_quarters_of_the_mappings_are_for_all() -> None:
    """The program's own count too; where nobody can count, or none are left, nothing is meshed."""
    for allowed, begins in (((65_530, 500), 1), ((65_530, 49_000), 0), ((0, 0), 0)):
        world = World()
        world.core.allowed = allowed
        world.rest()
        world.live()
        assert world.core.calls.count("begin") == begins
        assert (world.meshing.reason is None) == bool(begins)
        assert not begins or world.core.options == (50, True)
        assert not begins or world.core.places[1:] == (meshing.EXTENTS_MAX, 65_530 * 3 // 4 - 500)


@pytest.mark.parametrize(
    ("live_blocks", "others", "kib"),
    [(1, 0, 64), (6, 0, 64), (7, 0, 32), (9, 0, 16), (13, 0, 8), (13, 47_000, 16), (100, 0, 8), (4, 47_000, 64)],
)
def test_the_sparser_the_candidates_the_larger_the_pieces(live_blocks: int, others: int, kib: int) -> None:
    """Dense ones go in small pieces, where there are mappings for those."""
    world = World()
    world.core.allowed = (65_530, others)
    world.core.live_blocks = live_blocks * world.core.candidates
    world.rest()
    world.live()
    assert world.core.places[0] == max(kib * 1024, meshing._PAGE_BYTES)


def test_a_refusal_of_the_systems_is_told_as_text() -> None:
    """Of the call that was refused, with what it means; a filter that came since is told before anything is asked."""
    world = World()
    world.core.refused = errno.EPERM
    world.rest()
    world.live()
    assert world.meshing.reason is not None
    assert world.meshing.reason.startswith("operation not permitted: a filter of system calls (seccomp)")
    world.core.refusal = errno.ENOMEM
    world.now += 700
    world.rest()
    world.live()
    assert "RLIMIT_AS" in world.meshing.reason
    world.core.forbidden, world.core.calls = "forbidden", []
    world.now += 700
    world.rest()
    world.live()
    assert world.meshing.reason == "forbidden"
    assert "begin" not in world.core.calls


def test_what_is_given_up_goes_back_in_steps() -> None:
    """As many candidates as there is time for; then references; then the pass is over."""
    world = World()
    world.core.refusal = "not now"
    world.core.abandons = [False, False, True]
    world.rest()
    world.live()
    assert world.core.calls[:4] == ["renew", "count soon", "count", "begin"]
    assert world.core.calls[4:] == ["abandon", "abandon", "abandon", "release", "end of proof"]


def test_tens_of_thousands_of_mappings_are_not_counted_before_each_pass() -> None:
    """To count them takes the kernel a microsecond each: the last count is good for a thousand times as long."""
    world = World()
    world.core.meshed, world.core.allowed = 30_000, (65_530, 30_500)
    counts = []
    for _ in range(6):
        world.rest()
        world.live()
        counts.append(world.core.calls.count("count"))
        world.now += 15.0
    assert counts[0] == counts[1] == 1
    assert counts[-1] > 1


def test_a_count_that_a_fork_has_cut_short_is_made_anew() -> None:
    """No pass begins without one, and none is given up for it."""
    world = World()
    world.core.cut_short = [False, True, True]
    world.rest()
    world.live()
    assert world.core.calls[:8] == ["renew", *["count soon", "count"] * 3, "begin"]
    assert world.meshing.reason is None


def test_pages_that_count_again_are_untouched_without_new_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """When they count for twice of what they are, and not too often; it is no pass, and then nothing is due."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(CLOCKS, "of_thread", lambda: next(seconds) / 50)
    world = World()
    monkeypatch.setattr(CLOCKS, "now", lambda: world.now)
    world.core.shared = 10 * MIB
    world.meshing.whole_pass(World())
    assert world.meshing.due(world.now) is None
    for _ in range(5):
        world.core.calls.clear()
        world.core.counted = 15 * MIB
        assert world.meshing.due(world.now) is None
        world.core.counted = 17 * MIB
        assert world.live() == pytest.approx(world.now)
        assert world.core.calls == ["untouch"]
        assert world.meshing.due(world.now) is None
    assert world.now == pytest.approx(100 + 5 * 20)


def test_shared_memory_of_the_program_that_goes_hides_nothing_that_counts_again() -> None:
    """What counted when pages were untouched last is no longer there."""
    world = World()
    world.core.shared = 10 * MIB
    world.meshing.whole_pass(World())
    world.core.counted = 1 * MIB
    assert world.meshing.due(world.now) is None
    world.core.counted = 12 * MIB
    assert world.meshing.due(world.now) is not None


def test_where_nobody_tells_what_counts_again_or_nothing_is_shared_there_is_nothing_to_do() -> None:
    """Whatever else is resident."""
    world = World()
    for shared, counted in ((0, 500 * MIB), (10 * MIB, None)):
        world.core.shared, world.core.counted = shared, counted
        assert world.meshing.due(world.now) is None


def test_what_a_pass_was_given_up_for_is_untouched_too() -> None:
    """To find out what blocks are is to read in their pools."""
    world = World()
    world.core.shared = 10 * MIB
    world.core.proofs = ["void"]
    world.rest()
    world.live()
    assert world.core.calls[-2:] == ["end of proof", "untouch"]


def test_trim_makes_a_pass_also_where_pages_are_being_untouched() -> None:
    """What is under way is not waited for."""
    world = World()
    world.core.shared, world.core.counted = 10 * MIB, 100 * MIB
    world.core.mesh_untouch = lambda deadline_ns: False  # type: ignore[method-assign]
    world.meshing.step(world.now)
    del world.core.mesh_untouch
    world.meshing.whole_pass(World())
    assert world.core.calls.count("begin") == 1


def test_trimming_before_memory_comes_to_rest_delays_no_pass() -> None:
    """A pass of trim's that found nothing is no poor one of the helper's."""
    world = World()
    world.core.candidates = 0
    for _ in range(5):
        world.meshing.whole_pass(World())
    world.core.refusal = "not now"
    world.meshing.whole_pass(World())
    world.core.candidates, world.core.refusal = 1000, None
    world.rest()
    assert world.live() == 100.0
    assert world.given == 16 * MIB


def test_trim_makes_a_pass_of_its_own_account_and_does_not_wait_for_a_collector() -> None:
    """Whatever is sparse; in a collection, in which nobody else would go on, it is given up."""
    world, own = World(), World()
    world.core.proofs = ["goes on", "done"]
    world.meshing.whole_pass(own)
    assert (world.given, own.given) == (0, 16 * MIB)
    assert world.core.options[-1] is False
    world.core.proofs = ["waits"]
    world.meshing.whole_pass(own)
    assert "collector" in (world.meshing.reason or "")


def test_in_a_forked_child_a_pass_is_over() -> None:
    """Its candidates and references are given up; the next pass is a new one."""
    world = World()
    world.core.proofs = ["goes on"]
    world.rest()
    for _ in range(5):
        world.meshing.step(world.now)
    world.meshing.after_fork_in_child()
    assert world.core.calls[-2:] == ["abandon", "end of proof"]
    world.core.proofs = ["done"]
    world.live()
    assert world.given == 16 * MIB


def test_pages_of_what_a_pass_has_left_go_and_then_the_next_pass_is_waited_for() -> None:
    """To purge pages first costs as much as to mesh."""
    world = World()
    world.rest()
    world.live()

    def keeps_pages_after(sweeps: int) -> bool:
        world.sweeps.sweeps += sweeps
        world.meshing.due(world.now)
        return world.sweeps.keeps_pages

    assert [keeps_pages_after(sweeps) for sweeps in (0, 1, 1)] == [False, False, True]


def test_where_foreign_blocks_were_in_the_way_free_lists_are_renewed_and_the_next_pass_is_soon() -> None:
    """Though that one brought little; and not after each pass."""
    world = World()
    world.core.foreign, world.core.given_bytes = 600, 0
    world.rest()
    world.live()
    assert world.core.renewed == list(range(1, 21))
    ended = world.now
    world.rest()
    assert world.live() < ended + 5
    assert world.core.renewed == list(range(1, 21))
    world.now += 60
    world.rest()
    world.live()
    assert world.core.renewed == [*range(1, 21)] * 2


def test_what_came_to_rest_while_a_pass_was_under_way_waits_for_the_next() -> None:
    """A peak that came too soon."""
    world = World()
    world.rest()
    world.live()
    world.meshing.due(world.now)
    assert not world.sweeps.keeps_pages
    world.sweeps.waiting_pools = CANDIDATES_MIN
    world.meshing.due(world.now)
    assert world.sweeps.keeps_pages


def test_pages_do_not_wait_for_a_pass_that_is_far() -> None:
    """After poor ones the next one is."""
    world = World()
    world.core.refusal = "it cannot be"
    world.rest()
    world.live()
    world.sweeps.sweeps += 2
    world.meshing.due(world.now)
    assert not world.sweeps.keeps_pages
    world.now += 60
    world.meshing.due(world.now)
    assert world.sweeps.keeps_pages


def test_where_it_is_impossible_there_is_no_pass() -> None:
    """Neither by itself nor by trim, and pages go back as without meshing."""
    world = World()
    world.meshing.impossible = "no lists"
    world.rest()
    assert world.meshing.due(world.now) is None
    assert not world.sweeps.keeps_pages
    world.meshing.whole_pass(world)
    assert world.core.calls == []
