"""The thread that gives memory back: nobody sees it, no fork meets it, and no end of the process waits for it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import pytest

from processes import Outcome, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

SERVED = {"QUIRE": "1"}
START = """
import os, sys, time, warnings
import quire
from quire import _core as core
def start_helper():
    "Free until a helper lives: at most one begins in a second."
    while not core.helper_is_alive():
        kept = [bytes(200) for _ in range(50_000)]
        del kept
        time.sleep(0.001)
def peak(count=100_000):
    "A peak of 30 MiB; of each arena's pools all but one or two become empty. The survivors."
    kept = [bytes(300) for _ in range(count)]
    return kept[::3000]
told = []
def note_warnings():
    "os.fork passes over a warning that is made an error."
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *_, **__: told.append(str(message))
def helper_thread():
    "Its number, None if there is none."
    for number in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{number}/comm") as file:
                if file.read() == "quire\\n": return number
        except OSError: pass
"""


def served(code: str, environment: dict[str, str] | None = None) -> Outcome:
    return run_python(START + code, environment=SERVED | (environment or {}))


# --- who sees it ----------------------------------------------------------------------------------------------


def test_it_is_in_nobodys_list() -> None:
    """While the kernel shows a thread more, Python knows of none; once it has loaded what decides, which takes it to
    files."""
    served(
        """
import threading, _thread
start_helper()
while not quire.stats().giving_back.by_itself.steps: time.sleep(0.001)
number = None
while number is None: number = helper_thread()
met = 0  # amid a step, where the kernel has taken the processor away from it
for _ in range(2000):
    assert threading.enumerate() == [threading.main_thread()] and threading.active_count() == 1
    assert _thread._count() == 0
    met += list(sys._current_frames()) != [threading.get_ident()]
    time.sleep(0.0005)
print(threading._active.keys() == {threading.get_ident()}, met < 100)
"""
    ).expect("True True\n")


def test_it_has_a_thread_state_only_while_it_works() -> None:
    """CPython takes an interpreter that has several for one at work; a tick is over in no time."""
    served(
        """
import ctypes
states = ctypes.pythonapi.PyThreadState_Next
states.restype, states.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
head = ctypes.pythonapi.PyInterpreterState_ThreadHead
head.restype, head.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
main = ctypes.pythonapi.PyInterpreterState_Main
main.restype = ctypes.c_void_p
def count():
    state, found = head(main()), 0
    while state: state, found = states(state), found + 1
    return found
start_helper()
counts = []
while core.helper_is_alive():
    counts.append(count())
    time.sleep(0.0005)
print(len(counts) > 100, counts.count(1) > 0.8 * len(counts))
"""
    ).expect("True True\n")


def test_no_signal_is_delivered_to_it() -> None:
    """Every signal that can be is blocked there, but for those of what a thread does itself; thousands of them arrive,
    all in the main thread."""
    served(
        """
import signal, threading
told, others = 0, 0
def handler(number, frame):
    global told, others
    told += 1
    others += threading.current_thread() is not threading.main_thread()
signal.signal(signal.SIGALRM, handler)
start_helper()
number = None
while number is None: number = helper_thread()
blocked = next(line for line in open(f"/proc/self/task/{number}/status") if line.startswith("SigBlk")).split()[1]
own = {getattr(signal, "SIG" + name) for name in "SEGV BUS FPE ILL ABRT TRAP SYS".split()}
blockable = set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP, 32, 33} - own  # 32 and 33 are libc's own
print(all(int(blocked, 16) >> (number - 1) & 1 for number in blockable))
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
while told < 2000:
    start_helper()
    time.sleep(0.001)
signal.setitimer(signal.ITIMER_REAL, 0)
print(others)
"""
    ).expect("True\n0\n")


def test_no_finalizer_of_the_programs_runs_in_it() -> None:
    """Garbage that only the collector frees, with a collection due at every allocation, while the helper alone runs."""
    served(
        """
import gc, threading
seen = set()
class Cycle:
    def __init__(self): self.own = self
    def __del__(self): seen.add(threading.get_ident())
start_helper()
gc.set_threshold(1)
end = time.monotonic() + 3
while time.monotonic() < end:
    gc.disable(); garbage = [Cycle() for _ in range(50)]; del garbage; gc.enable()
    time.sleep(0.02)
gc.collect()
print(seen == {threading.get_ident()}, gc.isenabled())
"""
    ).expect("True True\n")


def test_the_programs_switch_of_the_collector_is_its_own() -> None:
    """Steps all the time: what the program has switched is as it has switched it; and its finalizers run in its thread,
    also where a collection was asked for before (3.12)."""
    served(
        """
import gc, threading
elsewhere = []
class Falls:
    def __init__(self): self.itself = self
    def __del__(self): elsewhere.append(threading.current_thread() is not threading.main_thread())
thresholds, wrong = gc.get_threshold(), 0
until = time.monotonic() + 4
while time.monotonic() < until:
    gc.disable(); time.sleep(0.0005); wrong += gc.isenabled()
    gc.enable(); time.sleep(0.0005); wrong += not gc.isenabled()
    kept = [[Falls()] for _ in range(200)]
print(wrong, len(elsewhere) > 1000, any(elsewhere), gc.get_threshold() == thresholds)
""",
        {"QUIRE_STRESS": "1"},
    ).expect("0 True False True\n")


def test_what_a_program_does_with_its_collector_amid_a_step_is_its_own() -> None:
    """The thresholds that it reads to restore them are its own, a collection that it asks for is made, and what is
    counted since stays. A finder keeps the helper within a step."""
    served(
        """
import gc, threading, weakref
reached, go = threading.Event(), threading.Event()
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "quire.process.giving_back": reached.set(); go.wait()
class Cycle:
    def __init__(self): self.itself = self
sys.meta_path.insert(0, Finder())
thresholds = gc.get_threshold()
start_helper()
reached.wait()
is_held = max(gc.get_count()) < 0
old = gc.get_threshold(); gc.set_threshold(100_000, 50, 100)
one = Cycle(); alive = weakref.ref(one); del one
gc.collect(0)
print(is_held, alive())
go.set()
while not quire.stats().giving_back.by_itself.steps: time.sleep(0.001)
core.helper_end()
print(min(gc.get_count()) >= 0, max(gc.get_count()) < 1_000_000, gc.get_threshold())
gc.set_threshold(*old)
before = gc.get_stats()[0]["collections"]
for _ in range(100_000): Cycle()
print(old == thresholds, gc.get_stats()[0]["collections"] - before > 20)
"""
    ).expect("True None\nTrue True (100000, 50, 100)\nTrue True\n")


def test_a_crash_in_it_is_told_by_whoever_tells_crashes() -> None:
    """Signals of what a thread does itself are not blocked there."""
    done = served(
        """
import ctypes, faulthandler
from quire.process.serving import serving
faulthandler.enable()
serving.giving_back()._step = lambda: ctypes.string_at(0)
start_helper()
time.sleep(10)
"""
    )
    assert done.exit_code < 0
    assert "Segmentation fault" in done.stderr


def test_a_fork_while_it_waits_lets_nobody_else_run() -> None:
    """Of the program's threads: who forks at once in a new thread counts on it that the main one does not end first."""
    served(
        """
import threading
turns, seen = 0, []
def forks():
    for _ in range(20):
        start_helper()
        time.sleep(0.02)  # by then it waits for its first tick
        before = turns
        child = os.fork()
        if child == 0: os._exit(0)
        seen.append(turns - before)
        os.waitpid(child, 0)
warnings.simplefilter("ignore")
thread = threading.Thread(target=forks)
sys.setswitchinterval(100)  # no thread is made to give up the lock
thread.start()
while thread.is_alive():
    turns += 1
    time.sleep(0)
print(len(seen), seen.count(0) > 15)
"""
    ).expect("20 True\n")


def test_what_decides_is_loaded_when_memory_first_rests() -> None:
    """A program that ends before does not wait for it."""
    served(
        """
print("quire.process.giving_back" in sys.modules)
start_helper()
while "quire.process.giving_back" not in sys.modules: time.sleep(0.01)
while not quire.stats().giving_back.by_itself.steps: time.sleep(0.01)
print(quire.stats().giving_back.missing)
"""
    ).expect("False\n()\n")


def test_what_cannot_be_loaded_is_told_once_and_tried_again() -> None:
    """As where a program changes its root directory, and as where it has no descriptor left for a while."""
    done = served(
        """
class Refusing:
    "Of the program's own."
    refused = 0
    def find_spec(self, name, path=None, target=None):
        if name == "quire.process.giving_back" and self.refused < 3:
            self.refused += 1
            raise OSError(24, "Too many open files")
refusing = Refusing()
sys.meta_path.insert(0, refusing)
while refusing.refused < 3: start_helper(); time.sleep(0.01)
while not quire.stats().giving_back.by_itself.steps: start_helper(); time.sleep(0.01)
"""
    )
    line = "quire: what gives memory back cannot be loaded (OSError: [Errno 24] Too many open files)"
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{line}; tried again when memory next rests\n"


def test_it_ends_when_nothing_is_left_to_do() -> None:
    """Some seconds after the last memory came to rest there is no further thread, and the heap is whole."""
    served(
        """
start_helper()
while core.helper_is_alive(): time.sleep(0.05)
while helper_thread(): time.sleep(0.01)
print(core.check())
"""
    ).expect("None\n")


def test_it_is_not_started_in_a_program_that_has_forbidden_itself_system_calls() -> None:
    """A filter that came after the install may kill who makes a thread: none is made, and the statistics say so."""
    served(
        """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Instruction))]
allow = Instruction(0x06, 0, 0, 0x7FFF0000)  # return SECCOMP_RET_ALLOW
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
if libc.prctl(22, 2, ctypes.byref(Program(1, ctypes.pointer(allow))), 0, 0) != 0:
    print("no filters here", 1, 1); sys.exit()
for _ in range(30):
    kept = [bytes(200) for _ in range(50_000)]; del kept
    time.sleep(0.05)
import quire
missing = quire.stats().giving_back.missing
print(core.helper_is_alive(), sum("forbidden itself" in line for line in missing), quire.trim().total_bytes > 0)
"""
    ).expect("False 1 True\n")


# --- forks ----------------------------------------------------------------------------------------------------


def test_no_fork_warns_of_it() -> None:
    """os.fork warns where there is another thread: sixty forks, most with a helper that lives, and no warning."""
    served(
        """
note_warnings()
alive = 0
for _ in range(60):
    kept = [bytes(200) for _ in range(50_000)]; del kept
    alive += core.helper_is_alive()
    pid = os.fork()
    if pid == 0:
        os._exit(core.helper_is_alive() or helper_thread() is not None or core.check() is not None)
    assert os.waitpid(pid, 0)[1] == 0
    time.sleep(0.02)
print(alive > 0, told)
"""
    ).expect("True []\n")


def test_no_fork_warns_where_functions_after_it_free_memory() -> None:
    """They run when the fork is done for the helper, and before os.fork counts the threads."""
    served(
        """
note_warnings()
def free(): kept = [bytes(200) for _ in range(20_000)]; del kept
os.register_at_fork(after_in_parent=free)
start_helper()
for _ in range(20):
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    time.sleep(0.02)
start_helper()
pid = os.fork()
if pid == 0: os._exit(0)
os.waitpid(pid, 0)
print(told)
"""
    ).expect("[]\n")


def test_threads_fork_and_free_at_once() -> None:
    """Three threads fork while a fourth has helpers started: every child is whole, and every fork comes back."""
    served(
        """
import threading
warnings.simplefilter("ignore")
codes, going = [], True
def fork():
    for _ in range(40):
        pid = os.fork()
        if pid == 0:
            kept = [bytes(200) for _ in range(20_000)]; del kept
            os._exit(core.check() is not None)
        codes.append(os.waitpid(pid, 0)[1])
        time.sleep(0.01)
def free():
    while going:
        kept = [bytes(200) for _ in range(20_000)]; del kept
        time.sleep(0.001)
threads = [threading.Thread(target=fork) for _ in range(3)]
freeing = threading.Thread(target=free)
[thread.start() for thread in [freeing, *threads]]
[thread.join() for thread in threads]
going = False; freeing.join()
print(len(codes), set(codes), core.check())
"""
    ).expect("120 {0} None\n")


def test_a_child_has_a_helper_of_its_own() -> None:
    """A fork starts none; what the child frees does, and the child gives back."""
    served(
        """
import quire
start_helper()
pid = os.fork()
if pid == 0:
    before = quire.stats().giving_back.by_itself.total_bytes
    survivors = peak()
    while quire.stats().giving_back.by_itself.total_bytes <= before + (16 << 20): time.sleep(0.05)
    os._exit(0)
print(os.waitpid(pid, 0)[1])
"""
    ).expect("0\n")


def test_a_helper_that_a_fork_has_ended_is_started_by_the_next_memory_that_rests() -> None:
    """However little it is: what the fork has interrupted is done."""
    served(
        """
import quire
survivors = peak()
start_helper()
given = quire.stats().giving_back.by_itself.total_bytes
pid = os.fork()
if pid == 0: os._exit(0)
os.waitpid(pid, 0)
while quire.stats().giving_back.by_itself.total_bytes <= given + (16 << 20):
    few = [bytes(1000) for _ in range(100)]; del few
    time.sleep(0.05)
print(core.check())
"""
    ).expect("None\n")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, tmp_path: os.PathLike[str]) -> None:
    """Pools of each kind do their work, with helpers in parent and children, and without a warning."""
    path = os.path.join(tmp_path, "pool.py")
    with open(path, "w") as file:
        file.write(
            START
            + f"""
import multiprocessing
def work(number):
    kept = [bytes(300) for _ in range(100_000)]; del kept
    start_helper()
    return number * 2
if __name__ == "__main__":
    note_warnings()
    start_helper()
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        print(told)
        warnings.simplefilter("ignore")  # the pool's own threads
        print(sum(pool.map(work, range(20))), core.check())
"""
        )
    run_python(f"import runpy; runpy.run_path({path!r}, run_name='__main__')", environment=SERVED).expect(
        "[]\n380 None\n"
    )


@pytest.mark.parametrize("options", ["{}", "{'preexec_fn': lambda: bytes(500_000)}"], ids=["vfork", "preexec"])
def test_subprocesses(options: str) -> None:
    """Programs are started beside a helper that lives, and none waits for it or warns."""
    served(
        f"""
import subprocess
note_warnings()
for _ in range(20):
    kept = [bytes(200) for _ in range(50_000)]; del kept
    assert subprocess.run(["/bin/echo", "said"], stdout=subprocess.PIPE, **{options}).stdout == b"said\\n"
    time.sleep(0.05)
print(told, core.check())
"""
    ).expect("[] None\n")


def test_the_collector_wakes_it_where_pages_are_shared() -> None:
    """In a program that does nothing else: what a full collection has read counts for much more, and soon no more; then
    the helper ends. Where no pages are shared nobody is woken."""
    served(
        """
import gc, quire
def full(times=3): [gc.collect() for _ in range(times)]
full(); time.sleep(0.5)
print(core.helper_is_alive())
kept = [(index, str(index), [index]) for index in range(300_000)][::50]
quire.trim()
low = core.counted_bytes()
while core.helper_is_alive(): time.sleep(0.05)
for _ in range(2):
    gc.collect()
    print(core.counted_bytes() > low + (20 << 20), core.helper_is_alive())
    while core.counted_bytes() > low + (6 << 20): time.sleep(0.05)
    while core.helper_is_alive(): time.sleep(0.05)
print(quire.stats().giving_back.by_itself.mesh_bytes, kept[100] == (5000, "5000", [5000]), core.check())
"""
    ).expect("False\nTrue True\nTrue True\n0 True None\n")


def test_a_proof_does_not_wake_it() -> None:
    """It has every object show what it refers to, as the collector does, the core itself among them."""
    served(
        """
import gc, quire
kept = [(index, str(index), [index]) for index in range(300_000)][::50]
quire.trim()
while core.helper_is_alive(): time.sleep(0.05)
gc.disable()
print(core.proof_begin([]))
while core.proof_step(time.monotonic_ns() + 10_000_000) == 0: pass
owners = core.proof_counts()[0]
core.proof_end()
print(owners > 1000, core.helper_is_alive())
gc.enable(); gc.collect()
print(core.helper_is_alive())
"""
    ).expect("None\nTrue False\nTrue\n")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")
def test_what_runs_in_the_helper_is_not_monitored() -> None:
    """sys.monitoring is of all threads, and would call the program's code in the helper."""
    code = """
import sys, time, quire
monitoring, seen = sys.monitoring, set()
monitoring.use_tool_id(1, "test")
monitoring.register_callback(1, monitoring.events.PY_START, lambda code, offset: seen.add(code.co_name))
before = quire.stats().giving_back.by_itself.steps
monitoring.set_events(1, monitoring.events.PY_START)
def theirs(): time.sleep(1)
theirs()
monitoring.set_events(1, 0)
print(seen, quire.stats().giving_back.by_itself.steps > before)
"""
    run_python(code, environment=SERVED | {"QUIRE_STRESS": "1"}).expect("{'theirs'} True\n")


# --- ends -----------------------------------------------------------------------------------------------------

ENDINGS = {
    "the end of the text": "",
    "sys.exit": "sys.exit(33)",
    "os._exit": "os._exit(44)",
    "an error": "raise ValueError('end')",
    "SIGTERM": "os.kill(os.getpid(), 15)",
    "SIGINT": "os.kill(os.getpid(), 2); time.sleep(9)",
    "a thread's end": "import threading; threading.Thread(target=lambda: (start_helper(), sys.exit(3))).start()",
    "daemon threads": "import threading\n"
    "[threading.Thread(target=start_helper, daemon=True).start() for _ in range(4)]",
    "frees at exit": "import atexit; atexit.register(start_helper)",
    "a finalizer that frees": "class Late:\n"
    "    def __del__(self):\n"
    "        for _ in range(5): kept = [bytes(200) for _ in range(50_000)]; del kept\n"
    "one = Late()",
    "exec": "os.execv(sys.executable, [sys.executable, '-c', 'print(5)'])",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=[name.replace(" ", "-") for name in ENDINGS])
def test_a_process_ends_with_it_as_without(ending: str) -> None:
    """At once, after some steps, or amid them: the same exit code and words, and later."""
    plain = told(run_python("import os, sys, time\ndef start_helper(): pass\n" + ending))
    for wait in ("0", "0.25", "1.3"):
        code = f"kept = [bytes(300) for _ in range(100_000)]; del kept\nstart_helper(); time.sleep({wait})\n"
        assert told(served(code + ending)) == plain


def told(outcome: Outcome) -> Outcome:
    """Without the lines of a traceback, which have numbers."""
    last = outcome.stderr.strip().splitlines()[-1:]
    return replace(outcome, stderr="".join(last))


def test_gevent_lives_beside_it() -> None:
    """A patched program has helpers, forks without a warning, and memory goes back while it sleeps in its hub."""
    pytest.importorskip("gevent")
    served(
        """
from gevent import monkey; monkey.patch_all()
import gevent, quire
def work():
    survivors = peak(); gevent.sleep(0.01)
    return survivors
survivors = [task.get() for task in [gevent.spawn(work) for _ in range(5)]]
given = lambda: quire.stats().giving_back.by_itself.total_bytes
while given() < 16 << 20:
    gevent.sleep(0.05)
pid = os.fork()
if pid == 0: os._exit(0 if quire.trim().total_bytes >= 0 else 1)
print(os.waitpid(pid, 0)[1], core.check())
"""
    ).expect("0 None\n")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="interpreters share their lock")
def test_a_heap_that_interpreters_share_gives_back_too() -> None:
    """With a later interpreter at work in another thread, the helper takes the mutex that all take."""
    served(
        """
import quire, threading
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
other = interpreters.create()
busy = "kept = [[i] * 9 for i in range(100_000)]"
run = getattr(interpreters, "run_string")
going = True
def work():
    while going: run(other, busy)
thread = threading.Thread(target=work); thread.start()
survivors = peak()
while quire.stats().giving_back.by_itself.total_bytes < 16 << 20:
    few = [bytes(300) for _ in range(1000)]; del few
    time.sleep(0.05)
going = False; thread.join(); interpreters.destroy(other)
print(core.shared(), core.check())
"""
    ).expect("True None\n")
