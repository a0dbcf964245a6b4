"""Answering a question about a snapshot: the same for every command but for what is computed."""

from __future__ import annotations

from collections.abc import Callable

from quire.cli.asked import Asked
from quire.cli.progress import Progress
from quire.cli.question import Form, Question, read_question
from quire.cli.screen import show, write
from quire.export.answers import answer_csv, answer_json
from quire.export.dot import paths_dot
from quire.report.answer_views import Answer, answer_view
from quire.report.answers import Paths

_WIDTH_MAX = 160
"""Paths are long: these tables take more of a wide terminal than others."""
Compute = Callable[[list[Asked], Question], Answer]


def answer(
    arguments: list[str], command: str, takes: str, text: str, compute: Compute, *, references: bool = True
) -> int:
    """Run a command; returns the exit code.

    Args:
        arguments: the words after it.
        command: its name.
        takes: what it is given, ``FILE|PID FILE|PID`` or ``FILE|PID [OBJECT]``.
        text: its help.
        compute: from the files that are asked, and the question, to the answer.
        references: whether it needs to know who refers to whom.
    """
    question = read_question(arguments, command, takes)
    if question.wants_help:
        print(text, end="")
        return 0
    with Progress() as progress:
        names = question.words[: takes.split().count("FILE|PID")]
        timeout = question.timeout_seconds
        asked = [Asked(name, progress, command, references=references, timeout_seconds=timeout) for name in names]
        found = compute(asked, question)
    _tell(found, command, question, asked[-1].snapshot.python)
    return 0


def _tell(found: Answer, command: str, question: Question, python: str) -> None:
    match question.form:
        case Form.JSON:
            write(answer_json(found, command))
        case Form.CSV:
            write(answer_csv(found))
        case Form.DOT:
            assert isinstance(found, Paths)
            write(paths_dot(found))
        case Form.SCREEN:
            title = f"quire {command}: {' '.join(question.words)}"
            view = answer_view(found, title, f"Python {python}", question.rows_on_screen)
            show(view, width_max=_WIDTH_MAX)
