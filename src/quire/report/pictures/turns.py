"""Threads' turns: who ran each step, who waited, and what became of the lock.

■ holds the lock, and runs   · waits
step  1        10        20
Ann   ■■■■■■············■■■■■■■
Ben   ······■■■■■■■■■■■■·
   5  Ben asks for it
   6  Ann drops it
"""

from __future__ import annotations

from collections.abc import Iterator

from quire.records.chapter import Language
from quire.records.machine import LockHappening, Turns
from quire.report.cells import cells, cut, padded
from quire.report.pictures import words

_RUNS, _RESTS = "■", "·"
_EVENTS_MAX = 12


def draw_turns(turns: Turns, language: Language, width: int) -> Iterator[str]:
    """A line of marks for each thread, in bands where there are many steps; then the lock's events."""
    runs, rests = (words.HAS_THE_LOCK, words.WAITS) if turns.has_lock else (words.RUNS, words.RESTS)
    yield f"{_RUNS} {runs.told_in(language)}   {_RESTS} {rests.told_in(language)}"
    names = max(cells(text) for text in (*turns.threads, words.STEP.told_in(language))) + 2
    room = max(10, (width - names) // 10 * 10)
    ends = {event.thread: event.step for event in turns.events if event.kind is LockHappening.ENDS}
    for first in range(0, len(turns.turns), room):
        band = range(first, min(first + room, len(turns.turns)))
        yield padded(words.STEP.told_in(language), names) + _scale(band)
        for thread in turns.threads:
            marks = (
                _RUNS if turns.turns[step] == thread else _RESTS if step < ends.get(thread, step + 1) else " "
                for step in band
            )
            yield (padded(thread, names) + "".join(marks)).rstrip()
    yield from _events(turns, language, width)


def _scale(band: range) -> str:
    """The number of the first step, and of each tenth, where it stands."""
    scale = f"{band[0] + 1}"
    for step in range(band[0] + 10, band[-1] + 2, 10):
        place = step - 1 - band[0]
        scale = scale.ljust(place) + f"{step}" if len(scale) < place else scale
    return scale


def _events(turns: Turns, language: Language, width: int) -> Iterator[str]:
    if not turns.has_lock:
        return
    for event in turns.events[:_EVENTS_MAX]:
        yield cut(f"{event.step:>4}  {event.thread} {words.HAPPENED[event.kind].told_in(language)}", width)
    if len(turns.events) > _EVENTS_MAX:
        yield "      " + words.MORE.told_in(language).format(count=len(turns.events) - _EVENTS_MAX)
