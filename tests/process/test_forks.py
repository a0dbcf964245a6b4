"""Forks of services: with functions and locks of their own around them, and from threads that Python does not know."""

from __future__ import annotations

import sysconfig

import pytest

from compiling import compile_extension
from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

START = """
import ctypes, os, time, warnings
import quire
from quire import _core as core
"""


@pytest.fixture(scope="module")
def forker(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A service's library in C (sources/forker.c)."""
    folder = tmp_path_factory.mktemp("forker")
    compile_extension("forker", folder)
    return str(folder / ("forker" + sysconfig.get_config_var("EXT_SUFFIX")))


@pytest.mark.parametrize("is_first", [True, False], ids=["before-quires", "after-quires"])
def test_functions_around_forks_come_in_any_order(forker: str, is_first: bool) -> None:
    """Mappings that a library makes in the child, before quire's pages are there or after, are nobody else's; and so is
    what Python functions allocate around the fork."""
    run_python(
        START
        + f"""
library = ctypes.CDLL({forker!r})
seen = []
def more(): seen.append([str(number) * 9 for number in range(20_000)][::50])
def register():
    library.map_in_children()
    os.register_at_fork(before=more, after_in_parent=more, after_in_child=more)
if {is_first}: register()
quire.install()
if not {is_first}: register()
kept = [(index, str(index), [index]) for index in range(200_000)][::50]
print(quire.trim().mesh_bytes > 1 << 20)
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        whole = all(one == (index * 50, str(index * 50), [index * 50]) for index, one in enumerate(kept))
        kept[0][2].append(1); del kept[1::2]; quire.trim()
        os._exit(0 if whole and library.lost() == 0 and core.check() is None else 1)
    print(os.waitpid(pid, 0)[1])
print(kept[0], len(kept), core.check())
"""
    ).expect("True\n0\n0\n0\n(0, '0', [0]) 4000 None\n")


def test_a_mutex_of_the_programs_around_forks_is_no_deadlock(forker: str) -> None:
    """A library takes its mutex before a fork, and with the interpreter lock; its own thread forks; Python forks; and
    quire gives back meanwhile. Nobody waits for the other."""
    run_python(
        START
        + f"""
library, locked = ctypes.CDLL({forker!r}), ctypes.PyDLL({forker!r})
library.lock_around_forks()
warnings.simplefilter("ignore")
kept = [(index, str(index), [index]) for index in range(100_000)][::50]
library.begin()
end = time.monotonic() + 5
turns = 0
while time.monotonic() < end:
    locked.lock_a_while()  # with the interpreter lock
    quire.trim(); turns += 1
    if turns % 10 == 0:
        pid = os.fork()
        if pid == 0: os._exit(core.check() is not None)
        assert os.waitpid(pid, 0)[1] == 0
print(turns > 10, library.end() > 10, core.check())
""",
        environment={"QUIRE": "1"},
    ).expect("True True None\n")
