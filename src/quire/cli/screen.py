"""A view on standard output, for the commands that look; the same text as a program's report at its end."""

from __future__ import annotations

import sys

from quire.export.terminal import style_of
from quire.report.plain import Style, draw
from quire.report.view import View

_STDOUT = 1


def show(view: View, width_max: int | None = None) -> None:
    """Draw the view on standard output, no wider than ``width_max``, if that is given."""
    write(draw(view, style(width_max)))


def style(width_max: int | None = None) -> Style:
    """What standard output can do; a view of ours is no wider than ``width_max``, if that is given."""
    return style_of(_STDOUT, _encoding(), width_max)


def write(text: str) -> None:
    """Text on standard output; what its encoding does not have is escaped."""
    encoding = _encoding()
    print(text.encode(encoding, "backslashreplace").decode(encoding), end="")


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"
