"""What a program says of its memory when it ends: a screen on standard error, a file, or both.

    report_at_end()   before the program: remembers the start, and begins to sample
    _Ending.tell()    after it, as the last of the functions given to atexit: samples once more, and tells;
                      what the program gave to sys.settrace and sys.setprofile does not see it

Where each process writes a file of its own, a fork begins anew, and tells at its own end:

    os.fork()         the fork ends as a program does, by atexit
    multiprocessing   it ends by os._exit, but runs its own finalizers before; telling is the last of them
    anything else     that ends by os._exit or a signal tells nothing

It changes neither the exit code nor standard output, and whatever goes wrong in it is one line. It runs inside
somebody else's program: it imports the standard library alone, and not what lies beside the script.
"""

from __future__ import annotations

import os
import sys
import time

import quire.text  # noqa: F401  # for in_words, which may have to say that no file can be opened any more
from quire.errors import in_words
from quire.export.stderr import NOT_AT_A_SIZE, Stderr, encoding
from quire.export.unseen import call_unseen_at_end
from quire.process.charge import read_charge
from quire.process.core import require_core
from quire.process.settings import PROCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from quire.process.settings import Config
    from quire.process.threshold import Threshold
    from quire.records.process import RunReport

_STDERR = 2
_NO_PROCESS = 0
_SWITCH_SECONDS = 1e-5
"""How long a busy daemon thread keeps the interpreter lock from the report, each time that it reads or writes."""
_AFTER_ALL_OTHERS = -(10**6)


def report_at_end(config: Config, make_threshold: Callable[[], Threshold | None] = lambda: None) -> None:
    """Have this process report as the config says, when it ends.

    Args:
        config: what was asked for.
        make_threshold: makes what else is to be told when memory has grown, for this process and each fork that
            reports.
    """
    ending = _Ending(config, make_threshold)
    call_unseen_at_end(ending.tell)
    if config.reports_each:
        os.register_at_fork(after_in_child=ending.begin_in_fork)


class _Ending:
    """The end of one process. A fork of it says nothing, unless it begins anew."""

    def __init__(self, config: Config, make_threshold: Callable[[], Threshold | None]) -> None:
        self._make_threshold = make_threshold
        self._wants_screen = config.report
        self._json = None if config.json is None else os.path.abspath(config.json)
        self._argv = tuple(sys.orig_argv)
        self._path = list(sys.path)
        self._stderr = Stderr()
        self._begin()

    def _begin(self) -> None:
        from quire.process.sampling import PeakSampler

        self._pid = os.getpid()
        self._clock = _Clock()
        threshold = self._make_threshold()
        self._sampler = PeakSampler(threshold=threshold)
        if not self._sampler.start() and threshold is not None:
            self._stderr.say(NOT_AT_A_SIZE)

    def begin_in_fork(self) -> None:
        """The fork has its own time, its own peak and its own file; the screen is its parent's."""
        self._wants_screen = False
        self._sampler.leave()
        self._begin()
        multiprocessing = sys.modules.get("multiprocessing.util")
        if multiprocessing is not None:
            multiprocessing.register_after_fork(self, _Ending._tell_before_os_exit)

    def _tell_before_os_exit(self) -> None:
        """In a process of multiprocessing, which has just forgotten the functions that its parent gave to atexit."""
        from multiprocessing.util import Finalize

        Finalize(None, self.tell, exitpriority=_AFTER_ALL_OTHERS)

    def tell(self) -> None:
        """Sample once more, and tell; once."""
        if os.getpid() != self._pid:
            return
        self._pid = _NO_PROCESS
        self._sampler.leave()  # whatever goes wrong below: CPython drops the signal's handler soon
        wall_seconds, cpu_seconds = self._clock.read()
        was_interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
        program_path, sys.path = sys.path, self._path
        interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            _flush_standard_streams()
            report = self._report(wall_seconds, cpu_seconds)
            self._write_file(report)
            self._draw(report)
            self._tell_failure()
        except BaseException as error:
            self._stderr.say(f"quire: no report of the memory: {in_words(error)}\n")
        finally:
            sys.path = program_path
            sys.setswitchinterval(interval)
            if was_interrupted:
                _note_interrupt()

    def _report(self, wall_seconds: float, cpu_seconds: float) -> RunReport:
        """Look first, and import afterwards: what the report needs is no part of the program's memory."""
        core = require_core()
        core.helper_end()
        core.mesh_untouch(0)  # what ends with the program has read in all pools, and each would count its pages
        statistics, guard_statistics = core.statistics(), core.guard_statistics()
        charge = read_charge(core.shared_bytes(), core.mappings())
        end, peak, samples = self._sampler.stop()

        from quire.export import RUN_REPORT_VERSION
        from quire.process.decode import decode_statistics
        from quire.process.statistics import giving_back_of
        from quire.process.version import __version__
        from quire.records.process import RunReport

        return RunReport(
            version=RUN_REPORT_VERSION,
            quire_version=__version__,
            python=sys.version.split()[0],
            argv=self._argv,
            pid=os.getpid(),
            wall_seconds=wall_seconds,
            cpu_seconds=cpu_seconds,
            rss_max_bytes=self._sampler.rss_max_bytes,
            end=end,
            peak=peak,
            samples=samples,
            statistics=decode_statistics(statistics, guard_statistics, giving_back_of(core), charge),
        )

    def _write_file(self, report: RunReport) -> None:
        if self._json is None:
            return
        from quire.export.files import write_whole
        from quire.export.run_report import to_json

        path = self._json.replace(PROCESS, str(report.pid))
        try:
            write_whole(path, to_json(report))
        except OSError as error:
            self._stderr.say(f"quire: cannot write {path}: {error.strerror}\n")

    def _draw(self, report: RunReport) -> None:
        if not self._wants_screen:
            return
        from quire.export.terminal import style_of
        from quire.report.plain import draw
        from quire.report.run_view import run_view

        self._stderr.say("\n" + draw(run_view(report), style_of(_STDERR, encoding())))

    def _tell_failure(self) -> None:
        failure = self._sampler.failure
        if failure is not None and self._wants_screen:
            self._stderr.say(f"quire: the peak may be missed: sampling ended early: {in_words(failure)}\n")


class _Clock:
    """Time since it was made, by the functions there were then: tests of programs put others in their place."""

    def __init__(self) -> None:
        self._clocks = time.monotonic, time.process_time
        self._start = self._now()

    def read(self) -> tuple[float, float]:
        """Seconds by the wall, and of processor time in this process."""
        wall, cpu = self._now()
        return wall - self._start[0], cpu - self._start[1]

    def _now(self) -> tuple[float, float]:
        wall, cpu = self._clocks
        return wall(), cpu()


def _note_interrupt() -> None:
    """Have Python end by SIGINT, as it does when nobody catches an interrupt.

    It notes the interrupt when the program's text ends by one, and forgets it when it runs any other text, as
    ``dataclasses`` does for each class that the report imports. So it is told again.
    """
    from contextlib import suppress

    with suppress(KeyboardInterrupt):
        exec("raise KeyboardInterrupt")


def _flush_standard_streams() -> None:
    """What the program printed comes before what is said of it. Where that fails, Python says so after us."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue
