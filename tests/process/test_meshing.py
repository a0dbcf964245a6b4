"""Sparse pools of a served process come to share pages, and no program notices but by its memory."""

from __future__ import annotations

import sys
from errno import ENOSYS, EPERM
from pathlib import Path

import pytest

from filters import CAN_FORBID
from processes import Outcome, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

START = """
import os, sys, time
import quire
from quire import _core as core
def peak(count=300_000, each=100):
    "A peak of 160 MiB. Survivors in nearly every pool, of several types."
    kept = [(index, str(index) * 3, [index, b"%d" % index], {"a": str(index)}) for index in range(count)]
    return kept[::each]
def is_whole(survivors):
    return all(
        len(items) == 2 and text == str(index) * 3 and items == [index, b"%d" % index] and table == {"a": str(index)}
        for index, text, items, table in survivors
    )
def change(survivors, by):
    "Writes to objects that may be meshed."
    for one in survivors: one[2].append(by); one[3]["b"] = by
def changed_back(survivors, by):
    for one in survivors:
        assert one[2].pop() == by and one[3].pop("b") == by
    return is_whole(survivors)
def given(): return quire.stats().giving_back.by_itself.mesh_bytes
"""


def served(code: str, environment: dict[str, str] | None = None) -> Outcome:
    return run_python(START + code, environment={"QUIRE": "1"} | (environment or {}))


def test_after_a_peak_with_scattered_survivors_an_idle_program_comes_down_by_itself() -> None:
    """One of a hundred objects survives, in nearly every pool: what is held falls to a tenth, and they are whole."""
    served(
        """
survivors = peak()
held = core.held_bytes()
while core.held_bytes() > held // 10: time.sleep(0.1)
print(is_whole(survivors), core.check(), given() > held // 3)
change(survivors, 7)
print(changed_back(survivors, 7), core.check(), quire.stats().giving_back.missing)
del survivors
print(core.check())
"""
    ).expect("True None True\nTrue None ()\nNone\n")


def test_trim_meshes_and_purge_does_not() -> None:
    """At once, with nothing at rest; where ``give_back`` is purge pools are left as they are."""
    code = """
survivors = peak(600_000)  # every hundredth survives: how well such strides fit together depends on where they begin
held = core.held_bytes()
record = quire.trim()
print(record.mesh_bytes > held // 3, core.held_bytes() < held // 10, is_whole(survivors), core.check())
print(core.mesh_pass()[2] > 1000, core.proof_begin([]))
"""
    served(code, {"QUIRE_GIVE_BACK": "off"}).expect("True True True None\nTrue None\n")
    served(code, {"QUIRE_GIVE_BACK": "purge"}).expect("False False True None\nFalse None\n")


def test_a_pass_leaves_nothing_for_the_collector() -> None:
    """A program that has switched it off would keep that for ever, and others count what it finds."""
    served(
        """
import gc
quire.trim()  # the first one imports
survivors = peak()
gc.collect(); gc.disable()
print(quire.trim().mesh_bytes > 0, gc.collect())
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True 0\n")


def test_tuples_that_python_keeps_for_later_do_not_keep_pools() -> None:
    """Its free lists hold those that were dropped first, wherever they lay; trim has them lie together."""
    served(
        """
import random
chance = random.Random(1)
rows = [(number, str(number), [number]) for number in range(200_000)]
chance.shuffle(rows)
survivors = rows[:2000]
while len(rows) > 2000: rows.pop()  # the first 2000 are kept, scattered
del rows
print(core.renew_free_list(3) > 1900, core.check())
for wrong in (0, 21, -1, 2**70, "3"):
    try: print(core.renew_free_list(wrong))
    except (ValueError, OverflowError, TypeError): pass
del survivors[1000:]
given = quire.trim()
candidates, foreign, *_ = core.mesh_pass()
print(candidates > 500, foreign < candidates // 4, core.check())
print(all(row == (row[0], str(row[0]), [row[0]]) for row in survivors))
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True None\nTrue True None\nTrue\n")


MAPPINGS = """
import ctypes, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
for number in range(3000): libc.mmap(None, 4096, 1 + 2 * (number % 2), 0x22, -1, 0)  # no two neighbours are alike
def lines():
    with open("/proc/self/maps", "rb") as file: return sum(1 for line in file)
most = int(open("/proc/sys/vm/max_map_count").read())
"""


def test_the_process_mappings_are_counted_by_the_core_alone() -> None:
    """For a pass of the helper's, for ``trim`` and for ``stats``: as many as the kernel lists, and no descriptor of
    the count's is left."""
    served(
        MAPPINGS
        + """
from quire.process import serving
before = os.listdir("/proc/self/fd")
counts = [(core.mappings(), lines()) for _ in range(2)]
charge = quire.stats().charge
counts.append(((charge.mappings_max, charge.mappings), lines()))
print(all(told == most and abs(now - there) < 10 for (told, now), there in counts))
survivors = peak()
while not given(): time.sleep(0.05)
told, others = serving.serving.giving_back().meshing._mappings
while core.helper_is_alive(): time.sleep(0.1)
print(told == most, abs(lines() - core.mesh_mappings() - others) < 100, os.listdir("/proc/self/fd") == before)
"""
    ).expect("True\nTrue True True\n")


def test_pools_with_pages_of_their_own_again_are_one_mapping_with_their_neighbours() -> None:
    """The kernel joins them as it is counted; else there were a mapping more for each, which nobody counts."""
    served(
        """
import random
chance = random.Random(5)
def others(): return core.mappings()[1] - core.mesh_mappings()
survivors = peak(150_000)
quire.trim()
before, meshed = others(), core.mesh_mappings()
for _ in range(6):
    survivors = [one for one in survivors if chance.random() < 0.75]
    quire.trim()
print(meshed > 1000, abs(others() - before) < 10, is_whole(survivors), core.check())
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True True True None\n")


def test_what_counts_again_is_shared_memory_and_no_file() -> None:
    """Files that a program reads, and that leave memory again, say nothing of the pages that pools share."""
    served(
        """
import mmap
before = core.counted_bytes()
with open(core.__file__, "rb") as file:
    mapped = [mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) for _ in range(200)]
read = sum(len(one[::4096]) for one in mapped) * 4096
print(read > 16 << 20, core.counted_bytes() - before < 4 << 20)
shared = mmap.mmap(-1, 64 << 20)
shared[::4096] = bytes(len(shared) // 4096)
print(60 << 20 < core.counted_bytes() - before < 68 << 20)
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True True\nTrue\n")


def test_a_program_may_close_every_descriptor_while_mappings_are_counted() -> None:
    """The count is right, or there is none; and of what the program opens nothing is closed, and no byte read."""
    served(
        MAPPINGS
        + """
import errno
counts, is_over = [], False
def count():
    while not is_over: counts.append(core.mappings())
def put(file, number):
    while True:
        try: return os.dup2(file, number)
        except OSError as refused: assert refused.errno == errno.EBUSY  # another thread is opening it
threads = [threading.Thread(target=count, daemon=True) for _ in range(2)]
for thread in threads: thread.start()
read, write = os.pipe()
turn = 0
while turn < 1000 or len(counts) < 50:
    turn += 1
    os.closerange(250, 270)  # where a count's is
    put(read, 256); os.write(write, b"%8d" % turn)
    put(read, 257)
    assert int(os.read(256, 8)) == turn
is_over = True
for thread in threads: thread.join()
os.fstat(256); os.fstat(257)
right = [now for told, now in [*counts, core.mappings()] if told]
print(all(abs(now - lines()) < 50 for now in right), 0 < len(right))
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True True\n")


def test_a_fork_does_not_wait_for_a_count() -> None:
    """A count that is cut short is made anew, and no descriptor of it goes to the child."""
    served(
        MAPPINGS
        + """
import warnings
warnings.simplefilter("ignore")
open_files = min(len(os.listdir("/proc/self/fd")) for _ in range(1000))  # of few mappings a count is short
for number in range(10_000): libc.mmap(None, 4096, 1 + 2 * (number % 2), 0x22, -1, 0)
survivors = peak(100_000, 50)
def is_counting(): return any(int(name) >= 256 for name in os.listdir("/proc/self/fd"))
for turn in range(5):
    while not is_counting():  # it takes ten milliseconds
        survivors += peak(2_000, 50)
        core.count_mappings_soon()
    child = os.fork()
    if child == 0: os._exit(len(os.listdir("/proc/self/fd")) != open_files)
    assert os.waitpid(child, 0)[1] == 0
print(is_whole(survivors), core.check())
""",
        {"QUIRE_STRESS": "1"},
    ).expect("True None\n")


def test_under_stress_a_program_that_writes_all_the_time_keeps_its_bytes() -> None:
    """Passes all the time, over pools in use, while what is meshed is written, freed and made anew."""
    served(
        """
import random
random.seed(1)
survivors = peak(100_000, 20)
turn = meshed = 0
while turn < 20 or not meshed:
    turn += 1; meshed += core.mesh_pass()[2]
    survivors += peak(20_000, 20)
    random.shuffle(survivors); del survivors[10_000:]
    change(survivors, turn)
    time.sleep(0.05)
    assert changed_back(survivors, turn) and core.check() is None
print(meshed > 0)
""",
        {"QUIRE_STRESS": "1"},
    ).expect("True\n")


@pytest.mark.filterwarnings("ignore")
def test_forks_in_the_middle_of_passes() -> None:
    """Child and parent write to what was meshed, each to its own; a pass of the parent's is not the child's."""
    served(
        """
import warnings
warnings.simplefilter("ignore")
survivors = peak(100_000, 50)
while not given(): time.sleep(0.01)
codes = []
for turn in range(15):
    time.sleep(0.03)
    survivors += peak(20_000, 50)
    child = os.fork()
    change(survivors, turn if child else -1)
    if child == 0:
        own = core.proof_begin([]) is None  # RuntimeError while another pass is under way
        core.proof_end(); quire.trim()
        whole = own and changed_back(survivors, -1) and core.check() is None
        os._exit(0 if whole else 1)
    codes.append(os.waitpid(child, 0)[1])
    assert changed_back(survivors, turn) and core.check() is None
print(set(codes))
""",
        {"QUIRE_STRESS": "1"},
    ).expect("{0}\n")


FORBID = f"""
import sys
sys.path.append({str(Path(__file__).parents[1])!r})
from filters import forbid
"""


@pytest.mark.skipif(not CAN_FORBID, reason="calls have other numbers here")
@pytest.mark.parametrize(("error", "text"), [(EPERM, "operation not permitted"), (ENOSYS, "function not implemented")])
@pytest.mark.parametrize("call", ["mremap", "madvise"])
def test_where_a_filter_refuses_from_the_start_that_is_told(call: str, error: int, text: str) -> None:
    """As in a container: nothing is meshed, nothing raised, nothing lost, and the filter is named."""
    served(
        f"""{FORBID}
if not os.environ.get("IS_FILTERED"):
    forbid({call!r}, error={error})
    os.environ["IS_FILTERED"] = "1"
    os.execv(sys.executable, sys.orig_argv)
survivors = peak(100_000)
print(quire.trim().mesh_bytes, quire.trim().mesh_bytes)
told = [line for line in quire.stats().giving_back.missing if line.startswith("Sparse pools")]
print(len(told), {text!r} in told[0], "seccomp" in told[0])
print(is_whole(survivors), core.check())
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("0 0\n1 True True\nTrue None\n")


@pytest.mark.skipif(not CAN_FORBID, reason="calls have other numbers here")
@pytest.mark.parametrize("call", ["mremap", "madvise", "mincore"])
def test_a_filter_that_comes_later_stops_meshing_and_loses_no_child(call: str) -> None:
    """What was meshed stays; nothing more is, and that is told; forks go on."""
    served(
        f"""{FORBID}
survivors = peak(100_000)
print(quire.trim().mesh_bytes > 0)
forbid({call!r})
more = peak(100_000)
print(quire.trim().mesh_bytes)
told = [line for line in quire.stats().giving_back.missing if line.startswith("Sparse pools")]
print([line.count("forbidden itself system calls since its start") for line in told])
child = os.fork()
change(survivors, 1 if child else 2)
if child == 0:
    os._exit(0 if changed_back(survivors, 2) and is_whole(more) and core.check() is None else 1)
print(os.waitpid(child, 0)[1], changed_back(survivors, 1), is_whole(more), core.check())
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True\n0\n[1]\n0 True True None\n")


def test_locked_memory_is_told() -> None:
    """It does not go back to the system; why is said by its name."""
    outcome = served(
        """
import ctypes
survivors = peak(100_000)
if ctypes.CDLL(None).mlockall(3) != 0: print("not here"); sys.exit()
quire.trim()
print(*(line for line in quire.stats().giving_back.missing if "mlockall" in line))
child = os.fork()
if child == 0: os._exit(0 if is_whole(survivors) else 1)
print(os.waitpid(child, 0)[1], is_whole(survivors), core.check())
""",
        {"QUIRE_GIVE_BACK": "off", "QUIRE_RANGE": "256M"},
    )
    if outcome.stdout == "not here\n":
        pytest.skip("the process may not lock so much")
    told = "The system did not take pages back when they were offered last: invalid argument: memory is locked"
    assert outcome.stdout.startswith(told)
    assert outcome.stdout.endswith("\n0 True None\n")


@pytest.mark.parametrize("limit", ["RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_AS"])
def test_a_program_that_limits_itself_after_a_peak_loses_no_child(limit: str) -> None:
    """Whatever it has no more of: a fork asks for no descriptor, no file, and at worst for no addresses."""
    served(
        f"""
import resource
survivors = peak(100_000)
print(quire.trim().mesh_bytes > 0)
unlimited = resource.getrlimit(resource.{limit})
resource.setrlimit(resource.{limit}, (3, unlimited[1]))
child = os.fork()
if child == 0:
    resource.setrlimit(resource.{limit}, unlimited)
    os._exit(0 if is_whole(survivors) and core.check() is None else 1)
print(os.waitpid(child, 0)[1], is_whole(survivors), core.check())
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("True\n0 True None\n")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="its interpreters share one lock")
def test_with_other_interpreters_nothing_is_meshed_and_that_is_told() -> None:
    """Their threads write without the lock that a pass holds."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    served(
        f"""
import {name} as interpreters
survivors = peak()
other = interpreters.create()
print(quire.trim().mesh_bytes, [line for line in quire.stats().giving_back.missing if "interpreters" in line])
print(is_whole(survivors), core.check())
interpreters.destroy(other)
""",
        {"QUIRE_GIVE_BACK": "off"},
    ).expect("0 ['Sparse pools keep their pages: other interpreters share the heap.']\nTrue None\n")


def test_what_blocks_are_can_be_told_in_the_middle_of_a_pass() -> None:
    """Who asks ends the helper's pass; the next one is its own."""
    served(
        """
from quire.process.blocks import live_blocks
survivors = peak(100_000, 20)
for turn in range(5):
    time.sleep(0.1)
    assert len(live_blocks()) > 20_000
print(is_whole(survivors), core.check())
""",
        {"QUIRE_STRESS": "1"},
    ).expect("True None\n")
