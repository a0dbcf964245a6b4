"""Memory goes back by itself and by ``trim``, and whoever asks is told what went back."""

from __future__ import annotations

import pytest

from processes import Outcome, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

MIB = 1024**2
START = """
import os, sys, time
import quire
from quire import _core as core
def peak(count=100_000):
    "A peak of 30 MiB; of each arena's pools all but one or two become empty. The survivors."
    kept = [bytes(300) for _ in range(count)]
    return kept[::3000]
def rss():
    with open("/proc/self/statm") as file: return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def giving_back(): return quire.stats().giving_back
"""


def served(code: str, environment: dict[str, str] | None = None) -> Outcome:
    return run_python(START + code, environment={"QUIRE": "1"} | (environment or {}))


# --- by itself ------------------------------------------------------------------------------------------------


def test_after_a_peak_an_idle_program_gives_its_memory_back_by_itself() -> None:
    """Nothing is called; survivors are whole; what remains is what the reserve allows, and the helper ends."""
    served(
        """
before = rss()
survivors = peak(1_000_000)
at_peak = rss()
while rss() - before > (at_peak - before) // 10: time.sleep(0.05)
while core.helper_is_alive(): time.sleep(0.05)
print(all(one == bytes(300) for one in survivors), core.check())
given = giving_back().by_itself
print(given.empty_pool_bytes > 200 << 20, 0 < given.steps, 0 < given.step_seconds_max <= given.cpu_seconds)
"""
    ).expect("True None\nTrue True True\n")


def test_single_large_values_go_back_with_time() -> None:
    """Kept pieces of a freed mapping, and holes between runs, do not stay."""
    served(
        """
value = bytearray(31 << 20); runs = [bytearray(100_000) for _ in range(300)]
for place in range(0, 31 << 20, 4096): value[place] = 1
before = rss()
del value; del runs[::2]
while rss() > before - (40 << 20): time.sleep(0.05)
given = giving_back().by_itself
print(given.kept_bytes > 28 << 20, given.hole_bytes > 10 << 20, core.check())
"""
    ).expect("True True None\n")


def test_pages_of_sparse_pools_go_back() -> None:
    """Survivors in every pool, one in two hundred: the pages between them go back, each of them; in the newest pools
    others may live."""
    served(
        """
kept = [bytes(100) for _ in range(500_000)]
survivors = kept[::200]; del kept
PAGE = os.sysconf("SC_PAGE_SIZE")
def pages_of(one): return range(id(one) // PAGE, (id(one) + sys.getsizeof(one) - 1) // PAGE + 1)
living = {page for one in survivors for page in pages_of(one)}
a_pool = 16384 // PAGE
around = {page // a_pool * a_pool + index for page in living for index in range(a_pool)}
def is_resident(page): return core.resident_bytes(page * PAGE, PAGE) != 0
while sum(map(is_resident, around - living)) > 8: time.sleep(0.1)
print(len(around - living) > 5000, all(map(is_resident, living)), giving_back().by_itself.page_bytes > 20 << 20)
print(all(one == bytes(100) for one in survivors), core.check())
""",
        {"QUIRE_GIVE_BACK": "purge"},
    ).expect("True True True\nTrue None\n")


def test_a_program_that_works_on_gives_back_too() -> None:
    """One thread computes without a pause; what rests beside it goes back all the same."""
    served(
        """
survivors = peak()
while giving_back().by_itself.empty_pool_bytes < 16 << 20:
    sum(index * index for index in range(200_000))
print(core.check())
"""
    ).expect("None\n")


def test_switched_off_nothing_goes_back_by_itself() -> None:
    """With ``off`` there is no thread, and memory stays until ``trim`` is called."""
    served(
        """
survivors = peak()
at_peak = rss()
for _ in range(40):
    assert not core.helper_is_alive() and len(os.listdir("/proc/self/task")) == 1
    time.sleep(0.05)
told = giving_back()
print(told.mode, told.by_itself.total_bytes, any("off" in line for line in told.missing), rss() > at_peak - (4 << 20))
print(quire.trim().empty_pool_bytes > 20 << 20, rss() < at_peak - (20 << 20))
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("off 0 True True\nTrue True\n")


def test_libcs_heap_goes_back_too() -> None:
    """What C code has freed below pieces that live: by itself once, and by ``trim``."""
    pieces = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p; libc.free.argtypes = [ctypes.c_void_p]
def hold():
    pieces = [libc.malloc(100_000) for _ in range(300)]
    [ctypes.memset(piece, 1, 100_000) for piece in pieces]
    for index, piece in enumerate(pieces):
        if index % 30: libc.free(piece)
if core.libc_statistics() is None: print("True\\nTrue None"); sys.exit()
"""
    served(
        pieces
        + """
hold()
survivors = peak()
while giving_back().by_itself.libc_bytes < 20 << 20: time.sleep(0.05)
print(True)
hold()
print(quire.trim().libc_bytes > 20 << 20, core.check())
"""
    ).expect("True\nTrue None\n")


# --- trim -----------------------------------------------------------------------------------------------------


def test_trim_gives_back_now_and_says_what() -> None:
    """The record's kinds add up to what left the process, and the statistics have it."""
    served(
        """
quire.trim()  # imports what it needs
told = giving_back().by_trim
survivors = peak(); holes = [bytearray(100_000) for _ in range(100)]; del holes[::2]
before = rss()
given = quire.trim()
gone = before - rss()
print(given.empty_pool_bytes > 20 << 20, given.hole_bytes > 4 << 20, abs(gone - given.total_bytes) < 3 << 20)
print(giving_back().by_trim.total_bytes == told.total_bytes + given.total_bytes)
print(quire.trim().total_bytes < 2 << 20, core.check())
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True True True\nTrue\nTrue None\n")


def test_trim_collects_if_it_is_asked_to() -> None:
    """Cycles that only the collector frees go back with ``collect=True``, and not without."""
    served(
        """
import gc
gc.disable()
def cycles():
    kept = []
    for _ in range(100_000):
        one = [bytes(300)]; one.append(one); kept.append(one)
cycles()
print(quire.trim().total_bytes < 8 << 20, quire.stats().live_bytes > 30 << 20)
before = rss(); quire.trim(collect=True); print(before - rss() > 25 << 20, gc.isenabled())
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True True\nTrue False\n")


def test_trim_from_many_threads_and_from_within_itself() -> None:
    """Ten threads at once, and a finalizer that trims while ``trim`` collects: all come back, the heap is whole."""
    served(
        """
import gc, threading
quire.trim()
class Late:
    def __init__(self): self.own = self
    def __del__(self): given.append(quire.trim().total_bytes)
given, survivors = [], []
def work():
    survivors.append(peak(20_000)); Late()
    given.append(quire.trim(collect=True).total_bytes)
threads = [threading.Thread(target=work) for _ in range(10)]
[one.start() for one in threads]; [one.join() for one in threads]
gc.collect()  # two threads do not collect at once
print(len(given) == 20, min(given) >= 0, sum(given) > 20 << 20, core.check())
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True True True None\n")


def test_trim_in_a_forked_child_even_while_another_thread_trims() -> None:
    """The child has no thread that would ever end the other trim; its own works, and its survivors are whole."""
    served(
        """
import threading, warnings
warnings.simplefilter("ignore")
survivors = peak()
going = True
quire.trim()  # a fork amid its first import would leave the child an import that never ends
def work():
    while going: quire.trim()
thread = threading.Thread(target=work); thread.start()
codes = []
for _ in range(30):
    pid = os.fork()
    if pid == 0:
        more = peak(20_000)
        before = rss(); quire.trim()
        whole = all(one == bytes(300) for one in survivors + more) and core.check() is None
        os._exit(0 if whole and rss() < before else 1)
    codes.append(os.waitpid(pid, 0)[1])
going = False; thread.join()
print(set(codes), core.check())
"""
    ).expect("{0} None\n")


def test_trim_while_python_ends() -> None:
    """In a function given to atexit it works; once modules are taken down it says so in a line."""
    served(
        """
import atexit
survivors = peak()
@atexit.register
def last(): print(quire.trim().total_bytes >= 0, core.check())
class Late:
    def __del__(self, quire=quire, print=print):
        try: quire.trim()
        except quire.QuireError as error: print("call quire.trim() before" in str(error), type(error).__module__)
late = Late()
"""
    ).expect("True None\nTrue quire.errors\n")


def test_trim_where_quire_does_not_serve() -> None:
    """There it is an error, which names the remedy."""
    run_python(
        """
        import quire
        try: quire.trim()
        except quire.QuireError as error: print("quire.install()" in str(error))
        """
    ).expect("True\n")


@pytest.mark.parametrize("call", ["stats", "trim"])
def test_the_first_call_amid_itself(call: str) -> None:
    """What it imports is there in part only: that is a line that says what to do; the call that goes on works."""
    served(
        f"""
import sys
def amid(event, values):
    if event == "import" and values[0] == "quire.process.decode":
        try: quire.{call}()
        except quire.QuireError as error:
            text = str(error)
            print("quire.{call}() cannot import" in text, "at the start" in text)
sys.addaudithook(amid)
print(type(quire.{call}()).__module__, type(quire.{call}()).__module__)
"""
    ).expect("True True\n" + " ".join(["quire.records.statistics"] * 2) + "\n")


def test_the_first_call_without_descriptors() -> None:
    """Where no file can be opened, it says so in the same line, and works once there are some again."""
    served(
        """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
try: quire.trim()
except quire.QuireError as error: print("Too many open files" in str(error), "at the start" in str(error))
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(quire.trim().total_bytes >= 0)
"""
    ).expect("True True\nTrue\n")


def test_trim_from_the_handler_of_a_signal() -> None:
    """Amid allocations of the program, amid another trim, and amid such in the handlers: as often as it takes processor
    time itself, so that a slow machine comes to an end, too."""
    served(
        """
import signal
count = depth = 0
def again(): signal.setitimer(signal.ITIMER_PROF, 0.002)
def handler(number, frame):
    global count, depth
    count += 1; depth += 1
    if depth < 4: again()
    quire.trim()
    depth -= 1
    if depth == 0: again()
quire.trim()  # a handler amid its first import would find half of it
signal.signal(signal.SIGPROF, handler)
again()
while count < 200:
    survivors = peak(5_000); quire.trim()
signal.setitimer(signal.ITIMER_PROF, 0)
print(core.check())
"""
    ).expect("None\n")


# --- telling --------------------------------------------------------------------------------------------------


def test_the_charge_is_what_the_system_says() -> None:
    """Resident, in proportion and of the control group, side by side; with the mappings there are and may be."""
    served(
        """
charge = quire.stats().charge
print(0.8 < charge.rss_bytes / rss() < 1.25, 0 < charge.pss_bytes <= charge.rss_bytes)
print(charge.cgroup_bytes is None or charge.cgroup_bytes > 0, 20 < charge.mappings < charge.mappings_max)
print(charge.uncounted_bytes, 0 < charge.page_table_bytes < 4 << 20)
"""
    ).expect("True True\nTrue True\n0 True\n")


def test_shared_pages_that_no_page_table_has_are_held_all_the_same() -> None:
    """No size of the process has them until they are touched again; what is held stays the same."""
    served(
        """
import gc
kept = [(index, str(index), [index]) for index in range(600_000)][::50]
quire.trim(); quire.stats()
quire.trim()
low, shared = quire.stats().charge, core.shared_bytes()
gc.collect()
high = quire.stats().charge
print(shared > 4 << 20, low.uncounted_bytes > shared // 2, high.uncounted_bytes < shared // 4)
print(high.pss_bytes - low.pss_bytes > shared // 2, high.rss_bytes - high.pss_bytes > 4 * shared)
print(abs(high.held_bytes - low.held_bytes) < shared // 4 + high.page_table_bytes, high.rss_bytes > high.held_bytes)
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True True True\nTrue True\nTrue True\n")


# --- what programs do to their modules and clocks -----------------------------------------------------------------


FROZEN = """
import datetime
def frozen(*_): calls.append(threading.current_thread()); return 1.7e9
def raises(*_): calls.append(threading.current_thread()); raise RuntimeError("the time is frozen")
import threading
calls = []
now, sleep = time.monotonic, time.sleep
def freeze(put):
    "In every module that has a clock under any name, as freezegun and time-machine do between them."
    names = "time monotonic monotonic_ns perf_counter process_time thread_time time_ns clock_gettime".split()
    clocks = {id(getattr(time, name)): name for name in names}
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if module is not None else ():
            if id(value) in clocks and module is not sys.modules["__main__"]: setattr(module, name, put)
"""


@pytest.mark.parametrize("put", ["frozen", "raises"])
def test_clocks_that_a_test_has_frozen_stop_nothing(put: str) -> None:
    """Memory goes back by itself and by trim, in steps as short as ever, and nobody asks the frozen clock."""
    served(
        FROZEN
        + f"""
freeze({put})
kept = [(index, str(index), [index]) for index in range(300_000)][::50]
from quire.process.serving import serving
serving = serving.giving_back()
start = now()
while not serving.account.mesh_bytes and now() - start < 60: sleep(0.05)
more = [(index, str(index), [index]) for index in range(100_000)][::50]
quire.trim()
print(calls, serving.failure, serving.account.step_seconds_max < 0.5, 3 < serving.account.steps < 2000, core.check())
"""
    ).expect("[] None True True None\n")


def test_modules_that_a_program_loads_late_stay_so() -> None:
    """To look for the types that may be meshed runs none of a program's imports."""
    served(
        """
import importlib.util
names = "ast decimal datetime fractions uuid ipaddress pathlib logging".split()
for name in names:
    sys.modules.pop(name, None)
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
kept = [(index, str(index), [index]) for index in range(300_000)][::50]
from quire.process.serving import serving
serving = serving.giving_back()
while not serving.account.mesh_bytes: time.sleep(0.05)
given = serving.trim().mesh_bytes
print({type(sys.modules[name]).__name__ for name in names}, serving.failure, core.check())
"""
    ).expect("{'_LazyModule'} None None\n")


# --- settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["on", "1", "ALL", "mesh", "purge "])
def test_a_setting_that_is_not_understood_ends_the_process(value: str) -> None:
    """One line that says what to write, and exit code 2."""
    outcome = run_python("print(1)", environment={"QUIRE": "1", "QUIRE_GIVE_BACK": value})
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr == f"quire: QUIRE_GIVE_BACK={value} is not understood; it is all, purge or off\n"
