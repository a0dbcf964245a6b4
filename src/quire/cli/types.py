"""``quire types``: what a snapshot's heap is made of, by type and by module."""

from __future__ import annotations

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OPTIONS_HELP, Question
from quire.process.core import core
from quire.report.answers import Types
from quire.report.types import types

HELP = f"""\
quire types FILE|PID [OPTIONS]

Counts the objects of a snapshot by type and by module, with what belongs to
them, and says what would be free without them.

{OPTIONS_HELP}"""


def run(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return answer(arguments, "types", "FILE|PID", HELP, _compute)


def _compute(asked: list[Asked], question: Question) -> Types:
    """Retained sizes are left out where they cannot be had: without references, or without the native core."""
    (file,) = asked
    can_retain = file.snapshot.has_edges and core is not None
    return types(file.snapshot, file.tree if can_retain else None)
