"""A service that lives long: requests come in waves, each wave a peak, a rest after each, and a little that stays.

Caches fill and expire, sessions stay open, reports are built and dropped, a thread keeps the time. This is the shape
in which memory is held for good: what survives of each wave lies scattered among what died.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import json
import random
import threading
import time
import weakref
from collections import OrderedDict
from dataclasses import dataclass, field

WAVES = 8
REQUESTS = 16_000
CACHE_ENTRIES = 4_000
SESSION_EVERY = 150
REST_SECONDS = 0.5


@dataclass(eq=False)
class Session:
    """What stays of a visitor."""

    user: str
    basket: dict[str, int] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)


class Cache:
    """The answers last asked for."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.answers: OrderedDict[str, str] = OrderedDict()
        self.hits = 0

    def get(self, key: str) -> str | None:
        answer = self.answers.get(key)
        if answer is not None:
            self.hits += 1
            self.answers.move_to_end(key)
        return answer

    def put(self, key: str, answer: str) -> None:
        self.answers[key] = answer
        if len(self.answers) > self.entries:
            self.answers.popitem(last=False)


class Service:
    def __init__(self) -> None:
        self.cache = Cache(CACHE_ENTRIES)
        self.sessions: dict[str, Session] = {}
        self.seen: weakref.WeakSet[Session] = weakref.WeakSet()

    def answer(self, number: int, wave: int) -> str:
        key = f"/product/{number * number % 9973}"
        found = self.cache.get(key)
        if found is None:
            found = json.dumps(product(number % 500, wave))
            self.cache.put(key, found)
        self.note(number, key)
        return found

    def note(self, number: int, key: str) -> None:
        """Most visitors leave; some stay."""
        session = Session(f"user {number}", {key: number}, [key] * (number % 12))
        self.seen.add(session)
        if number % SESSION_EVERY == 0:
            self.sessions[session.user] = session

    def expire(self) -> None:
        for user in list(self.sessions)[::3]:
            del self.sessions[user]


@functools.lru_cache(maxsize=300)
def product(number: int, wave: int) -> dict[str, object]:
    rng = random.Random(number + wave)
    return {"id": number, "text": " ".join(f"{rng.getrandbits(24):x}" for _ in range(60)), "tags": list(range(20))}


class Clock(threading.Thread):
    """Ticks beside the work until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()
        self.ticks: list[float] = []

    def run(self) -> None:
        while not self.stopped.wait(0.01):
            self.ticks.append(time.monotonic())
            del self.ticks[:-1000]


def report(answers: list[str]) -> str:
    """A page over everything at once: the peak of the wave."""
    rows = [json.loads(answer) for answer in answers]
    words = sorted((word, row["id"]) for row in rows for word in row["text"].split())
    return hashlib.sha256(repr(words[::50]).encode()).hexdigest()[:12]


def main() -> None:
    service, clock = Service(), Clock()
    clock.start()
    for wave in range(WAVES):
        answers = [service.answer(number, wave) for number in range(wave * REQUESTS, (wave + 1) * REQUESTS)]
        print("wave", wave, report(answers), "sessions", len(service.sessions), "hits", service.cache.hits, flush=True)
        del answers
        service.expire()
        gc.collect()
        print("rest", len(service.cache.answers), len(service.seen), flush=True)
        time.sleep(REST_SECONDS)
    clock.stopped.set()
    clock.join()


if __name__ == "__main__":
    main()
