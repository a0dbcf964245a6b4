"""``quire show``: a report that ``quire run --json`` has written, as tables again."""

from __future__ import annotations

from quire.errors import InvalidOption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from quire.records import RunReport

HELP = """\
quire show FILE

Shows a report again that quire run --json FILE has written.
"""


def run(arguments: list[str]) -> int:
    """Show one file; returns the exit code."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise InvalidOption("quire show takes one file, as quire run --json FILE has written it")
    report = _read(arguments[0])
    from quire.cli.screen import show
    from quire.report.run_view import run_view

    show(run_view(report))
    return 0


def _read(path: str) -> RunReport:
    from quire.export.run_report import from_json

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise InvalidOption(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidOption(f"{path} is not a report of quire run, but no text at all") from None
    try:
        return from_json(text)
    except InvalidOption as error:
        raise InvalidOption(f"{path} is {error}") from None
