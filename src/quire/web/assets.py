"""The page's own files, as they are installed with the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

PAGE: Final = "page.html"
STYLE: Final = "page.css"
KINDS: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
"""Media types, by the end of the name."""


@cache
def asset(name: str) -> str:
    """The text of one of them.

    Raises:
        FileNotFoundError: there is none of this name.
    """
    return files("quire.web").joinpath("page", name).read_text(encoding="utf-8")


@cache
def names() -> frozenset[str]:
    """Of all that a browser may have."""
    found = files("quire.web").joinpath("page").iterdir()
    return frozenset(each.name for each in found if each.name.rpartition(".")[2] in KINDS)
