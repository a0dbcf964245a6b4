"""Paired runs in numbers: which interval holds the median, and what an interval says."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparisons import comparison, measurement
from quire.records.comparison import Measurement
from quire.report.paired import CONFIDENCE, PAIRS_MIN, Ratio, Verdict, median_interval, result, spread

VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("number", "left_out"),
    [(1, 0), (2, 0), (5, 0), (6, 0), (8, 0), (9, 1), (11, 1), (12, 2), (15, 3), (20, 5), (25, 7), (50, 17), (100, 39)],
)
def test_the_interval_is_the_sign_tests(number: int, left_out: int) -> None:
    """How many values lie outside at each end is as in the printed tables of the sign test at 5 %."""
    assert median_interval(range(number)) == (left_out, number - 1 - left_out)


@pytest.mark.parametrize("number", range(PAIRS_MIN, 15))
def test_the_interval_holds_the_median_often_enough_and_no_narrower_one_does(number: int) -> None:
    """Counted over every way in which values can fall on the two sides of the true median."""
    low, high = (int(end) for end in median_interval(range(number)))
    assert coverage(number, low, high) >= CONFIDENCE > coverage(number, low + 1, high - 1)


def coverage(number: int, low: int, high: int) -> Fraction:
    """The share of all outcomes in which the true median lies between the values of these two ranks."""
    below = [sum(sides) for sides in product((0, 1), repeat=number)]
    return Fraction(sum(low < count <= high for count in below), len(below))


def test_fewer_pairs_have_no_such_interval() -> None:
    """With five values even the lowest and the highest hold the median too seldom; six are the fewest."""
    assert coverage(PAIRS_MIN - 1, 0, PAIRS_MIN - 2) < CONFIDENCE <= coverage(PAIRS_MIN, 0, PAIRS_MIN - 1)


@given(VALUES)
def test_the_interval_is_of_the_values_and_about_their_median(values: list[float]) -> None:
    """Whatever the values and their order, the ends are among them, and the median lies between."""
    low, high = median_interval(values)
    assert low in values
    assert high in values
    assert min(values) <= low <= median(values) <= high <= max(values)
    assert median_interval(values[::-1]) == (low, high)


@given(VALUES)
def test_the_spread_is_the_middle_and_the_ends(values: list[float]) -> None:
    """The median lies between the lowest and the highest, which are values themselves."""
    found = spread(values)
    assert (found.lowest, found.highest) == (min(values), max(values))
    assert found.lowest <= found.median <= found.highest


def test_a_ratio_is_made_of_each_pair() -> None:
    """A machine that slows down in the middle changes both runs of a pair, and no ratio."""
    slow = (1, 1, 1, 3, 3, 3, 1)
    runs = comparison([measurement(2.0 * by) for by in slow], [measurement(1.8 * by) for by in slow])
    found = result(runs, lambda run: run.wall_seconds)
    assert found is not None
    assert found.ratio is not None
    assert (found.ratio.median, found.ratio.low, found.ratio.high) == pytest.approx((0.9, 0.9, 0.9))
    assert (found.plain.median, found.plain.lowest, found.plain.highest) == (2.0, 2.0, 6.0)


def test_a_ratio_by_hand() -> None:
    """The median of 0.8, 1.0 and 1.5, not the quotient of the medians 30 and 20."""
    plain, quire = (10, 30, 20), (8, 30, 30)
    runs = comparison([measurement(value) for value in plain], [measurement(value) for value in quire])
    found = result(runs, lambda run: run.wall_seconds)
    assert found is not None
    assert found.ratio == Ratio(1.0, 0.8, 1.5)


def test_what_was_not_seen_in_every_run_has_no_result() -> None:
    """One run without a number, and nothing is said of that measure; plainly nothing, and there is no ratio."""
    unseen = Measurement(1.0, 0.0, 0, 0, None, None, None, "")
    runs = comparison([measurement(), unseen], [measurement(), measurement()])
    assert result(runs, lambda run: run.rss_bytes) is None
    found = result(runs, lambda run: run.cpu_seconds)
    assert found is not None
    assert found.ratio is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.90, 0.98, Verdict.LESS),
        (0.90, 0.994, Verdict.LESS),
        (0.90, 0.996, Verdict.UNCLEAR),
        (1.02, 1.30, Verdict.MORE),
        (1.004, 1.30, Verdict.UNCLEAR),
        (0.99, 1.01, Verdict.SAME),
        (1.0, 1.0, Verdict.SAME),
        (0.98, 1.01, Verdict.UNCLEAR),
        (0.99, 1.02, Verdict.UNCLEAR),
        (0.5, 2.0, Verdict.UNCLEAR),
    ],
)
def test_an_interval_says_what_it_prints(low: float, high: float, verdict: Verdict) -> None:
    """Less or more only where the interval as printed leaves out 1.00, the same only within one hundredth of it."""
    assert Ratio((low + high) / 2, low, high).verdict is verdict
