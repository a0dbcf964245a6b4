"""What quire must reach after a peak, and whether it does."""

from __future__ import annotations

from figures import QUIRE
from giving_back.cases import MOMENTS, Case
from giving_back.figures import SHARE_SECONDS, Figures
from tables import Verdict

SIZE_GB = 0.7
DEFAULT_LIMIT = 65_530
HELD = {(0.1, 1): 0.02, (1, 1): 0.05, (5, 1): 0.20, (10, 1): 0.45, (0.1, 3): 0.03, (1, 3): 0.12}
"""By the survivors' per cent and the number of peaks, under the default limit of mappings, or a higher one."""
HELD_AT_A_MILLION = 0.05
"""At 1 %, any size, one peak and three. Where more survive there is no bar, but twice what lives to come near to."""
RSS_RATIO_MAX = 3
SHARE_MAX = 0.05
STEP_SECONDS_MAX = 0.002
"""The 99.9th percentile."""
LATER_PEAK_MAX = 1.10
FORK_SECONDS_MAX = {"parent_seconds": 0.1, "child_seconds": 0.15}
FORK_POOLS = 30_000


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
    if figures.mappings_max > DEFAULT_LIMIT:
        return HELD_AT_A_MILLION if case.percent == 1 else None
    return HELD.get((case.percent, case.peaks)) if case.size_gb == SIZE_GB else None


def held(figures: Figures, case: Case, bar: float) -> Verdict:
    moment = case.settled_seconds
    measured = figures.held(case, QUIRE, moment)
    why = why_held(figures, case)
    return Verdict(f"held after {moment} s: {case.title}", f"≤ {bar:.0%}", f"{measured:.1%}", measured <= bar, why)


def why_held(figures: Figures, case: Case) -> str:
    """What lives, and how it went on: giving back is not done until the helper has had the time it needs."""
    live = figures.live(case)
    later = [f"{figures.held(case, QUIRE, moment):.1%} after {moment} s" for moment in MOMENTS if moment >= 10]
    taken = [
        f"{figures.cpu_seconds_after(case, QUIRE, moment):.2f} s by {moment} s"
        for moment in (SHARE_SECONDS, MOMENTS[-1])
    ]
    parts = [f"{live:.1%} is live"] if live is not None else []
    parts += [", ".join(later) + " is held", "the helper has taken " + " and ".join(taken)]
    return f"{case.title}: {'; '.join(parts)}. It may take {SHARE_MAX:.0%} of a processor."


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
    """Of a process with as many meshed pools as the bar speaks of, or the first above; below, it is not held against
    it."""
    found = figures.fork_nearest(FORK_POOLS)
    if found is None:
        return []
    taken, pools = found
    names = {"parent_seconds": "fork keeps the parent", "child_seconds": "fork, until the child goes on"}
    return [
        Verdict(
            name,
            f"≤ {FORK_SECONDS_MAX[field]} s with {FORK_POOLS:,} meshed pools",
            f"{taken[field]:.3f} s with {pools:,} meshed pools",
            taken[field] <= FORK_SECONDS_MAX[field] if pools >= FORK_POOLS else None,
        )
        for field, name in names.items()
    ]


def steps(figures: Figures) -> Verdict:
    """The case whose 99.9th percentile is the longest; that of all steps, and the longest of all, beside it."""
    what, bar = "steps, processor time, 99.9th percentile, worst", f"≤ {1000 * STEP_SECONDS_MAX:.0f} ms"
    found = figures.steps()
    if not found:
        return Verdict(what, bar, "there was no step", None)
    case, worst = max(found, key=lambda each: each[1]["step_seconds_high"])
    median, longest = (max(given[field] for _, given in found) for field in ("step_seconds_median", "step_seconds_max"))
    high = worst["step_seconds_high"]
    measured = (
        f"{1000 * high:.1f} ms ({case.title}); medians to {1000 * median:.1f} ms, the longest {1000 * longest:.1f} ms"
    )
    return Verdict(what, bar, measured, high <= STEP_SECONDS_MAX)
