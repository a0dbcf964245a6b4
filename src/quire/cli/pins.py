"""``quire pins``: which survivors keep which memory from going back."""

from __future__ import annotations

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OPTIONS_HELP, Question
from quire.report.answers import Pins
from quire.report.pins import pins

HELP = f"""\
quire pins FILE|PID [OPTIONS]

Says which memory cannot go back to the system for a few live blocks in it,
which blocks those are, and what keeps them: by type and place, and by arena.
What meshed pools share is not counted. --json and --csv have at most 10,000
types and places; the last row then sums up the others.

{OPTIONS_HELP}"""


def run(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return answer(arguments, "pins", "FILE|PID", HELP, _compute)


def _compute(asked: list[Asked], question: Question) -> Pins:
    (file,) = asked
    return pins(file.snapshot, file.places)
