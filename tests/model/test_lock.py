"""The one lock: one writer at a time, and what becomes of it without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quire.errors import InvalidOption
from quire.model import Lock, Machine, Process, Threads
from quire.model.errors import LockNotHeld, LockTakenTwice
from quire.model.lock import Point, Program, Thread, count_up, read_text, write_text
from quire.records.machine import LockHappening
from seeds import seeds

HERE = 0x10000
SEEDS = seeds(20)
TEXTS = ("Once upon a time there was a tiger.", "It was a dark and stormy night.", "옛날 옛적에 호랑이가 살았습니다.")


def new_process() -> Process:
    process = Machine().start("python")
    process.map(HERE, 4096)
    return process


def run(lock: Lock | None, *programs: Program, seed: int = 1) -> tuple[Process, Threads]:
    """Threads named A, B, ..., run to the end."""
    process = new_process()
    threads = Threads(process, lock, seed)
    for name, program in zip("ABCDEF", programs, strict=False):
        threads.start(name, program)
    threads.run()
    return process, threads


def test_without_the_lock_counts_are_lost() -> None:
    """Two threads that add 1 to one number 50 times each leave less than 100."""
    print(f"seeds {SEEDS}")
    counts = [run(None, count_up(HERE, 50), count_up(HERE, 50), seed=seed)[0].read_number(HERE) for seed in SEEDS]
    assert max(counts) < 100


@pytest.mark.parametrize("interval", [1, 2, 3, 5, 50, 1000])
def test_with_the_lock_no_count_is_lost(interval: int) -> None:
    """However often the lock changes hands: three threads that add 1 fifty times each leave 150."""
    process, threads = run(Lock(interval), *[count_up(HERE, 50)] * 3)
    assert process.read_number(HERE) == 150
    assert threads.lock is not None
    assert threads.lock.holder is None


def test_the_lock_does_not_protect_what_a_safe_point_parts() -> None:
    """A program's own read-add-write with safe points inside loses counts under the lock, too."""
    process, _ = run(Lock(1), *[count_up(HERE, 50, safe_inside=True)] * 2)
    assert process.read_number(HERE) < 100


def test_without_the_lock_a_page_is_garbled() -> None:
    """Two writers on one page leave, sooner or later, a text that neither of them wrote."""
    print(f"seeds {SEEDS}")
    seen = set()
    for seed in SEEDS:
        process, _ = run(None, *[write_text(HERE, text) for text in TEXTS], seed=seed)
        seen.add(read_text(process, HERE, 200))
    assert seen - set(TEXTS)


@pytest.mark.parametrize("interval", [1, 3, 100])
def test_with_the_lock_a_page_holds_one_text_whole(interval: int) -> None:
    """Whoever wrote last is read from the first letter to the last."""
    process, threads = run(Lock(interval), *[write_text(HERE, text) for text in TEXTS])
    assert read_text(process, HERE, 200) == TEXTS["ABC".index(threads.turns[-1])]


def test_two_processes_without_page_tables_garble_a_page_of_bare_memory() -> None:
    """The same two writers on frames of the machine itself: there is no table that would part them."""
    print(f"seeds {SEEDS}")
    seen = set()
    for seed in SEEDS:
        machine = Machine()
        writers = Threads(machine, None, seed)
        writers.start("Ann", write_text(4096, TEXTS[0]))
        writers.start("Ben", write_text(4096, TEXTS[1]))
        writers.run()
        seen.add(read_text(machine, 4096, 200))
    assert seen - set(TEXTS)


def test_only_the_holder_runs() -> None:
    """Between a thread's taking the lock and its dropping it every step is its own."""
    _, threads = run(Lock(3), *[count_up(HERE, 20)] * 3)
    holder = None
    steps: dict[int, str] = dict(enumerate(threads.turns, start=1))
    events = list(threads.events)
    for step, runner in steps.items():
        while (
            events
            and events[0].step <= step
            and events[0].kind in (LockHappening.TAKES, LockHappening.WAITS, LockHappening.ASKS)
        ):
            event = events.pop(0)
            holder = event.thread if event.kind is LockHappening.TAKES else holder
        assert runner == holder
        while events and events[0].step == step:
            event = events.pop(0)
            holder = event.thread if event.kind is LockHappening.TAKES else holder


def test_a_waiting_thread_asks_after_an_interval_and_gets_the_lock_at_the_next_safe_point() -> None:
    """With an interval of 7 and safe points at every third step: asked at step 7, dropped after 9, taken at 10."""
    _, threads = run(Lock(7), count_up(HERE, 10), count_up(HERE, 10))
    events = [(event.step, event.thread, event.kind) for event in threads.events]
    assert events[:6] == [
        (0, "A", LockHappening.TAKES),
        (0, "B", LockHappening.WAITS),
        (7, "B", LockHappening.ASKS),
        (9, "A", LockHappening.DROPS),
        (9, "A", LockHappening.WAITS),
        (10, "B", LockHappening.TAKES),
    ]


def test_the_record_tells_who_ran_each_step() -> None:
    """Threads in the order in which they were started, a turn for each step, and the lock's events."""
    _, threads = run(Lock(7), count_up(HERE, 10), count_up(HERE, 10))
    record = threads.record()
    assert (record.threads, record.has_lock) == (("A", "B"), True)
    assert record.turns == tuple(threads.turns)
    assert len(record.turns) == threads.step_count
    assert record.turns[:10] == ("A",) * 9 + ("B",)
    assert record.events == tuple(threads.events)


def test_a_thread_that_drops_the_lock_on_request_waits_until_another_has_it() -> None:
    """CPython's forced switching: without the acknowledgement the thread that is awake takes it again at once."""
    _, forced = run(Lock(5), *[count_up(HERE, 20)] * 2)
    _, unforced = run(Lock(5, acknowledged=False), *[count_up(HERE, 20)] * 2)
    assert forced.lock is not None
    assert unforced.lock is not None
    assert forced.lock.switches > 10
    assert unforced.lock.switches == 2
    assert unforced.turns == ["A"] * 61 + ["B"] * 61


def test_a_thread_that_comes_when_the_lock_just_changed_hands_waits_an_interval_of_its_own() -> None:
    """If somebody else got the lock while one waited, one lets that one have its interval, and does not ask yet."""
    lock = Lock(interval=5)
    lock.take("A", 0)
    lock.take("B", 1)
    lock.take("C", 2)
    assert lock.ask("B", 6)
    lock.release("A", 6)
    assert lock.take("B", 6)
    assert not lock.ask("C", 7)
    assert not lock.ask("C", 11)
    assert lock.ask("C", 12)


def test_a_thread_that_was_woken_in_vain_waits_another_interval() -> None:
    """The lock was dropped and taken again before the woken thread could take it: it lets another interval pass."""
    lock = Lock(interval=5)
    lock.take("A", 0)
    lock.take("B", 1)
    lock.release("A", 4)
    assert lock.take("A", 4)
    assert not lock.ask("B", 6)
    assert not lock.ask("B", 8)
    assert lock.ask("B", 9)


def test_a_thread_that_waits_for_a_file_lets_others_run() -> None:
    """A thread at a file drops the lock of its own accord, long before the interval is over."""

    def reads_files(thread: Thread) -> Iterator[Point]:
        for _ in range(3):
            thread.write(HERE + 64, b"x")
            yield Point.AWAY

    _, threads = run(Lock(1000), reads_files, count_up(HERE, 3))
    assert threads.turns[:3] == ["A", "B", "B"]
    assert LockHappening.ASKS not in [event.kind for event in threads.events]


# --- misuse ---


def test_taking_it_twice_is_refused() -> None:
    """A thread that holds the lock and takes it again would wait for itself; it still holds it."""
    lock = Lock()
    lock.take("A")
    with pytest.raises(LockTakenTwice, match="A holds the lock already"):
        lock.take("A")
    assert (lock.holder, lock.waiting, lock.switches) == ("A", (), 1)


@pytest.mark.parametrize("holder", [None, "B"])
def test_releasing_it_when_not_held_is_refused(holder: str | None) -> None:
    """Whether nobody holds it or another does: who holds it is as before."""
    lock = Lock()
    if holder:
        lock.take(holder)
    with pytest.raises(LockNotHeld, match="A does not hold the lock"):
        lock.release("A")
    assert lock.holder == holder


@pytest.mark.parametrize("interval", [0, -5])
def test_an_interval_has_a_step(interval: int) -> None:
    """Who asks before anybody has run would pass the lock on for ever."""
    with pytest.raises(InvalidOption, match="one at least"):
        Lock(interval)


@pytest.mark.parametrize("lock", [None, Lock()], ids=["without", "with"])
def test_two_threads_of_one_name_are_refused(lock: Lock | None) -> None:
    """The first one runs on as if nothing had been asked; when it has ended, a step is no step."""
    process = new_process()
    threads = Threads(process, lock)
    threads.start("A", count_up(HERE, 5))
    with pytest.raises(InvalidOption, match="a thread A already"):
        threads.start("A", count_up(HERE, 50))
    threads.run()
    steps = threads.step_count
    threads.step()
    assert (process.read_number(HERE), threads.step_count) == (5, steps)


def test_writing_without_it_is_refused_and_nothing_is_written() -> None:
    """A thread that released the lock and writes all the same, as a faulty extension does."""

    def careless(thread: Thread) -> Iterator[Point]:
        thread.write(HERE, b"good")
        yield Point.SAFE
        assert thread.lock is not None
        thread.lock.release(thread.name)
        thread.write(HERE, b"evil")
        yield Point.SAFE

    process = new_process()
    threads = Threads(process, Lock())
    threads.start("A", careless)
    with pytest.raises(LockNotHeld, match="take it before you write"):
        threads.run()
    assert process.read(HERE, 4) == b"good"
