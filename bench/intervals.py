"""How sure a ratio is: medians over rounds, and 95 % intervals by the bootstrap.

What is resampled are the rounds, each with its pair of measurements; so what slowed both of a pair down cancels out.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

RESAMPLES = 2000
TAIL = 0.025


@dataclass(frozen=True)
class Interval:
    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.3f} ({self.low:.3f}-{self.high:.3f})"


def ratio_of_rounds(values: Sequence[float], own: Sequence[float]) -> Interval:
    """The median over the rounds of value / own, of values measured in the same rounds."""
    ratios = ratios_of_rounds(values, own)
    return bootstrap(lambda dice: statistics.median(resampled(ratios, dice)), statistics.median(ratios))


def difference_of_rounds(values: Sequence[float], own: Sequence[float]) -> Interval:
    """The median over the rounds of value - own."""
    differences = [value - base for value, base in zip(values, own, strict=True)]
    return bootstrap(lambda dice: statistics.median(resampled(differences, dice)), statistics.median(differences))


def geometric_mean(workloads: Sequence[Sequence[float]]) -> Interval:
    """Of the medians of several workloads' ratios. The workloads are what they are; their rounds are resampled."""
    return bootstrap(
        lambda dice: statistics.geometric_mean(statistics.median(resampled(ratios, dice)) for ratios in workloads),
        statistics.geometric_mean(statistics.median(ratios) for ratios in workloads),
    )


def ratios_of_rounds(values: Sequence[float], own: Sequence[float]) -> list[float]:
    return [value / base for value, base in zip(values, own, strict=True)]


def resampled(values: Sequence[float], dice: random.Random) -> list[float]:
    return dice.choices(values, k=len(values))


def bootstrap(draw: Callable[[random.Random], float], middle: float) -> Interval:
    dice = random.Random(1)
    drawn = sorted(draw(dice) for _ in range(RESAMPLES))
    return Interval(middle, drawn[math.floor(TAIL * RESAMPLES)], drawn[math.ceil((1 - TAIL) * RESAMPLES) - 1])
