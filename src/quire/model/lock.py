"""The one lock: several threads, one writer at a time.

    Ann   ======safe|..............====safe|.............      =  holds the lock, and runs
    Ben   ....ask!   ======safe|...........  =====safe|..      .  waits
                     ^ taken: acknowledged

Threads share one memory. ``n += 1`` is three steps: read, add, write. If another thread writes between the read and the
write, its count is lost; two writers on one page leave a text that neither wrote. The remedy is one lock for the whole
interpreter: who does not hold it waits.

A waiting thread lets the holder run for an *interval* (``sys.getswitchinterval()``, 5 ms; here: steps). If by then the
lock has not changed hands it asks for it. The holder looks for that at its next *safe point*, between two instructions
and never inside one, and drops the lock. It may not have it again before another thread has taken it: without this
acknowledgement the holder, which is awake, would win the race against a thread that has to be woken, and run on.

So the lock keeps CPython's own counters whole, whose reads and writes lie between two safe points. A program's own
counter is safe only as far as no safe point lies inside its three steps.

Source: CPython's Python/ceval_gil.c (``take_gil``, ``drop_gil``, ``FORCE_SWITCHING``), since 3.2.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from quire.errors import InvalidOption
from quire.model.errors import LockNotHeld, LockTakenTwice
from quire.records.machine import LockEvent, LockHappening, Turns


class SharedMemory(Protocol):
    """What can be read and written: a process's pages, or the machine's bare frames."""

    def read(self, address: int, size_bytes: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...


# --- the lock ---------------------------------------------------------------------------------------------------


class Lock:
    """Who holds it, who waits for it since when, and whether the holder was asked to drop it.

    Times are steps since the beginning.

    Args:
        interval: how many steps a waiting thread lets pass before it asks.
        acknowledged: whether a thread that dropped the lock on request waits until another has taken it.

    Raises:
        InvalidOption: an interval has one step at least.
    """

    def __init__(self, interval: int = 5, acknowledged: bool = True) -> None:
        if interval < 1:
            raise InvalidOption(f"an interval of {interval} steps: it has one at least")
        self.interval = interval
        self.acknowledged = acknowledged
        self.holder: str | None = None
        self.last_holder: str | None = None
        self.is_asked_for = False
        """Somebody asked the holder to drop it (CPython's ``gil_drop_request``)."""
        self.switches = 0
        """How often it went to another thread than the one before."""
        self._waiting: dict[str, _Wait] = {}
        """In the order in which they came."""
        self._owes_a_turn: str | None = None
        """Dropped it on request; nobody has taken it since."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """The threads that wait, the first to come first."""
        return tuple(self._waiting)

    def take(self, thread: str, now: int = 0) -> bool:
        """Take the lock, or wait in line for it; returns whether the thread has it.

        Raises:
            LockTakenTwice: the thread has it already; it would wait for itself for ever.
        """
        if self.holder == thread:
            raise LockTakenTwice(f"{thread} holds the lock already; a second take would wait for itself for ever")
        if self.holder is not None or self._owes_a_turn == thread:
            self._waiting.setdefault(thread, _Wait(now, self.switches))
            return False
        self._waiting.pop(thread, None)
        self.holder = thread
        self.is_asked_for = False
        self._owes_a_turn = None
        if thread != self.last_holder:
            self.last_holder = thread
            self.switches += 1
        return True

    def ask(self, thread: str, now: int) -> bool:
        """Ask the holder to drop the lock, if the thread has waited for an interval in which nobody else got it.

        Returns:
            Whether it asked just now.
        """
        wait = self._waiting.get(thread)
        if wait is None or self.holder is None or now - wait.since < self.interval:
            return False
        if wait.switches != self.switches:  # somebody got it: another interval
            self._waiting[thread] = _Wait(now, self.switches)
            return False
        asks_now = not self.is_asked_for
        self.is_asked_for = True
        return asks_now

    def release(self, thread: str, now: int = 0) -> None:
        """Drop the lock. The first in line is woken; if it does not get the lock, it waits another interval.

        Raises:
            LockNotHeld: the thread does not hold it.
        """
        self.check_held(thread, "release the lock")
        self.holder = None
        if self.is_asked_for and self.acknowledged:
            self._owes_a_turn = thread
        self.is_asked_for = False
        for woken in self.waiting[:1]:
            self._waiting[woken] = _Wait(now, self.switches)

    def check_held(self, thread: str, to: str) -> None:
        """Refuse what only the holder may do.

        Raises:
            LockNotHeld: the thread does not hold the lock.
        """
        if self.holder != thread:
            holder = f"{self.holder} does" if self.holder else "nobody does"
            raise LockNotHeld(f"{thread} does not hold the lock ({holder}); take it before you {to}")


@dataclass(frozen=True, slots=True)
class _Wait:
    """A thread waits since then, and how often the lock had changed hands by then."""

    since: int
    switches: int


# --- threads ----------------------------------------------------------------------------------------------------


class Point(StrEnum):
    """Where a thread stands after a step."""

    INSIDE = "inside"
    """In the middle of an instruction: the lock cannot be dropped here."""
    SAFE = "safe"
    """Between two instructions: the holder looks whether somebody asked."""
    AWAY = "away"
    """It waits for a file or a peer: it drops the lock of its own accord, and takes it again for its next step."""


class Thread:
    """One thread: its name, and what it may touch. With a lock it writes only while it holds it."""

    def __init__(self, name: str, memory: SharedMemory, lock: Lock | None) -> None:
        self.name = name
        self.lock = lock
        self._memory = memory

    def read(self, address: int, size_bytes: int) -> bytes:
        """What the shared memory holds."""
        return self._memory.read(address, size_bytes)

    def write(self, address: int, data: bytes) -> None:
        """Write to the shared memory.

        Raises:
            LockNotHeld: there is a lock, and the thread does not hold it; nothing was written.
        """
        if self.lock is not None:
            self.lock.check_held(self.name, "write")
        self._memory.write(address, data)


Program = Callable[[Thread], Iterator[Point]]
"""What a thread does, a step at a time: it yields where it stands after each."""


def count_up(address: int, times: int, safe_inside: bool = False) -> Program:
    """A program that adds 1 to the number at an address: read, add, write, each a step.

    Args:
        address: of the eight bytes that hold the number.
        times: how often.
        safe_inside: whether safe points lie inside, between the read and the write. For a counter of the interpreter's
            own none does; for a program's ``n = f(n)`` one may.
    """
    inside = Point.SAFE if safe_inside else Point.INSIDE

    def steps(thread: Thread) -> Iterator[Point]:
        for _ in range(times):
            number = int.from_bytes(thread.read(address, 8), "little")
            yield inside
            number += 1
            yield inside
            thread.write(address, number.to_bytes(8, "little"))
            yield Point.SAFE

    return steps


def write_text(address: int, text: str, letters: int = 3) -> Program:
    """A program that writes a text at an address, a few letters a step, and a zero behind it; safe only then."""

    def steps(thread: Thread) -> Iterator[Point]:
        place = address
        for start in range(0, len(text), letters):
            piece = text[start : start + letters].encode()
            thread.write(place, piece)
            place += len(piece)
            yield Point.INSIDE
        thread.write(place, b"\0")
        yield Point.SAFE

    return steps


def read_text(memory: SharedMemory, address: int, size_bytes: int) -> str:
    """What a reader sees on a page: the text up to the first zero; bytes that are no letter show as �."""
    return memory.read(address, size_bytes).split(b"\0")[0].decode(errors="replace")


class Threads:
    """Threads on one memory, run step by step.

    With a lock the holder runs and the others wait. Without one any of them runs next: which, chance decides, as on a
    real machine.

    Args:
        memory: what they share.
        lock: the one lock; ``None`` for none.
        seed: of what chance decides without a lock.
    """

    def __init__(self, memory: SharedMemory, lock: Lock | None, seed: int = 1) -> None:
        self.memory = memory
        self.lock = lock
        self.step_count = 0
        self.events: list[LockEvent] = []
        self.turns: list[str] = []
        """Which thread ran each step."""
        self._names: list[str] = []
        self._chance = random.Random(seed)
        self._running: dict[str, Iterator[Point]] = {}

    def start(self, name: str, program: Program) -> Thread:
        """Start a thread; with a lock it takes it, or waits in line.

        Raises:
            InvalidOption: a thread of this name was started before.
        """
        if name in self._names:
            raise InvalidOption(f"there is a thread {name} already; give this one another name")
        thread = Thread(name, self.memory, self.lock)
        self._names.append(name)
        self._running[name] = program(thread)
        self._line_up(name)
        return thread

    def run(self, steps_max: int = 1_000_000) -> None:
        """Run until every thread has ended, or so many steps are done."""
        while self._running and self.step_count < steps_max:
            self.step()

    def step(self) -> None:
        """One step of one thread; nothing, if all have ended."""
        if not self._running:
            return
        self.step_count += 1
        if self.lock is None:
            self._advance(self._chance.choice(list(self._running)))
            return
        self._hand_over(self.lock)
        for name in self.lock.waiting:
            if self.lock.ask(name, self.step_count):
                self._note(name, LockHappening.ASKS)
        holder = self.lock.holder
        assert holder is not None
        point = self._advance(holder)
        if point is Point.SAFE and self.lock.is_asked_for:
            self._drop(holder)
            self._line_up(holder)
        elif point is Point.AWAY:
            self._drop(holder)
            self._hand_over(self.lock)
            self._line_up(holder)

    def record(self) -> Turns:
        """Who ran when, and what became of the lock, as a record."""
        return Turns(tuple(self._names), tuple(self.turns), tuple(self.events), self.lock is not None)

    def _advance(self, name: str) -> Point | None:
        """Run one step; ``None`` if the thread has ended."""
        self.turns.append(name)
        point = next(self._running[name], None)
        if point is None:
            del self._running[name]
            if self.lock is not None and self.lock.holder == name:
                self.lock.release(name, self.step_count)
            self._note(name, LockHappening.ENDS)
        return point

    def _hand_over(self, lock: Lock) -> None:
        """If the lock is free, the first in line that may have it takes it."""
        for name in lock.waiting:
            if lock.holder is None and lock.take(name, self.step_count):
                self._note(name, LockHappening.TAKES)

    def _line_up(self, name: str) -> None:
        if self.lock is not None:
            has_it = self.lock.take(name, self.step_count)
            self._note(name, LockHappening.TAKES if has_it else LockHappening.WAITS)

    def _drop(self, name: str) -> None:
        assert self.lock is not None
        self.lock.release(name, self.step_count)
        self._note(name, LockHappening.DROPS)

    def _note(self, name: str, kind: LockHappening) -> None:
        self.events.append(LockEvent(self.step_count, name, kind))
