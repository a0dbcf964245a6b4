"""How fast what is at rest goes back, so that the program does not notice."""

from __future__ import annotations

from quire.process.clocks import ThreadTime
from quire.process.serving import Load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Protocol

    from quire.process.clocks import Clocks

    class Core(Protocol):
        """What pacing asks of ``quire._core``."""

        def held_bytes(self) -> int: ...


REST_SECONDS: Final = 1.0
"""From one sweep to the next: what rests for that long goes back."""
WINDOW_SECONDS: Final = 10.0
WINDOW_CPU_SECONDS: Final = 0.49
"""In any so many seconds the helper takes at most so much of a processor."""
SHARE_AT_REST: Final = 0.25
SHARE_AMID_WORK: Final = 0.004
_SHARE_UNDER_STRESS: Final = 0.5
"""Of a processor from one step to the next, at most: while the program does nothing, so that what rests goes soon, and
while it uses a processor itself."""
ROW_SECONDS: Final = 0.008
_BREATH_SECONDS: Final = 0.0001
"""While the program does nothing, steps come in rows of so much time: where one has slept, the processor's caches are
not its own any more, and a step takes a third longer. From one to the next others can have the interpreter lock."""
_GROWTH_DIVISOR: Final = 64
_GROWTH_BYTES_MIN: Final = 1024**2
_PAUSES_MAX: Final = 15
"""While the heap grows, by such a part of it and at least so much, nothing rests for long: so many ticks do nothing but
look again a second later."""


class Pace:
    """How long to wait after a step, by what it cost and by what the program does meanwhile."""

    def __init__(self, core: Core, clocks: Clocks, stress: bool) -> None:
        self._core = core
        self._stress = stress
        self._clocks = clocks
        self._held_bytes = 0
        self._pauses = 0
        self._load = Load(clocks.now, clocks.of_process)
        self._thread = ThreadTime(clocks)
        self._row_seconds = 0.0
        self._window: list[tuple[float, float]] = []
        """The steps of the last ``WINDOW_SECONDS``: when, and what each cost."""
        self._window_seconds = 0.0
        self.is_busy = False
        """Whether the program has used a processor, from the step before to the last one."""

    def begin(self) -> None:
        self._held_bytes = self._core.held_bytes()

    def growth_pause(self) -> float:
        """How long to leave the heap alone because it grows; 0: it does not, or has for long."""
        before_bytes, self._held_bytes = self._held_bytes, self._core.held_bytes()
        is_growing = self._held_bytes - before_bytes > max(self._held_bytes // _GROWTH_DIVISOR, _GROWTH_BYTES_MIN)
        self._pauses = self._pauses + 1 if is_growing and self._pauses < _PAUSES_MAX else 0
        return REST_SECONDS if self._pauses and not self._stress else 0.0

    def wait_after_step(self) -> float:
        """So that the steps take no more than their share, nor in a window more than they may."""
        cost_seconds = self._thread.since()
        self._row_seconds += cost_seconds
        self.is_busy = self._load.is_busy(cost_seconds)
        if self.is_busy:
            share, row_seconds_max = SHARE_AMID_WORK, 0.0
        else:
            share, row_seconds_max = SHARE_AT_REST, ROW_SECONDS
        if self._stress:
            return cost_seconds / _SHARE_UNDER_STRESS
        until_room = self._until_window_has_room(cost_seconds)
        if self._row_seconds + cost_seconds <= row_seconds_max:
            return max(_BREATH_SECONDS, until_room)
        row_seconds, self._row_seconds = self._row_seconds, 0.0
        return max(row_seconds / share, until_room)

    def _until_window_has_room(self, cost_seconds: float) -> float:
        """How long, until another step may cost as much."""
        now = self._clocks.now()
        window = self._window
        window.append((now, cost_seconds))
        self._window_seconds += cost_seconds
        while window[0][0] <= now - WINDOW_SECONDS:
            self._window_seconds -= window.pop(0)[1]
        over_seconds = self._window_seconds + cost_seconds - WINDOW_CPU_SECONDS
        wait = 0.0
        for when, seconds in window:
            if over_seconds <= 0:
                break
            over_seconds -= seconds
            wait = when + WINDOW_SECONDS - now
        return wait
