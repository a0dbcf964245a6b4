"""What goes back of quire's heap without meshing: what rested from one sweep to the next, in bounded steps."""

from __future__ import annotations

from quire.process.clocks import deadline_ns
from quire.process.meshing import CANDIDATES_MIN, STEP_SECONDS
from quire.process.pace import REST_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, Protocol

    from quire.process.account import Account, Swept
    from quire.process.clocks import Clocks

    class Core(Protocol):
        """What sweeping asks of ``quire._core``."""

        def held_bytes(self) -> int: ...
        def sweep(
            self,
            cursor: int,
            slots_max: int,
            deadline_ns: int,
            reserve_bytes: int,
            live_percent_max: int,
            only_notes: bool = False,
            /,
        ) -> Swept: ...


_LIVE_PERCENT_MAX: Final = 25
"""Of the blocks of a sparse pool: with more alive, hardly a page of it is without one."""
_IDLE_SWEEPS: Final = 2
_IDLE_SWEEPS_MAX: Final = 6
"""That find nothing to give back: none at rest, or none but sparse pools that may come to rest."""
_RESERVE_DIVISOR: Final = 32
_RESERVE_BYTES_MIN: Final = 1024**2
"""What stays for the next requests: a part of what the heap holds, and at least so much."""
_SLOTS_MAX: Final = 1 << 20


class Sweeping:
    """Empty pools, holes between runs, kept pieces, pages without a live block of sparse pools: what rested from one
    sweep to the next goes back."""

    def __init__(self, core: Core, account: Account, tell: Callable[[str, int], None]) -> None:
        self._core = core
        self._account = account
        self._tell = tell
        self.sweeps = 0
        """That came to their end."""
        self.last_found = 0.0
        """When one last found what has come to rest, or may."""
        self.keeps_pages = False
        """Sparse pools are to be meshed: whether they rest is noted, and no more."""
        self._cursor = 0
        self._begun = 0.0
        self._due: float | None = None
        self._idle_sweeps = 0
        self._given_bytes = self._young_bytes = self._young_pools = 0
        self.waiting_pools = 0
        """Sparse pools that came to rest since a pass was under way."""

    @property
    def is_over(self) -> bool:
        """Nothing has come to rest of late: the program rests."""
        return self._due is None

    def begin(self, now: float) -> None:
        if self._due is None:
            self._due = now
            self._idle_sweeps = 0

    def due(self, _now: float) -> float | None:
        return self._due

    def step(self, now: float) -> None:
        if self._cursor == 0:
            self._begun = now
        reserve_bytes = max(self._core.held_bytes() // _RESERVE_DIVISOR, _RESERVE_BYTES_MIN)
        swept = self._core.sweep(
            self._cursor, _SLOTS_MAX, deadline_ns(STEP_SECONDS), reserve_bytes, _LIVE_PERCENT_MAX, self.keeps_pages
        )
        self._cursor, *_, young_bytes, young_pools, is_refused = swept
        self._given_bytes += self._account.add_swept(swept, now)
        self._young_bytes += young_bytes
        self._young_pools += young_pools
        if self._cursor == 0 or is_refused:
            self._end_sweep(is_refused)

    def _end_sweep(self, is_refused: bool) -> None:
        self.sweeps += not is_refused
        is_idle = self._given_bytes == 0 and self._young_bytes == 0
        self.waiting_pools += self._young_pools
        if self.waiting_pools >= CANDIDATES_MIN:
            self.last_found = self._begun
        self._idle_sweeps = self._idle_sweeps + 1 if is_idle else 0
        idle_max = _IDLE_SWEEPS_MAX if self._young_pools else _IDLE_SWEEPS
        is_over = is_refused or self._idle_sweeps >= idle_max
        self._due = None if is_over else self._begun + REST_SECONDS
        if self._given_bytes:
            self._tell("what rested in quire's heap", self._given_bytes)
        self._cursor = self._given_bytes = self._young_bytes = self._young_pools = 0


def sweep_whole(core: Core, account: Account, clocks: Clocks, only_notes: bool = False) -> None:
    """All at once, whether it has rested or not, and with no reserve; in steps, between which other threads go on."""
    cursor = 0
    while True:
        start = clocks.of_thread()
        swept = core.sweep(cursor, _SLOTS_MAX, deadline_ns(10 * STEP_SECONDS), 0, _LIVE_PERCENT_MAX, only_notes)
        account.note_step(clocks.of_thread() - start)
        account.add_swept(swept, clocks.now())
        cursor, is_refused = swept[0], swept[-1]
        if cursor == 0 or is_refused:
            return
