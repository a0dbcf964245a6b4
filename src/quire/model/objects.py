"""What an object is: a place in memory that begins with a count and a type.

       the block ->  +------------------+
                     | collector header |  16 bytes, before the object: only for types that can be part of a cycle
     the object  ->  +------------------+
                     | count            |   8 bytes   how many references there are
                     | type             |   8 bytes   the address of the type, itself an object
                     +------------------+
                     | what the type    |   a number, a size and items, or the address of a table elsewhere
                     | says stands here |
                     +------------------+

The bytes alone say nothing: the *type* knows what they mean, how such an object is made, what it refers to, and how it
is unmade. So an ``Object`` here is an address and no more, and whoever wants to know something asks its type.

Source: Include/object.h (``PyObject``), Include/cpython/object.h (``PyTypeObject``), Include/internal/pycore_gc.h.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any

from quire.model.errors import UseAfterFree, WrongType
from quire.model.memory import WORD_BYTES
from quire.records.objects import Area, Happening, UsedBlock

if TYPE_CHECKING:
    from quire.model.caches import FreeList, FreeListBySize
    from quire.model.space import ObjectSpace

HEADER_BYTES = 16
COLLECTOR_HEADER_BYTES = 16
COUNT_OFFSET = 0
TYPE_OFFSET = 8
SIZE_OFFSET = 16
"""Where objects with items have their number."""


class Object:
    """One object. Two are the same if their addresses are; a dead one stays dead when its address is used again."""

    __slots__ = ("address", "space")

    def __init__(self, space: ObjectSpace, address: int) -> None:
        self.space = space
        self.address = address

    @property
    def is_alive(self) -> bool:
        return self.space.objects.get(self.address) is self

    @property
    def count(self) -> int:
        """How many references there are.

        Raises:
            UseAfterFree: the object is gone.
        """
        self.check_alive()
        return self.word(COUNT_OFFSET)

    @property
    def type(self) -> Type:
        """The object that says what the bytes of this one mean.

        Raises:
            UseAfterFree: the object is gone.
        """
        self.check_alive()
        type_ = self.space.objects[self.word(TYPE_OFFSET)]
        assert isinstance(type_, Type)
        return type_

    @property
    def is_immortal(self) -> bool:
        """Whether it never dies and is not counted."""
        return self.space.version.immortal_count is not None and self.word(COUNT_OFFSET) >= 1 << 31

    @property
    def value(self) -> Any:
        """What it stands for: a Python value for numbers and text, objects for what refers to objects."""
        return self.type.value_of(self)

    def word(self, offset: int) -> int:
        """The word at ``offset`` bytes from the object's start."""
        return self.space.memory.word(self.address + offset)

    def set_word(self, offset: int, value: int) -> None:
        self.space.memory.set_word(self.address + offset, value)

    def reference(self, offset: int) -> Object | None:
        """The object whose address stands at ``offset``; ``None`` if nothing does."""
        address = self.word(offset)
        return self.space.objects[address] if address else None

    def set_reference(self, offset: int, target: Object | None) -> None:
        """Write an address; counting it is the caller's."""
        self.set_word(offset, target.address if target else 0)

    def check_alive(self) -> None:
        """
        Raises:
            UseAfterFree: the object is gone.
        """
        if not self.is_alive:
            raise UseAfterFree(f"the object at {self.address:#x} is gone; its count fell to zero")

    def __repr__(self) -> str:
        if not self.is_alive:
            return f"<dead object at {self.address:#x}>"
        return f"<{self.type.name} at {self.address:#x}, count {self.count}>"

    def __copy__(self) -> Object:
        return self

    def __deepcopy__(self, _memo: object) -> Object:
        return self


class Living(dict[int, Object]):
    """The objects that live, by address. Who looks where none does has an address of the dead."""

    __slots__ = ()

    def __missing__(self, address: int) -> Object:
        """
        Raises:
            UseAfterFree: always; somebody dropped a reference that was another's.
        """
        raise UseAfterFree(f"a reference leads to {address:#x}, where no object lives: one was dropped too many")


class Type(Object):
    """The structure that knows how objects of one kind are made, what they refer to, and how they are unmade.

    Types are objects themselves. Those that come with the interpreter stand in its own memory and never die.

    Args:
        space: where its objects live.
        address: where the type itself stands.
        name: as Python names it.
    """

    __slots__ = ("basic_bytes", "free_list", "name")
    item_bytes = 0
    is_collected = False
    """Whether its objects can be part of a cycle: they have a collector header, and may be tracked."""
    uses_trashcan = False
    """Whether deallocations of its objects, nested too deep, wait in the trashcan."""
    allows_weakrefs = False
    """Whether its objects can be referred to weakly."""
    within_itself = "..."
    """What stands for one of its objects that is written out already: it holds itself."""
    is_static = True
    """Whether the type came with the interpreter; else its objects count as references to it."""

    def __init__(self, space: ObjectSpace, address: int, name: str, basic_bytes: int | None = None) -> None:
        super().__init__(space, address)
        self.name = name
        self.basic_bytes = space.version.basic_bytes[name] if basic_bytes is None else basic_bytes
        self.free_list: FreeList | FreeListBySize | None = None
        """The dead objects of this type that are kept for the next ones, if any."""

    # --- how large ---

    @property
    def before_bytes(self) -> int:
        """What stands before each of its objects in the same block."""
        return COLLECTOR_HEADER_BYTES if self.is_collected else 0

    def size_of(self, one: Object) -> int:
        """The bytes of an object from its start on, as ``object.__sizeof__`` has them for most types."""
        return self.basic_bytes + self.item_bytes * self.item_count(one)

    def item_count(self, one: Object) -> int:
        """How many items stand in the object itself."""
        return one.word(SIZE_OFFSET) if self.item_bytes else 0

    def block_bytes(self, one: Object) -> int:
        """The bytes of an object's block, headers included: what was asked of the heap."""
        return self.before_bytes + self.size_of(one)

    # --- making ---

    def new(self, items: int = 0, more_bytes: int = 0) -> Object:
        """Memory for an object, its header written, its count 1. The rest is whatever was there before.

        Args:
            items: how many items it will have.
            more_bytes: what it needs beside its basic size and its items.

        Raises:
            OutOfMemory: the heap has none; nothing has changed.
        """
        size = self.basic_bytes + self.item_bytes * items + more_bytes
        kept = self.free_list.take(size) if self.free_list else None
        if kept is None and self.is_collected:
            self.space.collector.note_made()
        block = self.space.take_block(self.before_bytes + size, Area.OBJECT, self.name) if kept is None else kept
        one = self.space.place(Object(self.space, block + self.before_bytes), self)
        if self.item_bytes:
            one.set_word(SIZE_OFFSET, items)
        if not self.is_static:
            self.space.incref(self)
        self.space.tell(Happening.MADE if kept is None else Happening.REUSED, one, self)
        return one

    # --- telling ---

    def value_of(self, one: Object) -> Any:
        """What the object stands for."""
        return one

    def describe(self, one: Object) -> str:
        """The object as Python would write it."""
        return f"<{self.name} object>"

    def key_of(self, one: Object) -> Hashable:
        """What decides whether it is equal to another key of a dictionary.

        Raises:
            WrongType: objects of this type can be no key.
        """
        return one

    def truth_of(self, one: Object) -> bool:
        """Whether a condition holds that is this object."""
        return True

    def references(self, one: Object) -> Iterator[Object]:
        """The objects it holds a reference to, in CPython's order; one that it holds twice comes twice."""
        return iter(())

    def tables(self, one: Object) -> Iterator[UsedBlock]:
        """The memory it owns beside its own block."""
        return iter(())

    # --- unmaking ---

    def clear(self, one: Object) -> Iterator[Object]:
        """Let go of what can be part of a cycle: yields each reference for the caller to drop. The object lives on."""
        return iter(())

    def unmake(self, one: Object) -> Iterator[Object]:
        """Let go of everything: yields each reference to drop, in CPython's order."""
        return self.clear(one)

    @property
    def has_finalizer(self) -> bool:
        return False

    def finalize(self, one: Object) -> None:
        """What the program wants to be done before an object of this type dies; once for each object."""

    def deallocate(self, one: Object) -> Iterator[Object]:
        """All that follows when a count has fallen to zero, in CPython's order.

        Yields:
            Each reference that the object held, when it is time to drop it.
        """
        if self.is_collected:
            self.space.collector.untrack(one)
        if self.space.resurrects(one):
            return
        self.space.weakref.forget(one)
        yield from self.unmake(one)
        self.release(one)
        if not self.is_static:
            yield self

    def release(self, one: Object) -> None:
        """Give the object's memory back: to the type's free list, else to the heap."""
        size, block = self.size_of(one), one.address - self.before_bytes
        del self.space.objects[one.address]
        self.space.finalized.discard(one)
        if self.free_list and self.free_list.keep(block, size):
            self.space.tell(Happening.KEPT, one, self)
            return
        if self.is_collected:
            self.space.collector.note_freed()
        self.space.return_block(block)
        self.space.tell(Happening.FREED, one, self)

    def check_own(self, one: Object) -> None:
        """
        Raises:
            WrongType: the object is of another type.
        """
        if one.type is not self:
            raise WrongType(f"the object at {one.address:#x} is no {self.name} but a {one.type.name}")

    def refuse(self, what: str) -> WrongType:
        """The exception for what objects of this type cannot do."""
        return WrongType(f"{self.name} objects cannot {what}")


def words_of(offset: int, count: int) -> range:
    """The offsets of ``count`` words in a row."""
    return range(offset, offset + count * WORD_BYTES, WORD_BYTES)
