"""A ``WhyReport`` as JSON. The format is written down in docs/why.md."""

from __future__ import annotations

from quire.export import WHY_REPORT_VERSION
from quire.export.record_json import Format, from_text, to_text
from quire.records import WhyReport

WHY_FORMAT = Format("quire.why", WHY_REPORT_VERSION, WhyReport, "quire why")


def to_json(report: WhyReport) -> str:
    """The report as JSON text, with a line's end."""
    return to_text(report, WHY_FORMAT)


def from_json(text: str) -> WhyReport:
    """The report that ``to_json`` wrote.

    Raises:
        InvalidOption: the text is not such a report, is damaged, or comes from a newer quire.
    """
    report: WhyReport = from_text(text, WHY_FORMAT)
    return report
