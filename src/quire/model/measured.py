"""What CPython does, measured: small programs, each of which answers with a few values.

    articles.CLAIMS  --- see() --->  a Python of its own  --- one function of this file --->  values

``articles`` says what each of them shows and what the values have to be. Each runs in a Python of its own
(``real.in_fresh_python``), so that none sees what another, or a test, has done. Nothing here knows the answer.
"""

from __future__ import annotations

import ctypes
import gc
import marshal
import os
import py_compile
import signal
import sys
import sysconfig
import tempfile
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quire.errors import UnsupportedRuntime
from quire.model.real import Pymalloc, allocator_of, check_supported

# --- processes and programs ---------------------------------------------------------------------------------------


def touching_what_is_not_ours() -> list[int]:
    """The signal that ends a process which reads at an address where it has no page."""
    _check_that_it_forks()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        ctypes.string_at(8)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return [os.WTERMSIG(status)]


def one_address_in_two_processes() -> list[object]:
    """Whether a word has the same address in a child; what the child reads after it wrote 2, and then the parent."""
    _check_that_it_forks()
    word = ctypes.c_long(1)
    address, (theirs, ours) = ctypes.addressof(word), os.pipe()
    child = os.fork()
    if child == 0:
        word.value = 2
        os.write(ours, f"{ctypes.addressof(word)} {word.value}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    its_address, its_value = map(int, os.read(theirs, 100).split())
    return [its_address == address, its_value, word.value]


def _check_that_it_forks() -> None:
    if not hasattr(os, "fork"):
        raise UnsupportedRuntime("processes are not forked here")


def compiled_file() -> list[object]:
    """The folder that a compiled module is put into, and whether a code object begins at its byte 16."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "module.py")
        source.write_text("name = 1\n")
        compiled = Path(str(py_compile.compile(str(source), doraise=True)))
        code = marshal.loads(compiled.read_bytes()[16:])
        return [compiled.parent.name, isinstance(code, types.CodeType)]


# --- blocks, pools, arenas ----------------------------------------------------------------------------------------


def blocks_for(*sizes_bytes: int) -> list[int]:
    """The size of the block that each request gets: how far apart two blocks of one pool are."""
    allocator = Pymalloc()
    sizes = []
    for size_bytes in sizes_bytes:
        first, second, third = (allocator.allocate(size_bytes) for _ in range(3))
        sizes.append(min(second - first, third - second))  # one of the two may lead from one pool to the next
    return sizes


def classes() -> list[int]:
    """How many different block sizes requests of 1 to 512 bytes get, and the smallest and the largest."""
    sizes = set(blocks_for(*range(1, 513)))
    return [len(sizes), min(sizes), max(sizes)]


def page() -> list[int]:
    """The size of the system's page, and of what CPython asks the system for at once."""
    allocator = Pymalloc()
    allocator.allocate(1)
    return [os.sysconf("SC_PAGE_SIZE"), allocator.arena_bytes]


def pool() -> list[int]:
    """The size of a pool, of its header, and how many blocks of 48 bytes it holds."""
    allocator = Pymalloc()
    first = allocator.allocate(48)
    (arena,) = allocator.arenas
    blocks = 1
    while (block := allocator.allocate(48)) == first + 48 * blocks:
        blocks += 1
    return [block - first, first - arena, blocks]


def first_of_a_pool(size_bytes: int) -> list[int]:
    """Where in its pool the first block of a size begins, and how far behind it the next one does."""
    allocator = Pymalloc()
    first, second = allocator.allocate(size_bytes), allocator.allocate(size_bytes)
    (arena,) = allocator.arenas
    return [first - arena, second - first]


def pool_states() -> list[bool]:
    """Whether a full pool gives nothing, serves first once it has a block back, and any class once it is empty."""
    allocator = Pymalloc()
    full, other = ([allocator.allocate(512) for _ in range(31)] for _ in range(2))
    gives_nothing = not full[0] < other[0] <= full[-1]
    allocator.free(other.pop())
    allocator.free(full[7])
    serves_first = allocator.allocate(512) == full[7]
    _free_all(allocator, full)
    return [gives_nothing, serves_first, allocator.allocate(100) == full[0]]


def linked_pools() -> list[bool]:
    """Of two used pools of one class, the one that was full before the first: whether each leads to the other."""
    allocator = Pymalloc()
    pools = [[allocator.allocate(512) for _ in range(31)] for _ in range(2)]
    for blocks in reversed(pools):
        allocator.free(blocks[-1])
    first, second = (blocks[0] - 48 for blocks in pools)
    following, before = (ctypes.c_void_p.from_address(place).value for place in (first + 16, second + 24))
    return [following == second, before == first]


def reuse() -> list[int]:
    """Three blocks are freed; which of them, counted by their freeing, the next three requests get."""
    allocator = Pymalloc()
    blocks = [allocator.allocate(64) for _ in range(3)]
    for block in blocks:
        allocator.free(block)
    return [blocks.index(allocator.allocate(64)) for _ in range(3)]


def untouched() -> list[int]:
    """How many arenas there are before a request, and to how many pools of the first one was written after three; then
    whether a pool's free block goes out before its untouched ones."""
    allocator = Pymalloc()
    arenas_before = len(allocator.arenas)
    blocks = [allocator.allocate(64) for _ in range(3)]
    (arena,) = allocator.arenas
    pools = (ctypes.string_at(arena + 16384 * place, 16384) for place in range(64))
    written_to = sum(any(pool) for pool in pools)
    allocator.free(blocks[0])
    goes_first, then_next = allocator.allocate(64) == blocks[0], allocator.allocate(64) == blocks[2] + 64
    return [arenas_before, written_to, goes_first, then_next]


def large_requests() -> list[bool]:
    """Whether a request of 512 bytes lies in an arena, and whether one of 513 does."""
    allocator = Pymalloc()
    return [allocator.arena_at(allocator.allocate(size_bytes)) is not None for size_bytes in (512, 513)]


def next_pool() -> list[int]:
    """Of two arenas, one with one free pool and one with three: how many the one has that serves the next pool."""
    allocator = Pymalloc()
    first, second = _full_arena(allocator), _full_arena(allocator)
    for pools in (first[:1], second[:3]):
        for blocks in pools:
            _free_all(allocator, blocks)
    block = allocator.allocate(512)
    return [1 if allocator.arena_at(block) == allocator.arena_at(first[1][0]) else 3]


def given_back() -> list[int]:
    """Arenas held: when four are full, when one block in each is left, when none is."""
    allocator = Pymalloc()
    blocks = [block for _ in range(4) for blocks in _full_arena(allocator) for block in blocks]
    held = [len(allocator.arenas)]
    survivors = [next(b for b in blocks if allocator.arena_at(b) == arena) for arena in sorted(allocator.arenas)]
    _free_all(allocator, [block for block in blocks if block not in survivors])
    held.append(len(allocator.arenas))
    _free_all(allocator, survivors)
    return [*held, len(allocator.arenas)]


def _full_arena(allocator: Pymalloc) -> list[list[int]]:
    """Blocks of 512 bytes that fill an arena, by pool."""
    per_pool = (16384 - 48) // 512
    return [[allocator.allocate(512) for _ in range(per_pool)] for _ in range(64)]


def _free_all(allocator: Pymalloc, blocks: list[int]) -> None:
    for block in blocks:
        allocator.free(block)


# --- what the heap holds ------------------------------------------------------------------------------------------


def not_in_the_heap() -> list[bool]:
    """Whether a class of Python's own, ``None`` and 5 lie in the interpreter's file; and whether a list does."""
    return [_lies_in_a_file(id(value)) for value in (int, None, 5, [1, 2, 3])]


def domains() -> list[bool]:
    """Whether requests of the domains raw and mem are served by the allocator of objects."""
    check_supported()
    raw, mem, of_objects = (allocator_of(domain).malloc for domain in range(3))
    return [raw == of_objects, mem == of_objects]


def policies() -> list[bool]:
    """Whether equal interned strings are one; a dead tuple of 3 items gives its place to one of 4, and to one of 3; two
    small integers of one value are one; the next float stands where the last one died."""
    names = [sys.intern("".join(letters)) for letters in (["na", "me"], ["n", "ame"])]
    three, number = tuple([None] * 3), float("1.5")
    place, its_place = id(three), id(number)
    del three
    four = tuple([None] * 4)
    again = tuple([None] * 3)
    del number
    next_number = float("2.5")
    fives = int("5"), int("05")
    kept_apart, serves = id(four) != place, id(again) == place
    return [names[0] is names[1], kept_apart, serves, fives[0] is fives[1], id(next_number) == its_place]


def smallest() -> list[int]:
    """The bytes of a bare object, and how many of the types that there are have smaller ones."""
    types_there_are = [type_ for type_ in object.__subclasses__() if type_.__basicsize__]
    return [object.__basicsize__, sum(type_.__basicsize__ < object.__basicsize__ for type_ in types_there_are)]


def header() -> list[object]:
    """What the first 16 bytes of an object hold: bytes in a bare object; the count goes up by one with one more name;
    and the type's address."""
    value = object()
    count, kind = (ctypes.c_ssize_t.from_address(id(value) + offset) for offset in (0, 8))
    before = count.value
    other = value
    return [object.__basicsize__, count.value - before, kind.value == id(type(other))]


def locals_in_the_heap() -> list[bool]:
    """Whether what a function's local variable names is in the heap, as what a global names is; and whether it is still
    there, at the same address, after the function has returned."""

    def function() -> tuple[list[int], int]:
        local = [1, 2, 3]
        return local, id(local)

    kept, address = function()
    return [not _lies_in_a_file(address), id(kept) == address]


def _lies_in_a_file(address: int) -> bool:
    """Whether an address is in a mapped file: the interpreter's own, here. From the kernel's list of mappings."""
    if not os.path.exists("/proc/self/maps"):
        raise UnsupportedRuntime("what an address belongs to is read from /proc/self/maps; there is none here")
    with open("/proc/self/maps") as maps:
        for line in maps:
            places, *_, last = line.split()
            low, high = (int(place, 16) for place in places.split("-"))
            if low <= address < high:
                return last.startswith("/")
    raise LookupError(f"{address:#x} is in no mapping")


def made_by_type() -> list[object]:
    """Blocks that 1000 new objects take; whether a tuple's size is its type's, and so much more for each item."""
    kept: list[object] = [None] * 1000
    before = sys.getallocatedblocks()
    for index in range(1000):
        kept[index] = object()
    blocks = sys.getallocatedblocks() - before
    sizes = [tuple.__sizeof__((None,) * length) for length in (0, 1, 10)]
    return [round(blocks, -2), [size - tuple.__basicsize__ for size in sizes], tuple.__itemsize__]


# --- references and the collector ---------------------------------------------------------------------------------


def references() -> list[int]:
    """What ``sys.getrefcount(numbers)`` says after each line of the article's example."""
    program = """
import sys
class Number:
    def __radd__(self, other):
        seen.append(sys.getrefcount(numbers))
        return 0
seen = []
numbers = [Number()]
seen.append(sys.getrefcount(numbers))
more_numbers = numbers
seen.append(sys.getrefcount(numbers))
total = sum(numbers)
seen.append(sys.getrefcount(numbers))
matrix = [numbers, numbers, numbers]
seen.append(sys.getrefcount(numbers))
"""
    names: dict[str, Any] = {}
    exec(compile(program, "article", "exec"), names)
    seen: list[int] = names["seen"]
    return seen


def reference_in_a_function() -> list[int]:
    """What a function is told that asks for the count of its argument, which one name outside refers to."""

    def count(values: list[int]) -> int:
        return sys.getrefcount(values)

    names: dict[str, Any] = {"count": count}
    exec("numbers = [1, 2, 3]\nseen = count(numbers)", names)
    return [names["seen"]]


def collector() -> list[bool]:
    """With the collector off: whether an object dies with its last reference; whether a cycle does. And whether a
    cycle dies when the collector runs."""

    class Thing:
        other: Thing | None = None

    gc.disable()
    alone = Thing()
    ring = Thing()
    ring.other = ring
    watch_alone, watch_ring = weakref.ref(alone), weakref.ref(ring)
    del alone, ring
    died = [watch_alone() is None, watch_ring() is None]
    gc.collect()
    return [*died, watch_ring() is None]


# --- frames -------------------------------------------------------------------------------------------------------


def frame_sizes() -> list[object]:
    """From the code alone, before any call: locals of a function; whether two functions' frames differ, once they run,
    by the bytes that their code says they need."""
    program = """
import sys
def small(a):
    return sys._getframe()
def large(a, b, c, d, e):
    f = g = h = a
    return [a, b, c, d, e, f, g, h] and sys._getframe()
"""
    code = compile(program, "article", "exec")
    small, large = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    words = (large.co_nlocals + large.co_stacksize) - (small.co_nlocals + small.co_stacksize)
    names: dict[str, Any] = {}
    exec(code, names)
    frames: list[types.FrameType] = [names["small"](1), names["large"](1, 2, 3, 4, 5)]
    return [small.co_nlocals, large.co_nlocals, sys.getsizeof(frames[1]) - sys.getsizeof(frames[0]) == 8 * words]


def frames() -> list[object]:
    """Frames on top of this one: within three calls, and after their return; and whether a generator that waits has
    its frame, though it is on no stack."""

    def nested(calls: int, then: Callable[[], int]) -> int:
        return nested(calls - 1, then) if calls > 1 else then()

    def waits() -> Any:
        yield

    base = _depth()
    generator = waits()
    next(generator)
    return [nested(3, _depth) - base, _depth() - base, generator.gi_frame is not None]


def _depth() -> int:
    frame: types.FrameType | None = sys._getframe()
    depth = 0
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


# --- the lock -----------------------------------------------------------------------------------------------------


def lock() -> list[object]:
    """Whether this Python has the lock; and after how many seconds a waiting thread asks for it."""
    has_lock = getattr(sys, "_is_gil_enabled", lambda: not sysconfig.get_config_var("Py_GIL_DISABLED"))()
    return [has_lock, sys.getswitchinterval()]
