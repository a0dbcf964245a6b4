"""A size of memory that something is done at, once: when resident memory first stands above it.

The heap tells when it has reached a height (``_core.watch``), at which resident memory would stand at the size if
nothing else grew. Then it is read; if it is below, the next height is watched. What C code takes beside the heap is
seen when the heap next grows.

There is one watch: where a report samples too, its sampler looks for both (sampling.py).
"""

from __future__ import annotations

import os
import sys

from quire.process.core import require_core
from quire.process.height import read_held_bytes
from quire.process.nudge import claim_signal
from quire.process.own_memory import read_rss_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Final

    from quire.process.height import Watched

_STEP_BYTES_MIN: Final = 1024**2
_ATTEMPTS: Final = 5
_ATTEMPT_STEP_BYTES: Final = 4 * 1024**2


class Threshold:
    """A size, and what is done there.

    Args:
        size_bytes: of resident memory.
        passed: does it, and says whether it could be done. If not, it is tried a few times more as the heap grows; the
            argument is whether it will be.
        core: ``quire._core``, installed; the one of this process if not given.
    """

    def __init__(self, size_bytes: int, passed: Callable[[bool], bool], core: Watched | None = None) -> None:
        self._core: Watched = require_core() if core is None else core
        self._size_bytes = size_bytes
        self._passed = passed
        self._left = _ATTEMPTS
        self._pid = os.getpid()
        self._signal_number = 0
        self.limit_bytes = 0
        """The heap's height at which to look next."""

    @property
    def is_over(self) -> bool:
        return self._left == 0

    def start(self) -> bool:
        """Watch alone; whether that can be done: in the main thread, where a signal is free."""
        self._signal_number = claim_signal(self._grown)
        if self._signal_number:
            self.look_from_now()
            self._core.watch(self.limit_bytes, self._signal_number)
        return self._signal_number != 0

    def look_from_now(self) -> None:
        """Say where to look first; nothing is done yet."""
        self._next(max(self._size_bytes - read_rss_bytes(), 0))

    def look(self) -> None:
        """Do it, if memory stands above the size; else say where to look next.

        Raises:
            UnsupportedRuntime: the system does not tell how much is resident.
        """
        if self.is_over:
            return
        rss_bytes = read_rss_bytes()
        if rss_bytes < self._size_bytes:
            self._next(max(self._size_bytes - rss_bytes, _STEP_BYTES_MIN))
            return
        left, self._left = self._left, 0  # while it is done the program may grow again, in a handler of its own
        if not self._passed(left > 1):
            self._left = left - 1
            self._next(_ATTEMPT_STEP_BYTES)

    def _next(self, growth_bytes: int) -> None:
        self.limit_bytes = read_held_bytes(self._core) + growth_bytes

    def _grown(self, _number: int, _frame: FrameType | None) -> None:
        """The core has nudged, somewhere in the program."""
        if os.getpid() != self._pid or sys.is_finalizing() or self.is_over:
            return
        try:
            self.look()
        except RecursionError:  # the program is deep in its calls; at the next growth
            self._next(_STEP_BYTES_MIN)
        if not self.is_over:
            self._core.watch(self.limit_bytes, self._signal_number)
