"""Log records of what went back: at debug level, of the logger ``quire``, in a program that has asked for this logger
by its name. Who looks at all records there are would be surprised by some that come when memory has rested.

    tell(kind, bytes) --> summed, a line a kind and second --> lines --> the teller (core/hook/teller.c): handlers

A handler may wait for any lock, and whoever gives memory back, or is amid something of the program's, must not. So
the records are made in a thread of their own, which lives only meanwhile. At the program's end it is waited for, and
what is left is told before ``logging`` shuts down.
"""

from __future__ import annotations

import sys

from quire.process.clocks import CLOCKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger
    from typing import Final, Protocol

    class Core(Protocol):
        """What telling asks of ``quire._core``."""

        def call_apart(self, function: Callable[[], object], /) -> bool: ...
        def wait_for_teller(self) -> bool: ...


_LINE_SECONDS: Final = 1.0
"""From one line of a kind to the next."""
_LINE_BYTES_MIN: Final = 1024**2 // 10
"""Less is told with what comes later."""
_LINES_MAX: Final = 100
"""A handler that waits for ever makes no more of them."""
_DEBUG: Final = 10
_MIB: Final = 1024**2


class Told:
    """What is to be told, by kind, and the lines that are not logged yet."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._bytes: dict[str, int] = {}
        self._next: dict[str, float] = {}
        self._lines: list[tuple[float, str]] = []
        self._is_end_registered = self._is_over = False

    def tell(self, kind: str, given_bytes: int) -> None:
        """Waits for nothing, and runs nothing of the program's."""
        if self._is_over or _logger() is None:
            return
        self._bytes[kind] = self._bytes.get(kind, 0) + given_bytes
        if CLOCKS.now() >= self._next.get(kind, 0.0):
            self._add_line(kind)
        self._have_logged()

    def tell_rest(self) -> None:
        """Nothing more comes soon."""
        if self._is_over or _logger() is None:
            return
        for kind in tuple(self._bytes):
            self._add_line(kind)
        self._have_logged()

    def after_fork_in_child(self) -> None:
        """What the parent gave back the parent tells."""
        self._bytes.clear()
        self._lines.clear()

    def _add_line(self, kind: str) -> None:
        given_bytes = self._bytes.pop(kind, 0)  # another thread may be here, too
        if given_bytes < _LINE_BYTES_MIN or len(self._lines) >= _LINES_MAX:
            self._bytes[kind] = given_bytes
            return
        self._next[kind] = CLOCKS.now() + _LINE_SECONDS
        self._lines.append((CLOCKS.date(), f"gave back {given_bytes / _MIB:.1f} MiB of {kind}"))

    def _have_logged(self) -> None:
        if self._lines:
            self._core.call_apart(self._log_apart)

    # --- in the teller ----------------------------------------------------------------------------------------

    def _log_apart(self) -> None:
        from threading import Thread, current_thread, get_ident

        current_thread().name = "quire"  # made up by threading, which then lists it
        try:
            self._register_end()
            self._log()
        finally:
            active: dict[int, Thread] = sys.modules["threading"]._active
            active.pop(get_ident(), None)  # up to 3.12 nobody else would

    def _log(self) -> None:
        """A record of each line, with the time at which it was told."""
        logger = _logger()
        while logger is not None and (next_line := self._take_line()) is not None:
            seconds, line = next_line
            record = logger.makeRecord(logger.name, _DEBUG, __file__, 0, line, (), None)
            record.created = seconds
            record.msecs = int(seconds % 1 * 1000)
            logger.handle(record)

    def _take_line(self) -> tuple[float, str] | None:
        try:
            return self._lines.pop(0)  # several threads may log
        except IndexError:
            return None

    # --- at the end -------------------------------------------------------------------------------------------

    def _register_end(self) -> None:
        """Later than ``logging`` has, when it was imported: so ours comes first."""
        if not self._is_end_registered:
            import atexit

            self._is_end_registered = True
            atexit.register(self._end)

    def _end(self) -> None:
        self.tell_rest()
        self._is_over = True
        if self._core.wait_for_teller():
            self._log()
        else:  # it may have the lock of a handler, which ends with the record that it is at
            self._lines.clear()


def _logger() -> Logger | None:
    """The program's, if debug records of it are wanted. Found without logging's functions, which take its lock."""
    logging = sys.modules.get("logging")
    root = vars(logging).get("root") if type(logging) is type(sys) else None  # one that is loaded late would be loaded
    if root is None:
        return None
    logger = root.manager.loggerDict.get("quire")
    if getattr(logger, "disabled", True) or root.manager.disable >= _DEBUG:
        return None
    one = logger
    while one is not None and not one.level:
        one = one.parent
    return logger if one is None or one.level <= _DEBUG else None
