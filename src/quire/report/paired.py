"""Paired runs in numbers: what each side took, the ratio of the two, and how sure that is.

A ratio is made of each pair alone, for its two runs met the same machine. The median of the ratios is told, with the
interval between two of them that holds the true median with a probability of 95 % or more. It asks nothing of how
runs are distributed, and so it needs six pairs at least:

    ratios of 9 pairs    0.93  0.95  0.96  0.97  0.97  0.98  0.99  1.02  1.03
                                low         median                  high        certain to 96 %
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb
from statistics import median

from quire.records.comparison import Comparison, Measurement

CONFIDENCE = 0.95
PAIRS_MIN = 6
"""Fewer have no such interval; the lowest and the highest ratio take its place."""
_SAME = 0.01


class Verdict(StrEnum):
    """What an interval of ratios says: quire takes less, more, the same within 1 %, or it is not told from noise."""

    LESS = "less"
    MORE = "more"
    SAME = "same"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Spread:
    """Several runs' values."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """What quire takes, in parts of what plain Python takes."""

    median: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """Judged by the numbers as they are printed, with two decimals."""
        low, high = round(self.low, 2), round(self.high, 2)
        if high < 1:
            return Verdict.LESS
        if low > 1:
            return Verdict.MORE
        return Verdict.SAME if low >= 1 - _SAME and high <= 1 + _SAME else Verdict.UNCLEAR


@dataclass(frozen=True, slots=True)
class Result:
    """One measure of all runs. No ratio: plain Python took nothing of it in some pair."""

    plain: Spread
    quire: Spread
    ratio: Ratio | None

    @property
    def sides(self) -> tuple[Spread, Spread]:
        return self.plain, self.quire


def result(comparison: Comparison, measure: Callable[[Measurement], float | None]) -> Result | None:
    """One measure of the runs of a comparison; ``None`` where it could not be seen in each of them."""
    pairs = [(measure(pair.plain), measure(pair.quire)) for pair in comparison.pairs]
    seen = [(plain, quire) for plain, quire in pairs if plain is not None and quire is not None]
    if not seen or len(seen) < len(pairs):
        return None
    plain, quire = zip(*seen, strict=True)
    return Result(spread(plain), spread(quire), _ratio(seen))


def spread(values: Sequence[float]) -> Spread:
    """The values' middle and ends."""
    return Spread(median(values), min(values), max(values))


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Two of the values that hold the median between them with a probability of ``CONFIDENCE`` or more.

    Of fewer than ``PAIRS_MIN`` values, the lowest and the highest.
    """
    ordered = sorted(values)
    left_out = _left_out(len(ordered))
    return ordered[left_out], ordered[-1 - left_out]


def _left_out(count: int) -> int:
    """How many values lie outside the interval at each end.

    With k left out at each end, the interval misses the median if k values or fewer are on one side of it: as
    likely as k heads or fewer, or as few tails, in as many throws of a coin.
    """
    missed = 0.0
    for k in range(count // 2):
        missed += 2 * comb(count, k) / 2**count
        if missed > 1 - CONFIDENCE:
            return max(k - 1, 0)
    return 0


def _ratio(pairs: Sequence[tuple[float, float]]) -> Ratio | None:
    if any(plain <= 0 for plain, _ in pairs):
        return None
    ratios = [quire / plain for plain, quire in pairs]
    return Ratio(median(ratios), *median_interval(ratios))
