"""What comes in between while samples are taken: signal handlers, audit hooks, greenlets that change the stack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

CHECK = "\nfrom quire.process.core import require_core\nprint(require_core().check())\n"
GROW = """
def grow(steps=60):
    kept = []
    for step in range(steps):
        kept.append([{index: [index] * 9} for index in range(1500)] + [bytes(70_000 * step)])
    return len(kept)
"""


def sampled(code: str, tmp_path: Path, samples_min: int = 2) -> str:
    """What a program prints that runs while its peak is sampled; the heap is whole and no sample has failed.

    At least one sample is taken while it runs, and one at its end.
    """
    path = tmp_path / "report.json"
    outcome = run_python(
        GROW + code + CHECK,
        environment={"QUIRE": "1", "QUIRE_REPORT": "1", "QUIRE_JSON": str(path)},
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert "sampling ended early" not in outcome.stderr
    assert json.loads(path.read_text())["samples"] >= samples_min
    return outcome.stdout


def test_a_storm_of_signals(tmp_path: Path) -> None:
    """Handlers that allocate, free and raise, thousands of times a second, on the program and on the samples.

    On a busy machine each sample may be broken off, but the last.
    """
    out = sampled(
        """
import signal
told, raised, kept, is_caught = 0, 0, [], False
class Storm(Exception):
    pass
def handler(number, frame):
    global told, is_caught
    told += 1
    kept.append([{told: [told] * 50}, bytes(told % 9000)])
    del kept[:-20]
    if is_caught and told % 10 == 0:
        is_caught = False
        raise Storm
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
while told < 800:
    try:
        is_caught = True
        grow(20)
        is_caught = False
    except Storm:
        raised += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(raised > 0)
""",
        tmp_path,
        samples_min=1,
    )
    assert out == "True\nNone\n"


def test_signals_and_threads_and_forks_at_once(tmp_path: Path) -> None:
    """A handler that forks and threads that allocate, while the process grows: every child ends well."""
    out = sampled(
        """
import os, signal, sys, threading, warnings
warnings.simplefilter("ignore"); sys.setswitchinterval(1e-5)
codes, going = [], True
def handler(number, frame):
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_REAL, 0)
        os._exit(0 if grow(9) == 9 else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    if going: signal.setitimer(signal.ITIMER_REAL, 0.02)
def work():
    while going: grow(5)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.02)
threads = [threading.Thread(target=work) for _ in range(3)]
[one.start() for one in threads]
while len(codes) < 15: grow(20)
going = False; signal.setitimer(signal.ITIMER_REAL, 0)
[one.join() for one in threads]
print(set(codes))
""",
        tmp_path,
    )
    assert out == "{0}\nNone\n"


def test_an_event_loop_that_waits_for_signals_is_woken_rarely(tmp_path: Path) -> None:
    """However fast the program grows: each nudge writes to the loop's socket, and a full one is complained of."""
    out = sampled(
        """
import signal, socket
ours, loops = socket.socketpair()
ours.setblocking(False)
signal.set_wakeup_fd(ours.fileno())
kept = [bytes(1000) for _ in range(400_000)]
print(0 < len(loops.recv(10_000)) < 80)
""",
        tmp_path,
    )
    assert out == "True\nNone\n"


def test_a_lock_that_an_audit_hook_takes_is_not_waited_for(tmp_path: Path) -> None:
    """A hook of the program's that takes a lock and allocates is not called again, by a sample, while it has it."""
    out = sampled(
        """
import sys, threading
lock, events = threading.Lock(), []
def hook(event, arguments):
    with lock:
        events.append([event] * 5_000)
        for _ in range(3): pass
sys.addaudithook(hook)
for _ in range(3000):
    sys.audit("program.step")
print(len(events) >= 3000)
""",
        tmp_path,
    )
    assert out == "True\nNone\n"


def test_an_audit_hook_that_forbids_is_not_asked(tmp_path: Path) -> None:
    """What a program forbids itself is no concern of the samples: neither it nor they are disturbed."""
    out = sampled(
        """
import sys
def hook(event, arguments):
    if event in ("open", "os.listdir") and str(arguments[0]).startswith("/proc/self/"):
        if is_forbidden: raise PermissionError(event)
is_forbidden = True; sys.addaudithook(hook)
print(grow())
is_forbidden = False  # the report, at the end, is no secret
""",
        tmp_path,
    )
    assert out == "60\nNone\n"


def test_greenlets_allocate_and_switch(tmp_path: Path) -> None:
    """Hundreds of greenlets with stacks of their own allocate, switch, free each other's objects and are collected."""
    pytest.importorskip("greenlet")
    out = sampled(
        """
import gc, random, greenlet
rng, box = random.Random(20261121), []
def live(depth):
    if depth: return live(depth - 1)
    for step in range(30):
        box.append([{step: [step] * rng.randrange(40)} for _ in range(20)])
        if len(box) > 400: del box[rng.randrange(200)::3]
        main.switch()
    return 1
main = greenlet.getcurrent()
lives = [greenlet.greenlet(live) for _ in range(300)]
[one.switch(rng.randrange(60)) for one in lives]
del lives[::7]; gc.collect()
while any(lives):
    one = rng.choice(lives)
    if one: one.switch()
print(grow())
""",
        tmp_path,
    )
    assert out == "60\nNone\n"


def test_gevent_serves_as_it_does_plainly(tmp_path: Path) -> None:
    """A patched program with greenlets, a thread pool, forks and subprocesses does its work, sampled meanwhile."""
    pytest.importorskip("gevent")
    out = sampled(
        """
from gevent import monkey; monkey.patch_all()
import gevent, os, subprocess, threading, queue, gevent.threadpool
box, answers = queue.Queue(), []
def work(number):
    for step in range(20):
        box.put([{step: [number] * 20} for _ in range(200)])
        gevent.sleep(0)
        answers.append(len(box.get()))
[one.get() for one in [gevent.spawn(work, number) for number in range(100)]]
pool = gevent.threadpool.ThreadPool(3)
print(sum(answers), sum(pool.map(grow, [5] * 12)))
threads = [threading.Thread(target=grow) for _ in range(3)]
[one.start() for one in threads]; [one.join() for one in threads]
pid = os.fork()
if pid == 0:
    os._exit(0 if gevent.spawn(grow, 9).get() == 9 else 1)
print(os.waitpid(pid, 0)[1], subprocess.run(["/bin/echo", "said"], capture_output=True).stdout)
""",
        tmp_path,
    )
    assert out == "400000 60\n0 b'said\\n'\nNone\n"
