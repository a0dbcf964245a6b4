"""``quire diff``: what came, went and grew between two snapshots of a process."""

from __future__ import annotations

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OPTIONS_HELP, Question
from quire.report.answers import Differences
from quire.report.differences import Side, differences

HELP = f"""\
quire diff FILE|PID FILE|PID [OPTIONS]

Compares two snapshots of one process, the earlier first: what came, went and
grew, by type and place. An object is the same if its address and its type are.

{OPTIONS_HELP}"""


def run(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return answer(arguments, "diff", "FILE|PID FILE|PID", HELP, _compute)


def _compute(asked: list[Asked], question: Question) -> Differences:
    before, after = (Side(file.snapshot, file.places) for file in asked)
    return differences(before, after)
