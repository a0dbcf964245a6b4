"""Instructions of every workload, on CPython's own allocator and on quire; told as they come."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import callgrind
from allocation_code import AllocationCode, allocation_code
from allocators import OWN, QUIRE, Allocator
from catalogue import Workload
from execution import Failed

START = "start"
NOTHING_RESTS = {"QUIRE_GIVE_BACK": "off"}
"""A program is fifty times slower under callgrind and its clock is not: its memory would rest there, be given back and
needed again, as it never is. What giving back takes is measured beside it (at_work.py)."""
KNOWN = 10_000
HEADER = f"{'':12} {'total':>13} {'in allocation':>14} {'allocation':>16} {'program':>8} {'without start':>14}"
ROW = "{:12} {:13,} {:13.1%} {:16.3f} {:8.3f} {:14.3f}   {}"


def measure(workloads: list[Workload], chosen: list[Allocator], cache: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """By workload and allocator. The workload ``start`` is Python's own start and end, with nothing between."""
    code = allocation_code(cache)
    check_attribution(code)
    start = {each.name: count(["-c", "pass"], each, code)[0] for each in chosen}
    yield START, as_json(start)
    print(HEADER)
    for workload in workloads:
        counts = count_workload(workload, chosen, code)
        print(row(workload.name, counts, start), flush=True)
        yield workload.name, as_json(counts)


def as_json(counts: dict[str, callgrind.Counts]) -> dict[str, Any]:
    return {name: dataclasses.asdict(each) for name, each in counts.items()}


def check_attribution(code: AllocationCode) -> None:
    """A program that makes and drops a known number of objects more is seen to call quire as often more.

    Raises:
        Failed: it is not; some copies of the allocation functions are not known.
    """
    less, more = (make_objects(number, code).calls for number in (KNOWN, 2 * KNOWN))
    for part in ("_core: serve_malloc", "_core: serve_free"):
        seen = more.get(part, 0) - less.get(part, 0)
        if abs(seen - KNOWN) > KNOWN // 100:
            raise Failed(f"{KNOWN} objects more were made, and {seen} more calls of {part} were counted")


def make_objects(number: int, code: AllocationCode) -> callgrind.Counts:
    program = f"import itertools\nfor _ in itertools.repeat(None, {number}): object()"
    return count(["-c", program], QUIRE, code)[0]


def count_workload(workload: Workload, chosen: list[Allocator], code: AllocationCode) -> dict[str, callgrind.Counts]:
    """Raises Failed if the allocators do not lead to one output."""
    done = {each.name: count(workload.arguments(workload.rounds_counted), each, code) for each in chosen}
    if len({workload.result(output) for _, output in done.values()}) != 1:
        raise Failed(f"{workload.name} says something else on another allocator")
    return {name: counts for name, (counts, _) in done.items()}


def count(arguments: list[str], allocator: Allocator, code: AllocationCode) -> tuple[callgrind.Counts, str]:
    return callgrind.count([sys.executable, *arguments], allocator.full_environment() | NOTHING_RESTS, code)


def row(name: str, counts: dict[str, callgrind.Counts], start: dict[str, callgrind.Counts]) -> str:
    own, quire = counts[OWN.name], counts[QUIRE.name]
    without_start = (quire.total - start[QUIRE.name].total) / (own.total - start[OWN.name].total)
    parts = ", ".join(f"{part} {quire.parts[part] / max(quire.calls[part], 1):.0f}" for part in list(quire.parts)[:5])
    return ROW.format(
        name,
        own.total,
        own.allocation / own.total,
        quire.allocation / own.allocation,
        quire.total / own.total,
        without_start,
        parts,
    )
