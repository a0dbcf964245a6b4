"""The page's plot: processor time and peak memory against CPython's own, by program and Python; light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from allocators import ALL
from catalogue import WORKLOADS
from drawing import COLOURS, draw_both
from figures import OWN, QUIRE, Figures

FIELDS = {"cpu_seconds": "processor time", "peak_bytes": "peak memory"}
MEAN = "geometric mean"


def draw(every: list[Figures], folder: Path) -> tuple[Path, Path]:
    return draw_both(folder, "performance", lambda ink: picture(every, ink))


def picture(every: list[Figures], ink: str) -> Any:
    names = [workload.name for workload in WORKLOADS if any(workload.name in figures.runs for figures in every)]
    size = (4.2 * len(every) + 2.4, 0.2 * (len(names) + 3) * len(FIELDS) + 1.2)
    figure, grid = plt.subplots(len(FIELDS), len(every), squeeze=False, sharey=True, sharex="row", figsize=size)
    for row, field in zip(grid, FIELDS, strict=True):
        for axes, figures in zip(row, every, strict=True):
            panel(axes, figures, field, names, ink)
            axes.set_title(f"Python {figures.python}: {FIELDS[field]}", fontsize=10)
    labels = [workload.title for workload in WORKLOADS if workload.name in names]
    grid[0][0].set_yticks(range(len(names) + 1), [*labels, MEAN])
    grid[0][0].invert_yaxis()
    named = {}
    for axes in grid[0]:  # not every Python has every allocator
        handles, words = axes.get_legend_handles_labels()
        named |= dict(zip(words, handles, strict=True))
    figure.legend(named.values(), named, loc="lower center", ncols=len(named), frameon=False)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    return figure


def panel(axes: Any, figures: Figures, field: str, names: list[str], ink: str) -> None:
    """Each row a program, the last one the mean. quire with its interval, peers as points behind it."""
    axes.axvline(1, color=ink, linewidth=0.8)
    axes.axhline(len(names) - 0.5, color=ink, linewidth=0.4)
    titles = {allocator.name: allocator.title for allocator in ALL}
    for allocator in sorted((name for name in figures.allocators() if name != OWN), key=lambda name: name == QUIRE):
        found = [figures.ratio(name, allocator, field) if name in figures.runs else None for name in names]
        intervals = [*found, figures.mean(allocator, field)]
        at = [(place, each) for place, each in enumerate(intervals) if each is not None]
        is_quire = allocator == QUIRE
        axes.errorbar(
            [each.middle for _, each in at],
            [place for place, _ in at],
            xerr=[[each.middle - each.low for _, each in at], [each.high - each.middle for _, each in at]],
            fmt="o" if is_quire else ".",
            color=COLOURS[allocator],
            alpha=1 if is_quire else 0.7,
            markersize=5 if is_quire else 6,
            elinewidth=1.4 if is_quire else 0,
            label=titles.get(allocator, allocator),
        )
    axes.set_xlabel("of CPython's own (less is better)")
    axes.grid(axis="x", linewidth=0.3, alpha=0.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
