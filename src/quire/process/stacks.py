"""Threads' stacks: where they are.

The kernel names the main thread's. glibc maps the others, with the thread's own record (``struct pthread``, whose
address is the ``pthread_t``) at the upper end. The record holds the address and the size of the whole, guard
included, so that the two are found there as a pair of words around the thread's own address:

    | guard |   never used   |  frames in use  | struct pthread |
    ^ address                                  ^ pthread_t      ^ address + size

Where the kernel has joined the stack with other memory above it, the record is found from the ``pthread_t`` of a Python
thread, or from the stack pointer of any other that sleeps.
"""

from __future__ import annotations

from quire.process.memory import PAGE_BYTES, words
from quire.process.parts import STACKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Final

    from quire.process.claims import Claims
    from quire.process.smaps import SystemMapping

    Read = Callable[[int, int], bytes]
    Bounds = tuple[int, int]
    """Start and end of a stack, the guard included."""

_RECORD_BYTES: Final = 2560
_RECORD_AND_LOCALS_BYTES: Final = 4096
_PAGES_ABOVE_POINTER: Final = 4
_ABOVE_RECORD_BYTES_MAX: Final = 1024**2
_STACK_BYTES_MIN: Final = 16 * 1024
_STACK_BYTES_MAX: Final = 16 * 1024**3
_GUARD_BYTES_MAX: Final = 64 * 1024
_WORD_BYTES: Final = 8


def claim_stacks(
    claims: Claims, idents: Iterable[int], pointers: Iterable[int], mappings: Sequence[SystemMapping], read: Read
) -> None:
    """Claim the stacks of all threads but the main one, guards included.

    Args:
        idents: every Python thread's ``pthread_t``.
        pointers: stack pointers of any threads.
        mappings: the process's mappings, in address order.
        read: reads memory where it is resident.
    """
    for start, end in _stacks_of_their_own(mappings, read):
        claims.add(start, end, STACKS)
    for ident in idents:
        if not claims.has(ident):
            for start, end in bounds_in_record(read(ident, _RECORD_BYTES), ident):
                claims.add(start, end, STACKS)
    for pointer in pointers:
        if not claims.has(pointer):
            for start, end in _bounds_at_pointer(pointer, mappings, read):
                claims.add(start, end, STACKS)


def stack_pointers(calls: Iterable[bytes]) -> list[int]:
    """The stack pointers of sleeping threads, from their files ``syscall``."""
    return [pointer for pointer in map(stack_pointer, calls) if pointer]


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


# --- where a stack may be -------------------------------------------------------------------------------------


def _stacks_of_their_own(mappings: Sequence[SystemMapping], read: Read) -> Iterator[Bounds]:
    """Stacks that the kernel has not joined with other memory: the record is where the mapping ends.

    These may be of any thread, also of one that has ended and whose stack glibc keeps for another, or that was left
    behind in the parent of a fork.
    """
    for mapping, guard_start in _with_guards(mappings):
        if mapping.size_bytes >= _STACK_BYTES_MIN:
            record = read(mapping.end - _RECORD_AND_LOCALS_BYTES, _RECORD_AND_LOCALS_BYTES)
            if _bounds(guard_start, mapping.end) in record or _bounds(mapping.start, mapping.end) in record:
                yield guard_start, mapping.end


def _bounds(start: int, end: int) -> bytes:
    """The pair of words for a stack that lies there."""
    return start.to_bytes(_WORD_BYTES, "little") + (end - start).to_bytes(_WORD_BYTES, "little")


def _with_guards(mappings: Sequence[SystemMapping]) -> Iterator[tuple[SystemMapping, int]]:
    """Writable memory, with the start of the guard right below it, or its own where there is none."""
    end, start = 0, 0
    for mapping in mappings:
        if mapping.is_writable_anonymous:
            yield mapping, start if end == mapping.start else mapping.start
        is_guard = mapping.is_closed and mapping.size_bytes <= _GUARD_BYTES_MAX
        end, start = (mapping.end, mapping.start) if is_guard else (0, 0)


def _bounds_at_pointer(pointer: int, mappings: Sequence[SystemMapping], read: Read) -> list[Bounds]:
    """The stack that the pointer points into: from the record above it, or else from the guard below it."""
    stack = bounds_in_record(_read_above(pointer, read), pointer)
    return stack or [
        (guard_start, mapping.end)
        for mapping, guard_start in _with_guards(mappings)
        if guard_start < mapping.start <= pointer < mapping.end
    ]


def _read_above(pointer: int, read: Read) -> bytes:
    """Memory from the pointer's word on, over a few pages, up to the first that cannot be read."""
    content = b""
    at = pointer // _WORD_BYTES * _WORD_BYTES
    for _ in range(_PAGES_ABOVE_POINTER):
        end = (at // PAGE_BYTES + 1) * PAGE_BYTES
        piece = read(at, end - at)
        if not piece:
            break
        content += piece
        at = end
    return content
