"""Objects and the references between them: each a box, each reference an arrow.

    #1 ┌─ ann, 0x1000010840, 56 B ─┐
       │ ob_refcnt  2              │◀─────╮     two arrows may arrive here, and one from a name
       │ ob_type    list           │      │
       │ [[[...]]]                 │      │
       │ → #2                      ├──╮   │
       └───────────────────────────┘  │   │
         + list items, 8 B            │   │
    #2 ┌─ ben, 0x1000010880, 56 B ─┐  │   │
       │ ob_refcnt  1              │◀─╯   │
       │ → #1                      ├──────╯

The two fields of every object's header have CPython's names for them. A line that is too short has no arrows: the
numbers say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from quire.records.chapter import Language
from quire.records.objects import ObjectRecord
from quire.report.cells import cells, cut, padded, pieces
from quire.report.pictures import words

_BOX_CELLS_MAX = 44
_LANE_CELLS = 3
_REFERENCES_MAX = 6


def draw_objects(objects: Sequence[ObjectRecord], language: Language, width: int) -> Iterator[str]:
    """Boxes, one below the other, and arrows on their right where there is room."""
    numbers = {one.address: number for number, one in enumerate(objects, start=1)}
    margin = len(f"#{len(objects)} ") if len(objects) > 1 else 0
    box_cells = min(_BOX_CELLS_MAX, width - margin)
    picture = _Lines()
    for number, one in enumerate(objects, start=1):
        first = len(picture.lines)
        _box(picture, one, numbers, box_cells, language)
        label = f"#{number}".ljust(margin)[:margin]
        picture.lines[first:] = [
            (label if line == first else " " * margin) + text
            for line, text in enumerate(picture.lines[first:], start=first)
        ]
    lanes = _lanes(picture)
    if margin + box_cells + _LANE_CELLS * (len(set(lanes.values())) + 1) <= width:
        _draw_lanes(picture, lanes, margin + box_cells)
    yield from (line.rstrip() for line in picture.lines)


@dataclass(slots=True)
class _Lines:
    """Lines that grow, where arrows leave from them and where they arrive."""

    lines: list[str] = field(default_factory=list)
    leaving: list[tuple[int, int]] = field(default_factory=list)
    """Line, and the number of the object that is referred to."""
    arriving: dict[int, int] = field(default_factory=dict)
    """An object's number -> the line that arrows to it arrive at."""


def _box(picture: _Lines, one: ObjectRecord, numbers: dict[int, int], box_cells: int, language: Language) -> None:
    room = box_cells - 4
    name = f"{one.name}, " if one.name else ""
    head = cut(f" {name}{words.address(one.address)}, {one.size_bytes} B ", room)
    picture.lines.append(f"┌─{head}{'─' * (room - cells(head) + 1)}┐")
    picture.arriving[numbers[one.address]] = len(picture.lines)
    count = words.IMMORTAL.told_in(language) if one.count is None else f"{one.count:,}"
    inside = [f"ob_refcnt  {count}", f"ob_type    {one.type}"]
    inside += [one.value] if one.value else []
    picture.lines += [f"│ {padded(cut(text, room), room)} │" for text in inside]
    _references(picture, one, numbers, room)
    picture.lines.append(f"└{'─' * (box_cells - 2)}┘")
    for table in one.tables:
        picture.lines.append("  + " + cut(f"{words.use(table.what).told_in(language)}, {table.size_bytes:,} B", room))


def _references(picture: _Lines, one: ObjectRecord, numbers: dict[int, int], room: int) -> None:
    """A line for each reference to an object in the picture; those to others are counted by their addresses alone."""
    drawn = [target for target in one.references if target in numbers]
    for target in drawn[:_REFERENCES_MAX]:
        picture.leaving.append((len(picture.lines), numbers[target]))
        picture.lines.append(f"│ {padded(f'→ #{numbers[target]}', room)} ├")
    left = [f"#{numbers[target]}" for target in drawn[_REFERENCES_MAX:]]
    left += [words.address(target) for target in one.references if target not in numbers]
    shown = left[:_REFERENCES_MAX] + (["…"] if len(left) > _REFERENCES_MAX else [])
    picture.lines += [f"│ {padded(line, room)} │" for line in pieces([f"→ {each}" for each in shown], room, "  ")]


# --- arrows ---------------------------------------------------------------------------------------------------


def _lanes(picture: _Lines) -> dict[int, int]:
    """For each object that is referred to, the lane of the arrows to it: short ones inside, none across another."""
    spans: dict[int, tuple[int, int]] = {}
    for line, target in picture.leaving:
        low, high = spans.get(target, (picture.arriving[target],) * 2)
        spans[target] = (min(low, line), max(high, line))
    lanes: dict[int, int] = {}
    for target, (low, high) in sorted(spans.items(), key=lambda item: item[1][1] - item[1][0]):
        taken = {lane for other, lane in lanes.items() if spans[other][0] <= high and low <= spans[other][1]}
        lanes[target] = next(lane for lane in range(len(taken) + 1) if lane not in taken)
    return lanes


def _draw_lanes(picture: _Lines, lanes: dict[int, int], start: int) -> None:
    cells_of = [[" "] * _LANE_CELLS * (max(lanes.values(), default=0) + 2) for _ in picture.lines]
    for target, lane in lanes.items():
        column = _LANE_CELLS * (lane + 1) - 1
        ends = [line for line, to in picture.leaving if to == target]
        arrival = picture.arriving[target]
        low, high = min(*ends, arrival), max(*ends, arrival)
        for line in range(low, high + 1):
            _put(cells_of[line], column, "│")
        for line in (*ends, arrival):
            for place in range(column):
                _put(cells_of[line], place, "─")
            cells_of[line][column] = "╮" if line == low else "╯" if line == high else "┤"
        cells_of[arrival][0] = "◀"
    picture.lines[:] = [padded(text, start) + "".join(more) for text, more in zip(picture.lines, cells_of, strict=True)]


def _put(line: list[str], place: int, mark: str) -> None:
    """Draw over what is there; two lines that cross stay two."""
    if line[place] == " ":
        line[place] = mark
    elif {line[place], mark} == {"│", "─"}:
        line[place] = "┼"
