"""Processes are forked while sparse pools share pages: each writes to what it has, none sees another's, and the child's
own pools come to share pages later."""

from __future__ import annotations

from pathlib import Path

import pytest

from processes import Outcome, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

MESHED = """
import bisect, os, signal, sys, time, warnings
import quire
from quire import _core as core
warnings.simplefilter("ignore")  # of forks beside threads: multiprocessing has some

def peak(count=100_000, each=50):
    "A peak of 50 MiB. Survivors in nearly every pool, of several types."
    kept = [(index, str(index) * 3, [index, b"%d" % index], {"a": str(index)}) for index in range(count)]
    return kept[::each]
def write(survivors, who):
    "To objects of which most share pages with others."
    for one in survivors: one[2].append(who); one[3]["b"] = who
def has(survivors, writers):
    "What was written is what these have written, one after the other, and nothing else."
    last = {"b": writers[-1]} if writers else {}
    return core.check() is None and all(
        text == str(index) * 3 and items == [index, b"%d" % index, *writers] and table == {"a": str(index), **last}
        for index, text, items, table in survivors
    )
def shared_part(survivors):
    "Of the survivors' own blocks, how many lie where mappings of shared memory are."
    with open("/proc/self/maps") as maps:
        pieces = [line.split()[0].split("-") for line in maps if " rw-s " in line]
    pieces = [(int(start, 16), int(end, 16)) for start, end in pieces]
    starts = [start for start, _ in pieces]
    def is_shown(one):
        index = bisect.bisect(starts, id(one)) - 1
        return index >= 0 and id(one) < pieces[index][1]
    return sum(map(is_shown, survivors)) / len(survivors)
def mesh(survivors):
    "Sparse pools come to share pages, which is seen from both sides. The first trim may end a pass of before the peak."
    for _ in range(2): quire.trim()
    stats = quire.stats()
    assert stats.sealed_pools > 500 and stats.shared_bytes > 0, stats
    assert shared_part(survivors) > 0.8, (shared_part(survivors), stats.giving_back)
def given(): return quire.stats().giving_back.by_itself.mesh_bytes
def mesh_more(survivors, writers):
    "Of another peak, as the first was, while what the first has left is written."
    more = peak()
    mesh(more)
    write(survivors, "later"); write(more, "own")
    return has(survivors, [*writers, "later"]) and has(more, ["own"])
def mesh_by_itself(survivors, writers):
    before, more = given(), peak()
    while given() == before: time.sleep(0.05)
    write(survivors, "late"); write(more, "own")
    return has(survivors, [*writers, "late"]) and has(more, ["own"])
"""
"""For the beginning of a program's text, or of a module."""


def served(code: str, folder: Path, method: str = "") -> Outcome:
    """Run the text as a module's, whose functions multiprocessing finds, with what is above as ``meshed``."""
    (folder / "meshed.py").write_text(MESHED)
    (folder / "program.py").write_text("from meshed import *\nfrom meshed import core, quire\n" + code)
    environment = {"QUIRE": "1", "QUIRE_GIVE_BACK": "all", "PYTHONPATH": str(folder), "METHOD": method}
    return run_python(
        "import runpy; runpy.run_module('program', run_name='__main__', alter_sys=True)", environment=environment
    )


# --- multiprocessing ------------------------------------------------------------------------------------------

TURNS = """
def child(survivors, pipe, who):
    "It writes when it is told to, and looks after each time that somebody else has."
    written = []
    while pipe.recv() == "write":
        write(survivors, who); written.append(who)
        pipe.send(has(survivors, written))
    whole = has(survivors, written)
    pipe.send((whole, mesh_more(survivors, written)))
def drive(context, survivors, start):
    "Two children and this process write in turn, while all three live."
    pipes, children = [], []
    for number in range(2):
        own, its = context.Pipe()
        children.append(start(context, its, f"child {number}")); pipes.append(own)
        children[-1].start()
    written = []
    for turn in range(3):
        write(survivors, "parent"); written.append("parent")
        for pipe in pipes:
            pipe.send("write")
            assert pipe.recv() is True and has(survivors, written)
    for pipe, one in zip(pipes, children):
        pipe.send("end")
        print(pipe.recv())
        one.join()
        print(one.exitcode)
    print(has(survivors, written), mesh_more(survivors, written))
"""
DRIVEN = "(True, True)\n0\n(True, True)\n0\nTrue True\n"


def test_multiprocessing_by_fork(tmp_path: Path) -> None:
    """Children that inherit what shares pages."""
    served(
        TURNS
        + """
import multiprocessing
if __name__ == "__main__":
    survivors = peak()
    mesh(survivors)
    def start(context, pipe, who): return context.Process(target=child, args=(survivors, pipe, who))
    drive(multiprocessing.get_context("fork"), survivors, start)
""",
        tmp_path,
    ).expect(DRIVEN)


def test_multiprocessing_by_a_server_that_has_shared_pages(tmp_path: Path) -> None:
    """The server that forks has loaded a module with such objects; every child begins with those as they were there."""
    (tmp_path / "preloaded.py").write_text(
        "from meshed import *\nsurvivors = peak()\nmesh(survivors)\nserver = os.getpid()\n"
    )
    served(
        TURNS
        + """
import multiprocessing
def child_of_server(pipe, who):
    from preloaded import survivors, server
    assert server == os.getppid() and shared_part(survivors) > 0.8  # its parent has meshed them, not this process
    child(survivors, pipe, who)
if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["preloaded"])
    survivors = peak()
    mesh(survivors)
    def start(context, pipe, who): return context.Process(target=child_of_server, args=(pipe, who))
    drive(context, survivors, start)
""",
        tmp_path,
    ).expect(DRIVEN)


def test_multiprocessing_by_spawn(tmp_path: Path) -> None:
    """Children of their own, to whom objects that share pages are sent."""
    served(
        TURNS
        + """
import multiprocessing
def child_of_its_own(survivors, pipe, who):
    assert quire.stats().sealed_pools == 0
    child(survivors, pipe, who)
if __name__ == "__main__":
    survivors = peak()
    mesh(survivors)
    def start(context, pipe, who): return context.Process(target=child_of_its_own, args=(survivors, pipe, who))
    drive(multiprocessing.get_context("spawn"), survivors, start)
""",
        tmp_path,
    ).expect(DRIVEN)


def test_a_pool_of_workers(tmp_path: Path) -> None:
    """Workers that end after a few tasks, and are replaced by forks of a parent that has written since: by a thread of
    the pool's, so a lock around forks keeps those out of the middle of its writing."""
    served(
        """
import multiprocessing, threading
survivors, written, whole = [], [], threading.Lock()
def work(number):
    "What the parent has written until the fork, and this worker since."
    mine.append(number)
    write(survivors, number)
    return has(survivors, [*written, *mine]) and shared_part(survivors) > 0.5, os.getpid()
mine = []
if __name__ == "__main__":
    survivors += peak()
    mesh(survivors)
    os.register_at_fork(before=whole.acquire, after_in_parent=whole.release, after_in_child=whole.release)
    workers = set()
    with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=3) as pool:
        for turn in range(4):
            with whole: write(survivors, "parent"); written.append("parent")
            done = pool.map(work, range(6), chunksize=1)
            print(all(is_whole for is_whole, _ in done), has(survivors, written))
            workers |= {pid for _, pid in done}
    print(len(workers) > 4, mesh_more(survivors, written))
""",
        tmp_path,
    ).expect("True True\n" * 4 + "True True\n")


# --- subprocess -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["vfork", "fork", "preexec", "posix_spawn"])
def test_subprocesses(kind: str, tmp_path: Path) -> None:
    """Programs that are started, in each way that there is: what is meshed is as it was, before and after the exec."""
    served(
        f"""
import subprocess
kind = {kind!r}
survivors = peak()
mesh(survivors)
result, answer = os.pipe()
def before_exec():
    write(survivors, "child")
    os.write(answer, b"1" if has(survivors, [*written, "child"]) else b"0")
options = {{"preexec_fn": before_exec}} if kind == "preexec" else {{}}
subprocess._USE_VFORK = kind == "vfork"
subprocess._USE_POSIX_SPAWN = kind == "posix_spawn"
if kind == "posix_spawn": options["close_fds"] = False
written, sent = [], "".join(one[1] for one in survivors)
for turn in range(5):
    done = subprocess.run(["/bin/cat"], input=sent, stdout=subprocess.PIPE, text=True, **options)
    assert done.stdout == sent
    assert kind != "preexec" or os.read(result, 1) == b"1"
    write(survivors, turn); written.append(turn)
    assert has(survivors, written)
code = "from meshed import *; survivors = peak(); mesh(survivors); print(mesh_more(survivors, []))"
print(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **options).stdout)
print(has(survivors, written), mesh_more(survivors, written))
""",
        tmp_path,
    ).expect("True\n\nTrue True\n")


# --- a prefork server -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_frozen", [False, True], ids=["plain", "frozen"])
def test_a_prefork_server(is_frozen: bool, tmp_path: Path) -> None:
    """A master loads the application, shares pages, and forks workers that accept from one socket; each writes to the
    application's objects at every request, and gives back what it had at once. One is killed and replaced."""
    served(
        f"""
import gc, socket
application, written = peak(), []
mesh(application)
if {is_frozen}: gc.freeze()
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.path.join({str(tmp_path)!r}, "socket"))
listener.listen(64)
def serve():
    served, me = [], os.getpid()
    while True:
        connection, _ = listener.accept()
        with connection:
            if connection.recv(4) == b"stop": break
            time.sleep(0.01)  # so that the others have some, too
            write(application, me); served.append(me)
            kept = peak(5_000)
            whole = has(application, [*written, *served]) and has(kept, [])
            connection.sendall(b"%d %d" % (me, whole))
    whole = has(application, [*written, *served]) and mesh_more(application, [*written, *served])
    os._exit(0 if whole and mesh_by_itself(application, [*written, *served, "later"]) else 1)
def fork():
    assert quire.stats().sealed_pools > 500 and shared_part(application) > 0.8
    pid = os.fork()
    if pid == 0:
        try: serve()
        except BaseException: sys.excepthook(*sys.exc_info())
        os._exit(2)
    return pid
def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(listener.getsockname())
    return connection
def ask(count):
    "So many requests at once; who has answered, and how."
    connections = [connect() for _ in range(count)]
    for connection in connections: connection.sendall(b"work")
    return [tuple(map(int, connection.recv(100).split())) for connection in connections]
def load():
    "Until every worker has answered four times."
    answers = []
    while any(sum(pid == worker for pid, _ in answers) < 4 for worker in workers):
        answers += ask(9)
        write(application, "master"); written.append("master")
        assert has(application, written)
    return all(whole for _, whole in answers)
workers = [fork() for _ in range(3)]
print(load())
os.kill(workers[0], signal.SIGKILL)
print(os.waitpid(workers[0], 0)[1])
workers[0] = fork()  # of a master that has written since
print(load())
for _ in workers: connect().sendall(b"stop")
print([os.waitpid(worker, 0)[1] for worker in workers])
print(has(application, written), mesh_more(application, written))
""",
        tmp_path,
    ).expect("True\n9\nTrue\n[0, 0, 0]\nTrue True\n")


# --- children of children -------------------------------------------------------------------------------------


def test_generations(tmp_path: Path) -> None:
    """A child shares pages of its own beside those that it has from its parent, and forks; so does its child."""
    served(
        """
survivors = peak()
mesh(survivors)
def generation(written, rest):
    "Exit codes add up."
    if not rest: return 0
    pid = os.fork()
    if pid == 0:
        write(survivors, rest)
        more = peak()
        mesh(more)
        failed = generation([*written, rest], rest - 1)
        write(more, rest)
        os._exit(failed + (not (has(survivors, [*written, rest]) and has(more, [rest]))))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(generation([], 4), has(survivors, []), shared_part(survivors) > 0.8)
""",
        tmp_path,
    ).expect("0 True True\n")
