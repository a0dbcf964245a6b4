"""Writes the documents of this folder from the chapters of quire.model: ``nox -s docs``."""

from __future__ import annotations

import sys
from pathlib import Path

from quire.export.chapter import DOCS_PYTHON, documents


def main() -> None:
    """Write every document anew; those that no chapter makes any more go."""
    if sys.version_info[:2] != DOCS_PYTHON:
        sys.exit(f"docs/model is told on Python {DOCS_PYTHON[0]}.{DOCS_PYTHON[1]}; run this with that one")
    folder, made = Path(__file__).parent, documents()
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
