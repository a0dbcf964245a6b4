"""A process served by quire: every way that memory comes and goes in CPython, each in a process of its own."""

from __future__ import annotations

import platform
import sys

import pytest

from processes import IMITATE_VERSION, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

CHECK = """
from quire.process.core import require_core
assert require_core().check() is None, require_core().check()
"""


def serve(code: str, *arguments: str, before: str = "", environment: dict[str, str] | None = None) -> str:
    """Run a program that installs quire, and has the whole heap checked at its end; returns what it printed."""
    import textwrap

    program = before + "import quire; quire.install()\n" + textwrap.dedent(code) + CHECK
    outcome = run_python(program, *arguments, environment=environment)
    outcome.expect()
    return outcome.stdout


def test_objects_live_in_the_heap_after_the_install() -> None:
    """What a program allocates after the install is in quire's statistics."""
    out = serve("""
        before = quire.stats().live_bytes
        kept = [str(i) * 10 for i in range(100_000)]
        print(quire.stats().live_bytes - before > 5_000_000)
    """)
    assert out == "True\n"


def test_what_was_there_before_is_freed_and_resized_by_its_own_allocator() -> None:
    """Objects from before the install are changed, grown and dropped after it, and nothing breaks."""
    code = """
        lists = [[i] for i in range(10_000)]; dicts = [{i: i} for i in range(10_000)]
        import quire; quire.install()
        for i, (one, other) in enumerate(zip(lists, dicts)):
            one.extend(range(50)); other.update(dict.fromkeys(range(20), i))
        del lists[::2], dicts[1::2]
        print(sum(map(len, lists)), sum(map(len, dicts)))
        from quire.process.core import require_core
        print(require_core().check())
    """
    run_python(code).expect("255000 104990\nNone\n")


def test_large_blocks_grow_without_end_and_shrink_again() -> None:
    """A list, a bytearray and a string pass through every layer, from 16 bytes to 100 MB and back."""
    out = serve("""
        items, text = [], bytearray()
        while len(text) < 100_000_000:
            items.append(len(text)); text += b"x" * (len(text) // 2 + 1)
        assert text.count(b"x") == len(text)
        while text:
            del text[len(text) // 3:]
        big = list(range(3_000_000)); del big[10:]; big += range(5)
        print(len(items), big[:3], big[-1])
    """)
    assert out == "45 [0, 1, 2] 4\n"


def test_threads_share_the_heap() -> None:
    """Eight threads that allocate, free each other's objects and resize under contention leave the heap whole."""
    out = serve("""
        import contextlib, queue, sys, threading
        sys.setswitchinterval(1e-5)
        box = queue.SimpleQueue()
        def work(seed):
            mine = []
            for i in range(20_000):
                mine.append({seed: [i] * (i % 70)})
                if len(mine) > 500:
                    box.put(mine[:250]); del mine[:250]
                if i % 100 == 0:
                    with contextlib.suppress(queue.Empty):
                        box.get_nowait()
        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        [t.start() for t in threads]; [t.join() for t in threads]
        print(sum(len(mine) for mine in iter(lambda: None if box.empty() else box.get(), None)) % 250)
    """)
    assert out == "0\n"


def test_a_forked_child_and_its_parent_go_on_apart() -> None:
    """After os.fork both allocate and free; neither sees the other, and both heaps are whole."""
    out = serve("""
        import os
        data = [[i] for i in range(50_000)]
        pid = os.fork()
        if pid == 0:
            del data[::2]; data += [["child"]] * 1000
            more = [str(i) for i in range(50_000)]
            from quire.process.core import require_core
            os._exit(7 if len(data) == 26_000 and require_core().check() is None else 1)
        more = [bytes(i % 600) for i in range(50_000)]
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), len(data))
    """)
    assert out == "7 50000\n"


def test_a_fork_from_c_is_as_good() -> None:
    """A fork made by libc, past Python's handlers, leaves a child that can allocate."""
    out = serve("""
        import ctypes, os
        libc = ctypes.PyDLL(None)
        data = [[i] for i in range(20_000)]
        pid = libc.fork()
        if pid == 0:
            del data[::2]; more = [str(i) for i in range(20_000)]
            os._exit(9)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """)
    assert out == "9\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_works_with_every_start_method(method: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A pool of workers computes and returns large results, whichever way its processes are started."""
    script = tmp_path / "pool.py"
    script.write_text(
        "import quire; quire.install()\n"
        "import multiprocessing\n"
        "def work(n):\n"
        "    return [str(i) for i in range(n)]\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({method!r}).Pool(2) as pool:\n"
        "        print(sum(map(len, pool.map(work, [10_000] * 8))))\n"
    )
    from processes import run

    run([sys.executable, str(script)]).expect("80000\n")


def test_tracemalloc_started_afterwards_wraps_quire() -> None:
    """tracemalloc counts what the heap serves; when it stops the heap serves on."""
    out = serve("""
        import tracemalloc
        tracemalloc.start()
        kept = [str(i) for i in range(10_000)]
        print(tracemalloc.get_traced_memory()[0] > 400_000)
        tracemalloc.stop()
        before = quire.stats().live_bytes
        more = [str(i) for i in range(10_000)]
        print(quire.stats().live_bytes - before > 400_000)
    """)
    assert out == "True\nTrue\n"


def test_the_interpreter_shuts_down_cleanly() -> None:
    """Finalizers, atexit functions, module globals, cycles and daemon threads at shutdown: exit code 0, no noise."""
    code = """
        import quire; quire.install()
        import atexit, threading, time, weakref
        class Node:
            def __del__(self): [].extend(range(100))
        a, b = Node(), Node(); a.b, b.a = b, a
        weakref.finalize(a, print, "finalized")
        atexit.register(print, "at exit")
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        kept = [Node() for _ in range(1000)]
    """
    outcome = run_python(code)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert set(outcome.stdout.split("\n")) == {"finalized", "at exit", ""}


def test_memory_error_is_raised_and_survived() -> None:
    """A request that nobody can meet raises MemoryError, and the program goes on."""
    out = serve("""
        for size in (2**40, 2**62):
            try:
                bytearray(size)
            except MemoryError:
                print("MemoryError")
        print(len([0] * 1000))
    """)
    assert out.endswith("1000\n")
    assert "MemoryError" in out


@pytest.mark.skipif(sys.version_info[:3] == (3, 15, 0), reason="plain 3.15.0 breaks its memory, doing the same")
@pytest.mark.parametrize("size_bytes", [100, 5_000, 100_000, 2_000_000])
def test_a_limit_on_data_is_lived_with(size_bytes: int) -> None:
    """Arenas and mappings refused (RLIMIT_DATA): a request raises MemoryError, and what is freed then serves again."""
    out = serve(f"""
        import resource
        quire.stats()
        resource.setrlimit(resource.RLIMIT_DATA, (200 << 20, resource.RLIM_INFINITY))
        kept, one = [], b"x"
        for attempt in range(2):
            try:
                while True:
                    kept.append(one * {size_bytes})
            except MemoryError:
                count = len(kept)
            for i in range(attempt, count, 2):
                kept[i] = None
            for i in range(attempt, count // 2, 2):
                kept[i] = one * {size_bytes}
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)
        print(50 << 20 < count * {size_bytes} < 400 << 20, 25 << 20 < quire.stats().live_bytes < 200 << 20)
    """)
    assert out == "True True\n"


def test_an_address_space_limit_is_lived_with() -> None:
    """Under RLIMIT_AS the range is smaller; reaching the limit raises MemoryError, and freeing makes room again."""
    code = """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
        import quire; quire.install()
        kept = []
        try:
            while True:
                kept.append([0] * 10_000)
        except MemoryError:
            count = len(kept)
            kept.clear()
        print(count > 1000)
        kept = [[0] * 10_000 for _ in range(count // 2)]
        print("went on")
    """
    run_python(code).expect("True\nwent on\n")


def test_errno_stays_as_it_is_where_the_system_refuses() -> None:
    """A block is freed between a call that failed and the look at its error: what the system refuses then is unseen."""
    out = serve("""
        import ctypes, resource
        api = ctypes.PyDLL(None, use_errno=True)
        api.PyMem_Malloc.restype, api.PyMem_Malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        api.PyMem_Free.argtypes = [ctypes.c_void_p]
        blocks = (ctypes.c_void_p * 20_000)()
        for i in range(len(blocks)):
            blocks[i] = api.PyMem_Malloc(500)
        limit = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, limit[1]))  # less than is reserved: arenas cannot go back
        errors = set()
        for block in blocks:
            ctypes.set_errno(77)
            api.PyMem_Free(block)
            errors.add(ctypes.get_errno())
        resource.setrlimit(resource.RLIMIT_AS, limit)
        print(errors)
    """)
    assert out == "{77}\n"


def test_nobody_wrote_to_what_fork_shares() -> None:
    """gc.freeze, a fork and a collection in the child: the heap is whole in both."""
    out = serve("""
        import gc, os
        data = [[i] for i in range(20_000)]
        gc.collect(); gc.freeze()
        pid = os.fork()
        if pid == 0:
            gc.collect(); del data
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """)
    assert out == "0\n"


# --- sub-interpreters ---

SUB_INTERPRETERS = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
"""


def test_a_sub_interpreter_beside_the_main_one() -> None:
    """Interpreters made, run and destroyed while the main one allocates and frees: nothing breaks."""
    out = serve(
        SUB_INTERPRETERS
        + """
kept = [[i] for i in range(20_000)]
for round in range(5):
    one = interpreters.create()
    interpreters.run_string(one, "import json; x = [json.dumps({'a': i}) for i in range(2000)]; del x[::2]")
    del kept[::3]; kept += [str(i) for i in range(5_000)]
    interpreters.destroy(one)
print("whole")
"""
    )
    assert out == "whole\n"


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="locks of their own since 3.12, where plain Python aborts at exit"
)
def test_sub_interpreters_with_locks_of_their_own_run_beside_the_main_one() -> None:
    """Two interpreters allocate and free in parallel with the main one: each keeps its own, nothing races."""
    out = serve(
        SUB_INTERPRETERS
        + """
import threading
code = "import json\\nfor r in range(30):\\n    x = [json.dumps({'a': i, 'b': [i] * 20}) for i in range(2000)]"
def run():
    one = interpreters.create()
    interpreters.run_string(one, code)
    interpreters.destroy(one)
threads = [threading.Thread(target=run) for _ in range(2)]
[t.start() for t in threads]
for r in range(60):
    x = [[i] * 30 for i in range(3000)]
    y = {i: str(i) for i in range(3000)}
[t.join() for t in threads]
print("whole")
"""
    )
    assert out == "whole\n"


def test_a_sub_interpreter_from_before_the_install() -> None:
    """quire installed while another interpreter exists serves the main one only."""
    run_python(
        SUB_INTERPRETERS
        + """
one = interpreters.create()
import quire; quire.install()
interpreters.run_string(one, "x = [[i] * 9 for i in range(10_000)]; del x[::2]")
kept = [[i] for i in range(10_000)]
interpreters.destroy(one)
from quire.process.core import require_core
print(require_core().check(), quire.installed())
"""
    ).expect("None True\n")


TRACED_SUB_INTERPRETER = (
    "import tracemalloc; tracemalloc.start()"
    + SUB_INTERPRETERS
    + """
one = interpreters.create()
interpreters.run_string(one, "x = [[i] * 9 for i in range(1000)]")
interpreters.destroy(one)
print(tracemalloc.get_traced_memory()[0] > 0)
tracemalloc.stop()
kept = [[i] for i in range(10_000)]
"""
)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="plain 3.11 hangs, doing the same")
def test_tracemalloc_around_sub_interpreters() -> None:
    """tracemalloc running while an interpreter is made keeps counting, and stops cleanly, where it does plainly."""
    plain = run_python(TRACED_SUB_INTERPRETER)
    if plain.exit_code != 0:
        pytest.skip(f"plain Python ends with {plain.exit_code}, doing the same")
    assert serve(TRACED_SUB_INTERPRETER) == plain.stdout


# --- shared ---

SHARED = SUB_INTERPRETERS + "interpreters.destroy(interpreters.create())\n"
BESIDE_THE_LOCK = """
import ctypes, os, signal, sys, threading, time
sys.setswitchinterval(1e-4)
from quire.process.core import require_core
core = require_core()
c = ctypes.CDLL(None)  # its calls give the interpreter lock up: only the service's mutex is left
c.PyMem_Calloc.restype = ctypes.c_void_p
c.PyMem_Calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
c.PyMem_Free.argtypes = [ctypes.c_void_p]
going = True
def work(size_bytes):
    while going:
        block = c.PyMem_Calloc(1, size_bytes)
        ctypes.memset(block, 1, size_bytes)
        c.PyMem_Free(block)
def run_beside(sizes, do):
    global going
    threads = [threading.Thread(target=work, args=(size,)) for size in sizes]
    [t.start() for t in threads]
    try:
        do()
    finally:
        going = False
        [t.join() for t in threads]
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="one lock for all interpreters: nothing is shared")
def test_a_shared_heap_is_looked_at_with_nobody_in_it() -> None:
    """Where others than the holder of the lock use the heap, every look at it sees a consistent moment."""
    out = serve(
        SHARED
        + BESIDE_THE_LOCK
        + """
def look():
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert core.check() is None
        stats = quire.stats()
        assert stats.mapping_bytes == stats.mappings * (64 << 20)
        core.residency()
        assert 3 <= len(core.regions()) <= 6
run_beside([500, 20_000] + [64 << 20] * 3, look)
print("whole")
"""
    )
    assert out == "whole\n"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="one lock for all interpreters: nothing is shared")
def test_a_fork_waits_until_nobody_is_in_a_shared_heap() -> None:
    """A child forked while threads without the interpreter lock use the heap has a whole heap, and nobody's mutex."""
    out = serve(
        "import warnings; warnings.simplefilter('ignore')\n"
        + SHARED
        + BESIDE_THE_LOCK
        + """
def fork():
    for _ in range(30):
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)
            kept = [[i] * 40 for i in range(100)] + [bytes(300_000)]
            os._exit(0 if core.check() is None else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
run_beside([256 << 10] * 3, fork)
print("whole")
"""
    )
    assert out == "whole\n"


FORK_HANDLERS = """
import ctypes
handled = []
handler = ctypes.CFUNCTYPE(None)(lambda: handled.append([{index: [index] * 50} for index in range(200)]))
getattr(ctypes.CDLL(None), "__register_atfork")(handler, handler, handler, None)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="handlers are registered by a function of glibc's")
def test_a_library_that_runs_python_around_a_fork_does_not_wait_for_ever() -> None:
    """Its handlers, registered before ours, come while ours hold the shared heap's mutex for the fork."""
    out = serve(
        SHARED
        + """
import os, signal
signal.alarm(20)
pid = os.fork()
if pid == 0:
    os._exit(len(handled))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), len(handled))
""",
        before=FORK_HANDLERS,
    )
    assert out == "2 2\n"


# --- watching ---


@pytest.mark.parametrize(
    "allocation", ["[[i] for i in range(300_000)]", "[str(i) for i in range(1_000_000)]", "bytes(1 << 28)"]
)
def test_growth_is_told_once_at_a_safe_point(allocation: str) -> None:
    """Containers, strings or one large block: the handler of the watch's signal runs once, whatever it raises."""
    out = serve(f"""
        import signal
        from quire.process.core import require_core
        told = []
        def handler(number, frame):
            told.append(number)
            raise LookupError
        signal.signal(60, handler)
        require_core().watch(quire.stats().arena_bytes + (4 << 20), 60)
        try:
            kept = {allocation}
            for _ in range(1000):
                pass
        except LookupError:
            kept = {allocation}
        print(told)
    """)
    assert out == "[60]\n"


def test_a_signal_that_the_program_has_taken_back_is_not_told() -> None:
    """Where the handler is gone, growth goes unseen, and nothing else happens."""
    out = serve("""
        import signal
        from quire.process.core import require_core
        require_core().watch(0, 60)
        kept = [[i] for i in range(300_000)]
        print(signal.getsignal(60) == signal.SIG_DFL)
    """)
    assert out == "True\n"


def test_a_collection_while_threads_are_listed_waits() -> None:
    """A callback of the collector's that ends the threads whose stacks are being listed does so afterwards."""
    out = serve("""
        import gc, threading
        from quire.process.core import require_core
        end, callbacks = threading.Event(), 0
        threads = [threading.Thread(target=end.wait) for _ in range(100)]
        [t.start() for t in threads]
        def end_the_threads(phase, info):
            global callbacks
            callbacks += 1
            if callbacks > 10:
                end.set(); [t.join() for t in threads]
        list_chunks = require_core().frame_chunks
        gc.collect(); gc.callbacks.append(end_the_threads); gc.set_threshold(3)
        chunks = list_chunks()
        gc.set_threshold(700); gc.callbacks.clear(); end.set()
        print(len(chunks) > 100)
    """)
    assert out == "True\n"


def test_the_chunk_in_reserve_is_listed_only_where_the_cpython_that_runs_has_one() -> None:
    """CPython has it since 3.13.13 and 3.14.4. One that is older than the core's headers is imitated by its number."""
    code = """
        import sys
        from quire.process.core import require_core
        def call(depth):
            return depth and call(depth - 1)
        sys.setrecursionlimit(10_000); call(5_000)
        list_chunks = require_core().frame_chunks
        now = len(list_chunks())
        imitate_version(0x030E03F0 if sys.version_info >= (3, 14) else 0x030D0CF0)
        print(now - len(list_chunks()))
    """
    has_one = sys.hexversion >= 0x030E04F0 or 0x030D0DF0 <= sys.hexversion < 0x030E0000
    assert serve(code, before=IMITATE_VERSION) == f"{int(has_one)}\n"


def test_requests_past_cpythons_own_checks_are_met_or_refused() -> None:
    """The allocator itself, as PyMem_GetAllocator gives it: no address and no size does harm. With the lock."""
    out = serve("""
        import ctypes
        address, size = ctypes.c_void_p, ctypes.c_size_t
        class Allocator(ctypes.Structure):
            _fields_ = [
                ("context", address),
                ("malloc", ctypes.PYFUNCTYPE(address, address, size)),
                ("calloc", ctypes.PYFUNCTYPE(address, address, size, size)),
                ("realloc", ctypes.PYFUNCTYPE(address, address, address, size)),
                ("free", ctypes.PYFUNCTYPE(None, address, address)),
            ]
        mem = Allocator()
        ctypes.pythonapi.PyMem_GetAllocator(1, ctypes.byref(mem))
        everything = 2**64 - 1
        for bytes_asked in (0, 100, 5_000, 100_000, 1_000_000):
            block = mem.realloc(mem.context, None, bytes_asked)
            ctypes.memset(block, 1, bytes_asked)
            print(mem.realloc(mem.context, block, everything), mem.malloc(mem.context, everything), end=" ")
            print(mem.calloc(mem.context, 2**33, 2**33), mem.calloc(mem.context, 2**32, 2**31))
            assert ctypes.string_at(block, bytes_asked) == bytes([1]) * bytes_asked
            mem.free(mem.context, block)
        mem.free(mem.context, None)
    """)
    assert out == "None None None None\n" * 5
