"""When memory goes back to the system, and in which steps: all that is decided.

    memory comes to rest --> the helper begins --> tick --> is a work due? -- yes --> one bounded step of it
                                                   ^          | no work is left          |
                                                   |          '--> the helper ends       |
                                                   '--------- wait, by what it cost <----'

The helper (core/hook/helper.c) is a thread beside the program's. What runs in it here takes no lock, imports nothing
and runs nothing of the program's: a thread that is about to fork waits for it, and may hold any lock. So log records
are made elsewhere (``told``). What the works do stands in ``sweeping``, ``meshing`` and ``trimming``, how long it waits
in ``pace``.
"""

from __future__ import annotations

from quire.process.account import Account
from quire.process.clocks import CLOCKS, ThreadTime
from quire.process.meshing import Meshing
from quire.process.pace import REST_SECONDS, Pace
from quire.process.serving import RLock
from quire.process.sweeping import Sweeping, sweep_whole
from quire.process.told import Told
from quire.process.trimming import TrimmingLibc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from quire.process.clocks import Clocks
    from quire.process.meshing import Core as MeshCore
    from quire.process.settings import GiveBack
    from quire.process.sweeping import Core as SweepCore
    from quire.process.told import Core as TellingCore
    from quire.process.trimming import Core as TrimCore

    class Core(MeshCore, SweepCore, TellingCore, TrimCore, Protocol):
        """What giving back asks of ``quire._core``."""

        def take_rest(self) -> bool: ...

    class Work(Protocol):
        """A kind of giving back, in bounded steps. The works stand in the order of their cost; the first that is due
        has the next step."""

        def begin(self, now: float) -> None:
            """Memory has come to rest anew."""

        def due(self, now: float) -> float | None:
            """When the next step is to be done; ``None``: nothing is left to do."""

        def step(self, now: float) -> None:
            """Do at most about 2 ms of it."""


class GivingBack:
    """What the helper calls, and what is known of its work.

    Args:
        core: ``quire._core``, installed.
        clocks: tell the time; those of this process if not given.
        stress: for tests: mesh all the time, whatever there is.
    """

    def __init__(self, core: Core, mode: GiveBack = "all", clocks: Clocks | None = None, stress: bool = False) -> None:
        self.mode = mode
        self.account = Account()
        self.trimmed = Account()
        """What ``trim`` has given back."""
        self.failure: Exception | None = None
        """Why the helper has stopped for good, if something went wrong in it."""
        self._core = core
        self._clocks = clocks or CLOCKS
        self._pace = Pace(core, self._clocks, stress)
        self._told = Told(core)
        self._sweeping = sweeping = Sweeping(core, self.account, self._told.tell)
        self.meshing = Meshing(core, self.account, self._told.tell, sweeping, stress)
        trimming = TrimmingLibc(core, self.account, self._told.tell, self._pace)
        self._works: Sequence[Work] = (sweeping, self.meshing, trimming) if mode == "all" else (sweeping, trimming)
        self._thread = ThreadTime(self._clocks)
        self._step_seconds = 0.0
        """Of this tick, in its step: the account has them already."""
        self._lock = RLock()

    # --- in the helper ----------------------------------------------------------------------------------------

    def tick(self) -> float | None:
        """Do the next step; how many seconds to wait for the one after it, ``None``: nothing is left to do."""
        if self.failure is not None:
            return None
        self._step_seconds = 0.0
        wait = self._try_step()
        self.account.cpu_seconds += max(self._thread.since() - self._step_seconds, 0.0)
        return wait

    def _try_step(self) -> float | None:
        try:
            return self._step()
        except MemoryError:
            self.meshing.stop()
            return REST_SECONDS
        except Exception as error:
            self.failure = error
            self.meshing.stop()
            return None

    def _step(self) -> float | None:
        now = self._clocks.now()
        has_rested = self._core.take_rest()
        if has_rested and self._sweeping.due(now) is None:
            self._pace.begin()
            for work in self._works:
                work.begin(now)
        times = [(due, work) for work in self._works if (due := work.due(now)) is not None]
        if not times:
            self._told.tell_rest()
            return None
        pause = self._pace.growth_pause()
        if pause:
            return pause
        for due, work in times:
            if due <= now:
                return self._timed(work, now)
        return min(min(due for due, _ in times) - now, REST_SECONDS)

    def _timed(self, work: Work, now: float) -> float:
        start = self._clocks.of_thread()
        work.step(now)
        seconds = self._clocks.of_thread() - start
        self.account.note_step(seconds)
        self._step_seconds = seconds
        return self._pace.wait_after_step()

    # --- in the program's threads -----------------------------------------------------------------------------

    def trim(self) -> Account:
        """Give back now all that can be, and leave no reserve. One thread at a time; the others wait."""
        with self._lock:
            account = Account()
            self.meshing.renew_all_lists()
            sweep_whole(self._core, account, self._clocks, only_notes=True)  # finds what has come to rest just now
            if self.mode != "purge":
                self.meshing.whole_pass(account)
            sweep_whole(self._core, account, self._clocks)
            done = self._core.trim_libc(0)
            if done is not None:
                account.add_libc(done[1], self._clocks.now())
            self.trimmed.add(account)
            self._told.tell("what quire.trim() found", account.total_bytes)
            return account

    def seconds_ago(self) -> float | None:
        """How long ago something went back last."""
        times = [each.last for each in (self.account, self.trimmed) if each.last is not None]
        return self._clocks.now() - max(times) if times else None

    def after_fork_in_child(self) -> None:
        """Only the thread that forked lives on, and it holds no lock here, for trimming does not fork."""
        self._lock = RLock()
        self._told.after_fork_in_child()
        self.meshing.after_fork_in_child()
