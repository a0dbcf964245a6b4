"""The call stack beside the heap: what each call's names stand for.

    call stack, last call above      heap
    ┌─ greet, line 6, 104 B ───────┐
    │ name                         ├──▶ #1 str 'Ann', count 3
    │ (value)                      ├──▶ #1
    ├─ <module>, line 8, 96 B ─────┤
    │ (no variables)               │
    └──────────────────────────────┘

An object is written out where it is first named, and by its number from there on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quire.records import FrameRecord, Language, NameRecord, ProgramState
from quire.report.pictures import words
from quire.report.pictures.cells import cells, cut, padded

_BOX_CELLS_MAX = 36
_BOX_CELLS_MIN = 16


def draw_frames(frames: Sequence[FrameRecord], language: Language, width: int) -> Iterator[str]:
    """The frames, the last call above."""
    yield from _Stack(language, width).lines(frames, ())


def draw_program(state: ProgramState, language: Language, width: int) -> Iterator[str]:
    """The frames, the module's names below them, then what is done next and what was printed."""
    yield from _Stack(language, width).lines(state.frames, state.names)
    if state.next is None:
        yield words.OVER.told_in(language)
    else:
        line = words.LINE.told_in(language).format(line=state.next.line) + ": " if state.next.line else ""
        yield cut(f"{words.NEXT.told_in(language)}: {line}{state.next.name} {state.next.argument}".rstrip(), width)
    for text in state.output:
        yield cut(f"{words.PRINTED.told_in(language)}: {text}", width)


class _Stack:
    """Boxes on the left, objects on the right."""

    def __init__(self, language: Language, width: int) -> None:
        self._language = language
        self._width = width
        self._box_cells = max(_BOX_CELLS_MIN, min(_BOX_CELLS_MAX, width * 2 // 5))
        self._numbers: dict[int, int] = {}

    def lines(self, frames: Sequence[FrameRecord], module_names: Sequence[NameRecord]) -> Iterator[str]:
        """All of it. A module's names are in a dictionary of the heap: they have a box of their own."""
        named = [name for frame in frames for name in frame.names]
        on_the_stack = [value for frame in frames for value in frame.stack]
        known = {one.address: one for one in (*module_names, *named, *on_the_stack)}
        left = words.CALL_STACK.told_in(self._language)
        heap = words.HEAP.told_in(self._language)
        place = self._box_cells + len("──▶ ")
        yield padded(left, place) + heap if cells(left) < place else left
        if not frames:
            yield words.NO_CALLS.told_in(self._language)
        for depth, frame in enumerate(reversed(frames)):
            line = words.LINE.told_in(self._language).format(line=frame.line)
            title = f"{frame.function}, {line}" if frame.line else frame.function
            rows = [(name.name, name.address) for name in frame.names]
            rows += [(words.ON_THE_STACK.told_in(self._language), value.address) for value in frame.stack]
            yield self._edge(f"{title}, {frame.size_bytes} B", "├┤" if depth else "┌┐")
            yield from self._rows(rows, known)
        if frames:
            yield self._edge("", "└┘")
        if module_names:
            yield self._edge(words.MODULE_NAMES.told_in(self._language), "┌┐")
            yield from self._rows([(name.name, name.address) for name in module_names], known)
            yield self._edge("", "└┘")

    def _edge(self, title: str, corners: str) -> str:
        head = cut(f"─ {title} " if title else "", self._box_cells - 2)
        return corners[0] + head + "─" * (self._box_cells - 2 - cells(head)) + corners[1]

    def _rows(self, rows: Sequence[tuple[str, int]], known: dict[int, NameRecord]) -> Iterator[str]:
        room = self._box_cells - 4
        for name, address in rows:
            text = f"│ {padded(cut(name, room), room)} ├──▶ "
            yield text + cut(self._object(address, known), self._width - cells(text))
        if not rows:
            yield f"│ {padded(cut(words.NO_NAMES.told_in(self._language), room), room)} │"

    def _object(self, address: int, known: dict[int, NameRecord]) -> str:
        if address in self._numbers:
            return f"#{self._numbers[address]}"
        number = self._numbers[address] = len(self._numbers) + 1
        one = known[address]
        count = words.COUNT.told_in(self._language) + f" {one.count or 0:,}"
        if one.count is None:
            count = words.IMMORTAL.told_in(self._language)
        what = one.value if one.value.startswith("<") else f"{one.type} {one.value}"  # which says what it is itself
        return f"#{number} {what}, {count}"
