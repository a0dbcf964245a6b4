"""How the pages' plots are drawn: for light and for dark pages, an allocator in the same colour everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt

COLOURS = {
    "cpython": "#8250df",
    "quire": "#2f8fd6",
    "guarded": "#56b4e9",
    "glibc": "#999999",
    "glibc-trim": "#b8860b",
    "mimalloc": "#e69f00",
    "jemalloc": "#009e73",
    "tcmalloc": "#cc79a7",
    "builtin": "#d55e00",
}
INKS = {"light": "#1f2328", "dark": "#e6edf3"}


def draw_both(folder: Path, name: str, picture: Callable[[str], Any]) -> tuple[Path, Path]:
    """Write one figure for light and one for dark pages; it is made with the colour of its text."""
    paths = {kind: folder / f"{name}-{kind}.svg" for kind in INKS}
    for kind, ink in INKS.items():
        with plt.rc_context(style(ink)):
            figure = picture(ink)
            figure.savefig(paths[kind], transparent=True, metadata={"Date": None})
            plt.close(figure)
    return paths["light"], paths["dark"]


def style(ink: str) -> dict[str, Any]:
    names = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    return dict.fromkeys(names, ink) | {"font.size": 9, "svg.hashsalt": "quire", "svg.fonttype": "none"}
