"""Memory over time of a live process, from outside: what the kernel says, once a second.

Resident memory is cheap to read. The proportional size takes the kernel a walk over all pages, so it is read less
often the longer it takes: at most a fiftieth of the time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Final

from quire.process.charge import field_bytes, text_of
from quire.process.named import command_of, has_ended

_EVERY_SECONDS: Final = 1.0
_SHARE: Final = 50
_SAMPLES_MAX: Final = 6 * 3600
"""Six hours; the oldest go."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment. ``None``: not read then, or not to be had."""

    number: int
    seconds: float
    """Since the first."""
    rss_bytes: int
    pss_bytes: int | None
    swap_bytes: int


class Live:
    """Samples a process while it lives, on a thread of this process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.command = " ".join(command_of(pid))
        self._samples: deque[Sample] = deque(maxlen=_SAMPLES_MAX)
        self._began = time.monotonic()
        self._pss_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="quire-samples", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def samples_since(self, number: int) -> dict[str, Any]:
        """Those with this number and above, and whether the process has ended."""
        rows = [asdict(each) for each in list(self._samples) if each.number >= number]
        return {"has_ended": has_ended(self.pid), "every_seconds": _EVERY_SECONDS, "rows": rows}

    def sample(self) -> bool:
        """Take one; whether the process is still there."""
        try:
            status = text_of(f"/proc/{self.pid}/status")
            rss_bytes, swap_bytes = field_bytes(status, b"VmRSS:"), field_bytes(status, b"VmSwap:")
        except (OSError, ValueError):
            return False
        number = self._samples[-1].number + 1 if self._samples else 0
        seconds = time.monotonic() - self._began
        self._samples.append(Sample(number, round(seconds, 3), rss_bytes, self._pss_bytes(), swap_bytes))
        return True

    def _pss_bytes(self) -> int | None:
        began = time.monotonic()
        if began < self._pss_at:
            return None
        try:
            pss_bytes: int | None = field_bytes(text_of(f"/proc/{self.pid}/smaps_rollup"), b"Pss:")
        except (OSError, ValueError):
            pss_bytes = None
        self._pss_at = began + _SHARE * (time.monotonic() - began)
        return pss_bytes

    def _run(self) -> None:
        while self.sample() and not self._stop.wait(_EVERY_SECONDS):
            pass
