"""Text on a terminal's cells: a Korean letter takes two, a combining mark none.

cells("풀 3") == 4      |풀 3  |  <- padded(…, 6)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from unicodedata import category, east_asian_width

ELLIPSIS = "…"
_ASCII = str.maketrans(
    {"■": "#", "▣": "+", "□": "o", "·": ".", "→": ">", "▶": ">", "◀": "<", "…": "~"}
    | {"─": "-", "│": "|", **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰", "+")}
)


def cells(text: str) -> int:
    """How many cells the text takes."""
    return len(text) if text.isascii() else sum(map(_letter_cells, text))


def padded(text: str, width: int, to_right: bool = False) -> str:
    """The text with blanks behind it, or before it, so that it takes so many cells; longer text stays as it is."""
    blanks = " " * (width - cells(text))
    return blanks + text if to_right else text + blanks


def cut(text: str, width: int) -> str:
    """The text, or as much of it as fits, and an ellipsis."""
    if cells(text) <= width:
        return text
    return _beginning(text, width - cells(ELLIPSIS)) + ELLIPSIS if width > 0 else ""


def cut_within(text: str, width: int) -> str:
    """The text, or its beginning and its end with an ellipsis between: both tell of a path."""
    if cells(text) <= width:
        return text
    left = width - cells(ELLIPSIS)
    return _beginning(text, left - left // 2) + ELLIPSIS + _beginning(text[::-1], left // 2)[::-1]


def wrapped(text: str, width: int) -> list[str]:
    """The words of a text on lines; a word that is longer than a line is broken. No text is one empty line."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cells(longer) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        *whole, lines[-1] = _broken(word, width)
        lines[-1:-1] = whole
    return lines


def pieces(items: Iterable[str], width: int, between: str) -> list[str]:
    """Short texts, one after another, on as few lines as they need; each is cut to a line."""
    lines: list[str] = []
    for item in (cut(item, width) for item in items):
        longer = f"{lines[-1]}{between}{item}" if lines else item
        if lines and cells(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(item)
    return lines


def as_ascii(text: str) -> str:
    """The text with plain characters in place of lines, boxes and arrows; each takes one cell, as before."""
    return text.translate(_ASCII)


def _broken(word: str, width: int) -> Iterator[str]:
    while cells(word) > width:
        piece = _beginning(word, width) or word[0]
        yield piece
        word = word[len(piece) :]
    yield word


def _beginning(text: str, width: int) -> str:
    taken = 0
    for place, letter in enumerate(text):
        taken += _letter_cells(letter)
        if taken > width:
            return text[:place]
    return text


def _letter_cells(letter: str) -> int:
    if east_asian_width(letter) in "WF":
        return 2
    return 0 if category(letter) in ("Mn", "Me", "Cf") or "\u1160" <= letter <= "\u11ff" else 1
