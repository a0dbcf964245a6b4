"""Threads' stacks: where they are.

The kernel names the main thread's. glibc maps the others, with the thread's own record (``struct pthread``, whose
address is the ``pthread_t``) at the upper end. The record holds the address and the size of the whole, guard
included, so that the two are found there as a pair of words around the thread's own address:

    | guard |   never used   |  frames in use  | struct pthread |
    ^ address                                  ^ pthread_t      ^ address + size

A thread that is not Python's is found by its stack pointer, and a stack kept for the next thread by its guard.
"""

from __future__ import annotations

import os
from itertools import pairwise

from quire.process.own_memory import PAGE_BYTES, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Final

    from quire.process.smaps import SystemMapping

    Read = Callable[[int, int], bytes]
    Bounds = tuple[int, int]
    """Start and end of a stack, the guard included."""

_RECORD_BYTES: Final = 2560
_PAGES_ABOVE_POINTER: Final = 4
_ABOVE_RECORD_BYTES_MAX: Final = 1024**2
_STACK_BYTES_MAX: Final = 16 * 1024**3
_GUARD_BYTES_MAX: Final = 64 * 1024
_USUAL_BYTES: Final = 8 * 1024**2 + PAGE_BYTES
"""What glibc maps for a thread under the usual ``ulimit -s``, guard included."""


def find_stacks(
    idents: Iterable[int], pointers: Iterable[int], mappings: Sequence[SystemMapping], read: Read
) -> list[Bounds]:
    """The stacks of all threads but the main one, in address order.

    Args:
        idents: every Python thread's ``pthread_t``.
        pointers: stack pointers of any threads.
        mappings: the process's mappings, in address order.
        read: reads memory where it is resident.
    """
    guarded = _guarded(mappings)
    stacks: set[Bounds] = set()
    for ident in idents:
        stacks.update(bounds_in_record(read(ident, _RECORD_BYTES), ident))
    for pointer in pointers:
        if not _is_inside(pointer, stacks):
            stacks.update(_bounds_at_pointer(pointer, guarded, read))
    stacks.update(_kept(guarded, stacks))
    return sorted(stacks)


def stack_pointers() -> list[int]:
    """The stack pointers of this process's sleeping threads, as far as the system tells."""
    pointers = (stack_pointer(_syscall_of(thread)) for thread in _thread_ids())
    return [pointer for pointer in pointers if pointer]


# --- reading what the system shows ----------------------------------------------------------------------------


def stack_pointer(text: bytes) -> int:
    """The stack pointer in a thread's ``syscall`` file; 0 while the thread runs."""
    fields = text.split()
    try:
        return int(fields[-2], 16) if len(fields) > 2 else 0
    except ValueError:
        return 0


def bounds_in_record(content: bytes, address: int) -> list[Bounds]:
    """The stack that the address lies in, from its thread's record; at most one.

    Args:
        content: memory from the address upwards, with the record in it.
    """
    found = words(content)
    end_max = address + len(content) + _ABOVE_RECORD_BYTES_MAX
    for index in range(len(found) - 1):
        start, size_bytes = found[index], found[index + 1]
        if start % PAGE_BYTES or size_bytes % PAGE_BYTES or size_bytes > _STACK_BYTES_MAX:
            continue
        if 0 < start < address < start + size_bytes <= end_max:
            return [(start, start + size_bytes)]
    return []


def _thread_ids() -> list[str]:
    try:
        return os.listdir("/proc/self/task")
    except OSError:
        return []


def _syscall_of(thread: str) -> bytes:
    try:
        descriptor = os.open(f"/proc/self/task/{thread}/syscall", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 256)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


# --- by the guard ---------------------------------------------------------------------------------------------


def _guarded(mappings: Sequence[SystemMapping]) -> list[Bounds]:
    """Guard and writable memory above it, where they may be a stack."""
    return [
        (guard.start, above.end)
        for guard, above in pairwise(mappings)
        if guard.is_closed
        and guard.size_bytes <= _GUARD_BYTES_MAX
        and guard.end == above.start
        and above.is_writable_anonymous
    ]


def _bounds_at_pointer(pointer: int, guarded: Sequence[Bounds], read: Read) -> list[Bounds]:
    """The stack that the pointer points into: from the record above it, or else from the guard below it."""
    stack = bounds_in_record(_read_above(pointer, read), pointer)
    return stack or [bounds for bounds in guarded if bounds[0] <= pointer < bounds[1]]


def _read_above(pointer: int, read: Read) -> bytes:
    """Memory from the pointer's word on, over a few pages, up to the first that cannot be read."""
    content = b""
    at = pointer // 8 * 8
    for _ in range(_PAGES_ABOVE_POINTER):
        end = (at // PAGE_BYTES + 1) * PAGE_BYTES
        piece = read(at, end - at)
        if not piece:
            break
        content += piece
        at = end
    return content


def _kept(guarded: Iterable[Bounds], stacks: set[Bounds]) -> list[Bounds]:
    """What has a guard and room for a stack of a known size: glibc keeps stacks of ended threads for new ones."""
    sizes = sorted({end - start for start, end in stacks} | {_USUAL_BYTES})
    kept = []
    for start, end in guarded:
        fitting = [size for size in sizes if size <= end - start]
        if fitting and not any(start < other_end and other_start < end for other_start, other_end in stacks):
            kept.append((start, start + fitting[-1]))
    return kept


def _is_inside(address: int, stacks: Iterable[Bounds]) -> bool:
    return any(start <= address < end for start, end in stacks)
