"""A ``Comparison`` as JSON, and back. The format is written down in docs/comparison.md.

Beside the measurements stand the results that the screen shows, for whoever wants only those.
"""

from __future__ import annotations

from quire.export import COMPARISON_VERSION
from quire.export.record_json import Format, from_text, to_text
from quire.records.comparison import Comparison
from quire.report.compare_view import MEASURES
from quire.report.paired import result

COMPARISON_FORMAT = Format("quire.compare", COMPARISON_VERSION, Comparison, "quire compare")


def to_json(comparison: Comparison) -> str:
    """The comparison as JSON text, with a line's end."""
    results = {measure.key: result(comparison, measure.of) for measure in MEASURES}
    return to_text(comparison, COMPARISON_FORMAT, results=results)


def from_json(text: str) -> Comparison:
    """The comparison that ``to_json`` wrote.

    Raises:
        InvalidOption: the text is not such a comparison, is damaged, or comes from a newer quire.
    """
    comparison: Comparison = from_text(text, COMPARISON_FORMAT)
    return comparison
