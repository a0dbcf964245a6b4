"""A process that may have few more mappings: sparse pools share pages as far as they suffice, what is missing is told
with its reason, and nothing is lost.

The kernel's limit is one for all processes of the machine, so it stays as it is; the process has used most of it up.
"""

from __future__ import annotations

import pytest

from processes import Outcome, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

START = """
import ctypes, errno, os, time
import quire
from quire import _core as core
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE = os.sysconf("SC_PAGE_SIZE")
most, _ = core.mappings()
start = libc.mmap(None, 2 * most * PAGE, 0, 0x22, -1, 0)
used = 0
def use_up(rest):
    "All mappings but so many: pages that differ from their neighbours."
    global used
    while True:
        over = core.mappings()[1] + rest - most
        if over >= 0: return
        for _ in range((1 - over) // 2):
            used += 2
            assert libc.mprotect(start + used * PAGE, PAGE, 1) == 0
def use_up_all():
    "Until the kernel gives none."
    global used
    use_up(50)
    while libc.mprotect(start + (used + 2) * PAGE, PAGE, 1) == 0: used += 2
    assert ctypes.get_errno() == errno.ENOMEM
def give_up_all():
    assert libc.mprotect(start, 2 * most * PAGE, 0) == 0

def peak(count=150_000, each=50):
    "A peak of 80 MiB. Survivors in nearly every pool, of several types; to show them takes 1700 mappings."
    kept = [(index, str(index) * 3, [index, b"%d" % index], {"a": str(index)}) for index in range(count)]
    return kept[::each]
def write(survivors, who):
    for one in survivors: one[2].append(who)
def is_whole(survivors, *writers):
    return core.check() is None and all(
        text == str(index) * 3 and items == [index, b"%d" % index, *writers] and table == {"a": str(index)}
        for index, text, items, table in survivors
    )
def told(): return [line for line in quire.stats().giving_back.missing if line.startswith("Sparse pools")]
"""
KEPT = "Sparse pools keep their pages: "
OF_PROCESS = KEPT + "the process may have no more mappings."
OF_SYSTEM = KEPT + "the process has about as many mappings as the system allows."


def served(code: str, give_back: str = "off") -> Outcome:
    return run_python(START + code, environment={"QUIRE": "1", "QUIRE_GIVE_BACK": give_back})


@pytest.mark.parametrize("give_back", ["off", "all"], ids=["by-trim", "by-itself"])
def test_meshing_ends_where_its_share_does(give_back: str) -> None:
    """A quarter of what the kernel allows is left to the program. Where there are 600 beside it, no more are used; the
    next time none, but pools that became empty cut mappings in two; when there are others the rest is done."""
    served(
        f"""
use_up(most // 4 + 600)
survivors = peak()
if {give_back!r} == "all":
    while not told(): time.sleep(0.05)
quire.trim()
first = quire.stats()
print(first.shared_bytes > 1 << 20, first.mesh_mappings > 300, core.mappings()[1] <= most * 3 // 4, *told())
write(survivors, 1)
quire.trim()
print(core.mappings()[1] <= most * 3 // 4 + 150, is_whole(survivors, 1), *told())
give_up_all()
from quire.process.serving import serving
serving.giving_back().meshing._mappings_until = 0.0  # else a count of so many is good for a minute
quire.trim()
write(survivors, 2)
print(quire.stats().sealed_pools > 2 * first.sealed_pools, is_whole(survivors, 1, 2), told())
""",
        give_back,
    ).expect(f"True True True {OF_PROCESS}\nTrue True {OF_PROCESS}\nTrue True []\n")


def test_where_hardly_any_are_left_nothing_is_begun() -> None:
    """The program's part is its own, and pools that nobody shows go back as ever."""
    served(
        """
use_up(most // 4 + 100)
survivors = peak()
before = quire.stats()
given = quire.trim()
print(quire.stats().sealed_pools == before.sealed_pools, given.page_bytes > 1 << 20, is_whole(survivors), *told())
"""
    ).expect(f"True True True {OF_SYSTEM}\n")


@pytest.mark.parametrize("rest", [0, 10, 100])
def test_mappings_that_are_gone_when_they_are_asked_for_lose_nothing(rest: int) -> None:
    """The program has used up all, or nearly all, since they were counted: the kernel refuses in the middle. What was
    meshed before is whole, in a child too, which has as few; and when mappings are there again so is meshing."""
    outcome = served(
        f"""
use_up(most // 4 + 8000)
survivors = peak()
quire.trim()  # counts
print(quire.stats().sealed_pools > 1000, told())
more = peak()
use_up({rest})
if not {rest}: use_up_all()
before = quire.stats().sealed_pools
quire.trim()
print(quire.stats().sealed_pools < before + 2000, *told())
pid = os.fork()
write(survivors, pid); write(more, pid)
if pid == 0:
    quire.trim()
    os._exit(0 if is_whole(survivors, 0) and is_whole(more, 0) else 1)
print(os.waitpid(pid, 0)[1], is_whole(survivors, pid), is_whole(more, pid))
give_up_all()
quire.trim()
print(quire.stats().sealed_pools > before + 2000, is_whole(survivors, pid), is_whole(more, pid), told())
"""
    )
    line = outcome.stdout.splitlines()[1]
    assert line.startswith(f"True {KEPT}")
    assert "vm.max_map_count" in line or "memory for the proofs" in line
    outcome.expect(f"True []\n{line}\n0 True True\nTrue True True []\n")
