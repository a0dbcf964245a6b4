"""A table of words and numbers, aligned on the terminal's cells.

    writer    letters  room given
    ─────────────────────────────
    Ann            24          24

A column of numbers stands to the right. Where the line is too short, the widest column's words go on below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from quire.records.chapter import Both, Cell, Language, Rows
from quire.report.cells import cells, padded, wrapped
from quire.report.pictures import words

_BETWEEN = "  "
_WIDTH_MIN = 4


def draw_table(table: Rows, language: Language, width: int) -> Iterator[str]:
    """The header, a line, the rows."""
    header = [cell_text(cell, language) for cell in table.header]
    rows = [[cell_text(cell, language) for cell in row] for row in table.rows]
    is_number = number_columns(table)
    widths = _fitting([header, *rows], width)
    if any(header):
        yield from _row(header, widths, is_number)
        yield "─" * (sum(widths) + len(_BETWEEN) * (len(widths) - 1))
    for row in rows:
        yield from _row(row, widths, is_number)


def cell_text(cell: Cell, language: Language) -> str:
    """The cell as people read it: numbers in groups of three digits, truth as a word."""
    if isinstance(cell, Both):
        return cell.told_in(language)
    if isinstance(cell, bool):
        return (words.YES if cell else words.NO).told_in(language)
    return f"{cell:,}" if isinstance(cell, int) else cell


def number_columns(table: Rows) -> list[bool]:
    """For each column, whether it holds numbers, and nothing else but dashes and what is empty."""
    return [
        any(_is_number(row[column]) for row in table.rows)
        and all(_is_number(row[column]) or row[column] in ("", "-") for row in table.rows)
        for column in range(len(table.header))
    ]


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool)


def _fitting(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide each column is: as its widest cell, or less where the line has no room for all."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    room = width - len(_BETWEEN) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _WIDTH_MIN:
        widths[widths.index(max(widths))] -= 1
    return widths


def _row(row: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> Iterator[str]:
    columns = [wrapped(text, width) for text, width in zip(row, widths, strict=True)]
    for line in zip_longest(*columns, fillvalue=""):
        texts = (padded(text, width, right) for text, width, right in zip(line, widths, is_number, strict=True))
        yield _BETWEEN.join(texts).rstrip()
