"""When sparse pools come to share pages: a pass of meshing, in bounded steps.

    renew --> count --> choose --> prove --> match --> release --> untouch --> over
                          |          |         '-- references to bytes go only when what they are for is meshed
                          '----------'-- hardly any candidates, too many owners, another interpreter: abandoned

What is meshed must be at rest and proven to be written by nobody without the interpreter lock (core/hook/proof.h); the
pass itself is core/heap/mesh.h. Here is decided when there is one, how far it goes and when it is given up. A pass that
brought little is followed by a longer pause than the one before.

Like giving_back.py, whose helper calls it: no lock is waited for, nothing imported, nothing of the program's run.
"""

from __future__ import annotations

import os

from quire.process.clocks import CLOCKS, deadline_ns
from quire.process.pause import POOR_SECONDS_MAX_AMID_WORK, POOR_SECONDS_MAX_AT_REST, Pause
from quire.process.refusals import refusal as told
from quire.process.reviewed import reviewed_types
from quire.process.serving import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Final, Protocol

    from quire.process.account import Account

    class Core(Protocol):
        """What meshing asks of ``quire._core``."""

        def held_bytes(self) -> int: ...
        def mappings(self) -> tuple[int, int]: ...
        def count_mappings_soon(self) -> None: ...
        def counted_mappings(self) -> tuple[int, int] | None: ...
        def mesh_mappings(self) -> int: ...
        def shared_bytes(self) -> int: ...
        def mesh_refusal(self) -> str | None: ...
        def mesh_begin(self, live_percent_max: int, only_at_rest: bool, /) -> str | int | None: ...
        def counted_bytes(self) -> int | None: ...
        def mesh_step(self, deadline_ns: int, /) -> tuple[int, int]: ...
        def mesh_settle(self, piece_bytes: int, extents_max: int, mappings_max: int, /) -> None: ...
        def mesh_abandon(self, deadline_ns: int, /) -> bool: ...
        def mesh_pass(self) -> tuple[int, int, int, int, int, int, int, bool, int]: ...
        def mesh_renew(self, deadline_ns: int, /) -> bool: ...
        def mesh_untouch(self, deadline_ns: int, /) -> bool: ...
        def proof_begin(self, reviewed: Iterable[tuple[type, str]], only_candidates: bool, /) -> str | None: ...
        def proof_step(self, deadline_ns: int, /) -> str: ...
        def proof_release(self, deadline_ns: int, /) -> bool: ...
        def proof_end(self) -> None: ...
        def renew_free_list(self, items: int, /) -> int: ...

    class Sweeps(Protocol):
        """The sweeps, which note which pools are at rest."""

        sweeps: int
        last_found: float
        keeps_pages: bool
        waiting_pools: int

        @property
        def is_over(self) -> bool: ...

        def begin(self, now: float) -> None: ...


STEP_SECONDS: Final = 0.0015
"""Of a step, here and of a sweep; with what it takes to be called, and what it cannot break off, 2 ms."""
_LIVE_PERCENT_MAX: Final = 50
"""Of the bytes of a pool that is to be meshed."""
EXTENTS_MAX: Final = 16
"""How many are looked at for a place before another is cut."""
MAPPINGS_SHARE: Final = (3, 4)
"""Of those that the kernel allows the process: so many may be used, those of the program included."""
_MAPPINGS_MIN: Final = 256
_SECONDS_PER_MAPPING: Final = 0.001
"""From one count to the next: a thousand times as long as it takes."""
_KIB: Final = 1024
_ANY: Final = 1 << 20
_PIECES: Final = ((6, 0, 64 * _KIB), (8, 0, 32 * _KIB), (12, 0, 16 * _KIB), (_ANY, 3, 8 * _KIB), (_ANY, 0, 16 * _KIB))
"""Up to so many live blocks in a pool, on average, and where so many mappings may be had for each: the size of a piece.
Large pieces take less time and fewer mappings, and hold little more while so few blocks are in them."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_POOL_BYTES: Final = 16 * _KIB
CANDIDATES_MIN: Final = 128
"""Fewer sparse pools are not worth a pass."""
_SWEEPS_BEFORE: Final = 2
"""The first notes what a pool looks like, the second that it still does."""
_PROOF_SECONDS_MIN: Final = 0.25
_BYTES_PER_SECOND: Final = 64 * 1024**2
"""Of processor time. A proof that takes longer than by this is given up; a pass that brings less was poor."""
_WAIT_SECONDS: Final = 0.01
_WAITS_MAX: Final = 500
"""While the collector is at work in another thread."""
_AGAIN_BYTES_MIN: Final = 4 * 1024**2
_UNTOUCHED_SECONDS_MIN: Final = 10.0
_UNTOUCHED_PER_SECOND: Final = 1000.0
"""From one time that shared pages are taken out of the page table to the next, by what it took. Who uses them brings
them back at about the same cost."""
_NEAR_SECONDS: Final = 5.0
"""For a pass that may come so soon the pages of sparse pools are left: to purge them costs as much as to mesh them."""
_PURGING_SWEEPS: Final = 2
"""After a pass, of pages of what it has left."""
_KEPT_ITEMS_MAX: Final = 20
"""CPython keeps tuples of up to so many items when they are dropped, for the next ones (core/hook/freelists.h)."""
_FOREIGN_MIN: Final = 256
"""Pools that were not meshed for foreign blocks: so many are worth to look whether it keeps those."""
_LISTS_SECONDS: Final = 10.0
"""From one time to the next."""
_IDLE, _PROVING = 0, 3
"""Phases of a pass, as the core numbers them."""


class Meshing:
    """A pass each time that memory has come to rest, unless the one before was poor and not long ago.

    Args:
        sweeps: note what is at rest, and leave pages alone while a pass is coming.
        stress: for tests: passes all the time, over everything, at rest or not.
    """

    def __init__(
        self, core: Core, account: Account, tell: Callable[[str, int], None], sweeps: Sweeps, stress: bool = False
    ) -> None:
        self.reason: str | None = None
        """Why the last pass could not be, or not go on to its end; ``None``: it could."""
        self.impossible: str | None = None
        """Why there is never one."""
        self._core = core
        self._account = account
        self._tell = tell
        self._sweeps = sweeps
        self._stress = stress
        self._lock = RLock()
        self._is_trimming = False
        self._do: Callable[[float], None] | None = None
        self._is_wanted = False
        self._sweeps_before = self._purged_by = 0
        self._next = 0.0
        self._at_rest, self._amid_work = Pause(POOR_SECONDS_MAX_AT_REST), Pause(POOR_SECONDS_MAX_AMID_WORK)
        self._began_amid_work = False
        self._ended = 0.0
        self._given_bytes = 0
        self._seconds = self._proof_seconds = self._proof_seconds_max = 0.0
        self._waits = self._kept_items = 0
        self._lists_after = 0.0
        self._is_poor = False
        self._mappings_max = 0
        self._mappings = (0, 0)
        """How many the process may have, and has beside those of meshing, when they were counted last."""
        self._mappings_until = 0.0
        """So long that is good."""
        self._untouch_after = self._untouch_seconds = 0.0
        self._untouched_bytes = 0

    # --- a work of the helper's ---------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        if self.impossible is not None:
            return
        self._is_wanted = True
        self._sweeps_before = self._sweeps.sweeps

    def due(self, now: float) -> float | None:
        """A pass for each life of the helper; and further ones while its sweeps find that memory comes to rest."""
        if self._do is not None:
            return max(self._next, now)
        if self.impossible is not None:
            return None
        is_purged = self._sweeps.sweeps >= self._purged_by or self._sweeps.waiting_pools >= CANDIDATES_MIN
        self._sweeps.keeps_pages = is_purged and now >= self._not_before() - _NEAR_SECONDS
        times = [self._not_before()] if self._is_pass_wanted() else []
        if self._is_counted_again():
            times.append(self._untouch_after)
        return max(min(times), now) if times else None

    def _not_before(self) -> float:
        if self._stress:
            return 0.0
        return self._at_rest.end if self._sweeps.is_over else self._amid_work.end

    def _is_pass_wanted(self) -> bool:
        is_wanted = self._is_wanted or self._sweeps.last_found > self._ended
        return is_wanted and (self._stress or self._sweeps.sweeps >= self._sweeps_before + _SWEEPS_BEFORE)

    def _is_counted_again(self) -> bool:
        """Whether shared pages count for much more than they are: each pool that was read since counts its page."""
        shared_bytes = self._core.shared_bytes()
        counted_bytes = self._core.counted_bytes() if shared_bytes else None
        if counted_bytes is None:
            return False
        self._untouched_bytes = min(self._untouched_bytes, counted_bytes)  # the program's own may have gone
        return counted_bytes - self._untouched_bytes > max(shared_bytes, _AGAIN_BYTES_MIN)

    def step(self, now: float) -> None:
        if not self._lock.acquire(False):
            self._next = now + _WAIT_SECONDS  # trim is at it
            return
        try:
            if self._do is None:
                self._start(now)
            self._timed_step(now)
        finally:
            self._lock.release()

    # --- in the program's threads -------------------------------------------------------------------------------

    def whole_pass(self, account: Account) -> None:
        """All of it now: what is under way to its end, or a pass of whatever is sparse."""
        with self._lock:
            if self._is_trimming or self.impossible is not None:
                return
            self._is_trimming = True
            own_account, self._account = self._account, account
            try:
                if self._do in (None, self._untouch_alone):
                    self._start_pass()
                while self._do is not None:
                    account.note_step(self._timed_step(CLOCKS.now()))
            except BaseException:  # an interrupt, for example
                self.stop()
                raise
            finally:
                self._is_trimming = False
                self._account = own_account

    def stop(self) -> None:
        """No pass is under way any more; what was meshed stays."""
        with self._lock:
            self._core.mesh_abandon(0)
            self._core.proof_end()
            self._do = None

    def after_fork_in_child(self) -> None:
        """A pass of the parent's is not gone on with."""
        self._lock = RLock()
        self._is_trimming = False
        self.stop()

    # --- the steps ----------------------------------------------------------------------------------------------

    def _start(self, now: float) -> None:
        if self._is_pass_wanted() and now >= self._not_before():
            self._start_pass()
        else:
            self._do = self._untouch_alone

    def _start_pass(self) -> None:
        self.reason = None
        self._began_amid_work = not self._sweeps.is_over
        self._given_bytes = self._waits = 0
        self._seconds = self._proof_seconds = 0.0
        self._do = self._renew
        self._sweeps.keeps_pages = True
        self._sweeps.waiting_pools = 0

    def _timed_step(self, now: float) -> float:
        """How long it took, of the thread's time."""
        do = self._do
        if do is None:
            return 0.0
        start = CLOCKS.of_thread()
        do(now)
        seconds = CLOCKS.of_thread() - start
        self._seconds += seconds
        if do == self._prove:
            self._proof_seconds += seconds
        return seconds

    def _renew(self, _now: float) -> None:
        """Spent pools first: their places serve again. What the system refuses stays for the next pass."""
        if self._core.mesh_renew(deadline_ns(STEP_SECONDS)):
            self._do = self._count

    def _count(self, now: float) -> None:
        """How many mappings there may be: counted after this step, by the helper, without the interpreter lock."""
        refusal = self._core.mesh_refusal()
        if refusal is not None:
            return self._give_up(now, refusal)
        if now < self._mappings_until:
            self._begin_pass(now)
        elif self._is_trimming:
            self._note_mappings(now, self._core.mappings())
        else:
            self._core.count_mappings_soon()
            self._do = self._look_at_count

    def _look_at_count(self, now: float) -> None:
        counted = self._core.counted_mappings()
        if counted is None:  # a fork has cut it short
            self._do = self._count
        else:
            self._note_mappings(now, counted)

    def _note_mappings(self, now: float, counted: tuple[int, int]) -> None:
        most, mappings = counted
        if most == 0:
            return self._give_up(now, "how many mappings the process has cannot be read")
        self._mappings = most, mappings - self._core.mesh_mappings()
        self._mappings_until = now + _SECONDS_PER_MAPPING * mappings
        self._begin_pass(now)

    def _begin_pass(self, now: float) -> None:
        most, others = self._mappings
        budget = most * MAPPINGS_SHARE[0] // MAPPINGS_SHARE[1] - others
        if budget < _MAPPINGS_MIN:
            return self._give_up(now, "the process has about as many mappings as the system allows")
        percent = 100 if self._stress else _LIVE_PERCENT_MAX
        only_at_rest = not self._stress and not self._is_trimming
        refused = self._core.mesh_begin(percent, only_at_rest)
        if refused is not None:
            return self._give_up(now, told(refused) if isinstance(refused, int) else refused)
        self._mappings_max = budget
        self._do = self._choose

    def _piece_bytes(self) -> int:
        """What suits the candidates, and the mappings that are left."""
        pools, *_, live_blocks, _, _, _ = self._core.mesh_pass()
        mappings_left = max(self._mappings_max - self._core.mesh_mappings(), 0)
        fitting = (
            size_bytes
            for blocks_max, mappings, size_bytes in _PIECES
            if live_blocks <= blocks_max * pools and pools * mappings <= mappings_left
        )
        return max(next(fitting), _PAGE_BYTES)

    def _choose(self, now: float) -> None:
        phase, _ = self._core.mesh_step(deadline_ns(STEP_SECONDS))
        if phase not in (_IDLE, _PROVING):
            return
        candidates = self._core.mesh_pass()[0]
        if phase == _IDLE or candidates < (1 if self._stress else CANDIDATES_MIN):
            return self._give_up(now, None)
        self._do = self._begin_proof

    def _begin_proof(self, now: float) -> None:
        candidates = self._core.mesh_pass()[0]
        refusal = self._core.proof_begin(reviewed_types(), True)
        if refusal is not None:
            return self._give_up(now, refusal)
        self._proof_seconds_max = max(_PROOF_SECONDS_MIN, candidates * _POOL_BYTES / _BYTES_PER_SECOND)
        self._do = self._prove

    def _prove(self, now: float) -> None:
        state = self._core.proof_step(deadline_ns(STEP_SECONDS))
        if state == "done":
            self._core.mesh_settle(self._piece_bytes(), EXTENTS_MAX, self._mappings_max)
            self._do = self._match
        elif state == "void":
            self._give_up(now, "other interpreters share the heap")
        elif state == "waits":
            self._wait(now)
        elif self._proof_seconds > self._proof_seconds_max:
            self._give_up(now, "to find out what its blocks are would take more than it is worth")

    def _wait(self, now: float) -> None:
        self._waits += 1
        self._next = now + _WAIT_SECONDS
        if self._is_trimming or self._waits > _WAITS_MAX:
            self._give_up(now, "the collector is at work")

    def _match(self, now: float) -> None:
        phase, given_bytes = self._core.mesh_step(deadline_ns(STEP_SECONDS))
        self._given_bytes += given_bytes
        self._account.add_meshed(given_bytes, now)
        if phase == _IDLE:
            self._do = self._release

    def _release(self, _now: float) -> None:
        """What the proof held, bytes for one, and what it knew."""
        if self._core.proof_release(deadline_ns(STEP_SECONDS)):
            self._core.proof_end()
            self._do = self._untouch

    def _untouch(self, now: float) -> None:
        if self._is_untouched(now):
            self._finish(now)

    def _untouch_alone(self, now: float) -> None:
        if self._is_untouched(now):
            self._do = None

    def _is_untouched(self, now: float) -> bool:
        start = CLOCKS.of_thread()
        is_done = self._core.mesh_untouch(deadline_ns(STEP_SECONDS))
        self._untouch_seconds += CLOCKS.of_thread() - start
        if is_done:
            pause = max(_UNTOUCHED_SECONDS_MIN, _UNTOUCHED_PER_SECOND * self._untouch_seconds)
            self._untouch_after, self._untouch_seconds = now + pause, 0.0
            self._untouched_bytes = self._core.counted_bytes() or 0
        return is_done

    # --- the end of a pass --------------------------------------------------------------------------------------

    def _give_up(self, now: float, reason: str | None) -> None:
        self.reason = reason
        self._do = self._abandon

    def _abandon(self, now: float) -> None:
        """Candidates go back, and then what the proof held: as much as there is time for."""
        deadline = deadline_ns(STEP_SECONDS)
        if self._core.mesh_abandon(deadline) and self._core.proof_release(deadline):
            self._core.proof_end()
            self._do = self._untouch_given_up if self._core.shared_bytes() else self._end_given_up

    def _untouch_given_up(self, now: float) -> None:
        """The proof has read in all pools."""
        if self._is_untouched(now):
            self._end_given_up(now)

    def _end_given_up(self, now: float) -> None:
        self._end(now, is_poor=self.reason is not None)

    def _finish(self, now: float) -> None:
        *_, is_out_of_mappings, refusal = self._core.mesh_pass()
        if refusal:
            self.reason = told(refusal)
        elif is_out_of_mappings:
            self.reason = "the process may have no more mappings"
        if self._given_bytes > 0 and not self._is_trimming:
            self._tell("sparse pools, meshed", self._given_bytes)
        self._is_poor = self._given_bytes < self._seconds * _BYTES_PER_SECOND / 4
        if self._core.mesh_pass()[1] >= _FOREIGN_MIN and now >= self._lists_after and not self._is_trimming:
            self._lists_after = now + _LISTS_SECONDS
            self._do = self._renew_lists
        else:
            self._end(now, self._is_poor)

    def _renew_lists(self, now: float) -> None:
        """What CPython keeps lies together afterwards; the pools that it lay in are for the next pass."""
        self._kept_items = self._kept_items % _KEPT_ITEMS_MAX + 1
        self._is_poor = self._core.renew_free_list(self._kept_items) == 0 and self._is_poor
        if self._kept_items == _KEPT_ITEMS_MAX:
            self._end(now, self._is_poor)

    def renew_all_lists(self) -> None:
        """For trim."""
        for items in range(1, _KEPT_ITEMS_MAX + 1):
            self._core.renew_free_list(items)

    def _end(self, now: float, is_poor: bool) -> None:
        self._do = None
        if self._is_trimming:
            return
        self._ended = now
        self._sweeps_before = self._sweeps.sweeps
        for pause in (self._amid_work,) if self._began_amid_work else (self._amid_work, self._at_rest):
            pause.begin(now, is_poor, self._seconds)
        self._is_wanted = self._stress
        self._sweeps.keeps_pages = False
        self._purged_by = self._sweeps.sweeps + _PURGING_SWEEPS
        self._sweeps.begin(now)  # pages of what was not meshed
