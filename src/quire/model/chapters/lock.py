"""Chapter 4, one writer at a time: what becomes of a page without the lock, with it, and what it does not protect."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from quire.model import Lock, Machine, Threads
from quire.model.chapters.telling import Telling
from quire.model.lock import Point, Thread, count_up, read_text, write_text
from quire.records.chapter import Both, Lines, Rows
from quire.records.machine import LockHappening

PAGE = 0x10_0000
"""Where the one page is that all threads share."""
TIMES = 100
KEEPER, WHALE = "The keeper lit the lamp and went to sleep.", "A whale sang below the ice all winter long."
COUNTS = (
    Both("threads on the counter", "카운터를 올린 스레드"),
    Both("counted", "센 수"),
    Both("should be", "맞는 수"),
)
WITHOUT = Both("two, without a lock", "둘, 잠금 없이")
YOUR_OWN = Both("two, with the lock, a counter of yours", "둘, 잠금을 두고, 여러분의 카운터")


def one_page() -> Telling:
    """Two threads write on the same page, and nobody keeps them apart."""
    process = Machine().start("Python")
    process.map(PAGE, process.page_bytes)
    threads = Threads(process, lock=None, seed=301)
    threads.start("Ann", write_text(PAGE, KEEPER))
    threads.start("Ben", write_text(PAGE, WHALE))
    threads.run()
    left = read_text(process, PAGE, 80)
    yield threads.record()
    yield Lines((left,))
    changes = sum(one != other for one, other in pairwise(threads.turns))
    return {"changes": changes, "steps": len(threads.turns)}


def lost_counts() -> Telling:
    """Both add 1 to the same number, a hundred times each."""
    process = Machine().start("Python")
    process.map(PAGE, process.page_bytes)
    threads = Threads(process, lock=None, seed=1)
    threads.start("Ann", count_up(PAGE, TIMES))
    threads.start("Ben", count_up(PAGE, TIMES))
    threads.run()
    counted = process.read_number(PAGE)
    yield Rows(COUNTS, ((WITHOUT, counted, 2 * TIMES),))
    return {"lost": 2 * TIMES - counted, "times": TIMES}


def with_the_lock() -> Telling:
    """The same two writers; who does not hold the lock waits."""
    process = Machine().start("Python")
    process.map(PAGE, process.page_bytes)
    threads = Threads(process, Lock(interval=5))
    threads.start("Ann", write_text(PAGE, KEEPER))
    threads.start("Ben", write_text(PAGE, WHALE))
    threads.run()
    left = read_text(process, PAGE, 80)
    yield threads.record()
    yield Lines((left,))
    first = {event.kind: event.step for event in reversed(threads.events)}
    asks, drops = first[LockHappening.ASKS], first[LockHappening.DROPS]
    return {"asks": asks, "drops": drops}


def taking_turns() -> Telling:
    """A thread that waits asks after a while, and gets the lock at the next safe point."""
    process = Machine().start("Python")
    process.map(PAGE, process.page_bytes)
    lock = Lock(interval=5)
    threads = Threads(process, lock)
    threads.start("Ann", count_up(PAGE, 6))
    threads.start("Ben", count_up(PAGE, 6))
    threads.run()
    yield threads.record()
    counted, turns = process.read_number(PAGE), lock.switches
    return {"interval": lock.interval, "switches": turns, "counted": counted}


def your_own_counter() -> Telling:
    """The lock is there, but a safe point lies between reading the number and writing it."""
    process = Machine().start("Python")
    process.map(PAGE, process.page_bytes)
    threads = Threads(process, Lock(interval=5))
    threads.start("Ann", count_up(PAGE, TIMES, safe_inside=True))
    threads.start("Ben", count_up(PAGE, TIMES, safe_inside=True))
    threads.run()
    counted = process.read_number(PAGE)
    yield Rows(COUNTS, ((YOUR_OWN, counted, 2 * TIMES),))
    return {"lost": 2 * TIMES - counted}


def while_away() -> Telling:
    """Ben waits for a letter again and again; while he waits he does not hold the lock."""

    def letters(_thread: Thread) -> Iterator[Point]:
        for _ in range(4):
            yield Point.INSIDE
            yield Point.AWAY

    process = Machine().start("Python")
    process.map(PAGE, process.page_bytes)
    threads = Threads(process, Lock(interval=5))
    threads.start("Ben", letters)
    threads.start("Ann", count_up(PAGE, 5))
    threads.run()
    yield threads.record()
    return {}
