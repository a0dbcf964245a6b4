"""A program that plants memory of one kind and prints what samples of it say: ``planter.py KIND served|plain``.

Tests run it in a process of its own. ``plain`` is Python without quire installed: CPython's arenas hold its objects.
It prints one JSON object: by how much each row has grown, in a full sample and in a quick one, and the rows at the end.
"""

from __future__ import annotations

import ctypes
import gc
import json
import mmap
import os
import sys
import tempfile
import threading
from collections.abc import Callable

import quire
from quire import _core
from quire.process.parts import FIELDS
from quire.process.sample import Sampler, make_sample

MIB = 1024 * 1024
PLANTED = 200 * MIB

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.mmap.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.pthread_self.restype = ctypes.c_ulong
libc.pthread_create.argtypes = [ctypes.c_void_p] * 4

kept: list[object] = []


class Unserved:
    """The core as it is where quire is not installed: no heap."""

    residency = staticmethod(lambda: (0, 0, 0, 0, 0))
    shared_bytes = staticmethod(lambda: 0)
    regions = staticmethod(lambda: [])
    resident_bytes = _core.resident_bytes
    frame_chunks = _core.frame_chunks
    thread_idents = _core.thread_idents
    libc_statistics = _core.libc_statistics


# --- kinds of memory ------------------------------------------------------------------------------------------


def small_blocks() -> None:
    for _ in range(PLANTED // 1024):
        kept.append(allocate(1024 - 8))


def small_blocks_in_threads() -> None:
    in_threads(8, lambda: [allocate(1024 - 8) for _ in range(PLANTED // 8 // 1024)])


def large_blocks() -> None:
    for size in [20 * MIB] * 5 + [MIB // 4] * 400:
        allocate(size)


def large_blocks_behind_unknown_memory() -> None:
    for _ in range(4):
        allocate(50 * MIB)
        mapped(3 * MIB)


def freed_blocks() -> None:
    blocks = [allocate(1024 - 8) for _ in range(2 * PLANTED // 1024)]
    for block in blocks[::2]:
        libc.free(block)


def anonymous_memory() -> None:
    for _ in range(4):
        touch(mapped(50 * MIB), 50 * MIB)


def shared_memory() -> None:
    touch_pages(mmap.mmap(-1, PLANTED // 2))
    descriptor = os.memfd_create("planted")
    os.ftruncate(descriptor, PLANTED // 2)
    touch_pages(mmap.mmap(descriptor, PLANTED // 2))


def mapped_file() -> None:
    with tempfile.TemporaryFile(dir=".") as file:
        file.write(b"x" * PLANTED)
        file.flush()
        content = mmap.mmap(file.fileno(), PLANTED, access=mmap.ACCESS_READ)
    kept.append(content)
    assert all(content[at] for at in range(0, PLANTED, mmap.PAGESIZE))


def changed_pages_of_a_file() -> None:
    with tempfile.TemporaryFile(dir=".") as file:
        file.truncate(PLANTED)
        touch_pages(mmap.mmap(file.fileno(), PLANTED, access=mmap.ACCESS_COPY))


def stacks_of_pythons_threads() -> None:
    def use() -> None:
        attributes = (ctypes.c_ulong * 8)()
        use_stack(libc.pthread_self(), attributes)

    threading.stack_size(40 * MIB)
    in_threads(5, use)


def stacks_of_cs_threads() -> None:
    attributes = (ctypes.c_ulong * 8)()
    libc.pthread_attr_init(attributes)
    libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(40 * MIB))
    threads = (ctypes.c_ulong * 5)()
    for index in range(len(threads)):
        begin = ctypes.cast(libc.pause, ctypes.c_void_p)
        libc.pthread_create(ctypes.addressof(threads) + 8 * index, ctypes.addressof(attributes), begin, None)
    for thread in threads:
        use_stack(thread, attributes)


def objects() -> None:
    """A chain of tuples, without a list or a table of them that would lie elsewhere."""
    chain: object = None
    for _ in range(PLANTED // 64):
        chain = (chain,)
    kept.append(chain)


def only_read() -> None:
    """Zeroes that nobody has written: the system has one page of them for all processes."""
    memory = bytes(PLANTED)
    kept.append(memory)
    assert not any(memory[at] for at in range(0, PLANTED, mmap.PAGESIZE))


# --- doing ----------------------------------------------------------------------------------------------------


def allocate(size: int) -> int:
    block = libc.malloc(size)
    touch(block, size)
    return block


def mapped(size: int) -> int:
    return libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)


def touch(address: int, size: int) -> None:
    ctypes.memset(address, 1, size)


def touch_pages(memory: mmap.mmap) -> None:
    kept.append(memory)
    for at in range(0, len(memory), mmap.PAGESIZE):
        memory[at] = 1


def use_stack(thread: int, attributes: ctypes.Array[ctypes.c_ulong]) -> None:
    """Touch a thread's stack down to its guard, but for what it uses itself."""
    address, size = ctypes.c_void_p(), ctypes.c_size_t()
    libc.pthread_getattr_np(ctypes.c_ulong(thread), attributes)
    libc.pthread_attr_getstack(attributes, ctypes.byref(address), ctypes.byref(size))
    touch((address.value or 0) + 128 * 1024, size.value - 512 * 1024)


def in_threads(count: int, work: Callable[[], object]) -> None:
    """Have threads do the work, and stay."""
    done, stay = threading.Barrier(count + 1), threading.Event()

    def run() -> None:
        kept.append(work())
        done.wait()
        stay.wait()

    for _ in range(count):
        threading.Thread(target=run, daemon=True).start()
    done.wait()


# --- looking --------------------------------------------------------------------------------------------------


def look(sampler: Sampler, quickly: bool) -> dict[str, int]:
    """One sample's rows, which add up."""
    parts = sampler.measure_quickly() if quickly else sampler.measure()
    sample = make_sample(parts, 0.0)
    heap = {f"heap_{name}": getattr(sample.heap, name) for name in sample.heap.__slots__}
    rows = {field: getattr(sample, field) for field in FIELDS} | heap
    assert sum(rows.values()) == sample.rss_bytes, rows
    assert min(rows.values()) >= 0, rows
    proportional = {} if sample.pss_bytes is None else {"pss_bytes": sample.pss_bytes}
    return rows | {"rss_bytes": sample.rss_bytes} | proportional


def vm_rss() -> int:
    with open("/proc/self/status", "rb") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"VmRSS"))


def main(kind: str, mode: str) -> None:
    if mode == "served":
        quire.install()
    sampler = Sampler(_core if mode == "served" else Unserved)
    before = [look(sampler, quickly) for quickly in (False, True)]
    globals()[kind]()
    gc.collect()
    after = [look(sampler, quickly) for quickly in (False, True)]
    grown = [
        {row: late[row] - early[row] for row in late.keys() & early.keys()}
        for early, late in zip(before, after, strict=True)
    ]
    print(json.dumps({"grown": grown, "after": after, "vm_rss": vm_rss()}), flush=True)
    os._exit(0)  # threads stay, and a long chain takes long to take apart


if __name__ == "__main__":
    main(*sys.argv[1:])
