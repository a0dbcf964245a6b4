"""Processor time, page faults and peak memory: every workload on every allocator, in rounds.

A round runs each allocator once, in an order of its own, so that what slows the machine down for a while meets all of
them; what is compared later is always of one round. Each run's environment has another length: where the stack begins
moves a program's speed by more than what is to be seen here.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import Any

import execution
from allocators import Allocator
from catalogue import Workload
from execution import Failed, Run
from intervals import ratio_of_rounds

PADDING_MAX = 4096
FIELDS = ("cpu_seconds", "wall_seconds", "peak_bytes", "faults")

Found = dict[str, dict[str, list[float]]]
"""By allocator and field, one value for each round."""


def measure(workloads: list[Workload], allocators: list[Allocator], rounds: int) -> Iterator[tuple[str, Found]]:
    """One workload after another, told as it comes. The first of the allocators is what others are held against."""
    dice = random.Random(1)
    for workload in workloads:
        found = run_rounds(workload, allocators, rounds, dice)
        print(line(workload, allocators, found), flush=True)
        yield workload.name, found


def run_rounds(workload: Workload, allocators: list[Allocator], rounds: int, dice: random.Random) -> Found:
    """Before the rounds, one run that fills the caches of files and of compiled modules."""
    expected = run(workload, allocators[0], dice).output
    found: Found = {each.name: {field: [] for field in FIELDS} for each in allocators}
    for _ in range(rounds):
        for allocator in dice.sample(allocators, len(allocators)):
            done = run(workload, allocator, dice)
            if workload.result(done.output) != workload.result(expected):
                raise Failed(f"{workload.name} says something else on {allocator.title}")
            for field in FIELDS:
                found[allocator.name][field].append(getattr(done, field))
    return found


def run(workload: Workload, allocator: Allocator, dice: random.Random) -> Run:
    padding = {"PADDING": "x" * dice.randrange(PADDING_MAX)}
    return execution.run([sys.executable, *workload.arguments(workload.rounds)], allocator.full_environment() | padding)


def line(workload: Workload, allocators: list[Allocator], found: dict[str, Any]) -> str:
    own = found[allocators[0].name]
    parts = [f"{workload.name:14} {min(own['cpu_seconds']):6.2f} s {max(own['peak_bytes']) / 1024**2:6.1f} MiB"]
    for each in allocators[1:]:
        time = ratio_of_rounds(found[each.name]["cpu_seconds"], own["cpu_seconds"])
        peak = ratio_of_rounds(found[each.name]["peak_bytes"], own["peak_bytes"])
        parts.append(f"{each.name} {time} {peak.middle:.3f}")
    return "   ".join(parts)
