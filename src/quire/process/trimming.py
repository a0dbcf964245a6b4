"""When libc is asked to give back what is free in its heap."""

from __future__ import annotations

import sys

from quire.process.pace import REST_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, Protocol

    from quire.process.account import Account
    from quire.process.pace import Pace

    TrimmedLibc = tuple[int, int, float]
    """Bytes that are free in libc's heap afterwards, bytes given back, seconds that it took."""

    class Core(Protocol):
        """What trimming asks of ``quire._core``."""

        def trim_libc(self, free_bytes_min: int, /) -> TrimmedLibc | None: ...
        def trim_libc_soon(self, free_bytes_min: int, free_bytes_max: int, /) -> None: ...
        def trimmed_libc(self) -> TrimmedLibc | None: ...


_LIBC_BYTES_MIN: Final = 4 * 1024**2
_LIBC_SECONDS: Final = 30.0
_LIBC_REST_PER_TRIM: Final = 200
"""libc walks through all that is free in it: so much must be new, and so long ago the last time."""
_LIBC_WAITS_MAX: Final = 30
_LIBC_BYTES_AMID_WORK: Final = 32 * 1024**2
"""While it does, each thread that allocates there waits, a fifth of a second for a gigabyte. So it is asked while the
program is at rest; one that is not for so many seconds keeps what is free, if it is more than takes ten milliseconds or
two."""


class TrimmingLibc:
    """What is free in libc's heap. It is asked once for each time that memory came to rest, and not too often; while
    the program is at rest, if it ever is."""

    def __init__(self, core: Core, account: Account, tell: Callable[[str, int], None], pace: Pace) -> None:
        self._core = core
        self._account = account
        self._tell = tell
        self._pace = pace
        self._due: float | None = None
        self._is_asked = False
        self._waits = 0
        self._left_bytes = 0
        self._next = 0.0

    def begin(self, now: float) -> None:
        self._due = now if now >= self._next else None
        self._waits = 0

    def due(self, _now: float) -> float | None:
        return self._due

    def step(self, now: float) -> None:
        if self._is_asked:
            self._note_done(now)
        elif self._pace.is_busy and self._waits < _LIBC_WAITS_MAX:
            self._waits += 1
            self._due = now + REST_SECONDS
        else:
            free_bytes_max = _LIBC_BYTES_AMID_WORK if self._pace.is_busy else sys.maxsize
            self._core.trim_libc_soon(self._left_bytes + _LIBC_BYTES_MIN, free_bytes_max)
            self._is_asked = True

    def _note_done(self, now: float) -> None:
        self._is_asked, self._due = False, None
        done = self._core.trimmed_libc()
        if done is None:
            return
        free_bytes, given_bytes, seconds = done
        self._left_bytes = free_bytes
        self._next = now + max(_LIBC_SECONDS, _LIBC_REST_PER_TRIM * seconds)
        self._account.add_libc(given_bytes, now)
        if given_bytes:
            self._tell("libc's heap", given_bytes)
