"""What the pages are put together from: tables, verdicts, the machine, a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS = {True: "reached", False: "**missed**", None: ""}


@dataclass(frozen=True)
class Verdict:
    """What must be reached, and whether it is."""

    what: str
    bar: str
    measured: str
    is_reached: bool | None
    """None: not measured."""
    why_missed: str = ""
    """What is known of it, told where the bar is missed."""


def bars_section(every: Iterable[tuple[str, list[Verdict]]]) -> str:
    """Of each Python, its verdicts."""
    found = [(python, verdict) for python, verdicts in every for verdict in verdicts]
    rows = [
        [python, verdict.what, verdict.bar, verdict.measured, WORDS[verdict.is_reached]] for python, verdict in found
    ]
    parts = ["## What it must reach", table(["Python", "", "bar", "measured", ""], rows)]
    reasons = dict.fromkeys(verdict.why_missed for _, verdict in found if verdict.is_reached is False)
    return "\n\n".join(parts + [f"*Missed:* {reason}" for reason in reasons if reason])


def machine_section(records: list[dict[str, Any]], sections: Iterable[str]) -> str:
    """Of each Python; ``sections`` name what of it is on the page, and so which code is told."""
    rows = []
    for record in records:
        machine, versions = record["machine"], record["versions"]
        codes = {code for section in sections for code in record["code"].get(section, {}).values()}
        rows.append(
            [
                record["python"]["version"],
                record["python"]["compiler"],
                f"{machine['processors']} x {machine['processor']}, {machine['memory_bytes'] / 1024**3:.0f} GiB",
                f"Linux {machine['kernel']}, huge pages: {machine['huge_pages']}",
                ", ".join(f"{name} {version}" for name, version in versions.items()),
                ", ".join(sorted(codes)),
            ]
        )
    heads = ["Python", "compiler", "machine", "system", "versions", "quire's code"]
    return "## Machine and versions\n\n" + table(heads, rows)


def picture(paths: tuple[Path, Path], text: str) -> str:
    """For light and for dark pages; the text is for who cannot see it."""
    light, dark = paths
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark.name}">'
        f'<img src="{light.name}" alt="{text}"></picture>'
    )


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
