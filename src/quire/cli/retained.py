"""``quire retained``: what would be free without an object: the tree of dominators."""

from __future__ import annotations

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OBJECT_HELP, OPTIONS_HELP, Question
from quire.report.answers import Retained
from quire.report.retained import retained

HELP = f"""\
quire retained FILE|PID [OBJECT] [OPTIONS]

Shows what the roots retain, the largest first; with an object, what that
retains: what would be free without it. --json and --csv have at most 10,000
rows, unless --rows says how many.

{OBJECT_HELP}
{OPTIONS_HELP}"""

_ROWS_MAX = 10_000


def run(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return answer(arguments, "retained", "FILE|PID [OBJECT]", HELP, _compute)


def _compute(asked: list[Asked], question: Question) -> Retained:
    (file,) = asked
    row = file.object(question.words[1]) if len(question.words) > 1 else None
    tree = file.tree  # first: without the core there is no need to search
    return retained(file.graph, file.reach, tree, row, question.rows_in_answer or _ROWS_MAX)
