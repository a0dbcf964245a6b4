"""What the place that shows a view can do: how wide it is, which characters it has, and whether colours are wanted."""

from __future__ import annotations

import os
from collections.abc import Mapping

from quire.report.plain import Style

_WIDTH = 80
_WIDTH_MAX = 100
_CTYPE_BY_PYTHON = "C.UTF-8"
"""What Python itself sets it to where the locale is C (PEP 538)."""
_CHARACTERS = "█▏─■▣□·▶◀╭╮╯┤→"


def style_of(descriptor: int, encoding: str, width_max: int | None = None) -> Style:
    """How to draw on what is open at the descriptor; as on a file, if it is not open."""
    is_terminal = _is_terminal(descriptor)
    has_colours = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = _terminal_width(descriptor, width_max or _WIDTH_MAX) if is_terminal else _WIDTH
    is_unicode = _has_characters(encoding) and not is_c_locale(os.environ)
    return Style(width, is_unicode, has_colours)


def is_c_locale(environment: Mapping[str, str]) -> bool:
    """Whether the locale was set to C, which has ASCII only. Python writes UTF-8 there, unless told otherwise."""
    names = [environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if names[1] == _CTYPE_BY_PYTHON:
        del names[1]
    return next(filter(None, names), "") in ("C", "POSIX")


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _terminal_width(descriptor: int, width_max: int) -> int:
    try:
        columns = os.get_terminal_size(descriptor).columns
    except OSError:
        return _WIDTH
    return min(columns or _WIDTH, width_max)


def _has_characters(encoding: str) -> bool:
    try:
        _CHARACTERS.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True
