"""``quire referrers``: who refers to an object."""

from __future__ import annotations

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OBJECT_HELP, OPTIONS_HELP, Question
from quire.report.answers import References
from quire.report.references import referrers

HELP = f"""\
quire referrers FILE OBJECT [OPTIONS]

Shows who refers to an object, and by what: an index, a key, an attribute, a slot.

{OBJECT_HELP}
{OPTIONS_HELP}"""


def run(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return answer(arguments, "referrers", "FILE OBJECT", HELP, _compute)


def _compute(asked: list[Asked], question: Question) -> References:
    (file,) = asked
    row = file.object(question.words[1])
    return referrers(file.graph, row, question.rows_in_answer)
