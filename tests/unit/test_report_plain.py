"""A view as text: what fits, and what gives way."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from quire.records.process import RunReport
from quire.report.cells import cells
from quire.report.plain import Style, draw
from quire.report.run_view import run_view
from quire.report.view import Column, ColumnKind, Row, RowKind, Table, View
from reports import after_a_peak, reports

VIEW = View(
    title="a title",
    subtitle="sub",
    facts=("one fact",),
    tables=(
        Table(
            "Sizes",
            (
                Column("", ColumnKind.NAME),
                Column("", ColumnKind.GLOSS),
                Column("MiB", ColumnKind.NUMBER),
                Column("", ColumnKind.BAR),
            ),
            (
                Row(("parts",), RowKind.HEADING),
                Row(("first", "the one before", "12.0", 0.5)),
                Row(("second", "the one after", "3.5", 0.1)),
                Row(("all", "", "15.5", 1.0), RowKind.SUM),
            ),
        ),
    ),
    notes=("a note",),
)


def test_a_view_as_text() -> None:
    """Names left, numbers right, bars behind their number, the sum under a line."""
    assert draw(VIEW, Style(width=42)) == (
        "a title                                sub\n"
        "one fact\n"
        "\n"
        "Sizes                    MiB\n"
        "parts\n"
        "first   the one before  12.0 ██████▌\n"
        "second  the one after    3.5 █▎\n"
        "──────────────────────────────────────────\n"
        "all                     15.5 █████████████\n"
        "\n"
        "a note\n"
    )


def test_letters_of_two_cells_are_aligned() -> None:
    """A script may have a Korean name: by the cells that Rich counts, the head fills its line, cut or not,
    and numbers end below each other."""
    named = replace(VIEW, title="quire: 등대지기.py", notes=("등대지기가 등을 켠다.",))
    first, *_, note = draw(named, Style(width=42)).splitlines()
    assert (cell_len(first), note) == (42, "등대지기가 등을 켠다.")
    cut = draw(replace(VIEW, title="등대지기" * 9), Style(width=42)).splitlines()[0]
    assert cell_len(cut) == 42
    assert "…" in cut
    table = replace(VIEW.tables[0], rows=(Row(("등대", "", "1.0", 0.0)), Row(("lighthouse", "", "2.0", 0.0))))
    lines = draw(replace(VIEW, tables=(table,)), Style(width=42)).splitlines()[4:6]
    assert len({cell_len(line) for line in lines}) == 1


def test_without_unicode_all_is_ascii() -> None:
    """Where the encoding has no bars, number signs and dashes do."""
    text = draw(VIEW, Style(width=42, is_unicode=False))
    assert text.isascii()
    assert "3.5 #\n" in text
    assert draw(run_view(after_a_peak()), Style(is_unicode=False)).isascii()


def test_colours_only_where_asked() -> None:
    """Colours add escapes and change nothing else."""
    coloured = draw(VIEW, Style(is_coloured=True))
    assert "\x1b[" in coloured
    assert "\x1b[" not in draw(VIEW, Style())
    stripped = re.sub(r"\x1b\[\d*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == draw(VIEW, Style()).splitlines()


def test_glosses_go_before_bars() -> None:
    """On a short line the explanations go first, then the bars; numbers never."""
    assert "before" not in draw(VIEW, Style(width=30))
    assert "█" in draw(VIEW, Style(width=30))
    narrow = draw(VIEW, Style(width=14))
    assert "█" not in narrow
    assert "second   3.5" in narrow


@given(reports(), st.integers(80, 200))
def test_the_screen_fits_its_width(report: RunReport, width: int) -> None:
    """No line of the screen is longer than the terminal, from 80 columns on, and it fits one tall window."""
    lines = draw(run_view(report), Style(width=width)).splitlines()
    assert max(map(cells, lines)) <= width
    assert len(lines) <= 50


@given(reports(), st.integers(1, 79))
def test_a_narrow_screen_keeps_every_number(report: RunReport, width: int) -> None:
    """A terminal of any width gets all rows, on longer lines if need be."""
    view = run_view(report)
    text = draw(view, Style(width=width))
    numbers = [str(row.cells[index]) for table in view.tables for row in table.rows for index in numbers_of(table, row)]
    assert [number for number in numbers if number not in text] == []


def numbers_of(table: Table, row: Row) -> list[int]:
    columns = table.columns if row.kind is not RowKind.HEADING else ()
    return [index for index, column in enumerate(columns) if column.kind is ColumnKind.NUMBER]


@given(reports())
def test_the_screen_has_no_control_characters(report: RunReport) -> None:
    """Whatever is in a program's arguments, or in a file that was tampered with, nothing of it steers the terminal."""
    text = draw(run_view(replace(report, python="\x1b[31m\x07")), Style())
    assert all(character.isprintable() for character in text.replace("\n", ""))
