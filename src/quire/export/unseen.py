"""What quire does at a program's end, as the program's own trace and profile functions do not see it."""

from __future__ import annotations

import sys
from _operator import call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def call_unseen_at_end(tell: Callable[[], None]) -> None:
    """Give ``tell`` to atexit so that no trace or profile function of the program's sees it.

    They are taken away before it and put back after it (atexit calls the last function first), by functions of C
    alone: one of Python's would be seen itself. What C code has set for itself, as cProfile does, stays.
    """
    import atexit

    traces: list[Any] = []
    profiles: list[Any] = []
    hooks = ((sys.gettrace, sys.settrace, traces), (sys.getprofile, sys.setprofile, profiles))
    for _, put, kept in hooks:
        atexit.register(list, map(put, kept))
    atexit.register(tell)
    for get, put, kept in hooks:
        atexit.register(list, map(put, map([].append, kept)))  # append gives None for each
        atexit.register(kept.extend, filter(callable, map(call, [get])))
