"""Writes docs/snapshot-cost.md from what was measured."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from pathlib import Path
from typing import Any

from snapshots.runs import WAYS
from tables import Verdict, bars_section, machine_section, table

COUNT = 5_000_000
MIB = 1024**2
GROWTH_MAX = 2.4
INTRODUCTION = """\
# What a snapshot costs

Written by `bench/snapshot.py report`; do not edit. What a snapshot is and what it says stands in
[snapshot.md](snapshot.md)."""
METHOD = """\
## How it was measured

*The program* (`bench/workloads/mixed.py`) makes objects of mixed kinds: of twelve, a tuple, a list, a dictionary, a
set, an instance with attributes, one with slots, and strings, bytes, integers and floats. Each look is in a process of
its own; medians of the rounds. *Pause* is how long the process stands still: of quire what it tells itself, for the
file is put together when the program goes on already; of the others, which are functions that the program calls, all of
it. *Extra memory* is by how much the process's largest resident size during the look is above that before it. quire and
`gc.collect()` are measured on quire's heap, other tools on CPython's own allocator."""


def write(records: list[dict[str, Any]], folder: Path) -> None:
    parts = [INTRODUCTION, bars_section((version(record), verdicts(record)) for record in records)]
    parts += [section(record) for record in records]
    parts += [METHOD, machine_section(records, ("snapshots", "answers"))]
    (folder / "snapshot-cost.md").write_text("\n\n".join(parts) + "\n")


def version(record: dict[str, Any]) -> str:
    return str(record["python"]["version"])


def median(record: dict[str, Any], count: int, way: str, field: str, section: str = "snapshots") -> float | None:
    values = record.get(section, {}).get(str(count), {}).get(way, {}).get(field)
    return statistics.median(values) if values else None


# --- bars ----------------------------------------------------------------------------------------------------


def verdicts(record: dict[str, Any]) -> list[Verdict]:
    """Of five million objects, where they were measured."""
    found = []
    pause, collection, guppy = (median(record, COUNT, way, "pause_seconds") for way in ("quire", "collect", "guppy3"))
    if pause and collection:
        found.append(at_most("pause, to one `gc.collect()`", pause / collection, 1, "{:.2f}"))
    if pause and guppy:
        found.append(at_most("pause, to guppy3's time", pause / guppy, 1 / 15, "{:.3f}"))
    for way in ("quire", "references"):
        extra, heap = (median(record, COUNT, way, field) for field in ("extra_bytes", "heap_bytes"))
        if extra is not None and heap:
            found.append(at_most(f"extra memory, {WAYS[way][0]}", extra / heap, 0.15, "{:.1%}"))
    whole = median(record, COUNT, "references", "wall_seconds")
    if whole:
        found.append(at_most("with references, the file written", whole, 3, "{:.1f} s"))
    asked = median(record, COUNT, "retained", "wall_seconds", "answers")
    if asked:
        found.append(at_most("dominators and retained sizes, `quire retained`", asked, 10, "{:.1f} s"))
    return [*found, *growth(record)]


def growth(record: dict[str, Any]) -> list[Verdict]:
    """From each size to the next, as if it had doubled; the worst of each way."""
    counts = sorted(int(count) for count in record["snapshots"])
    found = []
    for way, field in (("quire", "pause_seconds"), ("references", "wall_seconds")):
        measured = [(count, value) for count in counts if (value := median(record, count, way, field))]
        doublings = [
            (after / before) ** (1 / math.log2(larger / smaller))
            for (smaller, before), (larger, after) in pairwise(measured)
        ]
        if doublings:
            found.append(at_most(f"growth for each doubling, {WAYS[way][0]}", max(doublings), GROWTH_MAX, "{:.2f}"))
    return found


def at_most(what: str, value: float, bar: float, form: str) -> Verdict:
    return Verdict(f"5 million objects: {what}", f"≤ {form.format(bar)}", form.format(value), value <= bar)


# --- tables --------------------------------------------------------------------------------------------------


def section(record: dict[str, Any]) -> str:
    parts = [f"## Python {version(record)}", "### Ways to look", ways_table(record), "### Growth", growth_table(record)]
    if "answers" in record:
        parts += ["### What is asked of the file", answers_table(record)]
    return "\n\n".join(parts)


def ways_table(record: dict[str, Any]) -> str:
    found = record["snapshots"].get(str(COUNT), {})
    rows = []
    for way in (way for way in WAYS if way in found):
        pause, wall, extra, heap = (
            statistics.median(found[way][field])
            for field in ("pause_seconds", "wall_seconds", "extra_bytes", "heap_bytes")
        )
        spread = f"{min(found[way]['pause_seconds']):.2f}-{max(found[way]['pause_seconds']):.2f}"
        rows.append(
            [
                WAYS[way][0],
                f"{pause:.2f} s ({spread})",
                f"{wall:.2f} s",
                f"{extra / MIB:,.0f} MiB",
                f"{extra / heap:.0%}",
            ]
        )
    return table(["5 million objects", "pause", "until it is done", "extra memory", "of the heap"], rows)


def growth_table(record: dict[str, Any]) -> str:
    counts = sorted(int(count) for count in record["snapshots"])
    heads = ["", *(f"{count / 1e6:g} million" for count in counts)]
    rows = []
    for way, (title, is_ours) in WAYS.items():
        values = [median(record, count, way, "pause_seconds") for count in counts]
        if is_ours and any(values):
            rows.append([f"{title}, pause", *("" if value is None else f"{value:.2f} s" for value in values)])
    return table(heads, rows)


def answers_table(record: dict[str, Any]) -> str:
    counts = sorted(int(count) for count in record["answers"])
    commands = dict.fromkeys(command for count in counts for command in record["answers"][str(count)])
    rows = []
    for command in commands:
        cells = []
        for count in counts:
            taken = median(record, count, command, "wall_seconds", "answers")
            peak = median(record, count, command, "peak_bytes", "answers")
            cells.append("" if taken is None or peak is None else f"{taken:.1f} s, {peak / MIB:,.0f} MiB")
        rows.append([f"`quire {command}`", *cells])
    return table(["elapsed, peak memory", *(f"{count / 1e6:g} million" for count in counts)], rows)
