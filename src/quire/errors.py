"""What can go wrong, as one tree.

    QuireError
    ├── UnsupportedRuntime   this Python, platform or build cannot be served
    ├── AllocatorInUse       another allocator hook was there before quire; nothing was changed
    ├── InvalidOption        an option, setting or argument is not what it should be
    ├── ProgramFailed        a run of quire compare did not end as it must; there is nothing to compare
    ├── OutOfMemory          the request cannot be met (a MemoryError); the heap is as it was before
    ├── HeapMisuse           a rule of the heap was broken; the heap is as it was before
    │   ├── DoubleFree       the block is free already
    │   ├── NotABlock        the address is not the start of an allocated block
    │   ├── InvalidSize      the size is negative, or no whole number
    │   └── InvalidGeometry  the sizes of a geometry do not fit one another (a ValueError)
    ├── BadAddress           no memory stands behind the address for the one who asks; nothing was read or written
    ├── LockMisuse           a rule of the one lock was broken; who holds it and what is written are as before
    │   ├── LockTakenTwice   the thread holds the lock already
    │   └── LockNotHeld      the thread does not hold the lock that it releases or writes under
    ├── ObjectMisuse         a rule of the model's objects was broken; they are as they were before
    │   ├── UseAfterFree     the object is gone
    │   ├── CountBelowZero   more references were dropped than there are
    │   ├── WrongType        this type's objects cannot do that
    │   └── FinalizerBroke   a finalizer raised or resurrected, where neither is allowed
    ├── ProgramStopped       the model's interpreter cannot go on with a program; the message names the line
    │   ├── NotInSubset      the instruction is none that the model runs
    │   └── ProgramRaised    the program raised an exception, which the model's programs cannot catch
    └── BrokenChapter        a chapter's prose and its steps do not fit together; the message says where

The command line catches ``QuireError`` once, prints its one line and exits with code 2. What else is caught, the
system's refusals most of all, is told by ``in_words``.
"""

from __future__ import annotations


class QuireError(Exception):
    """The root of every error of quire's own."""


class UnsupportedRuntime(QuireError):
    """This Python, platform or build cannot be served; the message gives the reason and the remedy."""


class AllocatorInUse(QuireError):
    """Another allocator hook (a debug allocator, tracemalloc, a profiler) is active; nothing was changed."""


class InvalidOption(QuireError):
    """An option, setting or argument is not what it should be; the message says what to write instead."""


class ProgramFailed(QuireError):
    """A run of ``quire compare`` failed, took too long or ended otherwise on quire; the message has its last words."""


class OutOfMemory(QuireError, MemoryError):
    """The request cannot be met; the heap is as it was before."""


class HeapMisuse(QuireError):
    """A rule of the heap was broken; the heap is as it was before."""


class DoubleFree(HeapMisuse):
    """The block is free already."""


class NotABlock(HeapMisuse):
    """The address is not the start of an allocated block."""


class InvalidSize(HeapMisuse, ValueError):
    """The size is negative, or no whole number."""


class InvalidGeometry(HeapMisuse, ValueError):
    """The sizes of a geometry do not fit one another; the message says which."""


class BadAddress(QuireError):
    """No memory stands behind the address for the one who asks; nothing was read or written."""


class LockMisuse(QuireError):
    """A rule of the one lock was broken; who holds it and what is written are as before."""


class LockTakenTwice(LockMisuse):
    """The thread holds the lock already."""


class LockNotHeld(LockMisuse):
    """The thread does not hold the lock that it releases or writes under."""


class ObjectMisuse(QuireError):
    """A rule of the model's objects was broken; they are as they were before."""


class UseAfterFree(ObjectMisuse):
    """The object is gone: its count fell to zero and its memory may be another's."""


class CountBelowZero(ObjectMisuse):
    """More references were dropped than there are."""


class WrongType(ObjectMisuse, TypeError):
    """Objects of this type cannot do that."""


class FinalizerBroke(ObjectMisuse):
    """A finalizer raised, or brought its object back, where neither is allowed."""


class ProgramStopped(QuireError):
    """The model's interpreter cannot go on with a program; the message names the line."""


class NotInSubset(ProgramStopped):
    """The instruction, or what it is to do, is none that the model runs."""


class ProgramRaised(ProgramStopped):
    """The program raised an exception; the model's programs cannot catch one."""


class BrokenChapter(QuireError):
    """A chapter's prose and its steps do not fit together: an error of whoever wrote them; the message says where."""


def in_words(error: BaseException) -> str:
    """The error on one line: quire's own as it is, the system's with the file, and any other with its kind."""
    from quire.text import printable

    if isinstance(error, QuireError):
        return printable(str(error))
    if isinstance(error, OSError) and error.strerror:
        return printable(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    if isinstance(error, MemoryError) and not str(error):
        return "no memory is left for it; allow the process more (ulimit -v, ulimit -d)"
    return printable(f"{type(error).__name__}: {error}")
