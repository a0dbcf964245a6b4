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

from quire.records.chapter import Language
from quire.records.programs import FrameRecord, NameRecord, ProgramState
from quire.report.cells import cells, cut, padded
from quire.report.pictures import words

_BOX_CELLS_MAX = 36
_BOX_CELLS_MIN = 16


def draw_frames(frames: Sequence[FrameRecord], language: Language, width: int) -> Iterator[str]:
    """The frames, the last call above."""
    yield from _Stack(frames, (), language, width).lines()


def draw_program(state: ProgramState, language: Language, width: int) -> Iterator[str]:
    """The frames, the module's names below them, then what is done next and what was printed."""
    yield from _Stack(state.frames, state.names, language, width).lines()
    if state.next is None:
        yield words.OVER.told_in(language)
    else:
        line = words.LINE.told_in(language).format(line=state.next.line) + ": " if state.next.line else ""
        yield cut(f"{words.NEXT.told_in(language)}: {line}{state.next.name} {state.next.argument}".rstrip(), width)
    for text in state.output:
        yield cut(f"{words.PRINTED.told_in(language)}: {text}", width)


class _Stack:
    """Boxes on the left, objects on the right. A module's names, in a dictionary of the heap, have their own."""

    def __init__(
        self, frames: Sequence[FrameRecord], module_names: Sequence[NameRecord], language: Language, width: int
    ) -> None:
        self._frames = frames
        self._module_names = module_names
        self._language = language
        self._width = width
        self._box_cells = max(_BOX_CELLS_MIN, min(_BOX_CELLS_MAX, width * 2 // 5))
        in_frames = [one for frame in frames for one in (*frame.names, *frame.stack)]
        self._known = {one.address: one for one in (*module_names, *in_frames)}
        self._numbers: dict[int, int] = {}

    def lines(self) -> Iterator[str]:
        """All of it."""
        left = words.CALL_STACK.told_in(self._language)
        place = self._box_cells + len("──▶ ")
        yield padded(left, place) + words.HEAP.told_in(self._language) if cells(left) < place else left
        for depth, frame in enumerate(reversed(self._frames)):
            yield from self._frame(frame, "├┤" if depth else "┌┐")
        yield self._edge("", "└┘") if self._frames else words.NO_CALLS.told_in(self._language)
        if self._module_names:
            yield self._edge(words.MODULE_NAMES.told_in(self._language), "┌┐")
            yield from self._rows([(name.name, name.address) for name in self._module_names])
            yield self._edge("", "└┘")

    def _frame(self, frame: FrameRecord, corners: str) -> Iterator[str]:
        line = words.LINE.told_in(self._language).format(line=frame.line)
        title = f"{frame.function}, {line}" if frame.line else frame.function
        rows = [(name.name, name.address) for name in frame.names]
        rows += [(words.ON_THE_STACK.told_in(self._language), value.address) for value in frame.stack]
        yield self._edge(f"{title}, {frame.size_bytes} B", corners)
        yield from self._rows(rows)

    def _edge(self, title: str, corners: str) -> str:
        head = cut(f"─ {title} " if title else "", self._box_cells - 2)
        return corners[0] + head + "─" * (self._box_cells - 2 - cells(head)) + corners[1]

    def _rows(self, rows: Sequence[tuple[str, int]]) -> Iterator[str]:
        room = self._box_cells - 4
        for name, address in rows:
            text = f"│ {padded(cut(name, room), room)} ├──▶ "
            yield text + cut(self._object(address), self._width - cells(text))
        if not rows:
            yield f"│ {padded(cut(words.NO_NAMES.told_in(self._language), room), room)} │"

    def _object(self, address: int) -> str:
        if address in self._numbers:
            return f"#{self._numbers[address]}"
        number = self._numbers[address] = len(self._numbers) + 1
        one = self._known[address]
        counted = words.IMMORTAL if one.count is None else words.COUNT
        count = "" if one.count is None else f" {one.count:,}"
        what = one.value if one.value.startswith("<") else f"{one.type} {one.value}"  # which says what it is itself
        return f"#{number} {what}, {counted.told_in(self._language)}{count}"
