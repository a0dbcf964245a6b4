"""A view as text, by the standard library alone: what a program prints when it ends.

A column is as wide as what is in it, by the cells that it takes; bars share what is left of the line. Where a line is
too short for that, the glosses go first, then the bars; then names are cut, the longest first.
"""

from __future__ import annotations

from dataclasses import dataclass

from quire.report.cells import as_ascii, cells, cut, cut_within, padded, wrapped
from quire.report.view import ColumnKind, Row, RowKind, Table, View
from quire.text import printable

_BAR_WIDTH_MIN = 5
_BAR_WIDTH_MAX = 16
_NAME_WIDTH_MIN = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Style:
    """What the place that shows the text can do."""

    width: int = 80
    is_unicode: bool = True
    is_coloured: bool = False


class Paint:
    """Terminal colours, or none."""

    def __init__(self, is_coloured: bool) -> None:
        self._is_coloured = is_coloured

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_coloured and text.strip() else text


_BOLD, _DIM, _BAR_COLOUR = "1", "2", "36"


def draw(view: View, style: Style) -> str:
    """The view as lines of text, no longer than the style's width where the numbers of its tables allow."""
    paint = Paint(style.is_coloured)
    blocks = [_head(view, style, paint)]
    blocks += [_table(table, style, paint) for table in view.tables]
    blocks += [[line for text in texts for line in _wrapped(text, style.width)] for texts in _last_words(view)]
    text = "\n\n".join("\n".join(block) for block in blocks) + "\n"
    return text if style.is_unicode else as_ascii(text)


def _head(view: View, style: Style, paint: Paint) -> list[str]:
    subtitle = printable(view.subtitle)
    room = style.width - cells(subtitle) - 2
    title = padded(cut(printable(view.title), room), room)
    lines = [paint(title, _BOLD) + "  " + paint(subtitle, _DIM)]
    return lines + [line for fact in view.facts for line in _wrapped(fact, style.width)]


def _last_words(view: View) -> list[tuple[str, ...]]:
    return [texts for texts in (view.notes, (view.conclusion,)) if any(texts)]


def _wrapped(text: str, width: int) -> list[str]:
    return wrapped(printable(text), width)


# --- tables ---------------------------------------------------------------------------------------------------


def _table(table: Table, style: Style, paint: Paint) -> list[str]:
    layout = _Layout(table, style.width)
    lines = _titles(layout, paint)
    for row in table.rows:
        if row.kind is RowKind.SUM:
            lines.append(paint("─" * layout.width, _DIM))
        lines.append(_row(layout, row, style, paint))
    return lines


class _Layout:
    """The columns that are shown, and how wide each is."""

    def __init__(self, table: Table, line_width: int) -> None:
        self.table = table
        self.widths = {index: _content_width(table, index) for index in range(len(table.columns))}
        for kind in (ColumnKind.GLOSS, ColumnKind.BAR):
            if self.width > line_width:
                self._leave_out(kind)
        self._cut_names(line_width)
        self._make_room_for_title(line_width)
        self._widen_bars(line_width)

    @property
    def width(self) -> int:
        return sum(self.widths.values()) + sum(len(self.gap(index)) for index in self.widths)

    def gap(self, index: int) -> str:
        """What stands before a column: a bar belongs to the number on its left."""
        if index == 0:
            return ""
        return " " if self.kind(index) is ColumnKind.BAR else "  "

    def kind(self, index: int) -> ColumnKind:
        return self.table.columns[index].kind

    def _leave_out(self, kind: ColumnKind) -> None:
        self.widths = {index: width for index, width in self.widths.items() if self.kind(index) is not kind}

    def _cut_names(self, line_width: int) -> None:
        """Names share what numbers leave of the line: the shortest take what they need, the others as much each."""
        names = [index for index in self.widths if self.kind(index) is ColumnKind.NAME]
        left = line_width - self.width + sum(self.widths[index] for index in names)
        by_width = sorted(names, key=lambda index: self.widths[index])
        for number, index in enumerate(by_width):
            share = max(left // (len(names) - number), _NAME_WIDTH_MIN)
            self.widths[index] = min(self.widths[index], share)
            left -= self.widths[index]

    def _widen_bars(self, line_width: int) -> None:
        bars = [index for index in self.widths if self.kind(index) is ColumnKind.BAR]
        left = max(line_width - self.width, 0)
        for index in bars:
            self.widths[index] += min(left // len(bars), _BAR_WIDTH_MAX - _BAR_WIDTH_MIN)

    def _make_room_for_title(self, line_width: int) -> None:
        """Widen the first column until the table's title stands before the columns' titles, if the line allows."""
        line = _column_titles(self)
        missing = len(self.table.title) + 2 - (len(line) - len(line.lstrip()))
        if 0 < missing <= line_width - self.width:
            self.widths[0] += missing


def _content_width(table: Table, index: int) -> int:
    column = table.columns[index]
    if column.kind is ColumnKind.BAR:
        return _BAR_WIDTH_MIN
    texts = [str(row.cells[index]) for row in table.rows if row.kind is not RowKind.HEADING]
    return max(map(cells, [column.title, *texts]))


def _titles(layout: _Layout, paint: Paint) -> list[str]:
    """The table's title and the columns', on one line if they fit."""
    line = _column_titles(layout)
    title = layout.table.title
    if not line[: len(title) + 2].strip():
        return [paint(title, _BOLD) + paint(line[len(title) :], _DIM)]
    return [paint(title, _BOLD), paint(line, _DIM)]


def _column_titles(layout: _Layout) -> str:
    columns = layout.table.columns
    titles = [
        layout.gap(index) + _aligned(columns[index].title, layout.kind(index), width)
        for index, width in layout.widths.items()
    ]
    return "".join(titles).rstrip()


def _row(layout: _Layout, row: Row, style: Style, paint: Paint) -> str:
    if row.kind is RowKind.HEADING:
        return paint(str(row.cells[0]), _DIM)
    texts = [
        layout.gap(index) + _cell(row, index, layout.kind(index), width, style, paint)
        for index, width in layout.widths.items()
    ]
    return "".join(texts).rstrip()


def _cell(row: Row, index: int, kind: ColumnKind, width: int, style: Style, paint: Paint) -> str:
    cell = row.cells[index]
    if isinstance(cell, float):
        return paint(_bar(cell, width, style.is_unicode), _BAR_COLOUR)
    text = _aligned(cell, kind, width)
    if row.kind is RowKind.SUM:
        return paint(text, _BOLD)
    return paint(text, _DIM) if kind is ColumnKind.GLOSS else text


def _aligned(text: str, kind: ColumnKind, width: int) -> str:
    text = printable(text)
    shown = cut_within(text, width) if kind is ColumnKind.NAME else text
    return padded(shown, width, to_right=kind is ColumnKind.NUMBER)


def _bar(share: float, width: int, is_unicode: bool) -> str:
    """A bar of eighths of a character, or of whole ones."""
    share = min(max(share, 0.0), 1.0)
    if not is_unicode:
        return ("#" * round(share * width)).ljust(width)
    whole, rest = divmod(round(share * width * 8), 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)
