"""``quire referrers`` and ``quire referents``: who refers to an object, and to whom it refers."""

from __future__ import annotations

from functools import partial

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OBJECT_HELP, OPTIONS_HELP, Question
from quire.report.answers import References
from quire.report.references import referents, referrers

_SAYS = {
    "referrers": "Shows who refers to an object, and by what: an index, a key, an attribute, a\nslot.",
    "referents": "Shows to whom an object refers, and by what: an index, a key, an attribute, a\nslot.",
}
_COMPUTE = {"referrers": referrers, "referents": referents}


def run_referrers(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return _run("referrers", arguments)


def run_referents(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return _run("referents", arguments)


def _run(command: str, arguments: list[str]) -> int:
    text = f"quire {command} FILE|PID OBJECT [OPTIONS]\n\n{_SAYS[command]}\n\n{OBJECT_HELP}\n{OPTIONS_HELP}"
    return answer(arguments, command, "FILE|PID OBJECT", text, partial(_compute, command))


def _compute(command: str, asked: list[Asked], question: Question) -> References:
    (file,) = asked
    row = file.object(question.words[1])
    return _COMPUTE[command](file.graph, row, question.rows_in_answer)
