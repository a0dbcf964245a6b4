"""Instructions of every workload, on CPython's own allocator and on quire; told as they come."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import allocators
import callgrind
from allocation_code import AllocationCode, allocation_code
from allocators import OWN, QUIRE, Allocator
from catalogue import Workload
from execution import Failed

HEADER = f"{'':12} {'total':>13} {'in allocation':>14} {'allocation':>16} {'program':>8} {'without start':>14}"
ROW = "{:12} {:13,} {:13.1%} {:16.3f} {:8.3f} {:14.3f}   {}"


def measure(workloads: list[Workload], cache: Path, peers: bool) -> dict[str, Any]:
    """By workload and allocator. The workload ``start`` is Python's own start and end, with nothing between."""
    code = allocation_code(cache)
    chosen = allocators.available() if peers else [OWN, QUIRE]
    print(f"{HEADER}   (quire / CPython's own)", flush=True)
    start = {each.name: count(["-c", "pass"], each, code)[0] for each in chosen}
    found = {"start": {name: dataclasses.asdict(counts) for name, counts in start.items()}}
    for workload in workloads:
        counts = count_workload(workload, chosen, code)
        found[workload.name] = {name: dataclasses.asdict(each) for name, each in counts.items()}
        print(row(workload.name, counts, start), flush=True)
    return {"valgrind": callgrind.version(), "workloads": found}


def count_workload(workload: Workload, chosen: list[Allocator], code: AllocationCode) -> dict[str, callgrind.Counts]:
    """Raises Failed if the allocators do not lead to one output."""
    done = {each.name: count(workload.arguments(workload.rounds_counted), each, code) for each in chosen}
    if len({output for _, output in done.values()}) != 1:
        raise Failed(f"{workload.name} says something else on another allocator")
    return {name: counts for name, (counts, _) in done.items()}


def count(arguments: list[str], allocator: Allocator, code: AllocationCode) -> tuple[callgrind.Counts, str]:
    return callgrind.count([sys.executable, *arguments], allocator.full_environment(), code)


def row(name: str, counts: dict[str, callgrind.Counts], start: dict[str, callgrind.Counts]) -> str:
    own, quire = counts[OWN.name], counts[QUIRE.name]
    without_start = (quire.total - start[QUIRE.name].total) / (own.total - start[OWN.name].total)
    parts = ", ".join(f"{part} {count / quire.allocation:.0%}" for part, count in list(quire.parts.items())[:5])
    return ROW.format(
        name,
        own.total,
        own.allocation / own.total,
        quire.allocation / own.allocation,
        quire.total / own.total,
        without_start,
        parts,
    )
