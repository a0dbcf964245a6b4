"""Snapshots that a process writes of itself, because its ``Config`` says so: at its end, at a size, or on a signal.

    at the end    as a function given to atexit, behind all of the program's: its modules are whole, its threads have
                  ended (but daemons), its frames are gone. What ends by os._exit, a signal or exec writes none
    at a size     in the main thread, between two bytecodes, soon after the heap has grown so far (threshold.py)
    on a signal   the same, when it comes

A fork that begins anew (``%p`` in the path) writes its own; another writes none, unless it is sent the signal itself.
Nothing of it changes the program: what goes wrong is one line on standard error.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal imports enum, which takes long
import os
import sys

import quire.text  # noqa: F401  # for in_words, which may have to say that no file can be opened any more
from quire.errors import UnsupportedRuntime, in_words
from quire.export.stderr import NOT_AT_A_SIZE, Stderr
from quire.export.unseen import call_unseen_at_end
from quire.process.settings import NUMBER, PROCESS
from quire.process.writable import name_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Final

    from quire.process.settings import Config
    from quire.process.threshold import Threshold
    from quire.records.process import SnapshotTaken

_BEFORE_REPORT: Final = -(10**6) + 1
"""Among the finalizers of multiprocessing, where the report is the last."""


class OwnSnapshots:
    """Of one process, and of its forks where each writes its own."""

    def __init__(self, config: Config) -> None:
        assert config.snapshot is not None
        self._config = config
        self._path = os.path.abspath(config.snapshot)
        self._is_at_end = config.snapshot_at is None and config.snapshot_on is None
        self._stderr = Stderr()
        self._python_path = list(sys.path)
        self._pid = self._first_pid = os.getpid()
        self._count = 0
        self._is_busy = False
        self._taken: tuple[str, dict[str, Any]] | None = None

    def threshold(self) -> Threshold | None:
        """What is to be told when memory has grown; none in a fork that has grown so far before."""
        from quire.process.own_memory import read_rss_bytes
        from quire.process.threshold import Threshold

        size_bytes = self._config.snapshot_at
        if size_bytes is None or (os.getpid() != self._first_pid and read_rss_bytes() >= size_bytes):
            return None
        return Threshold(size_bytes, self._at_size)

    def write_at_end(self) -> None:
        """Called before the report's own is given to atexit."""
        if self._is_at_end:
            call_unseen_at_end(self._write_last)

    def begin(self) -> None:
        """Called after it."""
        if self._is_at_end:
            call_unseen_at_end(self._take_last)
        if self._config.snapshot_on is not None:
            self._claim(self._config.snapshot_on)
        if not self._config.wants_report:
            self._watch()
        if self._config.snapshots_each:
            os.register_at_fork(after_in_child=self._begin_in_fork)

    def _begin_in_fork(self) -> None:
        self._pid = os.getpid()
        self._count = 0
        self._taken = None
        self._is_busy = False
        if not self._config.reports_each:
            self._watch()
        multiprocessing = sys.modules.get("multiprocessing.util")
        if self._is_at_end and multiprocessing is not None:
            multiprocessing.register_after_fork(self, OwnSnapshots._write_before_os_exit)

    def _write_before_os_exit(self) -> None:
        """In a process of multiprocessing, which has just forgotten the functions that its parent gave to atexit."""
        from multiprocessing.util import Finalize

        Finalize(None, self._now_or_never, exitpriority=_BEFORE_REPORT)

    # --- at a size, on a signal -------------------------------------------------------------------------------

    def _watch(self) -> None:
        threshold = self.threshold()
        if threshold is not None and not threshold.start():
            self._stderr.say(NOT_AT_A_SIZE)

    def _at_size(self, is_tried_again: bool) -> bool:
        """Whether it was written, or never can be."""
        try:
            self._now()
        except UnsupportedRuntime as error:  # amid a collection, for one
            if is_tried_again:
                return False
            self._tell_failure(error)
        except Exception as error:
            if _is_of_program(error):
                raise
            self._tell_failure(error)
        return True

    def _claim(self, name: str) -> None:
        number = getattr(_signal, name)
        try:
            if _signal.getsignal(number) == _signal.SIG_DFL:
                _signal.signal(number, self._asked)
                return
            why = "the program's parent has it ignored"
        except ValueError:
            why = "only the main thread can take it"
        self._stderr.say(f"quire: no snapshot on {name}: {why}\n")

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        if not sys.is_finalizing():
            self._now_or_never()

    # --- at the end -------------------------------------------------------------------------------------------

    def _take_last(self) -> None:
        """In a fork that does not write its own, nothing."""
        if os.getpid() == self._pid:
            self._at_last(self._take)

    def _write_last(self) -> None:
        self._at_last(self._write)

    def _now_or_never(self) -> None:
        try:
            self._now()
        except Exception as error:
            if _is_of_program(error):
                raise
            self._tell_failure(error)

    def _at_last(self, do: Callable[[], None]) -> None:
        """Past what lies beside the script, which may have the names of modules that are imported for it."""
        program_path, sys.path = sys.path, self._python_path
        try:
            do()
        except BaseException as error:
            self._tell_failure(error)
        finally:
            sys.path = program_path

    # --- one snapshot -----------------------------------------------------------------------------------------

    def _now(self) -> None:
        """Take one and write it."""
        self._take()
        self._write()

    def _take(self) -> None:
        """The columns, into a folder beside the file. Little is imported before the walk: it would be walked, too."""
        if self._is_busy:  # a signal amid another, which is not written yet
            return
        self._is_busy = True
        try:
            self._taken = self._take_into(name_beside(self._target()))
        except BaseException:
            self._is_busy = False
            raise

    def _take_into(self, folder: str) -> tuple[str, dict[str, Any]]:
        from quire.process.snapshot_columns import take

        try:
            os.mkdir(folder, 0o700)
            return folder, take(folder, references=True, values=False)
        except BaseException:
            _remove(folder)
            raise

    def _write(self) -> None:
        """The file, of what was taken."""
        taken, self._taken = self._taken, None
        if taken is None:
            return
        folder, about = taken
        try:
            from quire.process.snapshot import finish

            written = finish(folder, about, self._target())
        finally:
            _remove(folder)
            self._is_busy = False
        self._count += 1
        self._tell(written)

    def _target(self) -> str:
        return self._path.replace(PROCESS, str(os.getpid())).replace(NUMBER, str(self._count + 1))

    def _tell(self, taken: SnapshotTaken) -> None:
        if self._config.report:
            objects = f"{taken.objects:,} objects, {taken.file_bytes / 1024**2:,.1f} MiB"
            self._stderr.say(f"quire: {taken.path}: {objects}; quire types {taken.path} says what they are\n")

    def _tell_failure(self, error: BaseException) -> None:
        self._stderr.say(f"quire: no snapshot: {in_words(error)}\n")


def _is_of_program(error: Exception) -> bool:
    """Whether a signal handler of the program's raised it, that ran meanwhile."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = "quire" if at is None else str(at.tb_frame.f_globals.get("__name__")).partition(".")[0]
    return where != "quire" and where not in sys.stdlib_module_names


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
