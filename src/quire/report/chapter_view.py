"""A chapter on the terminal: prose wrapped, steps with their code, and what they showed drawn below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from quire.records.chapter import ChapterTold, Language, Prose, ProseKind, StepTold
from quire.report.cells import as_ascii, cells, cut, padded, wrapped
from quire.report.pictures import draw
from quire.report.plain import Paint, Style

_PROSE_CELLS_MAX = 88
"""Longer lines are hard to read, on however wide a terminal."""
_BOLD, _DIM, _CODE_COLOUR = "1", "2", "36"
_CODE_INDENT = "    "
_MARKED = re.compile(r"(`[^`]*`)|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^]]+)\]\(([^)]+)\)")


def draw_chapter(told: ChapterTold, head: str, feet: Sequence[str], style: Style) -> str:
    """The chapter as text.

    Args:
        told: what there is to tell.
        head: what stands to the right of its title, if anything.
        feet: sentences that stand below it, if any.
        style: what the place that shows it can do.
    """
    view = _View(told.language, style)
    room = style.width - cells(head) - 2
    title = view.paint(padded(cut(told.title, room), room if head else 0), _BOLD)
    title += "  " + view.paint(head, _DIM) if head else ""
    below = [[view.rule(""), *(line for foot in feet for line in view.prose(foot))]] if feet else []
    text = "\n\n".join("\n".join(block) for block in ([title], *view.blocks(told.pieces), *below)) + "\n"
    return text if style.is_unicode else as_ascii(text)


def draw_list(
    rows: Sequence[tuple[str, str]], title: str, feet: Sequence[str], language: Language, style: Style
) -> str:
    """The chapters' names and titles, one line each, with numbers."""
    view = _View(language, style)
    names = max(cells(name) for name, _title in rows)
    lines = [view.paint(title, _BOLD), ""]
    for number, (name, its_title) in enumerate(rows, start=1):
        lines.append(cut(f"{number:>3}  {padded(name, names)}  {its_title}", style.width))
    text = "\n".join([*lines, "", *(line for foot in feet for line in view.prose(foot))]) + "\n"
    return text if style.is_unicode else as_ascii(text)


def _is_item(piece: object) -> bool:
    return isinstance(piece, Prose) and piece.kind is ProseKind.ITEM


class _View:
    """Pieces to lines, for one place and one language."""

    def __init__(self, language: Language, style: Style) -> None:
        self.paint = Paint(style.is_coloured)
        self._language = language
        self._width = style.width

    def blocks(self, pieces: Sequence[Prose | StepTold]) -> Iterator[list[str]]:
        """The pieces as blocks of lines, an empty line between any two; a list's items are one block."""
        for is_list, group in groupby(pieces, key=_is_item):
            blocks = map(self.piece, group)
            yield from [[line for block in blocks for line in block]] if is_list else blocks

    def piece(self, piece: Prose | StepTold) -> list[str]:
        """One piece as lines."""
        if isinstance(piece, StepTold):
            return list(self._step(piece))
        match piece.kind:
            case ProseKind.HEADING:
                lines = self.prose(piece.text)
                return [*(self.paint(line, _BOLD) for line in lines), self.paint("─" * max(map(cells, lines)), _DIM)]
            case ProseKind.ITEM:
                return self.prose(piece.text, f"{piece.mark} ")
            case ProseKind.SAMPLE:
                return [self.paint(line, _CODE_COLOUR) for line in self._code(piece.text)]
            case _:
                return self.prose(piece.text)

    def prose(self, text: str, mark: str = "", width: int | None = None) -> list[str]:
        """Words on lines, behind a mark that stands out on the left."""
        room = min(width or self._width, _PROSE_CELLS_MAX) - cells(mark)
        first, *more = wrapped(plain(text), room)
        return [mark + first, *(" " * cells(mark) + line for line in more)]

    def rule(self, name: str) -> str:
        """A line across, with a name in it."""
        room = min(self._width, _PROSE_CELLS_MAX)
        head = cut(f"── {name} ", room) if name else ""
        return self.paint(head + "─" * (room - cells(head)), _DIM)

    def _step(self, step: StepTold) -> Iterator[str]:
        yield self.rule(step.name)
        yield from (self.paint(line, _CODE_COLOUR) for line in self._code(step.code))
        for number, picture in enumerate(step.pictures, start=1):
            yield ""
            mark = f"{number}. " if len(step.pictures) > 1 else ""
            yield from ("  " + self.paint(line, _BOLD) for line in self.prose(picture.caption, mark, self._width - 2))
            yield from (f"  {line}".rstrip() for line in draw(picture.what, self._language, self._width - 2))

    def _code(self, code: str) -> Iterator[str]:
        """Code, indented; of a line that is too long the end goes on below, further to the right."""
        for line in code.splitlines():
            indent = _CODE_INDENT + line[: len(line) - len(line.lstrip())]
            first, *more = _broken(line.strip(), self._width - len(indent))
            yield (indent + first).rstrip()
            yield from (indent + _CODE_INDENT + text for text in more)


def _broken(text: str, width: int) -> list[str]:
    """A line of code on as many as it needs: broken behind a comma, at a blank, within a string, or cut."""
    if cells(text) <= width:
        return [text]
    blanks = [place for place, letter in enumerate(text) if letter == " " and 0 < cells(text[:place]) <= width]
    outside = [place for place in blanks if not _is_within_string(text[:place])]
    places = [place for place in outside if text[place - 1] == ","] or outside or blanks
    if not places:
        return [cut(text, width)]
    return [text[: places[-1]], *_broken(text[places[-1] + 1 :], width - len(_CODE_INDENT))]


def _is_within_string(before: str) -> bool:
    """Whether a string that has begun in this code is still open."""
    quote = ""
    for letter in re.sub(r"\\.", "", before):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#":
            return False
    return bool(quote)


def plain(text: str) -> str:
    """Markdown within a line as plain text: marks of emphasis go, links name where they lead, code keeps its quotes."""

    def replaced(found: re.Match[str]) -> str:
        code, strong, emphasis, label, target = found.groups()
        return code or strong or emphasis or f"{label} ({target})"

    return _MARKED.sub(replaced, text)
