"""Forks of a process with meshed pools: at every point of a pass, parent and child write afterwards, and neither sees
the other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from compiling import compile_extension
from filters import CAN_FORBID
from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

PROGRAM = """
import ctypes, os, random, resource, sys, warnings
sys.path.insert(0, {tests!r})
from quire import _core
from quire.model.mesh import MeshOptions, MeshPlaces
from quire.process.heap import Heap
from quire.records.heap import MeshPhase

chance = random.Random(1)
heap = Heap({range_bytes}, core={core})
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


MIB = 1 << 20


def run(code: str, *, range_bytes: int = 32 * MIB, core: str = "_core.Heap", **options: object) -> tuple[int, str, str]:
    """A program with a sparse heap; its exit code, and what it said."""
    program = PROGRAM.format(tests=str(Path(__file__).parents[1]), range_bytes=range_bytes, core=core)
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


LIMITS = {
    "no file may grow": """
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
""",
    "no descriptor is left": """
resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
""",
    "addresses are limited below what there is": """
resource.setrlimit(resource.RLIMIT_AS, (1 << 20, resource.RLIM_INFINITY))
""",
    "mappings are used up": """
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
filler = [libc.mmap(None, 4096, 1 + 2 * (number % 2), 0x22, -1, 0) for number in range(256)]
while (address := libc.mmap(None, 4096, 1 + 2 * (len(filler) % 2), 0x22, -1, 0)) != ctypes.c_void_p(-1).value:
    filler.append(address)
""",
}
"""What keeps a child from getting shared pages, or pages at all, or would if they took a descriptor."""

MORE_ROOM = """
def more_room():
    "The child's own tests need some."
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS):
        resource.setrlimit(limit, (resource.getrlimit(limit)[1],) * 2)
    for address in globals().get("filler", [])[:2000]:
        libc.munmap(address, 4096)
"""


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_a_fork_where_a_limit_is_reached(limit: str) -> None:
    """No child is lost: it has pages of its own where it cannot have shared ones, and its children in turn."""
    code = f"""
{MORE_ROOM}
peak()
for _ in steps():
    pass
before = heap.statistics()
assert before.sealed_pools > 50
{limit}
pid = os.fork()
if pid == 0:
    more_room()
    assert holds() and heap.check() is None, heap.check()
    assert heap.statistics().sealed_pools == before.sealed_pools
    assert fork() == 0
    live_on()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
more_room()
assert holds() and heap.check() is None and heap.statistics() == before
assert fork() == 0
live_on()
"""
    assert run(code, range_bytes=256 * MIB) == (0, "", "")


@pytest.mark.skipif(not CAN_FORBID, reason="calls have other numbers here")
@pytest.mark.parametrize("calls", [("mremap",), ("madvise",), ("mremap", "madvise")])
def test_a_fork_after_a_filter_was_installed(calls: tuple[str, ...]) -> None:
    """What was allowed when pools were meshed and is no more costs a child memory, and nothing else."""
    code = f"""
from filters import forbid
peak()
for _ in steps():
    pass
sealed = heap.statistics().sealed_pools
forbid(*{calls!r})
def child():
    assert heap.statistics().sealed_pools == sealed
    live_on()
assert fork(child) == 0 and holds()
live_on()
assert fork(child=live_on) == 0 and holds()
"""
    assert run(code) == (0, "", "")


REFUSED_IN_TURN = """
def child():
    os.write(back, str(fake.calls() - before).encode())
    fake.refuse(0)
    live_on()

def fork_refusing(nth, for_good):
    "The child's exit code, and how many calls that could be refused were made before anything ran there."
    global back, before
    answer, back = os.pipe()
    before = fake.calls()
    fake.refuse(nth, for_good)
    exit_code = fork(child)
    fake.refuse(0)
    os.close(back)
    calls = int(os.read(answer, 20) or 0)
    os.close(answer)
    assert holds() and heap.check() is None
    return exit_code, calls
"""


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
def test_each_call_of_a_child_is_refused_in_turn(for_good: bool) -> None:
    """It has another way each time. Only where every way is closed it says so and ends, and its parent goes on."""
    pytest.importorskip("quire._core_fake", reason="the core was built without the fake system")
    code = f"""
from quire import _core_fake as fake
{REFUSED_IN_TURN}
peak()
for _ in steps():
    pass
assert heap.statistics().sealed_pools > 50
exit_code, calls = fork_refusing(0, False)
assert exit_code == 0 and calls > 100
outcomes = [fork_refusing(nth, {for_good})[0] for nth in [*range(1, calls, 1 + calls // 60), calls]]
assert outcomes[0] == {71 if for_good else 0} and outcomes[-1] == 0, outcomes
assert set(outcomes) <= {{0, {71 if for_good else 0}}}, outcomes
"""
    exit_code, told, errors = run(code, core="__import__('quire._core_fake')._core_fake.Heap", range_bytes=256 * MIB)
    assert (exit_code, told) == (0, ""), errors
    assert bool(errors) == for_good
    assert set(errors.splitlines()) <= {
        "quire: the system has no memory for this child of fork, whose pools shared pages in its parent; it ends. "
        "Leave it some, or set QUIRE_GIVE_BACK=purge"
    }


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
