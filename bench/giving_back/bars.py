"""What quire must reach after a peak, and whether it does."""

from __future__ import annotations

from figures import QUIRE
from giving_back.cases import Case
from giving_back.figures import Figures
from tables import Verdict

SIZE_GB = 0.7
DEFAULT_LIMIT = 65_530
HELD = {(0.1, 1): 0.02, (1, 1): 0.05, (5, 1): 0.20, (10, 1): 0.45, (0.1, 3): 0.03, (1, 3): 0.12}
"""By the survivors' per cent and the number of peaks, under the default limit of mappings, or a higher one."""
HELD_AT_A_MILLION = 0.05
"""At 1 %, any size, one peak and three."""
RSS_RATIO_MAX = 3
SHARE_MAX = 0.05
STEP_SECONDS_MAX = 0.002
LATER_PEAK_MAX = 1.10
FORK_SECONDS_MAX = {"parent_seconds": 0.1, "child_seconds": 0.15}
FORK_MAPPINGS = 30_000


def verdicts(figures: Figures) -> list[Verdict]:
    """Of the cases that were run on quire. What nobody has measured is told as such."""
    cases = [case for case in figures.cases() if case.pattern == "random" and figures.runs(case, QUIRE)]
    found = [held(figures, case, bar) for case in cases if (bar := held_bar(figures, case)) is not None]
    return [
        *found,
        *rss(figures, cases),
        *at_rest(figures, cases),
        *later(figures, cases),
        *forks(figures),
        steps(figures),
    ]


def held_bar(figures: Figures, case: Case) -> float | None:
    if figures.mappings_max > DEFAULT_LIMIT and case.percent == 1:
        return HELD_AT_A_MILLION
    return HELD.get((case.percent, case.peaks)) if case.size_gb == SIZE_GB else None


def held(figures: Figures, case: Case, bar: float) -> Verdict:
    moment = case.settled_seconds
    measured = figures.held(case, QUIRE, moment)
    return Verdict(f"held after {moment} s: {case.title}", f"≤ {bar:.0%}", f"{measured:.1%}", measured <= bar)


def rss(figures: Figures, cases: list[Case]) -> list[Verdict]:
    ratios = {case.title: figures.rss_to_held(case, QUIRE) for case in cases if held_bar(figures, case) is not None}
    return [at_most("plain RSS to what is held, after rest, worst", ratios, RSS_RATIO_MAX, "{:.2f}")] if ratios else []


def at_rest(figures: Figures, cases: list[Case]) -> list[Verdict]:
    shares = {case.title: figures.share_at_rest(case, QUIRE) for case in cases}
    return [at_most("share of a processor in 10 s of rest, worst", shares, SHARE_MAX, "{:.1%}")] if shares else []


def later(figures: Figures, cases: list[Case]) -> list[Verdict]:
    ratios = {case.title: figures.later_peak(case, QUIRE, 1).middle for case in cases if case.peaks > 1}
    what = "the second peak's processor time to the first's, worst"
    return [at_most(what, ratios, LATER_PEAK_MAX, "{:.2f}")] if ratios else []


def at_most(what: str, values: dict[str, float], bar: float, form: str) -> Verdict:
    worst = max(values, key=lambda name: values[name])
    measured = f"{form.format(values[worst])} ({worst})"
    return Verdict(what, f"≤ {form.format(bar)}", measured, values[worst] <= bar)


def forks(figures: Figures) -> list[Verdict]:
    """Held against the bar once a process has had as many mappings as the bar speaks of."""
    slowest = figures.slowest_fork()
    if slowest is None:
        return []
    taken, mappings = slowest
    names = {"parent_seconds": "fork keeps the parent", "child_seconds": "fork, until the child goes on"}
    return [
        Verdict(
            name,
            f"≤ {FORK_SECONDS_MAX[field]} s with {FORK_MAPPINGS:,} mappings",
            f"{taken[field]:.3f} s with {mappings:,} mappings",
            taken[field] <= FORK_SECONDS_MAX[field] if mappings >= FORK_MAPPINGS else None,
        )
        for field, name in names.items()
    ]


def steps(figures: Figures) -> Verdict:
    """The longest of all: where that is short enough, so is the 99.9th percentile."""
    what, bar = "longest step, processor time", f"≤ {1000 * STEP_SECONDS_MAX:.0f} ms"
    longest = figures.longest_step()
    if longest is None:
        return Verdict(what, bar, "there was no step", None)
    seconds, case = longest
    return Verdict(what, bar, f"{1000 * seconds:.2f} ms ({case.title})", seconds <= STEP_SECONDS_MAX)
