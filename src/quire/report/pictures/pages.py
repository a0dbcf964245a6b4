"""Pages of processes, and the frames of real memory behind them.

Ann                  frame                       Ben
0x10000 ──────────▶ │ 1  The keeper climb │
                    │ 2  A whale sang     │ ◀────────── 0x10000
0x12000 ──────────▶ │ -  never written: zeros
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quire.records import Language, PageRecord, PageTable
from quire.report.cells import cells, cut, padded
from quire.report.pictures import words

_TEXT_CELLS_MAX = 40
_ARROW_CELLS = 4


def draw_pages(tables: Sequence[PageTable], language: Language, width: int) -> Iterator[str]:
    """Two processes stand left and right of the frames that they share; any other number, one below the other."""
    if len(tables) == 2 and width >= 60:
        yield from _side_by_side(tables[0], tables[1], language, width)
        return
    for table in tables:
        yield cut(table.process, width)
        for page in table.pages:
            yield cut(f"  {_name(page)} ──▶ {_frame(page, language)}", width)
        if not table.pages:
            yield "  " + words.NO_PAGES.told_in(language)


def _side_by_side(left: PageTable, right: PageTable, language: Language, width: int) -> Iterator[str]:
    lefts, rights = ({page.frame: page for page in table.pages if page.frame is not None} for table in (left, right))
    side_cells = max(cells(text) for table in (left, right) for text in (table.process, *map(_name, table.pages)))
    before = side_cells + _ARROW_CELLS + 1
    texts = [_frame(page, language) for table in (left, right) for page in table.pages]
    room = min(_TEXT_CELLS_MAX, width - 2 * before - 4, max(map(cells, texts), default=0))
    yield (
        padded(cut(left.process, before), before)
        + padded(f"  {words.FRAMES.told_in(language)}", room + 4)
        + " " * (_ARROW_CELLS + 1)
        + cut(right.process, side_cells)
    ).rstrip()
    for frame in sorted(lefts.keys() | rights.keys()):
        ours, theirs = lefts.get(frame), rights.get(frame)
        text = padded(cut(_frame(ours or theirs, language), room), room)
        yield f"{_arrow_from(ours, side_cells)}│ {text} │{_arrow_to(theirs)}".rstrip()
    for table, is_left in ((left, True), (right, False)):
        for page in table.pages:
            if page.frame is None:
                text = padded(cut(_frame(page, language), room), room)
                ours, theirs = (page, None) if is_left else (None, page)
                yield f"{_arrow_from(ours, side_cells)}  {text}  {_arrow_to(theirs)}".rstrip()


def _arrow_from(page: PageRecord | None, side_cells: int) -> str:
    if page is None:
        return " " * (side_cells + _ARROW_CELLS + 1)
    return padded(_name(page), side_cells) + " " + "──▶ "


def _arrow_to(page: PageRecord | None) -> str:
    return "" if page is None else f" ◀── {_name(page)}"


def _name(page: PageRecord) -> str:
    return words.address(page.address)


def _frame(page: PageRecord | None, language: Language) -> str:
    if page is None:
        return ""
    return f"-  {words.ZEROS.told_in(language)}" if page.frame is None else f"{page.frame}  {page.text}".rstrip()
