"""Sub-interpreters since 3.12: each way that one comes to be is noticed before it is served a single block."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")
pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="one lock for all interpreters, and one heap")

LOOK = """
import quire; quire.install()
import making
from quire.process.core import require_core
core = require_core()
making.look(*max(core.regions(), key=lambda region: region[1]))
"""
TELL = """
served, passed = making.seen()
print(served, passed > 1000, core.shared(), core.check())
"""
NOTICED = "0 True True None\n"

LOW_LEVEL = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
CREATE = "low.destroy(low.create())\n"
IMPORT = f"import {LOW_LEVEL} as low\n"
PAST_THE_IMPORT = f"""
from importlib.util import find_spec, module_from_spec
spec = find_spec({LOW_LEVEL!r}); low = module_from_spec(spec); spec.loader.exec_module(low)
"""
MADE = {
    "own-lock": "making.make('own lock')",
    "shared-lock": "making.make('shared lock')",
    "plain": "making.make('plain')",
    "without-the-lock": "making.make_without_lock('own lock')",
    "in-a-thread": "import threading\nthread = threading.Thread(target=making.make, args=('own lock',))\n"
    "thread.start(); thread.join()",
    "import": IMPORT + CREATE,
    "past-the-import": PAST_THE_IMPORT + CREATE,
    "traced": "import tracemalloc; tracemalloc.start(); making.make('plain'); tracemalloc.stop()",
    "concurrent": "from concurrent import interpreters\n"
    "one = interpreters.create(); one.exec('import json'); one.close()",
    "pool": "from concurrent.futures import InterpreterPoolExecutor\n"
    "with InterpreterPoolExecutor(2) as pool: assert list(pool.map(abs, [-1])) == [1]",
}
NEEDED = {"concurrent": "concurrent.interpreters", "pool": "concurrent.interpreters"}


@pytest.mark.parametrize("how", MADE)
@pytest.mark.parametrize("environment", [{}, {"QUIRE": "1", "QUIRE_GUARD": "100"}], ids=["by-hand", "booted"])
def test_an_interpreter_is_noticed_before_its_first_block(
    how: str, environment: dict[str, str], extensions: dict[str, str]
) -> None:
    """Whoever makes it, with a lock of its own or not, it gets no block of quire's heap, and the heap is shared."""
    if find_spec(NEEDED.get(how, "sys")) is None:
        pytest.skip(f"no {NEEDED[how]} here")
    run_python(LOOK + MADE[how] + TELL, environment=environment | extensions).expect(NOTICED)


WITH_THE_MAIN_LOCK = {
    "c": "making.make_without_lock('plain')",
    "testcapi": "import _testcapi; _testcapi.run_in_subinterp('import json')",
}


@pytest.mark.parametrize("how", WITH_THE_MAIN_LOCK)
def test_one_with_the_main_lock_is_noticed_soon(how: str, extensions: dict[str, str]) -> None:
    """Made by who did not hold the lock that it then takes, it may get blocks at first, as on 3.11: nothing races."""
    if how == "testcapi":
        pytest.importorskip("_testcapi")
    outcome = run_python(LOOK + WITH_THE_MAIN_LOCK[how] + TELL, environment=extensions)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert outcome.stdout.endswith(" True None\n")


BEFORE = {
    "imported": (IMPORT, CREATE),
    "one-ended": (IMPORT + CREATE, CREATE),
    "one-there": (IMPORT + "one = low.create()\n", "low.run_string(one, 'import json'); low.destroy(one)\n"),
}


@pytest.mark.parametrize("before", BEFORE)
def test_what_was_there_before_the_install(before: str, extensions: dict[str, str]) -> None:
    """The module that makes interpreters, one that has ended or one that lives on hide none that allocates later."""
    first, then = BEFORE[before]
    run_python(first + LOOK + then + TELL, environment=extensions).expect(NOTICED)


def test_one_in_a_forked_child(extensions: dict[str, str]) -> None:
    """A child notices the interpreter that it makes; its parent, which has none, goes on unshared."""
    child = "import os\npid = os.fork()\nif pid == 0: making.make('own lock')\nelse: os.waitpid(pid, 0)"
    outcome = run_python(LOOK + child + TELL, environment=extensions)
    outcome.expect(NOTICED + "0 False False None\n")


HARMLESS = {
    "import": IMPORT,
    "large-blocks": "kept = [bytes(300_000), bytearray(300_000), [None] * 300_000]",
    "threads": "import threading\nthreads = [threading.Thread(target=int) for _ in range(20)]\n"
    "[thread.start() for thread in threads]; [thread.join() for thread in threads]",
    "without-the-lock": "import strained; strained.strain(4, 100, 1, list)",
}


@pytest.mark.parametrize("large", ["quire", "libc"])
@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_no_interpreter_shares_nothing(what: str, large: str, extensions: dict[str, str]) -> None:
    """Importing what could make one, and large cleared blocks, wherever they come from, leave the fast paths open."""
    environment = {"QUIRE_LARGE_BLOCKS": large} | extensions
    run_python(LOOK + HARMLESS[what] + TELL, environment=environment).expect("0 False False None\n")
