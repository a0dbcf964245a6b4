"""Objects, the blocks they lie in, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Area(StrEnum):
    """What a process's memory is used for.

    OBJECT: the objects themselves. TABLE: what objects own beside themselves, such as a list's items and a
    dictionary's keys. INTERPRETER: the interpreter's own, such as frames and the objects made once at its start.
    """

    OBJECT = "object"
    TABLE = "table"
    INTERPRETER = "interpreter"


@dataclass(frozen=True, slots=True)
class UsedBlock:
    """A piece of memory in use, and what for. ``what`` is the object's type, or the table's name."""

    address: int
    size_bytes: int
    area: Area
    what: str


class Content(StrEnum):
    """OBJECT: a Python object. TABLE: a table or buffer of one. FOREIGN: nothing that is known to be either."""

    OBJECT = "object"
    TABLE = "table"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class LiveBlock:
    """A live block, run or mapping of a process's heap, and what is in it."""

    address: int
    size_bytes: int
    content: Content
    type: str | None
    """Of the object, or of the owner of the table; ``None``: foreign."""
    is_reviewed: bool
    """Whether the object's type is known to have nobody write in its block without the interpreter lock."""


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """An object at one moment."""

    address: int
    type: str
    count: int | None
    """How many references there are; ``None``: immortal, not counted."""
    size_bytes: int
    """Of the object with all its headers, without its tables."""
    value: str
    """As Python would write it, cut where it is long."""
    references: tuple[int, ...]
    """The addresses of the objects it refers to, in the order in which the collector visits them."""
    tables: tuple[UsedBlock, ...]
    generation: int | None
    """The collector's generation that it stands in; ``None``: the collector does not track it."""
    name: str = ""
    """What whoever shows it calls it, if anything."""


class Happening(StrEnum):
    """What can happen to an object, in the order of a life."""

    MADE = "made"
    REUSED = "reused"
    """Made from a dead one that a free list had kept."""
    FINALIZED = "finalized"
    RESURRECTED = "resurrected"
    CLEARED = "cleared"
    """A weak reference whose target is gone."""
    POSTPONED = "postponed"
    """Its count is zero, but deallocations nest too deep: it waits in the trashcan."""
    KEPT = "kept"
    """Dead; its memory stays with a free list for the next of its type."""
    FREED = "freed"


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """Something that happened to an object."""

    happening: Happening
    address: int
    type: str


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """One of the object-specific allocators, at one moment."""

    name: str
    policy: str
    """One of: preallocation, sharing, caching, segmentation."""
    held: int
    """How many objects or blocks it holds now."""
    held_max: int | None
    """How many it may hold; ``None``: any number."""
    hits: int
    """Requests that it served without asking the heap."""


@dataclass(frozen=True, slots=True)
class CollectedObject:
    """An object that a collection looked at: its count, and how many references come from outside of those."""

    address: int
    type: str
    count: int
    outside: int


@dataclass(frozen=True, slots=True)
class Collection:
    """What one collection did. Addresses are in the order in which things happened."""

    generation: int
    examined: tuple[CollectedObject, ...]
    unreachable: tuple[int, ...]
    weakrefs_cleared: tuple[int, ...]
    callbacks_called: tuple[int, ...]
    """The weak references whose callbacks were called."""
    finalized: tuple[int, ...]
    resurrected: tuple[int, ...]
    """Unreachable before the finalizers ran, reachable after."""
    freed: tuple[int, ...]
