"""What goes back is logged: in time, once, and without ever waiting for a lock that the program holds."""

from __future__ import annotations

import pytest

from processes import Outcome, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

START = """
import logging, logging.handlers, os, queue, sys, threading, time, warnings
import quire
from quire import _core as core
from quire.process.serving import serving
serving = serving.giving_back()
def peak(count=100_000):
    "A peak of 30 MiB; of each arena's pools all but one or two become empty. The survivors."
    kept = [bytes(300) for _ in range(count)]
    return kept[::3000]
records = []
class Kept(logging.Handler):
    def emit(self, record): records.append(record)
def ask_for(handler, level=logging.DEBUG):
    logger = logging.getLogger("quire")
    logger.addHandler(handler); logger.setLevel(level)
    return logger
def give_back(times=1):
    for _ in range(times):
        before = serving.account.total_bytes
        survivors = peak()
        while serving.account.total_bytes < before + (8 << 20): time.sleep(0.01)
def wait_for_records(count=1):
    while len(records) < count: time.sleep(0.01)
"""


def served(code: str, environment: dict[str, str] | None = None) -> Outcome:
    return run_python(START + code, environment={"QUIRE": "1"} | (environment or {}))


def test_what_goes_back_is_logged_at_debug_level() -> None:
    """In a thread that is one of Python's meanwhile, and in nobody's list afterwards."""
    served(
        """
seen = []
class Looks(Kept):
    def emit(self, record):
        seen.append([thread.name for thread in threading.enumerate()]); super().emit(record)
ask_for(Looks())
give_back()
wait_for_records()
record = records[0]
print(record.name, record.levelname, record.threadName, record.getMessage().startswith("gave back "))
print(abs(record.created - time.time()) < 60, seen[0])
core.wait_for_teller()
print(threading.enumerate() == [threading.main_thread()], list(threading._active) == [threading.get_ident()])
"""
    ).expect("quire DEBUG quire True\nTrue ['MainThread', 'quire']\nTrue True\n")


def test_a_main_thread_that_waits_in_c_delays_no_record() -> None:
    """It may wait there for ever."""
    served(
        """
ask_for(Kept())
survivors = peak()
lock = threading.Lock(); lock.acquire()
def watch():
    while not records: time.sleep(0.01)
    lock.release()
threading.Thread(target=watch).start()
lock.acquire()
print(len(records))
"""
    ).expect("1\n")


@pytest.mark.parametrize(
    "asked",
    ["", "logging.getLogger('quire.other')", "ask_for(Kept(), logging.INFO)", "ask_for(Kept()).disabled = True"],
    ids=["for-all", "for-another", "for-more", "disabled"],
)
def test_who_has_not_asked_for_the_logger_gets_no_thread(asked: str) -> None:
    """Nor does a program that listens to everything hear anything."""
    served(
        f"""
logging.getLogger().addHandler(Kept()); logging.getLogger().setLevel(logging.DEBUG)
{asked}
calls = []
class Core:
    def call_apart(self, function): calls.append(function)
serving._told._core = Core()
give_back()
quire.trim()
print(records, calls)
"""
    ).expect("[] []\n")


def test_a_program_that_has_not_imported_logging_does_not_get_it_imported() -> None:
    """Nor one that loads it late."""
    for before in ("", "import importlib.util; spec = importlib.util.find_spec('logging')\n"):
        late = "spec.loader = importlib.util.LazyLoader(spec.loader); m = importlib.util.module_from_spec(spec)\n"
        late += "sys.modules['logging'] = m; spec.loader.exec_module(m)\n"
        code = "import sys, time\n" + before + (late if before else "")
        code += "import quire\nfrom quire.process.serving import serving\n"
        code += "kept = [bytes(300) for _ in range(100_000)][::3000]\n"
        code += "while not serving.giving_back().account.total_bytes: time.sleep(0.05)\n"
        code += "while serving._core.helper_is_alive(): time.sleep(0.05)\n"
        code += "print(type(sys.modules.get('logging')).__name__)\n"
        expected = "_LazyModule\n" if before else "NoneType\n"
        run_python(code, environment={"QUIRE": "1"}).expect(expected)


def test_lines_are_few_and_none_says_nothing() -> None:
    """A second apart, of each kind, however often something goes back; and together they have all that went."""
    served(
        """
ask_for(Kept())
end, told = time.monotonic() + 3.5, 0
while time.monotonic() < end:
    serving._told.tell("one kind", 200 << 10); told += 200 << 10
    serving._told.tell("another kind", 10)
    time.sleep(0.01)
serving._told._end()
lines = [record.getMessage().removeprefix("gave back ").split(" MiB of ") for record in records]
times = [record.created for record in records]
print(2 < len(lines) < 7, {kind for _, kind in lines}, all(b - a > 0.9 for a, b in zip(times, times[1:-1])))
print(abs(sum(float(amount) for amount, _ in lines) - told / 2**20) < 0.5)
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True {'one kind'} True\nTrue\n")


def test_trim_is_told_too() -> None:
    """In a line of its own, by whoever calls it."""
    served(
        """
ask_for(Kept())
survivors = peak()
given = quire.trim().total_bytes
while not records: time.sleep(0.01)
print(records[0].getMessage() == f"gave back {given / 2**20:.1f} MiB of what quire.trim() found")
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True\n")


# --- locks ----------------------------------------------------------------------------------------------------


def test_a_handlers_lock_that_the_program_holds_stops_nobody() -> None:
    """The queue's own, most of all, of a QueueHandler: the program is amid it nearly always."""
    served(
        """
q = queue.Queue()
ask_for(logging.handlers.QueueHandler(q))
told = 0
def turn():
    global told
    q.put(None)
    told += q.get() is not None
while told <= 2:
    survivors = peak(50_000)
    for _ in range(20_000): turn()
with q.mutex:
    give_back(3)
    quire.trim()
print(core.check())
"""
    ).expect("None\n")


def test_a_handler_that_logs_allocates_and_trims() -> None:
    """What it frees comes to rest as well, and what it logs is logged."""
    served(
        """
other = logging.getLogger("program"); other.setLevel(logging.DEBUG)
others = []
class Others(logging.Handler):
    def emit(self, record): others.append(record)
other.addHandler(Others())
class Busy(Kept):
    def emit(self, record):
        super().emit(record)
        kept = [bytes(300) for _ in range(50_000)]; del kept
        other.debug("seen %s", record.getMessage())
        quire.trim(collect=True)
ask_for(Busy())
for count in range(1, 6):
    survivors = peak()
    serving._told.tell(f"kind {count}", 1 << 20)
    wait_for_records(count)
core.wait_for_teller()
print(len(others) >= 5, core.check())
"""
    ).expect("True None\n")


def test_what_a_handler_raises_does_not_reach_the_program() -> None:
    """It is told by sys.unraisablehook, and later lines come all the same."""
    served(
        """
class Broken(logging.Filter):
    errors = [ZeroDivisionError, KeyboardInterrupt, SystemExit]
    def filter(self, record):
        if self.errors: raise self.errors.pop(0)
        return True
told = []
sys.unraisablehook = lambda argument: told.append(argument.exc_type.__name__)
ask_for(Kept()).addFilter(Broken())
for count in range(4):
    serving._told.tell(f"kind {count}", 1 << 20)
    core.wait_for_teller()
wait_for_records()
print(told)
"""
    ).expect("['ZeroDivisionError', 'KeyboardInterrupt', 'SystemExit']\n")


def test_lines_that_two_threads_log_at_once_are_logged_once() -> None:
    """As at the end, where the thread that logs has just begun."""
    served(
        """
sys.setswitchinterval(1e-6)
class Lockless(Kept):
    def createLock(self): self.lock = None
    def handle(self, record): self.emit(record)
ask_for(Lockless())
told, errors = serving._told, []
threading.excepthook = errors.append
for _ in range(300):
    told._lines[:] = [(0.0, "a line")] * 50
    threads = [threading.Thread(target=told._log) for _ in range(2)]
    [thread.start() for thread in threads]; [thread.join() for thread in threads]
print(len(records), errors)
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("15000 []\n")


def test_a_signal_that_the_program_has_blocked_stays_pending() -> None:
    """The thread that logs takes none, whatever was blocked when it or a helper began."""
    served(
        """
import signal
amid, go = threading.Event(), threading.Event()
class Waits(logging.Handler):
    def emit(self, record): amid.set(); go.wait()
ask_for(Waits())
serving._told.tell("one kind", 1 << 20)
amid.wait()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
os.kill(os.getpid(), signal.SIGTERM)
print(signal.sigpending() == {signal.SIGTERM}, signal.sigwait({signal.SIGTERM}) == signal.SIGTERM)
go.set()
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True True\n")


# --- forks and ends -------------------------------------------------------------------------------------------


def test_forks_amid_records_are_those_of_a_program_without_threads() -> None:
    """A fork waits for the thread that logs: no warning of it, and no lock of a handler's that is held in the child."""
    served(
        """
warned, codes = [], []
warnings.simplefilter("always")
warnings.showwarning = lambda message, *_, **__: warned.append(str(message))
q = queue.SimpleQueue()
class Slow(logging.Handler):
    lock_of_its_own = threading.Lock()
    def emit(self, record):
        with self.lock_of_its_own: time.sleep(0.05); q.put(record)
slow = Slow()
ask_for(slow)
tell, amid = serving._told.tell, 0
for turn in range(100):
    if turn % 3: tell(f"turn {turn}", 1 << 20)
    amid += slow.lock_of_its_own.locked()
    pid = os.fork()
    if pid == 0:
        tell("what a child frees", 1 << 20)
        while q.empty() or "child" not in q.get().getMessage(): time.sleep(0.001)
        os._exit(slow.lock_of_its_own.locked())
    codes.append(os.waitpid(pid, 0)[1])
    if turn % 2: time.sleep(0.001)
print(amid < 100, warned, set(codes), core.check())
"""
    ).expect("True [] {0} None\n")


def test_a_fork_amid_a_handlers_lock_goes_on() -> None:
    """It gives the thread that waits for this lock a while, and no more. The child logs with a lock of its own."""
    served(
        """
warnings.simplefilter("ignore")
handler = Kept()
ask_for(handler)
tell = serving._told.tell
for turn in range(5):
    with handler.lock:
        tell(f"turn {turn}", 1 << 20)
        pid = os.fork()
        if pid == 0:
            records.clear()
            tell("what a child frees", 1 << 20)
            while not records: time.sleep(0.01)
            os._exit(len(records) - 1)
        print(os.waitpid(pid, 0)[1])
while not core.wait_for_teller(): time.sleep(0.01)
print(len(records))
"""
    ).expect("0\n" * 5 + "5\n")


def test_who_waits_in_vain_for_a_slow_handler_does_so_once() -> None:
    """Not half a second for each of many forks; and the next thread that logs is waited for again."""
    served(
        """
warnings.simplefilter("ignore")
go = threading.Event()
class Waits(Kept):
    def emit(self, record): go.wait(); super().emit(record)
ask_for(Waits())
serving._told.tell("one kind", 1 << 20)
for _ in range(1000): core.before_fork(); core.after_fork_in_parent()
for _ in range(5):
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
go.set()
while not core.wait_for_teller(): time.sleep(0.01)
serving._told.tell("another kind", 1 << 20)
core.before_fork(); core.after_fork_in_parent()
print(len(records))
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("2\n")


def test_what_is_left_is_told_at_the_end_before_logging_shuts_down(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Handlers that flush when they are closed have it: one that keeps records in memory, and one on a queue."""
    path = tmp_path_factory.mktemp("log") / "file"
    outcome = served(
        f"""
file = logging.FileHandler({str(path)!r})
memory = logging.handlers.MemoryHandler(10_000, flushLevel=logging.CRITICAL, target=file)
ask_for(memory)
tell = serving._told.tell
tell("one kind", 1 << 20)
core.wait_for_teller()
[tell("one kind", 1 << 20) for _ in range(5)]
tell("another kind", 1 << 20)
"""
    )
    outcome.expect("")
    assert sorted(path.read_text().splitlines()) == [
        "gave back 1.0 MiB of another kind",
        "gave back 1.0 MiB of one kind",
        "gave back 5.0 MiB of one kind",
    ]


def test_an_end_amid_a_handler_that_never_returns_comes_all_the_same() -> None:
    """A thread that logs and waits for ever is left behind, and nobody else calls the handler."""
    served(
        """
class Stuck(logging.Handler):
    def createLock(self): self.lock = None  # logging itself would wait for it
    def handle(self, record): self.emit(record)
    def emit(self, record):
        print(threading.current_thread().name, flush=True); time.sleep(1000)
ask_for(Stuck())
[serving._told.tell(f"kind {count}", 1 << 20) for count in range(4)]
time.sleep(0.3)
"""
    ).expect("quire\n")


def test_an_end_amid_a_slow_handlers_lock_waits_for_one_record() -> None:
    """What is left is not told then: each record more would keep logging from its end, which takes the lock as well."""
    served(
        """
amid = threading.Event()
class Slow(logging.Handler):
    def emit(self, record):
        amid.set(); time.sleep(2)
        print(threading.current_thread().name, flush=True)
ask_for(Slow())
[serving._told.tell(f"kind {count}", 1 << 20) for count in range(4)]
amid.wait()
"""
    ).expect("quire\n")


@pytest.mark.parametrize("mode", ["all", "off"])
def test_what_an_atexit_function_gives_back_is_told(mode: str) -> None:
    """The thread that tells it is waited for, though it is the first, and functions for the end are called already."""
    served(
        """
import atexit
class Slow(logging.Handler):
    def emit(self, record): time.sleep(0.2); print(record.getMessage(), flush=True)
ask_for(Slow())
atexit.register(serving._told.tell, "one kind", 1 << 20)
""",
        {"QUIRE_GIVE_BACK": mode},
    ).expect("gave back 1.0 MiB of one kind\n")
