"""Every case on every allocator: what is held at the peak, and after it.

What was measured before is not measured again: a run is known by its case, its allocator and the system's limit of
mappings, and as many rounds are run as there are too few.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from allocators import Allocator
from execution import Failed
from footprint import Footprint
from giving_back.cases import MOMENTS, MOMENTS_BETWEEN, PLOTTED, Case
from giving_back.watch import Watched, watched

Runs = dict[str, list[dict[str, Any]]]
"""Of one case, by allocator."""

MIB = 1024**2


@dataclass(frozen=True)
class Order:
    """What is to be measured; ``group`` is an empty control group to run it in."""

    cases: list[Case]
    allocators: list[Allocator]
    rounds: int
    group: Path | None


def measure(order: Order, known: dict[str, Runs]) -> Iterator[tuple[str, Runs]]:
    """One case's runs after another, told as they come, with those that are known already."""
    for case in order.cases:
        if free_bytes() < case.needed_bytes:
            print(f"{case.name}: left out, for it needs {case.needed_bytes / 10**9:.1f} GB of free memory", flush=True)
            continue
        found = {name: list(runs) for name, runs in known.get(case.name, {}).items()}
        for number in range(order.rounds):
            for allocator in order.allocators:
                runs = found.setdefault(allocator.name, [])
                if sum(run["mappings_max"] == mappings_max() for run in runs) <= number:
                    runs.append(run_once(case, allocator, order.group))
                    print(line(case, allocator, runs[-1]), flush=True)
                    yield case.name, found


def run_once(case: Case, allocator: Allocator, group: Path | None) -> dict[str, Any]:
    with watched([sys.executable, *case.arguments()], allocator.full_environment(), group) as program:
        start = program.wait_for("floor")
        found: dict[str, Any] = {"mappings_max": mappings_max(), "floor": record(program.look())}
        found["peaks"] = [peak(program, is_last=number + 1 == case.peaks) for number in range(case.peaks)]
        program.go_on()
        end = program.wait_for("end")
        program.go_on()
        program.wait_for_end()
    if not end.pop("are_same"):
        raise Failed(f"{case.name} on {allocator.title}: survivors are not what they were")
    is_served = end["statistics"] is not None
    if is_served != ("QUIRE" in allocator.environment):
        raise Failed(f"{case.name} on {allocator.title}: quire {'serves' if is_served else 'does not serve'} it")
    found |= {"fork": end["fork"], "statistics": {"floor": start["statistics"], "end": end["statistics"]}}
    return found | ({"series": program.series} if case == PLOTTED else {})


def peak(program: Watched, is_last: bool) -> dict[str, Any]:
    program.go_on()
    found = program.wait_for("peak")
    found["at_peak"] = record(program.look())
    program.go_on()
    program.wait_for("freed")
    freed = time.monotonic()
    found["after"] = {}
    for moment in MOMENTS if is_last else MOMENTS_BETWEEN:
        program.rest_until(freed + moment)
        found["after"][str(moment)] = record(program.look())
    return found


def record(found: Footprint) -> dict[str, Any]:
    return {**asdict(found), "held_bytes": found.held_bytes}


def line(case: Case, allocator: Allocator, run: dict[str, Any]) -> str:
    floor, last = run["floor"]["held_bytes"], run["peaks"][-1]
    height = run["peaks"][0]["at_peak"]["held_bytes"] - floor
    held = ", ".join(f"{(each['held_bytes'] - floor) / height:.1%}" for each in last["after"].values())
    seconds = " ".join(f"{each['cpu_seconds']:.2f}" for each in run["peaks"])
    return f"{case.name:28} {allocator.name:12} {height / MIB:7.0f} MiB in {seconds} s; held after it: {held}"


# --- the machine ---------------------------------------------------------------------------------------------


def mappings_max() -> int:
    return int(Path("/proc/sys/vm/max_map_count").read_text())


def free_bytes() -> int:
    """What programs could still take; files in memory give way."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
