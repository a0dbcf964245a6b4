"""A ``WhyReport`` as JSON. The format is written down in docs/why.md."""

from __future__ import annotations

from quire.export import WHY_REPORT_VERSION
from quire.export.record_json import Format, to_text
from quire.records.outside import WhyReport

WHY_FORMAT = Format("quire.why", WHY_REPORT_VERSION, WhyReport, "quire why")


def to_json(report: WhyReport) -> str:
    """The report as JSON text, with a line's end."""
    return to_text(report, WHY_FORMAT)
