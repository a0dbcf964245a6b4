"""The heap's marks: under a sanitizer, whoever touches what it has free is stopped.

``nox -s sanitizers`` runs this, once for each tool; SANITIZER in the environment says which. The wrong uses are made
by libc's functions, which both tools watch.
"""

from __future__ import annotations

import os
import sys

import pytest

from processes import Outcome, run

SANITIZER = os.environ.get("SANITIZER")
pytestmark = pytest.mark.skipif(SANITIZER is None, reason="needs a sanitizer: nox -s sanitizers")

COMMANDS = {
    "asan": [sys.executable],
    "valgrind": ["valgrind", "--quiet", "--error-exitcode=1", "--undef-value-errors=no", sys.executable],
}
REPORTS = {"asan": "ERROR: AddressSanitizer", "valgrind": "Address 0x"}

HEAP = """
import ctypes
from quire.process.heap import Heap
heap = Heap(1 << 26)
def touch(address, offset=0):
    ctypes.memset(address + offset, 1, 1)
block, large, run, mapping = map(heap.allocate, (41, 3_000, 20_000, 300_001))
beside = [heap.allocate(size) for size in (41, 3_000, 20_000)]
"""
SERVED = """
import ctypes, quire
quire.install()
def call(name, *arguments):
    function = getattr(ctypes.pythonapi, name)
    function.restype = ctypes.c_void_p
    return function(*map(ctypes.c_void_p, arguments))
def touch(address, offset=0):
    ctypes.memset(address + offset, 1, 1)
block = call("PyMem_Malloc", 100)
"""

WRONG = {
    "a free block": HEAP + "heap.free(block); touch(block, 8)",
    "behind a block": HEAP + "touch(block, 41)",
    "a free larger block": HEAP + "heap.free(large); touch(large, 2_000)",
    "behind a larger block": HEAP + "touch(large, 3_000)",
    "an untouched block": HEAP + "touch(block, 48 * 200)",
    "a free run": HEAP + "heap.free(run); touch(run, 19_000)",
    "behind a run": HEAP + "touch(run, 20_000)",
    "the end that a run has lost": HEAP + "heap.reallocate(run, 9_000); touch(run, 15_000)",
    "behind a mapping": HEAP + "touch(mapping, 300_001)",
    "behind a block that shrank in its place": HEAP + "heap.reallocate(block, 36); touch(block, 36)",
    "a free block of a served process": SERVED + 'call("PyMem_Free", block); touch(block, 50)',
    "behind a block of a served process": SERVED + "touch(block, 100)",
    "behind an object": SERVED + 'touch(call("PyObject_Malloc", 100), 100)',
    "behind zeroed memory": SERVED + 'touch(call("PyMem_Calloc", 3, 33), 99)',
    "a block that has moved": SERVED + 'call("PyMem_Realloc", block, 9_000); touch(block, 50)',
    "freed twice": SERVED + 'other = call("PyMem_Malloc", 100); call("PyMem_Free", block); call("PyMem_Free", block)',
}

RIGHT = (
    HEAP
    + """
for address, size in ((block, 41), (large, 3_000), (run, 20_000), (mapping, 300_001)):
    ctypes.memset(address, 1, size)
    for size in (size // 2 + 1, 5, size, size + 7, 100_000, 500_000):
        address = heap.reallocate(address, size)
        ctypes.memset(address, 1, size)
    ctypes.memset(address, 1, heap.size_of(address))
    heap.free(address)
"""
)


def run_under_sanitizer(code: str) -> Outcome:
    """Run a program's text under the tool, in a process of its own."""
    assert SANITIZER is not None
    return run([*COMMANDS[SANITIZER], "-c", code])


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_use_is_stopped(name: str) -> None:
    """Touching the memory, or freeing the block again, is reported, and the process fails."""
    outcome = run_under_sanitizer(WRONG[name])
    assert REPORTS[str(SANITIZER)] in outcome.stderr
    assert outcome.exit_code != 0


def test_a_right_use_is_not() -> None:
    """Every byte that was asked for may be used, whatever the size, and every byte of a block whose size is known."""
    run_under_sanitizer(RIGHT).expect("")
