"""A ``RunReport`` as JSON, and back. The format is written down in docs/run-report.md."""

from __future__ import annotations

from quire.export import RUN_REPORT_VERSION
from quire.export.record_json import Format, from_text, to_text
from quire.records.process import RunReport

RUN_FORMAT = Format("quire.run", RUN_REPORT_VERSION, RunReport, "quire run")


def to_json(report: RunReport) -> str:
    """The report as JSON text, with a line's end."""
    return to_text(report, RUN_FORMAT)


def from_json(text: str) -> RunReport:
    """The report that ``to_json`` wrote.

    Raises:
        InvalidOption: the text is not such a report, is damaged, or comes from a newer quire.
    """
    report: RunReport = from_text(text, RUN_FORMAT)
    return report
