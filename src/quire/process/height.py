"""How high the heap that serves this process stands: what it holds, as the core's watch compares it with its limit."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Protocol

    class Watched(Protocol):
        """What is asked of ``quire._core``."""

        def watch(self, limit_bytes: int, signal_number: int, late_limit: int = ..., due: float = ..., /) -> None: ...
        def statistics(self) -> tuple[Any, ...]: ...


_MAPPING_BYTES: Final = 5
_TOUCHED_BYTES: Final = 9
"""Indexes in the last tuple of the core's statistics; ``decode`` gives all of them names, but imports much."""


def read_held_bytes(core: Watched) -> int:
    """The parts of arenas that were ever handed out, and mappings."""
    *_rest, totals = core.statistics()
    held_bytes: int = totals[_TOUCHED_BYTES] + totals[_MAPPING_BYTES]
    return held_bytes
