"""The page's plot, and the README's: memory held over time, three peaks in a row, quire and the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from allocators import GIVING_BACK
from drawing import COLOURS, draw_both
from figures import OWN, QUIRE
from giving_back.cases import PLOTTED
from giving_back.figures import Figures, Run

MIB = 1024**2


def can_draw(figures: Figures) -> bool:
    return bool(figures.allocators(PLOTTED))


def draw(figures: Figures, folder: Path) -> tuple[Path, Path]:
    return draw_both(folder, "after-a-peak", lambda ink: picture(figures, ink))


def picture(figures: Figures, ink: str) -> Any:
    """A line for each allocator, of its first run; the rests have the same length, the peaks need not."""
    figure, axes = plt.subplots(figsize=(8.4, 4.2))
    titles = {allocator.name: allocator.title for allocator in GIVING_BACK}
    for name in sorted(figures.allocators(PLOTTED), key=lambda name: name == QUIRE):
        seconds, held_mib = line(figures.runs(PLOTTED, name)[0])
        style = {"linewidth": 2.2} if name == QUIRE else {"linewidth": 1.2, "alpha": 0.85}
        axes.plot(seconds, held_mib, color=COLOURS[name], label=titles[name], linestyle=dash(name), **style)
    axes.set_xlabel("seconds")
    axes.set_ylabel("MiB held")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{PLOTTED.title}; Python {figures.python}", fontsize=10, color=ink)
    axes.grid(axis="y", linewidth=0.3, alpha=0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    return figure


def line(run: Run) -> tuple[list[float], list[float]]:
    return [seconds for seconds, _ in run["series"]], [held_bytes / MIB for _, held_bytes in run["series"]]


def dash(name: str) -> str:
    return "--" if name in (OWN, "glibc") else "-"
