"""Clocks, as they were when quire was installed."""

from __future__ import annotations

from quire.process import serving


class Clocks:
    """Seconds by the wall, by the calendar, of the process's processor time, of this thread's."""

    __slots__ = ("date", "now", "now_ns", "of_process", "of_thread")

    def __init__(self) -> None:
        self.date, self.now, self.now_ns, self.of_process, self.of_thread = serving.CLOCKS


CLOCKS = Clocks()


def deadline_ns(seconds: float) -> int:
    """When so many seconds are over, as the core counts time."""
    return CLOCKS.now_ns() + int(seconds * 1e9)
