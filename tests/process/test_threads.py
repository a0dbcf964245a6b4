"""Threads that use the domains with the lock handed over between them, forks among them, and greenlets."""

from __future__ import annotations

import pytest

from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

SEED = 20261121
INSTALL = "import quire; quire.install()\n"
SHARE = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
interpreters.destroy(interpreters.create())
"""
STRAIN = f"""
import sys, strained
from quire.process.core import require_core
sys.setswitchinterval(1e-6)
kept = []
def use_python():
    kept.append([{{index: str(index)}} for index in range(20)])
    if len(kept) > 50:
        del kept[::2]
def strain(threads, rounds, has_states=False):
    print("seed {SEED}", strained.strain(threads, rounds, {SEED}, use_python, has_states))
def end():
    print("damaged", strained.drain(), require_core().check())
"""
STRAINED = f"seed {SEED} 0\ndamaged 0 None\n"


@pytest.mark.parametrize(
    ("before", "environment"),
    [(INSTALL, {}), (INSTALL + SHARE, {}), (INSTALL, {"QUIRE_LARGE_BLOCKS": "libc"}), ("", {"QUIRE": "1"})],
    ids=["served", "shared", "large-blocks-with-libc", "booted"],
)
def test_c_threads_that_hand_over_the_lock_find_their_blocks_as_they_left_them(
    before: str, environment: dict[str, str], extensions: dict[str, str]
) -> None:
    """Eight threads change each other's blocks in both domains, and their own in raw and libc: none is damaged."""
    code = before + STRAIN + "strain(8, 400); end()"
    run_python(code, environment=environment | extensions).expect(STRAINED)


def test_an_install_amid_c_threads_damages_nothing(extensions: dict[str, str]) -> None:
    """Blocks from before the install are resized and freed after it, by threads that it comes upon."""
    code = STRAIN + (
        "import quire\n"
        "plain = use_python\n"
        "def use_python():\n"
        "    plain()\n"
        "    if len(kept) == 40 and not quire.installed():\n"
        "        quire.install()\n"
        "strain(8, 400); assert quire.installed(); end()"
    )
    run_python(code, environment=extensions).expect(STRAINED)


# --- forks ----------------------------------------------------------------------------------------------------
#
# Threads beside a fork make no thread states meanwhile: a plain 3.11 whose other thread does, without the lock, forks
# a child that waits for ever for the list of states. The same for a subprocess with a preexec_fn, which is a fork.

FORK = (
    "import warnings; warnings.simplefilter('ignore')"
    + STRAIN
    + """
import os, signal, threading
def live_as_child():
    signal.alarm(60)
    use_python(); kept[:] = kept[::2]; grown = [bytes(size) for size in range(0, 600_000, 9_000)]
    return require_core().check() is None
def run_child(live):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if live() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
)


@pytest.mark.parametrize("share", ["", SHARE], ids=["served", "shared"])
def test_forks_amid_c_threads_leave_whole_heaps(share: str, extensions: dict[str, str]) -> None:
    """Children of a process whose other threads change blocks meanwhile, and their children, have a whole heap each."""
    code = (
        INSTALL
        + share
        + FORK
        + """
threads = threading.Thread(target=strain, args=(6, 300, True)); threads.start()
codes = [run_child(live_as_child) for _ in range(20)]
codes += [run_child(lambda: live_as_child() and run_child(live_as_child) == 0) for _ in range(10)]
threads.join(); print(codes.count(0)); end()
"""
    )
    run_python(code, environment=extensions).expect("".join([STRAINED.splitlines()[0], "\n30\ndamaged 0 None\n"]))


def test_a_fork_in_a_c_thread_without_a_state_goes_on_with_python(extensions: dict[str, str]) -> None:
    """A child whose only thread was unknown to Python gets a state, allocates, frees its parent's objects and forks."""
    code = (
        INSTALL
        + FORK
        + """
strain(4, 50)
print([strained.fork_in_thread(live_as_child) for _ in range(5)])
print(strained.fork_in_thread(lambda: strained.drain() == 0 and live_as_child()))
end()
"""
    )
    run_python(code, environment=extensions).expect(STRAINED.replace("\n", "\n[0, 0, 0, 0, 0]\n0\n", 1))


@pytest.mark.parametrize(
    "options",
    ["{}", "{'preexec_fn': lambda: kept.extend(bytes(size) for size in range(99_000, 600_000, 9_000))}"],
    ids=["vfork", "preexec"],
)
def test_subprocesses_amid_c_threads(options: str, extensions: dict[str, str]) -> None:
    """subprocess, by vfork or with Python code run in the fork, and posix_spawn work beside busy threads."""
    code = (
        INSTALL
        + FORK
        + f"""
import subprocess
threads = threading.Thread(target=strain, args=(6, 200, True)); threads.start()
for _ in range(20):
    assert subprocess.run(["/bin/echo", "said"], stdout=subprocess.PIPE, **{options}).stdout == b"said\\n"
    pid = os.posix_spawn("/bin/true", ["true"], os.environ)
    assert os.waitpid(pid, 0)[1] == 0
threads.join(); end()
"""
    )
    run_python(code, environment=extensions).expect(STRAINED)
