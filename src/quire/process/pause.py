"""How long from a pass of meshing to the next: the longer, the more of them were poor.

There are two pauses. What a program at work leaves alone for a second it often needs in the next: passes amid its work
may be poor ones, again and again, and must not keep those away that follow when it has come to rest.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_PER_SECOND: Final = 2.0
_SECONDS_MIN: Final = 1.0
"""After a pass, by what it took of a processor."""
_POOR_SECONDS: Final = 10.0
"""After poor ones: twice as much, from one to the next."""
POOR_SECONDS_MAX_AT_REST: Final = 600.0
POOR_SECONDS_MAX_AMID_WORK: Final = 60.0
"""A program that never rests for long has its peaks, too; and what a pass amid work may take is little."""


class Pause:
    """After one pass, and until another may begin."""

    def __init__(self, poor_seconds_max: float) -> None:
        self.end = 0.0
        self._poor_seconds_max = poor_seconds_max
        self._poor_seconds = _POOR_SECONDS

    def begin(self, now: float, is_poor: bool, cpu_seconds: float) -> None:
        """A pass has ended that took so much of a processor."""
        self._poor_seconds = min(2 * self._poor_seconds, self._poor_seconds_max) if is_poor else _POOR_SECONDS
        self.end = now + (self._poor_seconds if is_poor else max(_SECONDS_MIN, _PER_SECOND * cpu_seconds))
