"""Writes docs/performance.md, and its plots, from what was measured."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import plot
from allocators import ALL
from bars import verdicts
from catalogue import WORKLOADS
from figures import OWN, QUIRE, Figures
from tables import bars_section, machine_section, picture, table

MIB = 1024**2
TITLES = {workload.name: workload.title for workload in WORKLOADS}
ALLOCATORS = {allocator.name: allocator for allocator in ALL}

INTRODUCTION = """\
# Performance

Written by `bench/speed.py report`; do not edit. Every ratio is of CPython's own allocator, the same program on the same
Python: below 1 is better. What is worse than CPython's own is set in **bold**. What a process holds after a peak has
[a page of its own](after-a-peak.md)."""

METHOD = """\
## How it was measured

*Programs.* Ours are in `bench/workloads`; those marked "pyperformance" are its benchmarks, in one process with a
fixed number of loops: the ones in which allocation takes some per cent of the instructions, without those that
compute in place, start other programs or need a network. Each of ours must say the same on every allocator.

*Instructions* are counted by callgrind, of a smaller size of each program. An instruction belongs to allocation if it
is executed while one of `PyObject_Malloc`, `_Calloc`, `_Realloc`, `_Free` or the same four of `PyMem` is: in the
function, in a copy of it inlined elsewhere, or in anything it calls. So CPython's dispatch is counted for every
allocator, and with it CPython's allocator, quire's functions or libc's. An optimised build compiles these functions
into some hundred callers. Where the copies are is read from the debug information; counting by function names would
miss most of them. Requests of the raw domain, which quire leaves alone, are part of the program only. "After start"
leaves out what a program that does nothing takes, on either side; starting has its own table.

*Processor time* (user and system), *page faults* and *peak memory* are the kernel's own numbers (`wait4`). In a round
each allocator runs once together with CPython's own, at the same time and on the same processor, and is compared with
that run alone: the kernel goes from one to the other every few milliseconds, so what slows a machine down slows both.
Each run's environment has a random length. Told is the median of the rounds' ratios, with its 95 % interval by the
bootstrap; the geometric mean over the programs has an interval of its own, with rounds resampled in each program.
Threads that an allocator has beside the program's count with it.

*Peak memory* is also told without the fixed cost: what quire adds to the peak of a program that does nothing.

*Peers* are loaded by `LD_PRELOAD` under `PYTHONMALLOC=malloc`; the table says with which settings."""


def write(records: list[dict[str, Any]], folder: Path) -> None:
    every = [Figures(record) for record in records]
    parts = [INTRODUCTION, bars_section([(figures.python, verdicts(figures)) for figures in every])]
    if any(figures.runs for figures in every):
        parts.append(plot_section(every, folder))
    parts += [python_section(figures) for figures in every]
    parts += [METHOD, machine_section(records, ("runs", "instructions", "start"))]
    (folder / "performance.md").write_text("\n\n".join(parts) + "\n")


# --- sections ------------------------------------------------------------------------------------------------


def plot_section(every: list[Figures], folder: Path) -> str:
    paths = plot.draw([figures for figures in every if figures.runs], folder)
    return picture(paths, "Processor time and peak memory of every allocator, by program")


def python_section(figures: Figures) -> str:
    parts = [f"## Python {figures.python}, {'a shared library' if figures.is_shared else 'one program'}"]
    if figures.runs:
        parts += ["### Allocators", allocators_table(figures), "### Programs", runs_table(figures)]
    if figures.counted:
        parts += ["### Instructions", instructions_table(figures)]
    if "start" in figures.record:
        parts += ["### Start", start_table(figures)]
    return "\n\n".join(parts)


# --- tables --------------------------------------------------------------------------------------------------


def allocators_table(figures: Figures) -> str:
    rows = []
    for name in figures.allocators():
        if name == OWN:
            continue
        peaks = [figures.ratio(workload, name, "peak_bytes").middle for workload in figures.runs]
        cells = [interval(figures.mean(name, "cpu_seconds")), number(statistics.geometric_mean(peaks))]
        cells += [number(max(peaks)), number(figures.mean(name, "faults").middle)]
        allocator = ALLOCATORS.get(name)
        rows.append([allocator.title if allocator else name, *cells, allocator.setting() if allocator else ""])
    heads = ["", "processor time", "peak memory", "its worst", "page faults", "setting"]
    return table(heads, rows)


def runs_table(figures: Figures) -> str:
    has_quire = QUIRE in figures.allocators()
    rows = []
    for name, found in figures.runs.items() if has_quire else ():
        own_seconds = statistics.median(found[OWN]["cpu_seconds"])
        cells = [f"{own_seconds:.2f} s", interval(figures.ratio(name, QUIRE, "cpu_seconds"))]
        cells += [number(figures.ratio(name, QUIRE, "faults").middle), f"{figures.own_peak_bytes(name) / MIB:.1f} MiB"]
        cells.append(number(figures.ratio(name, QUIRE, "peak_bytes").middle))
        cells.append(number(figures.peak_beyond_fixed(name)) if "start" in figures.record else "")
        rows.append([title(name), *cells])
    heads = ["", "CPython's own", "quire, time", "page faults", "CPython's peak", "quire, peak", "beyond fixed cost"]
    return table(heads, rows)


def instructions_table(figures: Figures) -> str:
    rows = [
        [
            title(name),
            f"{figures.counted[name][OWN]['total'] / 1e6:,.0f} million",
            f"{figures.allocation_share(name):.1%}",
            number(figures.instructions_after_start(name, "allocation")),
            number(figures.instructions_after_start(name, "total")),
            number(figures.instructions(name, "total")),
        ]
        for name in figures.counted
    ]
    heads = [
        "",
        "CPython's own",
        "of it allocation",
        "allocation, after start",
        "program, after start",
        "whole process",
    ]
    return table(heads, rows)


def start_table(figures: Figures) -> str:
    rows = []
    for way, found in figures.record["start"].items():
        taken = figures.start_ms(way)
        elapsed = "" if way == "python" else f"+ {taken.middle:.1f} ms ({taken.low:.1f}-{taken.high:.1f})"
        median_ms = 1000 * statistics.median(found["wall_seconds"])
        peak_mib = statistics.median(found["peak_bytes"]) / MIB
        rows.append([f"`{way}`", f"{median_ms:.1f} ms", elapsed, f"{peak_mib:.1f} MiB"])
    return table(["", "elapsed", "over plain python", "peak memory"], rows)


# --- cells ---------------------------------------------------------------------------------------------------


def title(workload: str) -> str:
    found = TITLES.get(workload, workload)
    return f"{found} (pyperformance)" if workload.startswith("pp-") else found


def number(ratio: float) -> str:
    return f"**{ratio:.3f}**" if ratio >= 1.0005 else f"{ratio:.3f}"


def interval(found: Any) -> str:
    """Bold where it is worse beyond its interval."""
    return f"**{found}**" if found.low > 1 else str(found)
