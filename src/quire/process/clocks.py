"""Clocks, as they were when quire was installed."""

from __future__ import annotations

from _thread import get_native_id

from quire.process import serving


class Clocks:
    """Seconds by the wall, by the calendar, of the process's processor time, of this thread's."""

    __slots__ = ("date", "now", "now_ns", "of_process", "of_thread")

    def __init__(self) -> None:
        self.date, self.now, self.now_ns, self.of_process, self.of_thread = serving.CLOCKS


CLOCKS = Clocks()


class ThreadTime:
    """What this thread has taken of a processor since it was asked last: to wake and to get the lock, too. The helper's
    thread is another after a fork, and after it has ended: then since that began."""

    __slots__ = ("_clocks", "_seconds", "_thread")

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._thread = 0
        self._seconds = 0.0

    def since(self) -> float:
        thread, seconds = get_native_id(), self._clocks.of_thread()
        before = self._seconds if thread == self._thread else 0.0
        self._thread, self._seconds = thread, seconds
        return seconds - before


def deadline_ns(seconds: float) -> int:
    """When so many seconds are over, as the core counts time."""
    return CLOCKS.now_ns() + int(seconds * 1e9)
