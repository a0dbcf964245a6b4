"""Peaks of memory: a great many objects are made, and all but a few are dropped, as after a service's busy hour.

peaks.py KIND PATTERN PER_MILLE OBJECTS PEAKS

So many of a thousand objects survive, and all of them to the end. At each stage it says a line of JSON and waits for a
line, so that whoever started it can look at its memory meanwhile (giving_back/watch.py). With TRIM=1 in its environment
it calls libc's malloc_trim each time that it has dropped the rest.

The collector does not run while objects are made: how often it would depends on what survived, and it takes longer than
making them.
"""

import asyncio
import dataclasses
import gc
import json
import os
import random
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any

CLUSTER = 256
"""Neighbours that survive together where a cache leaves them: what was filled in at one time is asked for again."""


def main(kind: str, pattern: str, per_mille: float, count: int, peaks: int) -> None:
    things = KINDS[kind]
    dice = random.Random(1)
    kept: list[list[Any]] = []
    told: list[int] = []
    say("floor", statistics=statistics())
    for _ in range(peaks):
        gc.disable()
        wall, cpu = time.perf_counter(), time.process_time()
        made = things.make_all(count)
        taken = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
        gc.enable()
        say("peak", **taken)
        places = PATTERNS[pattern](dice, count, round(count * per_mille / 1000))
        kept.append(things.keep(made, places))
        told.append(things.tell(kept[-1]))
        del made, places
        if os.environ.get("TRIM"):
            trim()
        say("freed")
    are_same = [things.tell(survivors) for survivors in kept] == told
    say("end", are_same=are_same, statistics=statistics(), fork=fork())
    things.end()


def say(stage: str, **found: Any) -> None:
    print(json.dumps({"stage": stage, **found}), flush=True)
    if not sys.stdin.readline():
        sys.exit("peaks.py: nobody is listening any more")


def trim() -> None:
    import ctypes

    ctypes.CDLL(None).malloc_trim(0)


def statistics() -> dict[str, Any] | None:
    """quire's numbers about its heap, without the long tables; ``None`` where it does not serve this process."""
    if "quire" not in sys.modules or not sys.modules["quire"].installed():
        return None
    found = sys.modules["quire"].stats()
    fields = dataclasses.asdict(found) | {"live_bytes": found.live_bytes}
    return {name: value for name, value in fields.items() if isinstance(value, int | float | dict)}


def fork() -> dict[str, float]:
    """How long it keeps the parent, and until when the child goes on."""
    reader, writer = os.pipe()
    began = time.monotonic()
    child = os.fork()
    went_on = time.monotonic()
    if child == 0:
        os.write(writer, str(went_on - began).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return {"parent_seconds": went_on - began, "child_seconds": float(os.read(reader, 64))}


# --- which survive -------------------------------------------------------------------------------------------


def at_random(dice: random.Random, count: int, survivors: int) -> list[int]:
    return sorted(dice.sample(range(count), survivors))


def every_nth(dice: random.Random, count: int, survivors: int) -> list[int]:
    return [number * count // survivors for number in range(survivors)]


def clustered(dice: random.Random, count: int, survivors: int) -> list[int]:
    starts = dice.sample(range(count // CLUSTER), -(-survivors // CLUSTER))
    return [start * CLUSTER + place for start in sorted(starts) for place in range(CLUSTER)][:survivors]


PATTERNS = {"random": at_random, "nth": every_nth, "clustered": clustered}


# --- what is made --------------------------------------------------------------------------------------------


class Things:
    """Objects that are made one by one, and are gone when nobody refers to them."""

    def __init__(self, make: Callable[[int], Any], tell: Callable[[Any], object] = lambda thing: thing) -> None:
        self._make = make
        self._tell = tell

    def make_all(self, count: int) -> list[Any]:
        make = self._make
        return [make(number) for number in range(count)]

    def keep(self, made: list[Any], places: list[int]) -> list[Any]:
        return [made[place] for place in places]

    def tell(self, kept: list[Any]) -> int:
        """A number that depends on all that they hold."""
        code = 0
        for thing in kept:
            code = zlib.crc32(repr(self._tell(thing)).encode(), code)
        return code

    def end(self) -> None:
        """What must be done before the program ends."""


class Tasks(Things):
    """Requests of an asyncio server, each waiting for an answer; those that are not kept get it, and end."""

    def __init__(self) -> None:
        super().__init__(self._start, lambda task: (task.get_name(), task.done()))
        self._loop = asyncio.new_event_loop()
        self._answers: dict[asyncio.Task, asyncio.Future] = {}
        self._kept: dict[asyncio.Task, asyncio.Future] = {}

    def make_all(self, count: int) -> list[Any]:
        made = super().make_all(count)
        self._loop.run_until_complete(asyncio.sleep(0))
        return made

    def keep(self, made: list[Any], places: list[int]) -> list[Any]:
        kept = super().keep(made, places)
        self._kept |= {task: self._answers.pop(task) for task in kept}
        self._answer(self._answers)
        self._answers = {}
        return kept

    def end(self) -> None:
        self._answer(self._kept)
        self._loop.close()

    def _answer(self, waiting: dict[asyncio.Task, asyncio.Future]) -> None:
        for answer in waiting.values():
            answer.set_result(None)
        for _ in range(2):  # the answer wakes the task; the task ends
            self._loop.run_until_complete(asyncio.sleep(0))

    def _start(self, number: int) -> asyncio.Task:
        answer = self._loop.create_future()
        task = self._loop.create_task(serve(number, answer), name=f"request {number}")
        self._answers[task] = answer
        return task


async def serve(number: int, answer: asyncio.Future) -> dict[str, Any]:
    request = {"id": number, "path": f"/articles/{number}", "headers": {"accept": "text/html", "host": "example.org"}}
    await answer
    return request


class Instance:
    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"item {number}"
        self.price = number / 7
        self.tags = [number]


class Slotted:
    __slots__ = ("name", "number", "price", "tags")

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"item {number}"
        self.price = number / 7
        self.tags = [number]


def make_tuple(number: int) -> tuple:
    return number, f"item {number}", [number]


def make_document(number: int) -> dict:
    text = f'{{"id": {number}, "user": {{"name": "user {number}", "mail": "u{number}@example.org"}}, '
    return json.loads(text + f'"items": [{{"sku": "s{number}", "price": {number}.5}}, {{"sku": "t", "price": 2.25}}]}}')


def make_bytes(number: int) -> bytes:
    return b"%d" % number * (1 + number * 7919 % 60)


def make_list(number: int) -> list[int]:
    return [number] * (200 + number * 7919 % 3800)


KINDS = {
    "tuples": Things(make_tuple),
    "instances": Things(Instance, vars),
    "slots": Things(Slotted, lambda thing: (thing.number, thing.name, thing.price, thing.tags)),
    "documents": Things(make_document),
    "bytes": Things(make_bytes),
    "lists": Things(make_list),
    "tasks": Tasks(),
}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
