"""A signal of Python's own, by which the core has something done at the program's next safe point.

The core notices growth in the middle of an allocation, where no Python may run. There it marks a signal as arrived,
as CPython itself does in a signal handler: no lock is taken, nothing is allocated, and the kernel sends nothing.
The handler runs in the main thread, between two bytecodes. The signal is a real-time one that nobody handles.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal imports enum, which takes longer than all else here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None]


def claim_signal(handler: Handler) -> int:
    """Have the handler called when the core nudges.

    Returns:
        The signal's number for the core; 0 where there is none, or this is not the main thread.
    """
    for number in range(_signal.SIGRTMAX - 1, _signal.SIGRTMIN, -1):
        if _signal.getsignal(number) == _signal.SIG_DFL:
            try:
                _signal.signal(number, handler)
            except ValueError:
                return 0
            return number
    return 0


def release_signal(number: int, handler: Handler) -> None:
    """Give the signal back, unless the program has taken it."""
    if number and _signal.getsignal(number) == handler:
        _signal.signal(number, _signal.SIG_DFL)
