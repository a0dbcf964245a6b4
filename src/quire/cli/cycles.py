"""``quire cycles``: what only the collector can free."""

from __future__ import annotations

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OPTIONS_HELP, Question
from quire.report.answers import Cycles
from quire.report.cycles import cycles

HELP = f"""\
quire cycles FILE|PID [OPTIONS]

Counts what no root reaches, by type, and shows one cycle in full.

{OPTIONS_HELP}"""


def run(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return answer(arguments, "cycles", "FILE|PID", HELP, _compute)


def _compute(asked: list[Asked], question: Question) -> Cycles:
    (file,) = asked
    return cycles(file.graph, file.reach)
