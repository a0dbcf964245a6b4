"""Clocks as they are when quire is installed: programs put others in their place, and so do tests of programs, in every
module's names (freezegun). What stands in an object stays."""

from __future__ import annotations

import time


class Clocks:
    """Seconds by the wall, by the calendar, of the process's processor time, of this thread's."""

    __slots__ = ("date", "now", "now_ns", "of_process", "of_thread")

    def __init__(self) -> None:
        self.date = time.time
        self.now = time.monotonic
        self.now_ns = time.monotonic_ns
        self.of_process = time.process_time
        self.of_thread = time.thread_time


CLOCKS = Clocks()


def deadline_ns(seconds: float) -> int:
    """When so many seconds are over, as the core counts time."""
    return CLOCKS.now_ns() + int(seconds * 1e9)
