"""Comparisons for tests: random ones for Hypothesis, and ones whose numbers are given."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from quire.records.comparison import Comparison, Measurement, Pair
from reports import MIB

SECONDS = st.floats(0.01, 100)
FAULTS = st.integers(100, 10**6)
SIZES = st.none() | st.integers(2**20, 2**34)
MEASUREMENTS = st.builds(
    Measurement, SECONDS, st.just(0.0) | SECONDS, FAULTS, FAULTS, SIZES, SIZES, SIZES, st.sampled_from(["a", "b"])
)
"""Runs as unlike each other as runs of one program can be."""


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    pairs = tuple(draw(st.lists(st.builds(Pair, MEASUREMENTS, MEASUREMENTS), min_size=1, max_size=12)))
    return Comparison(
        version=1,
        quire_version="0.1.0",
        python="3.13.0",
        argv=tuple(draw(st.lists(st.text(max_size=30), min_size=1, max_size=5))),
        wall_seconds=draw(SECONDS),
        pairs_planned=len(pairs) + draw(st.integers(0, 5)),
        pairs=pairs,
    )


def measurement(wall: float = 2.0, cpu: float = 1.0, peak: float = 100, end: float = 50, out: str = "a") -> Measurement:
    """One run; memory in MiB."""
    return Measurement(wall, cpu, 1000, 0, round(peak * MIB), round(end * MIB), round(end * MIB), out)


def comparison(plain: Sequence[Measurement], quire: Sequence[Measurement], planned: int = 0) -> Comparison:
    pairs = tuple(Pair(*runs) for runs in zip(plain, quire, strict=True))
    argv = ("/usr/bin/python", "work.py", "--size", "3\n4")
    return Comparison(1, "0.1.0", "3.13.0", argv, 42.3, planned or len(pairs), pairs)
