"""When to take samples while a program runs, so that one is close to its peak.

The heap tells when it has reached a new height (``_core.watch``). Then resident memory is read, which is cheap; and
if it stands well above the highest sample, a sample is taken:

    heap grows --> the core nudges (see nudge.py) --> has memory grown? -- enough --> sample
                   ^                                       | no                         |
                   '------------ watch a new height <------'----------------------------'

Enough is a twentieth, if the last sample is a hundred times as long ago as it took. Before that it is a quarter, so
that the highest sample of a program that grows quickly is no less than about four fifths of its peak; growing by so
much takes longer than a sample, too, so that it is enough to watch for larger steps: each nudge also writes to the
file descriptor that the program may have given to ``signal.set_wakeup_fd``, as asyncio does.

What goes wrong in a sample ends the sampling and is remembered. What the program's own signal handlers raise while
one is taken is the program's, and passes through.
"""

from __future__ import annotations

import os
import sys
import time

from quire.process.core import require_core
from quire.process.height import read_held_bytes
from quire.process.nudge import claim_signal, release_signal
from quire.process.own_memory import read_rss_bytes
from quire.process.sample import Sampler, make_sample

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Final, Protocol

    from quire.process.height import Watched
    from quire.process.parts import Parts
    from quire.process.sample import Core
    from quire.process.threshold import Threshold
    from quire.records.process import MemorySample

    class WatchingCore(Core, Watched, Protocol):
        """What sampling asks of ``quire._core``."""


_REST_PER_SAMPLE: Final = 100
_GROWTH_DIVISOR: Final = 20
_QUICK_GROWTH_DIVISOR: Final = 4
_QUICK_GROWTH_BYTES_MIN: Final = 32 * 1024**2
_LOOK_SECONDS: Final = 0.001
_STEP: Final = (64, 2 * 1024**2)
_QUICK_STEP: Final = (16, 8 * 1024**2)
"""How far the next height to be watched is above what the heap holds: a part of that, and at least so much."""


class PeakSampler:
    """Samples this process from ``start`` to ``stop``, and keeps the highest sample.

    A fork of the process is not sampled.

    Args:
        core: ``quire._core``, installed; the one of this process if not given.
        clock: tells the time in seconds.
        threshold: what else is to be told when memory has grown.

    Raises:
        UnsupportedRuntime: the core is not there.
    """

    def __init__(
        self,
        core: WatchingCore | None = None,
        clock: Callable[[], float] = time.perf_counter,
        threshold: Threshold | None = None,
    ) -> None:
        self._threshold = threshold
        self._core: WatchingCore = require_core() if core is None else core
        self._clock = clock
        self._sampler = Sampler(self._core)
        self._pid = os.getpid()
        self._start = clock()
        self._due = self._start
        self._signal_number = 0
        self._limit_bytes = 0
        self._next_look = self._start
        self._highest: tuple[Parts, float] | None = None
        self.samples = 0
        self.rss_max_bytes = 0
        """The most that was resident at any moment (``VmHWM``), up to the last sample; known once it is taken."""
        self.failure: BaseException | None = None
        """Why there are no further samples, if something went wrong in one."""

    def start(self) -> bool:
        """Sample from now on, each time that memory has grown; whether that can be: in the main thread, where a signal
        is free."""
        self._signal_number = claim_signal(self._grown)
        if self._signal_number:
            if self._threshold is not None:
                self._threshold.look_from_now()
            self._watch_new_height(_STEP)
        return self._signal_number != 0

    def leave(self) -> None:
        """Sample no longer; in a fork, leave it to another sampler."""
        self._core.watch(0, 0)
        release_signal(self._signal_number, self._grown)

    def stop(self) -> tuple[MemorySample, MemorySample, int]:
        """Sample once more, and no longer.

        Returns:
            The last sample, the highest one from the run (the last, where it stands well above), how many there were.

        Raises:
            UnsupportedRuntime: the system does not show the process its own memory.
        """
        self.leave()
        seconds = self._clock() - self._start
        last = self._sampler.measure()
        self.samples += 1
        self.rss_max_bytes = last.rss_max_bytes
        end = make_sample(last, seconds)
        if self._highest is None or self._is_well_above(last, self._highest[0]):
            return end, end, self.samples
        self.rss_max_bytes = max(self.rss_max_bytes, self._highest[0].rss_bytes)
        return end, make_sample(*self._highest), self.samples

    @staticmethod
    def _is_well_above(last: Parts, highest: Parts) -> bool:
        """Whether the last sample tells more of the peak than the highest from the run.

        Where nothing went back, the program ends a little above its highest sample, but what was live at its peak
        is no longer.
        """
        return last.rss_bytes > highest.rss_bytes + highest.rss_bytes // _QUICK_GROWTH_DIVISOR

    # --- while the program runs -------------------------------------------------------------------------------

    def _grown(self, _number: int, _frame: FrameType | None) -> None:
        """The core has nudged, somewhere in the program."""
        if os.getpid() != self._pid or sys.is_finalizing():
            return
        try:
            if self._threshold is not None:
                self._threshold.look()
            self._look()
        except RecursionError:  # the program is deep in its calls; at the next growth
            self._core.watch(self._limit_bytes, self._signal_number)
        except BaseException as error:
            if not _is_ours(error):
                self._core.watch(self._limit_bytes, self._signal_number)
                raise
            self.failure = error
            if self._threshold is not None and not self._threshold.is_over:
                self._threshold.start()

    def _look(self) -> None:
        now = self._clock()
        is_in_time = now >= self._due
        if now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            if self._has_grown(is_in_time):
                self._keep(self._sampler.measure_quickly(), now - self._start)
                ended = self._clock()
                self._due = ended + _REST_PER_SAMPLE * (ended - now)
                is_in_time = True
        if is_in_time:
            self._watch_new_height(_STEP)
        else:
            self._watch_new_height(_QUICK_STEP, self._limit_bytes)

    def _has_grown(self, is_in_time: bool) -> bool:
        if self._highest is None:
            return True
        highest_bytes = self._highest[0].rss_bytes
        enough_bytes = highest_bytes // _GROWTH_DIVISOR
        if not is_in_time:
            enough_bytes = max(highest_bytes // _QUICK_GROWTH_DIVISOR, _QUICK_GROWTH_BYTES_MIN)
        return read_rss_bytes() >= highest_bytes + enough_bytes

    def _keep(self, parts: Parts, seconds: float) -> None:
        self.samples += 1
        if self._highest is None or parts.rss_bytes > self._highest[0].rss_bytes:
            self._highest = parts, seconds

    def _watch_new_height(self, step: tuple[int, int], late_limit_bytes: int = sys.maxsize) -> None:
        """Or, once another sample is due, any growth above the height that was passed when there was no time."""
        held_bytes = read_held_bytes(self._core)
        divisor, step_bytes_min = step
        self._limit_bytes = held_bytes + max(held_bytes // divisor, step_bytes_min)
        limit_bytes = self._limit_bytes
        if self._threshold is not None and not self._threshold.is_over:
            limit_bytes = max(min(limit_bytes, self._threshold.limit_bytes), held_bytes)
        self._core.watch(limit_bytes, self._signal_number, late_limit_bytes, self._due)


def _is_ours(error: BaseException) -> bool:
    """Whether it was raised in quire, and not by a signal handler of the program's that ran meanwhile."""
    if not isinstance(error, Exception):
        return False
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is None or str(at.tb_frame.f_globals.get("__name__")).startswith("quire.")
