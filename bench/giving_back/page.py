"""Writes docs/after-a-peak.md, and its plot, from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from allocators import GIVING_BACK
from figures import QUIRE
from giving_back import plot
from giving_back.bars import verdicts
from giving_back.cases import MOMENTS, PLOTTED, Case
from giving_back.figures import Figures, every_limit
from tables import bars_section, machine_section, picture, table

INTRODUCTION = """\
# What a process holds after a peak

Written by `bench/give_back.py report`; do not edit. What is held is told as a share of the first peak's height, both
less what the process held before: 0 % is all given back. What quire gives back and when stands in
[giving-back.md](giving-back.md), how fast it is in [performance.md](performance.md)."""

HELD = """\
After 10 s; after 30 s where 5 % or more survive. *Live* is what nobody could give back: the bytes of the blocks that
are allocated at the end, as quire counts them."""

METHOD = """\
## How it was measured

*The program* (`bench/workloads/peaks.py`) makes objects until the peak, keeps some, drops the others and rests; it
computes nothing meanwhile and calls nothing, except that `malloc_trim` is called once after each peak where the table
says so. Of several peaks each leaves its survivors, which live to the end, and rests 10 s before the next. At the end
every survivor must be what it was. The count of objects is the same for every allocator, and chosen so that CPython's
own takes the size that the case is named for.

*Held* is seen from outside: the proportional size (`smaps_rollup`), plus pages shared through a file that no page table
has at the moment, plus the page tables, plus 245 bytes for each mapping, which is what Linux 6.18 keeps for one. Plain
RSS counts a page once for each of its mappings. Where a control group was given, its charge is told beside.

*At rest* the program does nothing, so all processor time then is the allocator's. *Peaks* are told in processor time,
the kernel's work for page faults included.

*Peers* are loaded by `LD_PRELOAD`, each with the settings under which it gives back most by itself."""


def write(records: list[dict[str, Any]], folder: Path) -> None:
    every = [figures for record in records for figures in every_limit(record)]
    parts = [INTRODUCTION]
    drawn = next(filter(plot.can_draw, every), None)
    if drawn:
        parts.append(picture(plot.draw(drawn, folder), "Memory held over time, three peaks in a row, by allocator"))
    parts.append(bars_section((title(figures), verdicts(figures)) for figures in every))
    parts += [figures_section(figures) for figures in every]
    parts += [METHOD, settings_section(), machine_section(records, ("giving back",))]
    (folder / "after-a-peak.md").write_text("\n\n".join(parts) + "\n")


# --- sections ------------------------------------------------------------------------------------------------


def title(figures: Figures) -> str:
    return f"{figures.python}, {figures.mappings_max:,} mappings"


def figures_section(figures: Figures) -> str:
    cases = figures.cases()
    parts = [f"## Python {figures.python}, at most {figures.mappings_max:,} mappings", "### Held after rest"]
    parts += [HELD, held_table(figures, cases)]
    if PLOTTED in cases:
        parts += [f"### Over time: {PLOTTED.title}", moments_table(figures, PLOTTED)]
    parts += ["### What else was seen", costs_table(figures, cases)]
    if figures.runs(cases[0], QUIRE):
        parts.append(f"Mappings of a process on quire at rest: {figures.most('mappings'):,} at most.")
    if any(case.peaks > 1 for case in cases):
        several = [case for case in cases if case.peaks > 1]
        parts += [
            "### Peaks in a row",
            "Processor time of each later peak, to the first's.",
            peaks_table(figures, several),
        ]
    return "\n\n".join(parts)


def settings_section() -> str:
    rows = [[allocator.title, allocator.setting()] for allocator in GIVING_BACK if allocator.environment]
    return "## Settings\n\n" + table(["", "setting"], rows)


# --- tables --------------------------------------------------------------------------------------------------


def held_table(figures: Figures, cases: list[Case]) -> str:
    def cell(case: Case, name: str) -> str:
        return f"{figures.held(case, name, case.settled_seconds):.1%}"

    return by_allocator(figures, cases, cell, ["peak", "live"], height_and_live)


def height_and_live(figures: Figures, case: Case) -> list[str]:
    """The peak, on the first of the allocators; what lives on, on quire."""
    live = figures.live(case)
    return [
        f"{figures.height_mib(case, figures.allocators(case)[0]):,.0f} MiB",
        "" if live is None else f"{live:.1%}",
    ]


def by_allocator(
    figures: Figures,
    cases: list[Case],
    cell: Callable[[Case, str], str],
    heads: Iterable[str] = (),
    cells: Callable[[Figures, Case], list[str]] = lambda figures, case: [],
) -> str:
    """A row for each case, a column for each allocator that any case was run on."""
    measured = {name for case in cases for name in figures.allocators(case)}
    allocators = [allocator for allocator in GIVING_BACK if allocator.name in measured]
    rows = [
        [
            case.title,
            *cells(figures, case),
            *(cell(case, each.name) if figures.runs(case, each.name) else "" for each in allocators),
        ]
        for case in cases
    ]
    return table(["", *heads, *(allocator.title for allocator in allocators)], rows)


def moments_table(figures: Figures, case: Case) -> str:
    names = figures.allocators(case)
    rows = [
        [allocator.title, *(f"{figures.held(case, allocator.name, moment):.1%}" for moment in MOMENTS)]
        for allocator in GIVING_BACK
        if allocator.name in names
    ]
    return table(["after the last peak", "at once", *(f"{moment} s" for moment in MOMENTS[1:])], rows)


def costs_table(figures: Figures, cases: list[Case]) -> str:
    """Of each allocator, over all its cases, the worst."""
    rows = []
    for allocator in GIVING_BACK:
        run_on = [case for case in cases if figures.runs(case, allocator.name)]
        if not run_on:
            continue
        name = allocator.name
        firsts = [found.middle for case in run_on if (found := figures.first_peak(case, name))]
        rows.append(
            [
                allocator.title,
                f"{max(figures.share_at_rest(case, name) for case in run_on):.2%}",
                f"{max(figures.rss_to_held(case, name) for case in run_on):.2f}",
                f"{max(firsts):.2f}" if firsts else "",
                f"{figures.most('page_table_bytes', name) / 1024**2:.1f} MiB",
                f"{figures.most('mappings', name):,}",
                *charges(figures, name),
            ]
        )
    heads = ["worst of all cases", "processor at rest", "RSS to held", "first peak's time to CPython's own"]
    return table([*heads, "page tables", "mappings", "control group's charge"], rows)


def charges(figures: Figures, name: str) -> list[str]:
    """After rest, to what is held, where a control group was given."""
    found = [
        (after["charge_bytes"] - run["floor"]["charge_bytes"]) / (after["held_bytes"] - run["floor"]["held_bytes"])
        for case in figures.cases()
        for run in figures.runs(case, name)
        for after in [run["peaks"][-1]["after"][str(case.settled_seconds)]]
        if after["charge_bytes"] is not None and run["floor"]["charge_bytes"] is not None
    ]
    return [f"{max(found):.2f} of what is held" if found else "not asked"]


def peaks_table(figures: Figures, cases: list[Case]) -> str:
    def cell(case: Case, name: str) -> str:
        return ", ".join(f"{figures.later_peak(case, name, number).middle:.2f}" for number in range(1, case.peaks))

    return by_allocator(figures, cases, cell)
