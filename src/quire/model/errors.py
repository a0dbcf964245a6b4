"""What can go wrong in the model alone; the rest of the tree is quire.errors.

QuireError
├── HeapMisuse
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
"""

from __future__ import annotations

from quire.errors import HeapMisuse, QuireError


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
