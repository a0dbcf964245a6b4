"""Object-specific allocators: on top of the one heap, a policy for each kind of object.

    what it is           policy          for whom
    -------------------  --------------  -------------------------------------------------------------
    small integers       preallocation   -5 to 256: made once, when the interpreter starts, side by side
    single characters    preallocation   the empty string and the Latin-1 characters, likewise
    interned strings     sharing         names and text that looks like one: equal strings become one object
    free lists           caching         a dead float, list, dict ... waits for the next; the last to die goes first
    tuples               segmentation    a free list for each length from 1 to 20
    keys tables          caching         the tables of dictionaries of up to five names

What a free list holds is dead to the program, yet an allocated block to the heap: it can pin its pool.

Source: Objects/floatobject.c, listobject.c, dictobject.c, tupleobject.c; Include/internal/pycore_freelist.h;
Objects/unicodeobject.c (``intern_common``); Include/internal/pycore_global_objects.h.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from quire.model.atoms import text_bytes
from quire.model.objects import Object
from quire.records.objects import CacheRecord

if TYPE_CHECKING:
    from quire.model.space import ObjectSpace

SMALL_INT_MIN = -5
TUPLE_LENGTH_MAX = 20
SMALL_INT_BYTES = 32


class FreeList:
    """Dead blocks of one size, for the next of their kind: last in, first out.

    Args:
        name: whose they are.
        size_bytes: what a block holds without a collector header; no other size is kept.
        held_max: how many are kept; what dies beyond that goes back to the heap.
    """

    def __init__(self, name: str, size_bytes: int, held_max: int) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self.held_max = held_max
        self.blocks: list[int] = []
        """Their addresses; the last is the next to be taken."""
        self.serves = True
        """Whether anybody asks it; who does not is kept in vain until a full collection."""
        self.hits = 0

    def take(self, size_bytes: int) -> int | None:
        """A kept block; ``None`` if there is none of the size."""
        if size_bytes != self.size_bytes or not self.blocks or not self.serves:
            return None
        self.hits += 1
        return self.blocks.pop()

    def keep(self, block: int, size_bytes: int) -> bool:
        """Keep a dead object's block; ``False`` where it is to go back to the heap."""
        if size_bytes != self.size_bytes or len(self.blocks) >= self.held_max:
            return False
        self.blocks.append(block)
        return True

    def give_up(self) -> Iterator[int]:
        """Let go of every block: a full collection asks for that."""
        while self.blocks:
            yield self.blocks.pop()

    def records(self) -> Iterator[CacheRecord]:
        yield CacheRecord(self.name, "caching", len(self.blocks), self.held_max, self.hits)


class FreeListBySize:
    """A free list for each number of items, so that each holds blocks of one size."""

    def __init__(self, name: str, basic_bytes: int, item_bytes: int, items_max: int, held_max: int) -> None:
        self.by_size = {
            basic_bytes + item_bytes * items: FreeList(f"{name} of {items}", basic_bytes + item_bytes * items, held_max)
            for items in range(1, items_max + 1)
        }

    def take(self, size_bytes: int) -> int | None:
        return self.by_size[size_bytes].take(size_bytes) if size_bytes in self.by_size else None

    def keep(self, block: int, size_bytes: int) -> bool:
        return size_bytes in self.by_size and self.by_size[size_bytes].keep(block, size_bytes)

    def give_up(self) -> Iterator[int]:
        for free_list in self.by_size.values():
            yield from free_list.give_up()

    def records(self) -> Iterator[CacheRecord]:
        for one in self.by_size.values():
            if one.blocks or one.hits:
                yield CacheRecord(one.name, "segmentation", len(one.blocks), one.held_max, one.hits)


class Preallocated:
    """Objects made once, when the interpreter starts, in its own memory; every later request for them is served."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.objects: dict[object, Object] = {}
        self.hits = 0

    def get(self, value: object) -> Object | None:
        """The one that stands for the value; ``None`` if there is none."""
        found = self.objects.get(value)
        self.hits += found is not None
        return found

    def record(self) -> CacheRecord:
        return CacheRecord(self.name, "preallocation", len(self.objects), len(self.objects), self.hits)


class Interned:
    """One string for all who need its text. The table's own references are not counted: who is interned can die."""

    def __init__(self) -> None:
        self.strings: dict[str, Object] = {}
        self.hits = 0

    def intern(self, one: Object) -> Object:
        """The string that stands for this one's text from now on: the one that is there, else this one.

        The caller's reference is exchanged: drop nothing, use what comes back.
        """
        text = one.type.value_of(one)
        found = self.strings.get(text)
        if found is one:
            return one
        if found is not None:
            self.hits += 1
            one.space.incref(found)
            one.space.decref(one)
            return found
        self.strings[text] = one
        if one.space.version.interned_are_immortal:
            one.space.make_immortal(one)
        return one

    def forget(self, one: Object) -> None:
        """A string dies; if it is the interned one, its text has none any more."""
        text = one.value
        if self.strings.get(text) is one:
            del self.strings[text]

    def record(self) -> CacheRecord:
        return CacheRecord("interned strings", "sharing", len(self.strings), None, self.hits)


class Caches:
    """All of them, each under its name."""

    def __init__(self, space: ObjectSpace) -> None:
        self.space = space
        self.small_integers = Preallocated("small integers")
        self.single_characters = Preallocated("single characters")
        self.interned = Interned()
        self.free_lists: list[FreeList | FreeListBySize] = []

    def prepare(self) -> None:
        """What the interpreter does when it starts: make what is made once, set up the free lists."""
        space, limits = self.space, self.space.version.free_lists
        for type_ in space.builtin_types.values():
            if type_.name in limits and type_.name != "tuple":
                size = type_.basic_bytes + (type_.item_bytes if type_.name == "int" else 0)
                type_.free_list = FreeList(type_.name, size, limits[type_.name])
        tuples = FreeListBySize(
            "tuple", space.tuple.basic_bytes, space.tuple.item_bytes, TUPLE_LENGTH_MAX, limits["tuple"]
        )
        space.tuple.free_list = tuples
        longest = tuples.by_size[max(tuples.by_size)]
        longest.serves = space.version.longest_kept_tuples_serve
        space.dict.keys_free_list = FreeList("keys table", space.dict.smallest_table_bytes, limits["keys table"])
        self.free_lists = [type_.free_list for type_ in space.builtin_types.values() if type_.free_list]
        self.free_lists.append(space.dict.keys_free_list)
        self._make_small_integers()
        self._make_single_characters()

    def records(self) -> tuple[CacheRecord, ...]:
        """Each of them at this moment."""
        once = (self.small_integers.record(), self.single_characters.record(), self.interned.record())
        return once + tuple(record for free_list in self.free_lists for record in free_list.records())

    def give_up(self) -> None:
        """Give every block of every free list back to the heap, as a full collection does."""
        for free_list in self.free_lists:
            for block in free_list.give_up():
                self.space.return_block(block)

    def _make_small_integers(self) -> None:
        for value in range(SMALL_INT_MIN, self.space.version.small_int_max + 1):
            one = self.space.make_static(self.space.int, SMALL_INT_BYTES)
            self.space.int.write(one, value)
            self.small_integers.objects[value] = one

    def _make_single_characters(self) -> None:
        for value in ("", *map(chr, range(256))):
            one = self.space.make_static(self.space.str, text_bytes(value, self.space.version))
            self.space.str.write(one, value)
            self.single_characters.objects[value] = one
            self.interned.strings[value] = one
