"""Twins: the model with CPython's sizes and CPython's own allocator, driven by the same requests in a fresh Python."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from itertools import chain

from quire.model import CPYTHON_3_10, Allocator, System
from quire.model.real import OBJECT, Malloc, Pymalloc, allocator_of

Request = list[int | str]
"""``["allocate", size, count]``, ``["free", seed, per cent]`` or ``["resize", index, size]``."""


class Strayed(Exception):
    """A block that Python made before us died in the middle of a resize, which took it: the two cannot be compared."""


def replay(requests: list[Request], offset_bytes: int) -> dict[str, object]:
    """Send requests to both.

    Returns:
        ``difference``, the first, ``None`` if the two agree to the last request, and what CPython's side counted.
    """
    twins = Twins(offset_bytes)
    difference = next((found for request in requests if (found := twins.send(request))), None) or twins.end()
    return {
        "difference": difference,
        "arenas_obtained": twins.real.arenas_obtained,
        "arenas_given_back": twins.real.arenas_given_back,
    }


def replay_every_resize() -> str | None:
    """Resize a block of every class to every size that a pool serves; the first difference, if there is one."""
    twins = Twins(offset_bytes=0)
    requests = (
        [["allocate", block_bytes, 1], ["resize", 0, size_bytes], ["free", 0, 100]]
        for block_bytes in range(16, 513, 16)
        for size_bytes in range(1, 513)
    )
    return next((found for request in chain.from_iterable(requests) if (found := twins.send(request))), None)


def capacities(sizes_bytes: list[int]) -> list[int]:
    """For each size: how many blocks CPython puts into a pool that serves nothing else."""
    real = Pymalloc()
    return [_capacity(real, size_bytes) for size_bytes in sizes_bytes]


def after_pyobject_free(size_bytes: int) -> tuple[int, int]:
    """A block that ``PyObject_Malloc`` gave and ``PyObject_Free`` took, and what ``Pymalloc`` would give then."""
    malloc, free = ctypes.pythonapi.PyObject_Malloc, ctypes.pythonapi.PyObject_Free
    malloc.restype, malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    free.argtypes = (ctypes.c_void_p,)
    block = malloc(size_bytes)
    free(block)
    own = allocator_of(OBJECT)
    return block, Malloc(own.malloc)(own.context, size_bytes)


def shrunk_lies_in_an_arena(size_bytes: int) -> bool:
    """Whether a block of so many bytes, resized to 100, lies in an arena."""
    real = Pymalloc()
    return real.arena_at(real.reallocate(real.allocate(size_bytes), 100)) is not None


def _capacity(real: Pymalloc, size_bytes: int) -> int:
    first, pool = real.allocate(size_bytes), CPYTHON_3_10.pool_bytes
    return next(count for count in range(1, 1 << 20) if real.allocate(size_bytes) // pool != first // pool)


class Twins:
    """One of each; every answer is compared, and every arena at the end."""

    def __init__(self, offset_bytes: int) -> None:
        self.real = Pymalloc(offset_bytes=offset_bytes)
        self.model = Allocator(CPYTHON_3_10, System(4096, self.real.first_address))
        self.blocks: list[int] = []

    def send(self, request: Request) -> str | None:
        """Send one request to both; how their answers differ, if they do."""
        match request:
            case ["allocate", int(size_bytes), int(count)]:
                answers = chain.from_iterable(self._allocate(size_bytes) for _ in range(count))
            case ["free", int(seed), int(share)]:
                answers = self._free_some(random.Random(seed), share)
            case ["resize", int(index), int(size_bytes)] if self.blocks:
                answers = self._resize(index % len(self.blocks), size_bytes)
            case _:
                return None
        return next((f"{request}: real {r:#x}, model {m:#x}" for r, m in answers if r != m), None)

    def end(self) -> str | None:
        """Free all that is left; how the arenas differ, if they do."""
        while self.blocks:
            self._free(self.blocks.pop())
        real = (self.real.arenas_obtained, self.real.arenas_given_back, sorted(self.real.arenas))
        totals = self.model.totals
        model = (totals.arenas_obtained, totals.arenas_given_back, sorted(self.model.arenas))
        return None if real == model else f"arenas at the end: real {real}, model {model}"

    def _allocate(self, size_bytes: int) -> Iterator[tuple[int, int]]:
        self.blocks.append(self.model.allocate(size_bytes))
        yield self.real.allocate(size_bytes), self.blocks[-1]

    def _free(self, block: int) -> None:
        self.model.free(block)
        self.real.free(block)

    def _free_some(self, chance: random.Random, share: int) -> Iterator[tuple[int, int]]:
        chance.shuffle(self.blocks)
        for _ in range(len(self.blocks) * share // 100):
            self._free(self.blocks.pop())
        yield from ()

    def _resize(self, index: int, size_bytes: int) -> Iterator[tuple[int, int]]:
        old = self.blocks[index]
        new = self.blocks[index] = self.model.reallocate(old, size_bytes)
        if new != old:
            self.real.settle(size_bytes)
        answer = self.real.reallocate(old, size_bytes)
        if self.real.is_stray(answer, size_bytes):
            raise Strayed(f"to {size_bytes} bytes")
        yield answer, new
