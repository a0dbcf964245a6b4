"""Processor time, page faults and peak memory: every workload on every allocator, in rounds.

    a round    cpython + quire, guarded + cpython, mimalloc + cpython, cpython + glibc, jemalloc + cpython, ...

Each allocator runs together with CPython's own, at the same time and on the same processor, and is compared with that
run alone. The kernel goes from one to the other every few milliseconds, so what slows a machine down (other users of
its caches, its frequency) slows both: of two equal programs, one takes within 1 % of the other where two in a row
differ by 10. The order of the pairs and in a pair is by chance. Each run's environment has another length: where the
stack begins moves a program's speed by more than what is to be seen here.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import execution
from allocators import OWN, Allocator
from catalogue import Workload
from execution import Failed, Run
from intervals import ratio_of_rounds
from results import BESIDE

PADDING_MAX = 4096
FIELDS = ("cpu_seconds", "peak_bytes", "faults")

Found = dict[str, dict[str, Any]]
"""By allocator and field, one value for each round; in ``beside``, the same of CPython's own in the same pairs. Under
CPython's own name all of its runs."""


def measure(workloads: list[Workload], allocators: list[Allocator], rounds: int) -> Iterator[tuple[str, Found]]:
    """One workload after another, told as it comes."""
    dice = random.Random(1)
    with on_one_processor():
        for workload in workloads:
            found = run_rounds(workload, allocators, rounds, dice)
            print(line(workload, found), flush=True)
            yield workload.name, found


@contextmanager
def on_one_processor() -> Iterator[None]:
    """This thread, and all that it starts meanwhile."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(processors)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


def run_rounds(workload: Workload, allocators: list[Allocator], rounds: int, dice: random.Random) -> Found:
    """Before the rounds, one run that fills the caches of files and of compiled modules."""
    expected = workload.result(run(workload, OWN, padding(dice)).output)
    found: Found = {each.name: empty() if each == OWN else empty() | {BESIDE: empty()} for each in allocators}
    others = [each for each in allocators if each != OWN]
    for _ in range(rounds):
        for other in dice.sample(others, len(others)):
            runs = run_pair(workload, dice.sample([OWN, other], 2), expected, dice)
            for name, done in runs.items():
                add(found[name], done)
            add(found[other.name][BESIDE], runs[OWN.name])
    return found


def run_pair(workload: Workload, pair: list[Allocator], expected: str, dice: random.Random) -> dict[str, Run]:
    """At once."""
    paddings = [padding(dice) for _ in pair]
    with ThreadPoolExecutor(len(pair)) as pool:
        every = pool.map(lambda each, padded: run(workload, each, padded), pair, paddings)
        runs = {each.name: done for each, done in zip(pair, every, strict=True)}
    for each in pair:
        if workload.result(runs[each.name].output) != expected:
            raise Failed(f"{workload.name} says something else on {each.title}")
    return runs


def empty() -> dict[str, Any]:
    return {field: [] for field in FIELDS}


def add(found: dict[str, Any], done: Run) -> None:
    for field in FIELDS:
        found[field].append(getattr(done, field))


def padding(dice: random.Random) -> dict[str, str]:
    return {"PADDING": "x" * dice.randrange(PADDING_MAX)}


def run(workload: Workload, allocator: Allocator, padded: dict[str, str]) -> Run:
    return execution.run([sys.executable, *workload.arguments(workload.rounds)], allocator.full_environment() | padded)


def line(workload: Workload, found: Found) -> str:
    own = found[OWN.name]
    parts = [f"{workload.name:14} {min(own['cpu_seconds']):6.2f} s {max(own['peak_bytes']) / 1024**2:6.1f} MiB"]
    for name in list(found)[1:]:
        beside = found[name][BESIDE]
        time, peak = (ratio_of_rounds(found[name][each], beside[each]) for each in ("cpu_seconds", "peak_bytes"))
        parts.append(f"{name} {time} {peak.middle:.3f}")
    return "   ".join(parts)
