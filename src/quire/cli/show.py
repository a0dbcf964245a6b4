"""``quire show``: a report that ``quire run --json`` or ``quire compare --json`` has written, as tables again."""

from __future__ import annotations

from quire.cli.screen import show
from quire.errors import InvalidOption
from quire.export.comparison import COMPARISON_FORMAT
from quire.export.record_json import from_text
from quire.export.run_report import RUN_FORMAT
from quire.records.comparison import Comparison
from quire.records.process import RunReport
from quire.report.compare_view import compare_view
from quire.report.run_view import run_view

HELP = """\
quire show FILE

Shows a report again that quire run --json FILE or quire compare --json FILE has
written.
"""

_ORIGIN = "a report comes from quire run or quire compare --json FILE"


def run(arguments: list[str]) -> int:
    """Show one file; returns the exit code."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise InvalidOption("quire show takes one file, as --json FILE of quire run or quire compare has written it")
    report = _read(arguments[0])
    show(compare_view(report) if isinstance(report, Comparison) else run_view(report))
    return 0


def _read(path: str) -> RunReport | Comparison:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise InvalidOption(f"cannot read {path}: {error.strerror}; {_ORIGIN}") from None
    except UnicodeDecodeError:
        raise InvalidOption(f"{path} is no report, and no text at all; {_ORIGIN}") from None
    try:
        report: RunReport | Comparison = from_text(text, RUN_FORMAT, COMPARISON_FORMAT)
    except InvalidOption as error:
        raise InvalidOption(f"{path} is {error}") from None
    return report
