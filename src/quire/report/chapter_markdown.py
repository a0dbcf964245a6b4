"""A chapter as a Markdown document: the prose as it was written, tables as tables, pictures as drawn on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from quire.records.chapter import ChapterTold, Language, Picture, Prose, ProseKind, Rows, StepTold
from quire.report.pictures import draw
from quire.report.pictures.lists import as_rows
from quire.report.pictures.tables import cell_text, number_columns

_PICTURE_CELLS = 80
_AS_IT_IS = str.maketrans({"|": "\\|", "*": "\\*", "_": "\\_", "<": "&lt;"})
"""What Markdown would read as marks in a table's cell."""


def chapter_markdown(told: ChapterTold, number: int | None, foot: str, table: Rows | None = None) -> str:
    """The chapter as a document, with its number in the title, if it has one, and a line of links below; a table that
    sums it up stands first."""
    lines = [f"# {number}. {told.title}" if number else f"# {told.title}"]
    lines += ["", *_table(table, told.language)] if table else []
    was_item = False
    for piece in told.pieces:
        is_item = isinstance(piece, Prose) and piece.kind is ProseKind.ITEM
        lines += [] if is_item and was_item else [""]
        lines += _step(piece, told.language) if isinstance(piece, StepTold) else _prose(piece)
        was_item = is_item
    return "\n".join([*lines, "", "---", "", foot]) + "\n"


def _prose(piece: Prose) -> Iterator[str]:
    match piece.kind:
        case ProseKind.HEADING:
            yield f"## {piece.text}"
        case ProseKind.ITEM:
            yield f"{piece.mark} {piece.text}"
        case ProseKind.SAMPLE:
            yield from _fenced("python", piece.text.splitlines())
        case _:
            yield piece.text


def _step(step: StepTold, language: Language) -> Iterator[str]:
    yield from _fenced("python", [f"# {step.name}", *step.code.splitlines()])
    for number, picture in enumerate(step.pictures, start=1):
        mark = f"{number}. " if len(step.pictures) > 1 else ""
        yield from ("", f"**{mark}{picture.caption}**", "")
        yield from _picture(picture, language)


def _picture(picture: Picture, language: Language) -> Iterator[str]:
    is_of_one_kind = len(set(picture.kinds)) == 1
    table = as_rows(picture.what) if is_of_one_kind else None
    if table is None:
        yield from _fenced("text", draw(picture.what, language, _PICTURE_CELLS))
    else:
        yield from _table(table, language)


def _table(table: Rows, language: Language) -> Iterator[str]:
    yield _row([cell_text(cell, language) for cell in table.header])
    yield _row(["---:" if is_number else "---" for is_number in number_columns(table)])
    for row in table.rows:
        yield _row([cell_text(cell, language) for cell in row])


def _row(row: list[str]) -> str:
    return "| " + " | ".join(text.translate(_AS_IT_IS) for text in row) + " |"


def _fenced(kind: str, lines: list[str]) -> Iterator[str]:
    yield from (f"```{kind}", *lines, "```")
