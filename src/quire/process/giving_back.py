"""When memory goes back to the system, and in which steps: all that is decided.

    memory comes to rest --> the helper begins --> tick --> is a work due? -- yes --> one bounded step of it
                                                   ^          | no work is left          |
                                                   |          '--> the helper ends       |
                                                   '--------- wait, by what it cost <----'

The helper (core/hook/helper.c) is a thread beside the program's. What runs in it here takes no lock, imports nothing
and runs nothing of the program's: a thread that is about to fork waits for it, and may hold any lock. So log records
are made elsewhere (``told``).
"""

from __future__ import annotations

import sys

from quire.process.clocks import CLOCKS, deadline_ns
from quire.process.meshing import CANDIDATES_MIN, STEP_SECONDS, Meshing
from quire.process.serving import RLock
from quire.process.told import Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final, Protocol

    from quire.process.clocks import Clocks
    from quire.process.meshing import Core as MeshCore
    from quire.process.settings import GiveBack
    from quire.process.told import Core as TellingCore

    Swept = tuple[int, int, int, int, int, int, int, bool]
    """The next cursor; bytes given back of empty pools, holes, kept pieces and pages of sparse pools; young bytes
    and young pools; whether it was refused."""
    TrimmedLibc = tuple[int, int, float]
    """Bytes that are free in libc's heap afterwards, bytes given back, seconds that it took."""

    class Core(MeshCore, TellingCore, Protocol):
        """What giving back asks of ``quire._core``."""

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
        def trim_libc(self, free_bytes_min: int, /) -> TrimmedLibc | None: ...
        def trim_libc_soon(self, free_bytes_min: int, free_bytes_max: int, /) -> None: ...
        def trimmed_libc(self) -> TrimmedLibc | None: ...
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


REST_SECONDS: Final = 1.0
"""From one sweep to the next: what rests for that long goes back."""
WINDOW_SECONDS: Final = 10.0
WINDOW_CPU_SECONDS: Final = 0.49
"""In any so many seconds the helper takes at most so much of a processor."""
SHARE_AT_REST: Final = 0.25
SHARE_AMID_WORK: Final = 0.004
_SHARE_UNDER_STRESS: Final = 0.5
"""Of a processor from one step to the next, at most: while the program does nothing, so that what rests goes soon, and
while it uses a processor itself."""
ROW_SECONDS: Final = 0.008
_BREATH_SECONDS: Final = 0.0001
"""While the program does nothing, steps come in rows of so much time: where one has slept, the processor's caches are
not its own any more, and a step takes a third longer. From one to the next others can have the interpreter lock."""
_BUSY: Final = 0.5
"""Of a processor: what a program uses that is not at rest."""
_GROWTH_DIVISOR: Final = 64
_PAUSES_MAX: Final = 15
"""While the heap grows nothing rests for long: so many ticks do nothing but look again a second later."""
_LIVE_PERCENT_MAX: Final = 25
"""Of the blocks of a sparse pool: with more alive, hardly a page of it is without one."""
_IDLE_SWEEPS: Final = 2
_IDLE_SWEEPS_MAX: Final = 6
"""That find nothing to give back: none at rest, or none but sparse pools that may come to rest."""
_RESERVE_DIVISOR: Final = 32
_RESERVE_BYTES_MIN: Final = 1024**2
"""What stays for the next requests: a part of what the heap holds, and at least so much."""
_SLOTS_MAX: Final = 1 << 20
_LIBC_BYTES_MIN: Final = 4 * 1024**2
_LIBC_SECONDS: Final = 30.0
_LIBC_REST_PER_TRIM: Final = 200
"""libc walks through all that is free in it: so much must be new, and so long ago the last time."""
_LIBC_WAITS_MAX: Final = 30
_LIBC_BYTES_AMID_WORK: Final = 32 * 1024**2
"""While it does, each thread that allocates there waits, a fifth of a second for a gigabyte. So it is asked while the
program is at rest; one that is not for so many seconds keeps what is free, if it is more than takes ten milliseconds or
two."""


class Account:
    """What has gone back, by kind, and what that took."""

    __slots__ = (
        "cpu_seconds", "empty_pool_bytes", "hole_bytes", "is_refused", "kept_bytes", "last", "libc_bytes", "mesh_bytes",
        "page_bytes",
        "step_seconds_max", "steps",
    )  # fmt: skip

    def __init__(self) -> None:
        self.empty_pool_bytes = self.hole_bytes = self.kept_bytes = self.page_bytes = self.libc_bytes = 0
        self.mesh_bytes = 0
        self.steps = 0
        self.cpu_seconds = self.step_seconds_max = 0.0
        self.last: float | None = None
        """When something went back last."""
        self.is_refused = False
        """The system did not take pages back when they were offered last."""

    @property
    def total_bytes(self) -> int:
        swept_bytes = self.empty_pool_bytes + self.hole_bytes + self.kept_bytes + self.page_bytes
        return swept_bytes + self.mesh_bytes + self.libc_bytes

    def add_swept(self, swept: Swept, now: float) -> int:
        """How many bytes the step gave back."""
        _cursor, empty_pool_bytes, hole_bytes, kept_bytes, page_bytes, _young_bytes, _young_pools, refused = swept
        self.is_refused = refused
        self.empty_pool_bytes += empty_pool_bytes
        self.hole_bytes += hole_bytes
        self.kept_bytes += kept_bytes
        self.page_bytes += page_bytes
        return self._note(empty_pool_bytes + hole_bytes + kept_bytes + page_bytes, now)

    def add_meshed(self, given_bytes: int, now: float) -> None:
        self.mesh_bytes += given_bytes
        self._note(given_bytes, now)

    def add_libc(self, given_bytes: int, now: float) -> None:
        self.libc_bytes += given_bytes
        self._note(given_bytes, now)

    def note_step(self, cpu_seconds: float) -> None:
        self.steps += 1
        self.cpu_seconds += cpu_seconds
        self.step_seconds_max = max(self.step_seconds_max, cpu_seconds)

    def _note(self, given_bytes: int, now: float) -> int:
        if given_bytes:
            self.last = now
        return given_bytes


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


class Pace:
    """How long to wait after a step, by what it cost and by what the program does meanwhile."""

    def __init__(self, core: Core, clocks: Clocks, stress: bool) -> None:
        self._core = core
        self._stress = stress
        self._clocks = clocks
        self._held_bytes = 0
        self._pauses = 0
        self._looked = clocks.now()
        self._cpu_seconds = clocks.of_process()
        self._own_seconds = 0.0
        self._thread_seconds = 0.0
        self._row_seconds = 0.0
        self._window: list[tuple[float, float]] = []
        """The steps of the last ``WINDOW_SECONDS``: when, and what each cost."""
        self._window_seconds = 0.0
        self.is_busy = False
        """Whether the program has used a processor, from the step before to the last one."""

    def begin(self) -> None:
        self._held_bytes = self._core.held_bytes()

    def growth_pause(self) -> float:
        """How long to leave the heap alone because it grows; 0: it does not, or has for long."""
        before_bytes, self._held_bytes = self._held_bytes, self._core.held_bytes()
        is_growing = self._held_bytes - before_bytes > max(self._held_bytes // _GROWTH_DIVISOR, _RESERVE_BYTES_MIN)
        self._pauses = self._pauses + 1 if is_growing and self._pauses < _PAUSES_MAX else 0
        return REST_SECONDS if self._pauses and not self._stress else 0.0

    def wait_after_step(self) -> float:
        """So that the steps take no more than their share, nor in a window more than they may."""
        self._own_seconds = cost_seconds = self._cost()
        self._row_seconds += cost_seconds
        self.is_busy = self._find_whether_busy()
        if self.is_busy:
            share, row_seconds_max = SHARE_AMID_WORK, 0.0
        else:
            share, row_seconds_max = SHARE_AT_REST, ROW_SECONDS
        if self._stress:
            return cost_seconds / _SHARE_UNDER_STRESS
        until_room = self._until_window_has_room(cost_seconds)
        if self._row_seconds + cost_seconds <= row_seconds_max:
            return max(_BREATH_SECONDS, until_room)
        row_seconds, self._row_seconds = self._row_seconds, 0.0
        return max(row_seconds / share, until_room)

    def _cost(self) -> float:
        """Of the thread's time, since the last step: what it took to wake and to get the interpreter lock, too."""
        before, self._thread_seconds = self._thread_seconds, self._clocks.of_thread()
        is_new_thread = self._thread_seconds < before
        return self._thread_seconds - (0.0 if is_new_thread else before)

    def _until_window_has_room(self, cost_seconds: float) -> float:
        """How long, until another step may cost as much."""
        now = self._clocks.now()
        window = self._window
        window.append((now, cost_seconds))
        self._window_seconds += cost_seconds
        while window[0][0] <= now - WINDOW_SECONDS:
            self._window_seconds -= window.pop(0)[1]
        over_seconds = self._window_seconds + cost_seconds - WINDOW_CPU_SECONDS
        wait = 0.0
        for when, seconds in window:
            if over_seconds <= 0:
                break
            over_seconds -= seconds
            wait = when + WINDOW_SECONDS - now
        return wait

    def _find_whether_busy(self) -> bool:
        """Whether the program has used a processor since the last step, for much of the time that the step left it."""
        looked, cpu_seconds = self._looked, self._cpu_seconds
        self._looked, self._cpu_seconds = self._clocks.now(), self._clocks.of_process()
        used_seconds = self._cpu_seconds - cpu_seconds - self._own_seconds
        return used_seconds > _BUSY * (self._looked - looked - self._own_seconds)


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
        self._lock = RLock()

    # --- in the helper ----------------------------------------------------------------------------------------

    def tick(self) -> float | None:
        """Do the next step; how many seconds to wait for the one after it, ``None``: nothing is left to do."""
        if self.failure is not None:
            return None
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
        return self._pace.wait_after_step()

    # --- in the program's threads -----------------------------------------------------------------------------

    def trim(self) -> Account:
        """Give back now all that can be, and leave no reserve. One thread at a time; the others wait."""
        with self._lock:
            account = Account()
            self.meshing.renew_all_lists()
            self._sweep_whole(account, only_notes=True)  # finds what has come to rest just now
            if self.mode != "purge":
                self.meshing.whole_pass(account)
            self._sweep_whole(account)
            done = self._core.trim_libc(0)
            if done is not None:
                account.add_libc(done[1], self._clocks.now())
            self._add_trimmed(account)
            self._told.tell("what quire.trim() found", account.total_bytes)
            return account

    def _sweep_whole(self, account: Account, only_notes: bool = False) -> None:
        """In steps all the same, between which other threads go on."""
        cursor = 0
        while True:
            start = self._clocks.of_thread()
            swept = self._core.sweep(
                cursor, _SLOTS_MAX, deadline_ns(10 * STEP_SECONDS), 0, _LIVE_PERCENT_MAX, only_notes
            )
            account.note_step(self._clocks.of_thread() - start)
            account.add_swept(swept, self._clocks.now())
            cursor, is_refused = swept[0], swept[-1]
            if cursor == 0 or is_refused:
                return

    def _add_trimmed(self, account: Account) -> None:
        trimmed = self.trimmed
        trimmed.empty_pool_bytes += account.empty_pool_bytes
        trimmed.hole_bytes += account.hole_bytes
        trimmed.kept_bytes += account.kept_bytes
        trimmed.page_bytes += account.page_bytes
        trimmed.mesh_bytes += account.mesh_bytes
        trimmed.libc_bytes += account.libc_bytes
        trimmed.steps += account.steps
        trimmed.cpu_seconds += account.cpu_seconds
        trimmed.step_seconds_max = max(trimmed.step_seconds_max, account.step_seconds_max)
        trimmed.is_refused = account.is_refused
        trimmed.last = account.last if account.last is not None else trimmed.last

    def seconds_ago(self) -> float | None:
        """How long ago something went back last."""
        times = [each.last for each in (self.account, self.trimmed) if each.last is not None]
        return self._clocks.now() - max(times) if times else None

    def after_fork_in_child(self) -> None:
        """Only the thread that forked lives on, and it holds no lock here, for trimming does not fork."""
        self._lock = RLock()
        self._told.after_fork_in_child()
        self.meshing.after_fork_in_child()
