"""Processor time, page faults and peak memory: every workload on every allocator, in rounds.

    a round    cpython quire guarded | mimalloc cpython | cpython glibc | jemalloc cpython | ...

Each allocator runs beside CPython's own, one right after the other, and is compared with that run alone: what slows a
machine down comes and goes within seconds. Who comes first is by chance, in a group and among the groups. Each run's
environment has another length: where the stack begins moves a program's speed by more than what is to be seen here.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import Any

import execution
from allocators import GUARDED, OWN, QUIRE, Allocator
from catalogue import Workload
from execution import Failed, Run
from intervals import ratio_of_rounds
from results import BESIDE

PADDING_MAX = 4096
FIELDS = ("cpu_seconds", "wall_seconds", "peak_bytes", "faults")

Found = dict[str, dict[str, Any]]
"""By allocator and field, one value for each round; in ``beside``, the same of CPython's own in the same groups. Under
CPython's own name all of its runs."""


def measure(workloads: list[Workload], allocators: list[Allocator], rounds: int) -> Iterator[tuple[str, Found]]:
    """One workload after another, told as it comes."""
    dice = random.Random(1)
    for workload in workloads:
        found = run_rounds(workload, allocators, rounds, dice)
        print(line(workload, found), flush=True)
        yield workload.name, found


def run_rounds(workload: Workload, allocators: list[Allocator], rounds: int, dice: random.Random) -> Found:
    """Before the rounds, one run that fills the caches of files and of compiled modules."""
    expected = workload.result(run(workload, OWN, dice).output)
    found: Found = {each.name: empty() if each == OWN else empty() | {BESIDE: empty()} for each in allocators}
    every = groups(allocators)
    for _ in range(rounds):
        for group in dice.sample(every, len(every)):
            runs = run_group(workload, dice.sample(group, len(group)), expected, dice)
            for name, done in runs.items():
                add(found[name], done)
                if name != OWN.name:
                    add(found[name][BESIDE], runs[OWN.name])
    return found


def groups(allocators: list[Allocator]) -> list[list[Allocator]]:
    """Those that run next to each other. Guarded sampling is compared with quire without it, too."""
    ours = [each for each in allocators if each in (QUIRE, GUARDED)]
    others = [[each] for each in allocators if each not in (OWN, QUIRE, GUARDED)]
    return [[OWN, *group] for group in ([ours] if ours else []) + others]


def run_group(workload: Workload, group: list[Allocator], expected: str, dice: random.Random) -> dict[str, Run]:
    runs = {each.name: run(workload, each, dice) for each in group}
    for each in group:
        if workload.result(runs[each.name].output) != expected:
            raise Failed(f"{workload.name} says something else on {each.title}")
    return runs


def empty() -> dict[str, Any]:
    return {field: [] for field in FIELDS}


def add(found: dict[str, Any], done: Run) -> None:
    for field in FIELDS:
        found[field].append(getattr(done, field))


def run(workload: Workload, allocator: Allocator, dice: random.Random) -> Run:
    padding = {"PADDING": "x" * dice.randrange(PADDING_MAX)}
    return execution.run([sys.executable, *workload.arguments(workload.rounds)], allocator.full_environment() | padding)


def line(workload: Workload, found: Found) -> str:
    own = found[OWN.name]
    parts = [f"{workload.name:14} {min(own['cpu_seconds']):6.2f} s {max(own['peak_bytes']) / 1024**2:6.1f} MiB"]
    for name in list(found)[1:]:
        beside = found[name][BESIDE]
        time, peak = (ratio_of_rounds(found[name][each], beside[each]) for each in ("cpu_seconds", "peak_bytes"))
        parts.append(f"{name} {time} {peak.middle:.3f}")
    return "   ".join(parts)
