"""A campaign in one short table."""

from __future__ import annotations

from collections import Counter

from comparison.campaign import Pair
from comparison.execution import Result
from comparison.junit import FAILED, PASSED, SKIPPED

_ROWS = (
    "passed both ways",
    "skipped both ways",
    "failed both ways",
    "passed on quire only",
    "passed neither way",
    "passed on quire, not run plainly",
    "skipped on quire, not run plainly",
    "unsteady",
    "allowed",
    "differ",
)


def show_table(title: str, pairs: list[Pair]) -> str:
    """Files and cases by what came of them."""
    files, cases = Counter(map(_of_file, pairs)), sum(map(_of_cases, pairs), Counter())
    lines = [f"{title:<56}{'files':>8}{'cases':>9}"]
    lines += [f"{row:<56}{files[row]:>8,}{cases[row]:>9,}" for row in _ROWS if files[row] or cases[row]]
    return "\n".join([*lines, f"{'in all':<56}{files.total():>8,}{cases.total():>9,}"])


def _of_file(pair: Pair) -> str:
    if pair.differing:
        return "differ"
    if pair.unsteady:
        return "unsteady"
    if pair.allowed:
        return "allowed"
    return _of_both(pair, _status(pair.plain), _status(pair.quire))


def _of_cases(pair: Pair) -> Counter[str]:
    named = {"differ": pair.differing, "allowed": pair.allowed, "unsteady": pair.unsteady}
    rows = {case: row for row, cases in named.items() for case in cases}
    cases = {*pair.plain.cases, *pair.quire.cases, *rows}
    both = {case: (pair.plain.cases.get(case), pair.quire.cases.get(case)) for case in cases}
    return Counter(rows.get(case) or _of_both(pair, *statuses) for case, statuses in both.items())


def _of_both(pair: Pair, plain: str | None, quire: str | None) -> str:
    if pair.plain is pair.quire:
        return f"{quire} on quire, not run plainly"
    if plain == quire:
        return f"{plain} both ways"
    return "passed on quire only" if quire == PASSED else "passed neither way"


def _status(result: Result) -> str:
    """A file's: it is skipped where no case passes and none fails."""
    statuses = set(result.cases.values())
    if result.code == 0 or (not result.is_broken and FAILED not in statuses):
        return PASSED if PASSED in statuses else SKIPPED
    return FAILED
