"""Pictures of memory: records in, lines of text out, aligned where Korean letters take two cells.

    heap      arenas, pools, blocks, and the lists that say which is next
    objects   objects and the references between them
    frames    the call stack beside the heap
    pages     pages of processes, frames of the machine
    turns     threads and the one lock
    code      code objects
    lists     records that are told best as a table
    tables    a table of words and numbers
    words     what stands in pictures, in both languages

Pictures are drawn with lines and boxes; ``cells.as_ascii`` puts plain characters in their places.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from quire.records.chapter import Language, Lines, Record, Shown
from quire.records.heap import Arena, HeapState, Pool
from quire.records.machine import PageTable, Turns
from quire.records.objects import ObjectRecord
from quire.records.programs import CodeRecord, FrameRecord, ProgramState
from quire.report.cells import cut
from quire.report.pictures.code import draw_code
from quire.report.pictures.frames import draw_frames, draw_program
from quire.report.pictures.heap import draw_arena, draw_heap, draw_pool
from quire.report.pictures.lists import as_rows, of_kind
from quire.report.pictures.objects import draw_objects
from quire.report.pictures.pages import draw_pages
from quire.report.pictures.tables import draw_table
from quire.report.pictures.turns import draw_turns
from quire.text import printable

WIDTH_MIN = 32
"""What a picture needs at least; on a line that is shorter it is cut."""


def draw(shown: Shown, language: Language, width: int) -> list[str]:
    """What a step shows, as lines of at most ``width`` cells."""
    lines: list[str] = []
    for _kind, records in groupby(shown if isinstance(shown, tuple) else (shown,), key=type):
        lines += [""] if lines else []
        lines += _draw_alike(tuple(records), language, max(width, WIDTH_MIN))
    return [cut(printable(line), width) for line in lines]


def _draw_alike(records: tuple[Record, ...], language: Language, width: int) -> Iterator[str]:
    """Records of one kind: those that belong together in one picture, others one below the other."""
    first = records[0]
    table = as_rows(records)
    if table is not None:
        yield from draw_table(table, language, width)
    elif isinstance(first, ObjectRecord):
        yield from draw_objects(of_kind(ObjectRecord, records), language, width)
    elif isinstance(first, FrameRecord):
        yield from draw_frames(of_kind(FrameRecord, records), language, width)
    elif isinstance(first, PageTable):
        yield from draw_pages(of_kind(PageTable, records), language, width)
    else:
        for record in records:
            yield from _draw_one(record, language, width)


def _draw_one(record: Record, language: Language, width: int) -> Iterator[str]:
    match record:
        case HeapState():
            yield from draw_heap(record, language, width)
        case Arena():
            yield from draw_arena(record, language, width)
        case Pool():
            yield from draw_pool(record, language, width)
        case ProgramState():
            yield from draw_program(record, language, width)
        case CodeRecord():
            yield from draw_code(record, language, width)
        case Turns():
            yield from draw_turns(record, language, width)
        case Lines(lines):
            yield from (str(line) for line in lines)
        case _:
            raise TypeError(f"{type(record).__name__} has no picture")
