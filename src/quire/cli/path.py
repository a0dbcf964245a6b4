"""``quire path``: the shortest paths from a root to an object: what keeps it alive?"""

from __future__ import annotations

from quire.cli.answer import answer
from quire.cli.asked import Asked
from quire.cli.question import OBJECT_HELP, OPTIONS_HELP, Question
from quire.report.answers import Paths
from quire.report.paths import paths

HELP = f"""\
quire path FILE|PID OBJECT [OPTIONS]

Shows the shortest paths from a root (a module, a frame, a type, C) to an
object. --rows says how many; 5 if not given.

  --dot        the paths as a graph for GraphViz, on standard output:
               quire path heap.quire LogRecord --dot | dot -Tsvg > path.svg

{OBJECT_HELP}
{OPTIONS_HELP}"""

_PATHS = 5


def run(arguments: list[str]) -> int:
    """Answer; returns the exit code."""
    return answer(arguments, "path", "FILE|PID OBJECT", HELP, _compute)


def _compute(asked: list[Asked], question: Question) -> Paths:
    (file,) = asked
    row = file.object(question.words[1])
    return paths(file.graph, file.reach, row, question.rows or _PATHS)
