"""What a view is made of: titles, tables and sentences, with nothing said of colours or widths.

``report.plain`` draws it, on the terminal of a command and of a program that ends alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ColumnKind(StrEnum):
    """NAME and NUMBER are always shown; GLOSS explains, and BAR draws a share: they go where there is no room."""

    NAME = "name"
    NUMBER = "number"
    GLOSS = "gloss"
    BAR = "bar"


class RowKind(StrEnum):
    """HEADING names the rows that follow it, SUM adds them all up."""

    PLAIN = "plain"
    HEADING = "heading"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    kind: ColumnKind


def name_and_numbers(*titles: str) -> tuple[Column, ...]:
    """A column of names, and one of numbers for each title."""
    return (Column("", ColumnKind.NAME), *(Column(title, ColumnKind.NUMBER) for title in titles))


@dataclass(frozen=True, slots=True)
class Row:
    """One cell a column: text, or in a BAR column a share from 0 to 1. A HEADING has one cell alone."""

    cells: tuple[str | float, ...]
    kind: RowKind = RowKind.PLAIN


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class View:
    title: str
    subtitle: str
    facts: tuple[str, ...]
    """Sentences that say the most important first."""
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    conclusion: str = ""
    """What comes of it all, as the last sentence."""
