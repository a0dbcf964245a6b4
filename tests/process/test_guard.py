"""Guarded sampling: what breaks a rule at a guarded block stops there and is told; all else is as without it."""

from __future__ import annotations

import re
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from processes import Outcome, run, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

SEGV, ABRT = -signal.SIGSEGV, -signal.SIGABRT
ALL = {"QUIRE": "1", "QUIRE_GUARD": "all"}

FAULTY = """\
import ctypes, os, sys
api = ctypes.PyDLL(None)
for name in ("Malloc", "Calloc", "Realloc"):
    getattr(api, f"PyMem_{name}").restype = ctypes.c_void_p
    getattr(api, f"PyObject_{name}").restype = ctypes.c_void_p
Size, Pointer = ctypes.c_size_t, ctypes.c_void_p
write = ctypes.PYFUNCTYPE(Pointer, Pointer, ctypes.c_int, Size)(("memset", api))
from quire.process.core import require_core
page, (region, region_bytes) = os.sysconf("SC_PAGE_SIZE"), require_core().regions()[0]
def is_guarded(block):
    return region <= block < region + region_bytes
def make(size, remainder=None):
    "A guarded block; one whose address has this remainder by the page, if it is given."
    while True:
        block = api.PyMem_Malloc(Size(size))
        if is_guarded(block) and remainder in (None, block % page, block % page - page):
            return block
def drop(block):
    api.PyMem_Free(Pointer(block))
"""
"""What an extension does, done through ctypes with the lock held. A block of 40 bytes at the right end has 8 bytes to
the guard, one of 48 bytes none; at the left end a block begins where the page does."""


def run_faulty(code: str, *arguments: str, environment: dict[str, str] | None = None) -> Outcome:
    return run_python(FAULTY + textwrap.dedent(code), *arguments, environment=ALL | (environment or {}))


def without_numbers(report: str) -> str:
    """The report with addresses and threads' numbers taken out, and with what Python's own files are in it."""
    report = re.sub(r"0x[0-9a-f]+", "ADDRESS", report)
    return re.sub(r"thread \d+", "thread N", report)


def line_of(code: str, start: str) -> int:
    """The number of the first line of the program that begins so."""
    lines = (FAULTY + textwrap.dedent(code)).splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(start))


# --- what is told -----------------------------------------------------------------------------------------------

ACCESSES = [
    ("make(48, -48)", "write(block + 48, 1, 1)", "overflow: a write 1 byte past the end of a block of 48 bytes", SEGV),
    ("make(40, -48)", "write(block, 1, 60)", "overflow: a write 9 bytes past the end of a block of 40 bytes", SEGV),
    (
        "make(48, -48)",
        "ctypes.string_at(block + 90, 1)",
        "overflow: a read 43 bytes past the end of a block of 48",
        SEGV,
    ),
    ("make(5, 0)", "write(block - 3, 1, 1)", "underflow: a write 3 bytes before a block of 5 bytes", SEGV),
    ("make(8192)", "write(block + 8192, 1, 1)", "overflow: a write 1 byte past the end of a block of 8192 bytes", SEGV),
    (
        "make(40, -48)",
        "write(block, 1, 41); drop(block)",
        "overflow: a write 1 byte past the end of a block of 40 bytes, found when it was given back",
        ABRT,
    ),
    (
        "make(40, -48)",
        "write(block - 2, 1, 2); api.PyMem_Realloc(Pointer(block), Size(9))",
        "underflow: a write 1 byte before a block of 40 bytes, found when it was given back",
        ABRT,
    ),
    ("make(40)", "drop(block + 16)", "invalid free: a free at byte 16 of a block of 40 bytes", ABRT),
    (
        "make(40)",
        "api.PyMem_Realloc(Pointer(block + 1), Size(9))",
        "invalid free: a realloc at byte 1 of a block",
        ABRT,
    ),
]


@pytest.mark.parametrize(("block", "fault", "words", "exit_code"), ACCESSES, ids=lambda value: str(value)[:60])
def test_a_broken_rule_is_told_with_the_stacks(block: str, fault: str, words: str, exit_code: int) -> None:
    """The whole report: what was done, where in which block, who allocated it, and who is at it now."""
    code = f"def outer():\n    global block\n    block = {block}\nouter()\ndef attack():\n    {fault}\nattack()\n"
    outcome = run_faulty(code)
    assert (outcome.exit_code, outcome.stdout) == (exit_code, "")
    told, rest = without_numbers(outcome.stderr).split("\n", 1)
    assert told.startswith(f"quire: {words}")
    made, asked, ran, done, attacked = (
        line_of(code, start) for start in ("        block = api", "    block =", "outer()", f"    {fault}", "attack()")
    )
    history, now = rest.split("now in thread N:\n")
    assert history == (
        "the block at ADDRESS, stacks with the most recent call first\n"
        "allocated by thread N, mem domain:\n"
        f'  File "<string>", line {made}, in make\n'
        f'  File "<string>", line {asked}, in outer\n'
        f'  File "<string>", line {ran}, in <module>\n'
    )
    assert now.endswith(
        f'  File "<string>", line {done}, in attack\n'  # below it only drop, or a function of ctypes
        f'  File "<string>", line {attacked}, in <module>\n'
    )
    assert now.count("\n") <= 3


FREED = [
    ("ctypes.string_at(block + 8, 4)", "use after free: a read at byte 8 of a freed block of 40 bytes", SEGV),
    ("write(block, 1, 1)", "use after free: a write at byte 0 of a freed block of 40 bytes", SEGV),
    ("write(block - 1, 1, 1)", "use after free: a write 1 byte before a freed block of 40 bytes", SEGV),
    ("drop(block)", "double free: a free of a freed block of 40 bytes", ABRT),
    ("drop(block + 8)", "invalid free: a free at byte 8 of a freed block of 40 bytes", ABRT),
    ("api.PyMem_Realloc(Pointer(block), Size(9))", "use after free: a realloc of a freed block of 40 bytes", ABRT),
]


@pytest.mark.parametrize(("fault", "words", "exit_code"), FREED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("frees", ["drop(block)", "moved = api.PyMem_Realloc(Pointer(block), Size(200))"])
def test_a_use_after_free_is_told_with_who_freed(frees: str, fault: str, words: str, exit_code: int) -> None:
    """The report has three stacks; a realloc frees the old address, for a guarded block always moves."""
    code = f"block = make(40, -48)\ndef end():\n    {frees}\nend()\ndef attack():\n    {fault}\nattack()\n"
    outcome = run_faulty(code)
    assert (outcome.exit_code, outcome.stdout) == (exit_code, "")
    report = without_numbers(outcome.stderr)
    assert report.startswith(f"quire: {words}\nthe block at ADDRESS, ")
    parts = re.split(r"^(\w+) (?:by|in) thread N.*:\n", report, flags=re.MULTILINE)
    assert parts[1::2] == ["allocated", "freed", "now"]
    allocated, freed, now = parts[2::2]
    assert f"line {line_of(code, 'block =')}, in <module>" in allocated
    assert f"line {line_of(code, 'def end') + 1}, in end" in freed
    assert f"line {line_of(code, 'def attack') + 1}, in attack" in now


def test_the_documented_example_is_what_is_told() -> None:
    """examples/fault.py ends with the report that docs/guard.md shows."""
    root = Path(__file__).parents[2]
    example = run([sys.executable, "examples/fault.py"], ALL, cwd=root)
    documented = (root / "docs/guard.md").read_text(encoding="utf-8").split("examples/fault.py\n")[1]
    report = textwrap.dedent(documented.split("    Segmentation")[0])
    assert (example.exit_code, example.stdout) == (SEGV, "")
    assert without_numbers(example.stderr).replace(f"{root}/", "") == without_numbers(report)


def test_an_objects_domain_is_told() -> None:
    """Blocks of the object domain are sampled as well."""
    outcome = run_faulty("block = api.PyObject_Malloc(Size(48)); api.PyObject_Free(Pointer(block)); write(block, 1, 1)")
    assert outcome.stderr.startswith("quire: use after free: a write at byte 0 of a freed block of 48 bytes\n")
    assert outcome.stderr.count("object domain:") == 2


def test_stacks_are_cut_where_they_are_deep_and_names_where_they_are_long() -> None:
    """Of a deep stack the innermost frames are told, of a long path its end, of any text what a terminal prints."""
    code = """
    name = "naïve_" + "é" * 300
    source = f"def {name}(depth):\\n    return make(48, -48) if depth == 0 else {name}(depth - 1)"
    exec(compile(source, "/long" * 100 + "/\\x1b[1m\\udc80🐍.py", "exec"))
    write(globals()[name](500) + 48, 1, 1)
    """
    outcome = run_faulty(code)
    allocated = outcome.stderr.split("domain:\n")[1].split("now in")[0].splitlines()
    assert allocated[0].endswith("in make")
    assert 3 < len(allocated) < 25
    assert allocated[-1] == "  ..."
    assert re.fullmatch(r'  File "\.\.\..*/long/long/\?\[1m\?🐍\.py", line 2, in \.\.\.é{100}', allocated[1])
    assert all(len(line) < 300 for line in allocated)


def test_generators_coroutines_and_comprehensions_are_in_the_stack() -> None:
    """Every kind of frame is told, and the interpreter's own are not."""
    code = """
    import asyncio
    def generate():
        yield make(48, -48)
    async def inner():
        return [next(generate()) for _ in (1,)][0]
    async def outer():
        return max([await inner()], key=lambda block: write(block + 48, 1, 1))
    asyncio.run(outer())
    """
    report = run_faulty(code).stderr
    allocated, now = report.split("domain:\n")[1].split("now in")
    names = re.findall(r"in (\S+)\n", allocated)
    assert names[:2] == ["make", "generate"]
    assert [name for name in names if name in ("inner", "outer")] == ["inner", "outer"]
    assert re.findall(r"in (\S+)\n", now)[:2] == ["outer.<locals>.<lambda>", "outer"]


# --- signals ----------------------------------------------------------------------------------------------------

UNGUARDED = "write(0, 1, 1)"
GUARDED = "write(make(48, -48) + 48, 1, 1)"


def test_a_fault_elsewhere_is_a_plain_one() -> None:
    """Where no guarded block is near, the process ends by SIGSEGV, and nothing is said."""
    outcome = run_faulty(UNGUARDED)
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (SEGV, "", "")


@pytest.mark.parametrize("send", ["os.kill(os.getpid(), 11)", "signal.raise_signal(11)"])
def test_a_signal_that_somebody_sent_ends_the_process(send: str) -> None:
    """kill -SEGV is no fault: it ends the process as it would without quire."""
    outcome = run_faulty(f"import signal; {send}; print('still here')")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (SEGV, "", "")


@pytest.mark.parametrize("before", [True, False], ids=["enabled before", "enabled after"])
@pytest.mark.parametrize("fault", [GUARDED, UNGUARDED], ids=["guarded", "elsewhere"])
def test_faulthandler_tells_as_well(fault: str, before: bool) -> None:
    """Whoever came first, quire tells of guarded blocks and faulthandler of every fault, once, and the process ends."""
    code = f"make(40)\n{fault}" if before else f"import faulthandler; faulthandler.enable(); make(40)\n{fault}"
    outcome = run_faulty(code, *(["-X", "faulthandler"] if before else []))
    assert outcome.exit_code == SEGV
    assert outcome.stderr.count("Fatal Python error: Segmentation fault") == 1
    assert outcome.stderr.count("quire: overflow") == (fault == GUARDED)
    if fault == GUARDED:
        assert outcome.stderr.startswith("quire: overflow")


@pytest.mark.parametrize("fault", [GUARDED, UNGUARDED], ids=["guarded", "elsewhere"])
@pytest.mark.parametrize("again", [False, True])
def test_a_handler_that_was_taken_away_is_not_called(fault: str, again: bool) -> None:
    """After faulthandler.disable() its handler is no more, though quire has come before it meanwhile."""
    times = 3 if again else 1
    switch = "faulthandler.enable(); make(40); faulthandler.disable(); make(40)\n"
    outcome = run_faulty(f"import faulthandler\n{switch * times}\n{fault}")
    assert outcome.exit_code == SEGV
    assert "Fatal Python error" not in outcome.stderr
    assert outcome.stderr.startswith("quire: overflow" if fault == GUARDED else "")


@pytest.mark.parametrize("fault", [GUARDED, UNGUARDED], ids=["guarded", "elsewhere"])
@pytest.mark.parametrize(
    ("handler", "flags", "calls"),
    [("handle", 0x80000000, 1), ("handle", 0x80000004, 1), (0, 4, 0), (1, 0, 0)],
    ids=["one time", "one time, told where", "standard", "ignored"],
)
def test_other_handlers_are_called_as_the_kernel_calls_them(
    handler: str | int, flags: int, calls: int, fault: str
) -> None:
    """A handler for one time (SA_RESETHAND) is called once, SIG_DFL and SIG_IGN never; then the process ends."""
    code = f"""
    import signal
    class Action(ctypes.Structure):
        _fields_ = [("handler", Pointer), ("mask", ctypes.c_ulong * 16), ("flags", ctypes.c_int), ("restorer", Pointer)]
    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def handle(number):
        os.write(1, b"called\\n")
    action = Action(ctypes.cast({handler}, Pointer), flags=ctypes.c_int({flags}))
    api.sigaction(signal.SIGSEGV, ctypes.byref(action), None)
    make(40); signal.alarm(10)
    {fault}
    """
    outcome = run_faulty(code)
    assert (outcome.exit_code, outcome.stdout) == (SEGV, "called\n" * calls)
    assert outcome.stderr.count("quire: overflow") == (fault == GUARDED)


def test_a_wrong_free_is_an_abort_that_faulthandler_sees() -> None:
    """A wrong free ends by SIGABRT, told by quire first."""
    outcome = run_faulty("block = make(40); drop(block); drop(block)", "-X", "faulthandler")
    assert outcome.exit_code == ABRT
    assert outcome.stderr.startswith("quire: double free")
    assert "Fatal Python error: Aborted" in outcome.stderr


def test_other_signals_do_not_cut_the_report_short() -> None:
    """A report that waits for its reader, at a full pipe, goes on after each signal that is handled meanwhile."""
    code = """
    import signal, time
    block = make(48); drop(block)
    def read_later(reader, waiting):
        time.sleep(1)
        text = b""
        while part := os.read(reader, 65536):
            text += part
        print(text[waiting:].decode().splitlines()[0], flush=True)
        os._exit(0)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    waiting = 0
    try:
        while True:
            waiting += os.write(writer, bytes(512))
    except BlockingIOError:
        os.set_blocking(writer, True)
    if os.fork() != 0:
        os.close(writer)
        read_later(reader, waiting)
    os.dup2(writer, 2)
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    write(block, 1, 1)
    """
    run_faulty(code).expect("quire: use after free: a write at byte 0 of a freed block of 48 bytes\n")


# --- threads and processes --------------------------------------------------------------------------------------


def test_a_fault_without_the_lock_is_told_with_its_own_threads_stack() -> None:
    """C code that has given the lock up faults while other threads run Python: its own stack is told."""
    code = """
    import threading, time
    sys.setswitchinterval(1e-5)
    def spin():
        while True:
            [object() for _ in range(10)]
    threading.Thread(target=spin, daemon=True).start()
    block = make(48, -48); drop(block)
    unlocked = ctypes.CDLL(None)
    def attack():
        time.sleep(0.1)
        unlocked.memset(Pointer(block), 1, Size(1))
    thread = threading.Thread(target=attack); thread.start(); thread.join()
    """
    outcome = run_faulty(code)
    assert outcome.exit_code == SEGV
    head, now = outcome.stderr.split("now in thread ")
    assert head.startswith("quire: use after free: a write at byte 0 of a freed block of 48 bytes")
    assert "in attack\n" in now
    assert "in spin" not in now


def test_a_thread_without_python_has_no_stack_to_tell() -> None:
    """A fault in a thread that Python does not know is told without a stack."""
    code = """
    block = make(48, -48); drop(block)
    libc = ctypes.CDLL(None)
    thread = ctypes.c_ulong()
    start = ctypes.cast(libc.strlen, Pointer)  # reads where it is told to
    libc.pthread_create(ctypes.byref(thread), None, start, Pointer(block))
    libc.pthread_join(thread, None)
    """
    outcome = run_faulty(code)
    assert outcome.exit_code == SEGV
    assert outcome.stderr.startswith("quire: use after free: a read at byte 0 of a freed block of 48 bytes\n")
    assert re.search(r"now in thread \d+:\n  no Python code\n\Z", outcome.stderr)


def test_a_forked_child_has_guarded_blocks_of_its_own() -> None:
    """Parent and child go on apart; what breaks in the child is told by the child and ends only it."""
    code = """
    block, other = make(48, -48), make(48, -48)
    pid = os.fork()
    if pid == 0:
        drop(block); more = [make(100) for _ in range(50)]
        write(block, 1, 1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    write(block, 1, 48); drop(block); drop(other)
    print(require_core().check())
    """
    outcome = run_faulty(code)
    assert (outcome.exit_code, outcome.stdout) == (0, f"{SEGV}\nNone\n")
    assert outcome.stderr.count("quire: use after free") == 1


def test_sub_interpreters_beside_sampling() -> None:
    """With the heap under its mutex, sampling goes on for the main interpreter, and a fault is told."""
    code = """
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    import quire
    one = interpreters.create()
    for _ in range(5):
        interpreters.run_string(one, "import json; x = [json.dumps({'a': i}) for i in range(2000)]; del x[::2]")
        kept = [[i] for i in range(1000)]
    before = quire.stats().guard.sampled
    block = make(48, -48); drop(block)
    assert quire.stats().guard.sampled > before
    interpreters.destroy(one)
    print(require_core().check(), flush=True)
    write(block, 1, 1)
    """
    outcome = run_faulty(code)
    assert (outcome.exit_code, outcome.stdout) == (SEGV, "None\n")
    assert outcome.stderr.startswith("quire: use after free: a write at byte 0")


# --- a program that breaks no rule ------------------------------------------------------------------------------

BUSY = """
import gc, json, random, re
def work(seed):
    rng = random.Random(seed)
    kept = []
    for i in range(500):
        kept.append({"n": i, "s": "x" * rng.randrange(3000), "l": [i] * rng.randrange(900), "b": bytearray(i)})
        kept[rng.randrange(len(kept))]["b"].extend(b"more" * rng.randrange(200))
        if rng.random() < 0.4:
            del kept[rng.randrange(len(kept))]
    text = json.dumps([{k: v for k, v in one.items() if k != "b"} for one in kept])
    return len(text), sum(len(one["b"]) for one in kept), len(re.findall("x+", text)), gc.collect() >= 0
print(work(1))
"""


@pytest.mark.parametrize(
    ("rate", "large_blocks"), [("all", "quire"), ("all", "libc"), ("2", "quire"), ("100", "quire"), ("1", "quire")]
)
def test_a_program_runs_as_it_does_without(rate: str, large_blocks: str) -> None:
    """At any rate a program's output is the same, and the heap is whole; beside libc, no larger block is guarded."""
    check = """
import quire
from quire.process.core import require_core
assert require_core().check() is None
guard = quire.stats().guard
assert guard.sampled > 0 or guard.interval > 10_000
assert guard.sampled == guard.skipped + guard.slots_allocated + guard.slots_freed or guard.sampled > guard.slots
"""
    plain = run_python(BUSY)
    environment = {"QUIRE": "1", "QUIRE_GUARD": rate, "QUIRE_LARGE_BLOCKS": large_blocks}
    run_python(BUSY + check, environment=environment).expect(plain.stdout)


def test_blocks_keep_what_they_hold() -> None:
    """Random mallocs, callocs, reallocs and frees through the C API, sampled and not: every byte is kept."""
    code = """
    import random
    rng = random.Random(7)
    live = {}
    def check(block, held):
        assert ctypes.string_at(block, len(held)) == held
    for step in range(3_000):
        size, choice = int(rng.paretovariate(0.6)) % 20_000, rng.random()
        name = rng.choice(["PyMem", "PyObject"])
        if choice < 0.4:
            block = getattr(api, name + "_Malloc")(Size(size))
        elif choice < 0.5:
            block = getattr(api, name + "_Calloc")(Size(3), Size(size))
            size *= 3
            check(block, bytes(size))
        elif not live:
            continue
        else:
            old = rng.choice(list(live)); held = live.pop(old); check(old, held)
            if choice < 0.75:
                getattr(api, name + "_Free")(Pointer(old)); continue
            block = getattr(api, name + "_Realloc")(Pointer(old), Size(size))
            check(block, held[:size])
        assert block % 16 == 0
        live[block] = rng.randbytes(size)
        ctypes.memmove(block, live[block], size)
        if step % 500 == 0:
            assert require_core().check() is None
    print(all(check(*one) is None for one in live.items()))
    """
    for rate in ("all", "7"):
        run_faulty(code, environment={"QUIRE_GUARD": rate}).expect("True\n")


def test_sampling_goes_on_under_tracemalloc() -> None:
    """tracemalloc, started afterwards, wraps what samples."""
    code = """
    import tracemalloc
    tracemalloc.start()
    block = make(48, -48)
    assert tracemalloc.get_traced_memory()[0] > 0
    drop(block); tracemalloc.stop()
    write(block, 1, 1)
    """
    outcome = run_faulty(code)
    assert outcome.exit_code == SEGV
    assert outcome.stderr.startswith("quire: use after free: a write at byte 0 of a freed block of 48 bytes\n")


# --- numbers ----------------------------------------------------------------------------------------------------


def test_about_one_request_in_n_is_sampled() -> None:
    """The same requests at one in 10, 100 and 1000: each rate samples a tenth of the one before."""
    code = """
    import quire
    api.PyMem_Malloc.argtypes, api.PyMem_Free.argtypes = [Size], [Pointer]
    before = quire.stats().guard
    for size in range(50_000):
        api.PyMem_Free(api.PyMem_Malloc(size % 10_000))
    after = quire.stats().guard
    print(after.sampled - before.sampled, after.skipped)
    """
    sampled = []
    for rate in ("10", "100", "1000"):
        outcome = run_faulty(code, environment={"QUIRE_GUARD": rate})
        number, skipped = map(int, outcome.stdout.split())
        assert (outcome.exit_code, outcome.stderr, skipped) == (0, "", 0)
        sampled.append(number)
    assert sampled[0] > 50_000 / 10
    assert 9 < sampled[0] / sampled[1] < 11
    assert 7 < sampled[1] / sampled[2] < 14


def test_there_are_slots_left_however_many_blocks_stay() -> None:
    """Where more blocks stay than there are slots, requests are passed over; some are sampled all the same."""
    run_faulty(
        """
        import quire
        def guard():
            return quire.stats().guard
        slots = guard().slots
        blocks = [api.PyMem_Malloc(Size(100)) for _ in range(5 * slots)]
        assert slots // 2 < guard().slots_allocated < slots
        assert guard().skipped > slots
        assert any(map(is_guarded, blocks[-slots:]))
        before = guard().slots_allocated
        for block in blocks:
            drop(block)
        assert guard().slots_allocated < before - 200
        more = [api.PyMem_Malloc(Size(100)) for _ in range(1000)]
        print(slots, sum(map(is_guarded, more)) > 10)
        """
    ).expect("16384 True\n")


@pytest.mark.parametrize(("rate", "slots"), [("1", 256), ("1000", 262), ("50", 5242), ("all", 16384)])
def test_the_more_often_it_samples_the_more_slots_there_are(rate: str, slots: int) -> None:
    """256 slots in production; for debugging as many as a process may have mappings for."""
    run_faulty("import quire; print(quire.stats().guard.slots)", environment={"QUIRE_GUARD": rate}).expect(f"{slots}\n")


def test_off_is_off() -> None:
    """Without the setting nothing is sampled, no memory is set apart, and no signal is handled."""
    run_python(
        """
        import quire
        from quire.process.core import require_core
        kept = [[i] for i in range(100_000)]
        assert quire.stats().guard == type(quire.stats().guard)()
        assert require_core().guard_statistics() is None
        with open("/proc/self/status") as file:
            caught = int(next(line for line in file if line.startswith("SigCgt")).split()[1], 16)
        print(caught >> 10 & 1)
        """,
        environment={"QUIRE": "1"},
    ).expect("0\n")


def test_a_sample_of_the_memory_explains_guarded_blocks() -> None:
    """Every resident byte of slots and of their records is in the heap's account."""
    run_faulty(
        """
        from quire.process.sample import take_sample
        blocks = [make(4000) for _ in range(100)]
        for block in blocks[::2]:
            drop(block)
        sample = take_sample(require_core())
        heap = sample.heap
        print(sample.unexplained_bytes < 300_000, heap.live_bytes > 50 * 4000, heap.metadata_bytes > 100 * 4096)
        regions = require_core().regions()
        print(sum(start <= blocks[0] < start + size for start, size in regions))
        """,
        environment={"QUIRE_GUARD": "16"},  # the sample's own blocks seldom are
    ).expect("True True True\n1\n")


def test_no_memory_for_slots_is_said_and_the_program_runs() -> None:
    """Where the system refuses, one line says so, quire serves the process, and sampling is off."""
    code = """
        import resource
        with open("/proc/self/statm") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + (160 << 20),) * 2)
        import quire
        quire.install(quire.Config(guard="all"))
        kept = [[i] for i in range(10_000)]
        print(quire.installed(), quire.stats().guard.interval)
        """
    outcome = run_python(code)
    assert (outcome.exit_code, outcome.stdout) == (0, "True 0\n")
    assert outcome.stderr == "quire: the system has no memory for guarded blocks; the program runs without them\n"


@pytest.mark.parametrize("words", [["--guard=all"], ["--guard=2"], ["--guard"]])
def test_quire_run_has_an_option(words: list[str]) -> None:
    """quire run --guard samples at its default rate, --guard=N one request in N."""
    program = "import quire; print(quire.stats().guard.interval)"
    outcome = run([sys.executable, "-m", "quire", "run", "--quiet", *words, "-c", program])
    outcome.expect({"--guard=all": "1\n", "--guard=2": "2\n"}.get(words[0]))
    assert int(outcome.stdout) > 0
