"""Views in, files and formats out."""

RUN_REPORT_VERSION = 1
"""The version of the format in docs/run-report.md. Here, so that a screen can be drawn without importing json."""
COMPARISON_VERSION = 1
"""The version of the format in docs/comparison.md."""
WHY_REPORT_VERSION = 1
"""The version of the format in docs/why.md."""
