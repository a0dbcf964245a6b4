"""``quire waterfall``: every resident byte of a process, at the moment of its snapshot."""

from __future__ import annotations

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OPTIONS_HELP, Question
from quire.errors import InvalidOption
from quire.report.answers import Waterfall
from quire.report.resident import resident

HELP = f"""\
quire waterfall FILE|PID [OPTIONS]

Says where the resident memory of a snapshot's process was, every byte of it: in
quire's heap by the state of blocks, and beside it.

{OPTIONS_HELP}"""


def run(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return answer(arguments, "waterfall", "FILE|PID", HELP, _compute, references=False)


def _compute(asked: list[Asked], question: Question) -> Waterfall:
    (file,) = asked
    if file.snapshot.sample is None:
        why = file.snapshot.sample_missing or "its file says nothing of it"
        raise InvalidOption(f"{file.name} does not tell where memory was: {why}; quire why PID looks from outside")
    return resident(file.snapshot.sample)
