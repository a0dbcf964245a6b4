"""Pages of processes, and the frames of real memory behind them.

Ann           frames                    Ben
0x10000 ──▶ │ 1  The keeper climbed │
            │ 2  A whale sang       │ ◀── 0x10000
0x12000 ──▶   -  never written: zeros
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quire.records.chapter import Language
from quire.records.machine import PageRecord, PageTable
from quire.report.cells import cells, cut, padded
from quire.report.pictures import words

_TEXT_CELLS_MAX = 40
_TO_FRAME = " ──▶ "


def draw_pages(tables: Sequence[PageTable], language: Language, width: int) -> Iterator[str]:
    """Two processes stand left and right of the frames that they share; any other number, one below the other."""
    if len(tables) == 2 and width >= 60:
        yield from _side_by_side(tables[0], tables[1], language, width)
        return
    for table in tables:
        yield cut(table.process, width)
        for page in table.pages:
            yield cut(f"  {_name(page)}{_TO_FRAME}{_frame(page, language)}", width)
        if not table.pages:
            yield "  " + words.NO_PAGES.told_in(language)


def _side_by_side(left: PageTable, right: PageTable, language: Language, width: int) -> Iterator[str]:
    lefts, rights = ({page.frame: page for page in table.pages if page.frame is not None} for table in (left, right))
    side_cells = max(cells(text) for table in (left, right) for text in (table.process, *map(_name, table.pages)))
    before = side_cells + len(_TO_FRAME)
    texts = [_frame(page, language) for table in (left, right) for page in table.pages]
    room = min(_TEXT_CELLS_MAX, width - 2 * before - 4, max(map(cells, texts), default=0))
    yield (
        padded(cut(left.process, before), before)
        + padded(f"  {words.FRAMES.told_in(language)}", room + 4)
        + " " * len(_TO_FRAME)
        + cut(right.process, side_cells)
    ).rstrip()
    framed = rights | lefts
    rows = [(framed[frame], lefts.get(frame), rights.get(frame)) for frame in sorted(framed)]
    rows += [(page, page, None) for page in left.pages if page.frame is None]
    rows += [(page, None, page) for page in right.pages if page.frame is None]
    for page, ours, theirs in rows:
        arrow = padded(_name(ours), side_cells) + _TO_FRAME if ours else " " * before
        edge = " " if page.frame is None else "│"
        text = padded(cut(_frame(page, language), room), room)
        yield f"{arrow}{edge} {text} {edge}{f' ◀── {_name(theirs)}' if theirs else ''}".rstrip()


def _name(page: PageRecord) -> str:
    return words.address(page.address)


def _frame(page: PageRecord, language: Language) -> str:
    return f"-  {words.ZEROS.told_in(language)}" if page.frame is None else f"{page.frame}  {page.text}".rstrip()
