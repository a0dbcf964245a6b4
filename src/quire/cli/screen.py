"""A view on the terminal, drawn by Rich: for the commands that look. What a program prints at its end is plain.py."""

from __future__ import annotations

from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from quire.report.view import Column, ColumnKind, Row, RowKind, Table, View

_WIDTH_MAX = 100
_BAR_SHARE = 12
"""A bar is this part of the line."""


def show(view: View) -> None:
    """Draw the view on standard output."""
    console = _Screen(highlight=False)
    console.width = min(console.width, _WIDTH_MAX)
    console.print(_head(view, console.width))
    for fact in view.facts:
        console.print(Text(fact))
    for table in view.tables:
        console.print()
        console.print(Text(table.title, style="bold"))
        console.print(_table(table, console.width // _BAR_SHARE))
    if view.notes:
        console.print()
    for note in view.notes:
        console.print(Text(note, style="dim"))
    if view.conclusion:
        console.print()
        console.print(Text(view.conclusion, style="bold"))


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """Leave a reader that has gone to the command line, which ends quietly; Rich would exit with code 1."""
        raise BrokenPipeError


def _head(view: View, width: int) -> RichTable:
    head = RichTable.grid(expand=True)
    head.add_column(no_wrap=True)
    head.add_column(justify="right", no_wrap=True)
    title = Text(view.title, style="bold")
    title.truncate(width - len(view.subtitle) - 1, overflow="ellipsis")
    head.add_row(title, Text(view.subtitle, style="dim"))
    return head


def _table(table: Table, bar_width: int) -> RichTable:
    has_titles = any(column.title for column in table.columns)
    drawn = RichTable(box=None, pad_edge=False, header_style="dim", show_header=has_titles)
    for column in table.columns:
        _add_column(drawn, column, bar_width)
    for row in table.rows:
        drawn.add_row(*_cells(row), style="bold" if row.kind is RowKind.SUM else None)
    return drawn


def _add_column(drawn: RichTable, column: Column, bar_width: int) -> None:
    match column.kind:
        case ColumnKind.NUMBER:
            drawn.add_column(column.title, justify="right", no_wrap=True)
        case ColumnKind.BAR:
            drawn.add_column(column.title, width=bar_width)
        case ColumnKind.GLOSS:
            drawn.add_column(column.title, style="dim", no_wrap=True)
        case ColumnKind.NAME:
            drawn.add_column(column.title, no_wrap=True)


def _cells(row: Row) -> list[RenderableType]:
    if row.kind is RowKind.HEADING:
        return [Text(str(row.cells[0]), style="dim")]
    return [Text(cell) if isinstance(cell, str) else Bar(1.0, 0.0, cell, color="cyan") for cell in row.cells]
