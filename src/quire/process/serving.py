"""Who gives back the memory of this process, since quire was installed, and answers who asks for a snapshot of it.

What decides (giving_back.py) is loaded when memory first rests, for many a program ends before: by the helper, as the
main thread may wait in C for ever, or be amid an import. It is an import as any other: where a finder or a lock of the
program's keeps it waiting, a fork meanwhile waits for it too, but not for long (core/hook/helper.c).

Read at every start of a served Python, so it imports nothing that costs time; but for clocks and locks, to have them as
they are before the program, which may put others in their place.
"""

import _signal  # type: ignore[import-not-found]  # signal imports enum, which takes longer than all else here
import os
import sys
import time
from _thread import RLock as RLock

from quire.process.settings import STRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType
    from typing import Final

    from quire.process.giving_back import GivingBack
    from quire.process.settings import GiveBack

CLOCKS: "Final" = (time.time, time.monotonic, time.monotonic_ns, time.process_time, time.thread_time)
"""In a tuple, for tests of programs put others in every module's names (freezegun)."""
REQUEST_SIGNAL: "Final" = 63
"""SIGRTMAX-1 of Linux: says that a request waits (requests.py). Fixed, so that who asks knows it."""
_NOTICE_BYTES: "Final" = 4 * 1024**2
"""So much must have come to rest for a helper to begin."""
_LOADING_USED_SECONDS: "Final" = 4.0
"""Of a processor, by the program: loading takes 4 to 10 ms, the waits for the interpreter lock with them, a
four-hundredth of that. One that does nothing meanwhile has not to use so much."""
_BUSY: "Final" = 0.5
"""Of a processor: what a program uses that is not at rest."""
_YOUNG_SECONDS: "Final" = 0.25


class Load:
    """What the program uses of a processor, from one look to the next."""

    __slots__ = ("_looked", "_now", "_of_process", "used_seconds")

    def __init__(self, now: "Callable[[], float]", of_process: "Callable[[], float]") -> None:
        self._now = now
        self._of_process = of_process
        self._looked = now()
        self.used_seconds = of_process()

    def is_busy(self, own_seconds: float = 0.0) -> bool:
        """Whether it used one for much of the time since the last look that so many seconds of our own left it."""
        looked, used_seconds = self._looked, self.used_seconds
        self._looked, self.used_seconds = self._now(), self._of_process()
        return self.used_seconds - used_seconds - own_seconds > _BUSY * (self._looked - looked - own_seconds)


class Serving:
    """Gives back what the core serves."""

    def __init__(self, core: "ModuleType", mode: "GiveBack") -> None:
        self._core = core
        self._mode = mode
        self._stress = os.environ.get(STRESS) == "1"
        self._impossible = None if mode == "purge" else core.proof_prepare()
        _, now, _, of_process, _ = CLOCKS
        self._load = Load(now, of_process)
        self._loaded: list[GivingBack] = []
        self._is_failure_told = False

    def giving_back(self) -> "GivingBack":
        """What decides, loaded if it is not yet."""
        if not self._loaded:
            from quire.process.giving_back import GivingBack

            made = GivingBack(self._core, self._mode, stress=self._stress)
            made.meshing.impossible = self._impossible
            self._loaded.append(made)  # two threads may both: the first stays
        return self._loaded[0]

    def begin(self) -> None:
        """From now on, until Python ends."""
        core = self._core
        os.register_at_fork(after_in_child=self._after_fork_in_child)
        import atexit

        # What is registered first is called last before a fork, and last at the end.
        atexit.register(core.helper_end)  # also of the thread that tells what trim() gave back
        if self._mode == "off":
            return
        os.register_at_fork(
            before=core.before_fork, after_in_parent=core.after_fork_in_parent, after_in_child=core.after_fork_in_child
        )
        core.helper_begin(self._tick, 1 if self._stress else _NOTICE_BYTES)

    def _tick(self) -> float | None:
        """In the helper."""
        if self._loaded:
            return self._loaded[0].tick()
        if self._is_young_and_busy():
            return _YOUNG_SECONDS
        try:
            self.giving_back()
        except MemoryError:
            raise
        except Exception as error:
            self._tell_failure(error)
            return None
        return 0.0

    def _is_young_and_busy(self) -> bool:
        """Whether loading what decides would be too large a part of what the program has done so far."""
        return self._load.is_busy() and self._load.used_seconds < _LOADING_USED_SECONDS and not self._stress

    def _tell_failure(self, error: Exception) -> None:
        """The program may have no descriptor left, or see other files than at its start; once, past its streams."""
        from contextlib import suppress

        if not self._is_failure_told:
            self._is_failure_told = True
            why = f"{type(error).__name__}: {error}"
            line = f"quire: what gives memory back cannot be loaded ({why}); tried again when memory next rests\n"
            with suppress(OSError):
                os.write(2, line.encode())

    def _after_fork_in_child(self) -> None:
        for giving_back in self._loaded:
            giving_back.after_fork_in_child()


serving: Serving | None = None


def begin(core: "ModuleType", mode: "GiveBack") -> None:
    """From now on this process's memory goes back."""
    global serving
    serving = Serving(core, mode)
    serving.begin()
    _claim_request_signal()


# --- requests from outside ------------------------------------------------------------------------------------


def _claim_request_signal() -> None:
    """Unless somebody else has it; only the main thread can, where quire begins as a rule."""
    if _signal.getsignal(REQUEST_SIGNAL) == _signal.SIG_DFL:
        try:
            _signal.signal(REQUEST_SIGNAL, _asked)
        except ValueError:
            return


def _asked(_number: int, _frame: "FrameType | None") -> None:
    """Somewhere in the program, which is not to see an error of ours."""
    if sys.is_finalizing():
        return
    try:
        from quire.process.requests import answer_requests
        from quire.process.snapshot_columns import serve_request

        answer_requests(serve_request)
    except Exception:
        return  # nothing could be answered: who asked waits no longer than it wants to
