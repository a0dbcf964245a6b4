"""A view on standard output, for the commands that look; the same text as a program's report at its end."""

from __future__ import annotations

import sys

from quire.export.terminal import style_of
from quire.report.plain import draw
from quire.report.view import View

_STDOUT = 1


def show(view: View) -> None:
    """Draw the view on standard output; what its encoding does not have is escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = draw(view, style_of(_STDOUT, encoding))
    print(text.encode(encoding, "backslashreplace").decode(encoding), end="")
