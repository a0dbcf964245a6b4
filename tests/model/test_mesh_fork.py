"""Forks of a process with meshed pools: at every point of a pass, parent and child write afterwards, and neither sees
the other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from compiling import compile_extension
from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

PROGRAM = """
import ctypes, os, random, resource, sys, warnings
sys.path.insert(0, {tests!r})
from quire.model.mesh import MeshOptions, MeshPlaces
from quire.process.heap import Heap
from quire.records import MeshPhase

chance = random.Random(1)
heap = Heap(32 << 20)
live = {{}}

def fill():
    for address in live:
        live[address] = content = chance.randbytes(len(live[address]))
        ctypes.memmove(address, content, len(content))

def holds():
    return all(ctypes.string_at(address, len(content)) == content for address, content in live.items())

def peak(share=0.03):
    dead = []
    for _ in range(8000):
        size = chance.choice([16, 64, 100, 500, 2000, 9000])
        address = heap.allocate(size)
        if chance.random() < share:
            live[address] = bytes(size)
        else:
            dead.append(address)
    chance.shuffle(dead)
    for address in dead:
        heap.free(address)
    fill()

def steps(places=MeshPlaces()):
    "A whole pass, step by step."
    heap.mesh_begin(MeshOptions())
    yield
    while (phase := heap.mesh_step(30)) is not MeshPhase.IDLE:
        if phase is MeshPhase.PROVING:
            heap.prove(live)
            heap.mesh_settle(places)
        yield

def live_on():
    "What a process does afterwards: it writes, frees, meshes, renews, meshes again."
    fill()
    assert holds() and heap.check() is None
    for address in list(live)[::3]:
        heap.free(address)
        del live[address]
    heap.mesh_renew(1000)
    heap.mesh_abandon()
    peak(0.01)
    for _ in steps():
        pass
    while not heap.mesh_untouch(10):
        pass
    assert holds() and heap.check() is None, heap.check()

def fork(child=live_on):
    "Fork; the child's exit code, negative for a signal."
    warnings.simplefilter("ignore")
    pid = os.fork()
    if pid == 0:
        try:
            assert holds(), "the child holds what its parent held"
            assert heap.check() is None, heap.check()
            chance.seed(os.getpid())
            child()
        except BaseException as error:
            os.write(2, repr(error).encode() + b"\\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def run(code: str, **options: object) -> tuple[int, str, str]:
    """A program with a sparse heap; its exit code, and what it said."""
    program = PROGRAM.format(tests=str(Path(__file__).parents[1]))
    outcome = run_python(program + code, **options)
    return outcome.exit_code, outcome.stdout, outcome.stderr


@pytest.mark.parametrize("piece_bytes", [4096, 16384, 65536])
def test_a_fork_at_every_point_of_a_pass(piece_bytes: int) -> None:
    """Each child writes, frees and meshes by itself; the parent, which writes too, sees nothing of it."""
    code = f"""
peak()
forks = 0
for _ in steps(MeshPlaces(piece_bytes={piece_bytes})):
    assert fork() == 0
    assert holds() and heap.check() is None, heap.check()
    forks += 1
assert heap.statistics().sealed_pools > 50 and forks > 20
fill()
assert fork() == 0 and holds()
heap.mesh_untouch(1000)
assert fork() == 0 and holds()
for address in list(live)[::2]:
    heap.free(address)
    del live[address]
assert heap.statistics().spent_pools
assert fork() == 0 and holds()
heap.mesh_renew(10)
assert fork() == 0 and holds()
live_on()
"""
    assert run(code) == (0, "", "")


def test_children_of_children() -> None:
    """A child's extents are copied for its own children in turn."""
    code = """
peak()
for _ in steps():
    pass
def child():
    fill()
    assert fork() == 0 and holds()
    live_on()
    assert fork() == 0 and holds()
assert fork(child) == 0 and holds() and heap.check() is None
"""
    assert run(code) == (0, "", "")


def test_a_copy_that_is_refused_ends_the_child_only() -> None:
    """Where files may not become so large there is no copy: the child says so and ends, the parent goes on."""
    code = """
peak()
for _ in steps():
    pass
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
assert fork() == 71 and holds() and heap.check() is None
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
assert fork() == 0 and holds()
live_on()
"""
    line = "quire: this child of fork has no memory for its parent's meshed pools, and ends\n"
    assert run(code) == (0, "", line)


def test_a_child_past_the_handlers_faults() -> None:
    """It has nothing where its parent's meshed pools are: it cannot write to them."""
    code = """
import signal
peak()
for _ in steps():
    pass
sealed = next(
    pool for arena in heap.state().arenas for pool in arena.pools if pool.role == "sealed" and pool.size_bytes == 16384
)
address = next(address for address in live if sealed.address <= address < sealed.address + 16384)
pid = ctypes.PyDLL(None)._Fork()
if pid == 0:
    ctypes.memset(address, 0, 1)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGSEGV
assert holds()
"""
    if not _has_plain_fork():
        pytest.skip("this libc has no _Fork")
    assert run(code) == (0, "", "")


def _has_plain_fork() -> bool:
    import ctypes

    return hasattr(ctypes.CDLL(None), "_Fork")


def test_forks_of_a_thread_in_c_while_pools_are_meshed_and_renewed(tmp_path: Path) -> None:
    """It holds no lock of Python's; every child sees every block as it is, and what it writes is its own."""
    compile_extension("forking", tmp_path)
    code = f"""
sys.path.insert(0, {str(tmp_path)!r})
import forking
peak()
words = {{address: int.from_bytes(content[:8], "little") for address, content in live.items()}}
forking.start(list(words), list(words.values()), 200)
while forking.is_running():
    kept = dict(live)
    peak_beside()
    for _ in steps(MeshPlaces(piece_bytes=4096)):
        pass
    for address in live.keys() - kept.keys():
        heap.free(address)
    live.clear()
    live.update(kept)
    while not heap.mesh_renew(50):
        pass
assert forking.wait() == (200, 0)
assert holds() and heap.check() is None
"""
    beside = """
def peak_beside():
    "Another peak, which leaves the bytes of what lives already as they are: the thread looks at them."
    kept = dict(live)
    live.clear()
    peak()
    live.update(kept)
"""
    assert run(beside + code) == (0, "", "")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="fork does not warn before 3.12")
def test_a_fork_does_not_warn() -> None:
    """Meshing leaves no thread behind."""
    code = """
peak()
for _ in steps():
    pass
warnings.simplefilter("error")
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
"""
    assert run(code) == (0, "", "")
