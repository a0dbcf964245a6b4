"""The cases: what is made, how much of it survives and where, how large the peak is and how many there are.

A case is named for all of that, so that any can be asked for: ``tuples-random-1%-0.7GB-3``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "workloads" / "peaks.py"
GB = 10**9

KINDS = {
    "tuples": ("tuples, strings and lists", 250),
    "instances": ("instances", 330),
    "slots": ("instances with slots", 282),
    "documents": ("documents from JSON", 1640),
    "bytes": ("bytes", 201),
    "lists": ("large lists", 16900),
    "tasks": ("asyncio tasks", 1517),
}
"""Title, and how much one takes on CPython's own allocator, the place in the list of all included."""

PATTERNS = {"random": "scattered at random", "nth": "every nth", "clustered": "clustered as a cache leaves them"}

MOMENTS = (0, 2, 10, 30, 60)
"""Seconds after the last peak at which its memory is told."""
MOMENTS_BETWEEN = (0, 2, 10)
"""After the others; the next peak follows the last moment."""

_NAME = re.compile(r"(?P<kind>\w+)-(?P<pattern>\w+)-(?P<percent>[\d.]+)%-(?P<size>[\d.]+)GB-(?P<peaks>\d+)")


@dataclass(frozen=True)
class Case:
    kind: str
    pattern: str
    percent: float
    """Of the objects, those that survive."""
    size_gb: float
    peaks: int = 1

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.pattern}-{self.percent:g}%-{self.size_gb:g}GB-{self.peaks}"

    @property
    def title(self) -> str:
        times = "" if self.peaks == 1 else f", {self.peaks} peaks"
        return f"{KINDS[self.kind][0]}, {self.percent:g} % {PATTERNS[self.pattern]}, {self.size_gb:g} GB{times}"

    @property
    def needed_bytes(self) -> int:
        """What the machine must have free, whichever allocator serves: survivors add up, peers take up to twice."""
        return round(2 * GB * self.size_gb)

    @property
    def settled_seconds(self) -> int:
        """When its memory should have gone back: sooner where few survive."""
        return 10 if self.percent < 5 else 30

    def arguments(self) -> list[str]:
        """What follows ``python`` on the command line."""
        count = round(GB * self.size_gb / KINDS[self.kind][1])
        return [str(PROGRAM), self.kind, self.pattern, f"{10 * self.percent:g}", str(count), str(self.peaks)]


SURVIVORS = [Case("tuples", "random", percent, 0.7) for percent in (0, 0.1, 1, 5, 10, 25)]
IN_A_ROW = [Case("tuples", "random", percent, 0.7, peaks=3) for percent in (0.1, 1, 5, 10)]
OTHER_PATTERNS = [Case("tuples", pattern, percent, 0.7) for pattern in ("nth", "clustered") for percent in (1, 5)]
OTHER_KINDS = [Case(kind, "random", 1, 0.7) for kind in KINDS if kind != "tuples"]
LARGER = [Case("tuples", "random", 1, size_gb) for size_gb in (2, 8)]
CASES = (*SURVIVORS, *IN_A_ROW, *OTHER_PATTERNS, *OTHER_KINDS, *LARGER)
PLOTTED = Case("tuples", "random", 1, 0.7, peaks=3)


def chosen(names: list[str]) -> list[Case]:
    """Those named, which need not be among the usual ones; the usual ones if none is."""
    return [read_case(name) for name in names] or list(CASES)


def read_case(name: str) -> Case:
    match = _NAME.fullmatch(name)
    if not match or match["kind"] not in KINDS or match["pattern"] not in PATTERNS:
        kinds, patterns = ", ".join(KINDS), ", ".join(PATTERNS)
        raise SystemExit(
            f"there is no case {name}; write KIND-PATTERN-SURVIVORS%-SIZEGB-PEAKS, as {PLOTTED.name}; "
            f"kinds: {kinds}; patterns: {patterns}"
        )
    case = Case(match["kind"], match["pattern"], float(match["percent"]), float(match["size"]), int(match["peaks"]))
    if case.percent > 100 or case.peaks < 1 or case.size_gb <= 0:
        raise SystemExit(f"{name} cannot be made: at most 100 % survive, at least 1 peak of more than 0 GB")
    return case
