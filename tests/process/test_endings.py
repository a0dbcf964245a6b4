"""Shutdown: what lives until then, what is done then, what comes after it, and Python started anew."""

from __future__ import annotations

import re
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

import quire
from compiling import compile_program
from processes import Outcome, run, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

# --- programs that end ----------------------------------------------------------------------------------------

LATE = """
import atexit, sys, threading, weakref
class Late:
    def __init__(self, name):
        self.name, self.other = name, [self]
    def __del__(self):
        kept = [{index: str(index) * 9} for index in range(2000)] + [bytes(300_000), bytearray(9_000)]
        sys.stdout.write(f"{self.name} {len(kept)}\\n")
"""
ENDINGS = {
    "finalizers in modules and cycles": LATE + "one = Late('global'); one.other.clear(); two = Late('cycle')",
    "finalizers that make finalizers": LATE
    + "class Chain(Late):\n"
    + "    def __del__(self):\n"
    + "        super().__del__()\n"
    + "        if len(self.name) < 9: Chain(self.name + '-').other.clear()\n"
    + "one = Chain('c'); one.other.clear()",
    "weakref.finalize and atexit": LATE
    + "one = Late('one'); weakref.finalize(one, print, 'finalized')\n"
    + "atexit.register(lambda: Late('at exit').other.clear())",
    "a resurrection at the end": LATE
    + "class Back(Late):\n"
    + "    def __del__(self): super().__del__(); sys.modules['back'] = self\n"
    + "one = Back('back')",
    "daemon threads asleep": "import threading, time\n"
    "[threading.Thread(target=time.sleep, args=(99,), daemon=True).start() for _ in range(9)]; print('end')",
    "a thread that outlives the text": LATE
    + "import time\n"
    + "def last(): time.sleep(0.1); Late('of a thread').other.clear(); sys.exit(9)\n"
    + "threading.Thread(target=last).start()",
    "an error in a thread": "import threading, sys\nsys.excepthook = threading.excepthook = lambda *a: print('hook')\n"
    "def fail(): raise KeyError([1] * 100)\n"
    "one = threading.Thread(target=fail); one.start(); one.join(); fail()",
    "sys.exit in a finalizer": LATE + "class Exit(Late):\n    def __del__(self): sys.exit(5)\none = Exit('x')",
    "sys.exit": LATE + "one = Late('one'); sys.exit(33)",
    "os._exit": LATE + "import os; one = Late('one'); sys.stdout.flush(); os._exit(44)",
    "an error nobody catches": LATE + "one = Late('one'); raise ValueError('x' * 1000)",
    "a fork that exits while finalizers allocate": LATE
    + "import os\n"
    + "class Grow(Late):\n"
    + "    def __del__(self): self.kept = [bytes(1000) for _ in range(30_000)]\n"
    + "one = Grow('grow')\nif os.fork() == 0: sys.exit(3)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))",
    "a signal": LATE + "import os, signal; one = Late('one'); sys.stdout.flush(); os.kill(os.getpid(), signal.SIGTERM)",
    "abort": "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=[name.replace(" ", "-") for name in ENDINGS])
def test_a_program_ends_as_it_does_plainly(ending: str, tmp_path: Path) -> None:
    """Output, errors and exit code are the same, also where a report is told at the end."""
    plain = end(ending, {})
    assert end(ending, {"QUIRE": "1"}) == plain
    assert end(ending, {"QUIRE": "1", "QUIRE_JSON": str(tmp_path / "report.json")}) == plain


def end(program: str, environment: dict[str, str]) -> Outcome:
    """How the program ends, but for addresses."""
    outcome = run_python(program, environment=environment)
    return replace(outcome, stderr=re.sub("0x[0-9a-f]+", "0x", outcome.stderr))


def test_daemon_threads_that_allocate_until_the_end() -> None:
    """Threads that are stopped in the middle of allocating leave nothing behind that keeps Python from ending."""
    code = """
        import threading, time
        def work():
            while True:
                kept = [{index: [index] * 9} for index in range(300)] + [bytes(300_000)]
        [threading.Thread(target=work, daemon=True).start() for _ in range(6)]
        time.sleep(0.1); print("end")
    """
    run_python(code, environment={"QUIRE": "1"}).expect("end\n")


def test_blocks_that_outlive_python(extensions: dict[str, str]) -> None:
    """Blocks that C holds are whole, and resized and freed, when CPython, its program and its libraries end."""
    out = "Py_AtExit: 0 damaged, 0 not met\natexit: 0 damaged, 0 not met\ndestructor: 0 damaged, 0 not met\n"
    run_python("import outliving; outliving.hold()", environment={"QUIRE": "1"} | extensions).expect(out)


# --- Python embedded, and started anew ------------------------------------------------------------------------

LIFE = """
import atexit, datetime, gc, json, re
import quire
from quire.process.core import require_core
class Late:
    def __del__(self): [].extend(range(1000))
class Inherited(datetime.datetime): pass
one = Late(); one.one = one; two = Late()
kept = [{index: [index] * 20} for index in range(20_000)]; del kept[::2]
before = quire.stats().live_bytes; more = [[index] for index in range(10_000)]
print(quire.stats().live_bytes - before > 100_000, require_core().check())
atexit.register(print, "at exit")
"""


@pytest.fixture(scope="module")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, and beside it a user's folder with quire in it: from 3.14 on only one life finds a virtual one."""
    folder = tmp_path_factory.mktemp("embedding")
    packages = Path(sysconfig.get_path("purelib", "posix_user", {"userbase": str(folder)}))
    packages.mkdir(parents=True)
    installed = Path(quire.__file__).parents[1]
    (packages / "quire.pth").write_text(f"{installed}\n{(installed / 'quire.pth').read_text()}")
    return compile_program("embedding", folder)


def embed(embedding: Path, lives: list[str], environment: dict[str, str]) -> Outcome:
    python = sys._base_executable  # type: ignore[attr-defined]  # has no public name
    return run([str(embedding), python, *lives], {"PYTHONUSERBASE": str(embedding.parent), **environment})


@pytest.mark.parametrize("report", [{}, {"QUIRE_JSON": "/dev/null"}], ids=["silent", "reporting"])
def test_python_may_be_ended_and_started_anew(embedding: Path, report: dict[str, str]) -> None:
    """A program that embeds Python starts it three times in one process: quire serves every life, without a word."""
    expected = "".join(f"True None\nat exit\nlife {life}: 0 0\n" for life in range(1, 4))
    embed(embedding, [LIFE] * 3, {"QUIRE": "1", **report}).expect(expected)


def test_what_is_installed_by_hand_serves_the_next_life(embedding: Path) -> None:
    """quire.install() in the first life, and again in the third: the second, which knows nothing of it, works too."""
    lives = ["import quire; quire.install()" + LIFE, "print([[1]] * 3)", "import quire; quire.install()" + LIFE]
    expected = "True None\nat exit\nlife 1: 0 0\n[[1], [1], [1]]\nlife 2: 0 0\nTrue None\nat exit\nlife 3: 0 0\n"
    embed(embedding, lives, {}).expect(expected)


def test_an_allocator_that_would_come_back_is_left_alone(embedding: Path) -> None:
    """PYTHONMALLOC puts its allocator in force in every life: quire steps aside with a line, and the program runs."""
    outcome = embed(embedding, ["print([[1]])"] * 2, {"QUIRE": "1", "PYTHONMALLOC": "malloc"})
    line = "quire: PYTHONMALLOC would replace quire if this program started Python anew; unset it; "
    assert outcome.stderr == (line + "the program runs without quire\n") * 2
    assert (outcome.exit_code, outcome.stdout) == (0, "[[1]]\nlife 1: 0 0\n[[1]]\nlife 2: 0 0\n")


MAKE = """
import quire, making
from quire.process.core import require_core
core = require_core()
making.look(*max(core.regions(), key=lambda region: region[1]))
print(core.shared(), making.make("own lock"), core.shared(), making.seen()[0], core.check())
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="one lock for all interpreters: nothing is watched")
def test_an_interpreter_in_a_later_life_is_noticed(embedding: Path, extensions: dict[str, str]) -> None:
    """What watches for interpreters stays in force, and so does what it has found."""
    told = "True None\nat exit\nlife 1: 0 0\nFalse True True 0 None\nlife 2: 0 0\nTrue True True 0 None\nlife 3: 0 0\n"
    embed(embedding, [LIFE, MAKE, MAKE], {"QUIRE": "1"} | extensions).expect(told)
