"""Tuples and lists: objects that hold a reference to each of their items.

    a tuple of two                                a list of two
    +-------+-------+------+--------+--------+    +-------+------+------+-------+-----------+
    | count | tuple | 2    | item 0 | item 1 |    | count | list | 2    | items | room: 4   |
    +-------+-------+------+--------+--------+    +-------+------+------+---|---+-----------+
                               |        |                                   v        a table of its own
                               v        v                               +--------+--------+----+----+
                             object   object                            | item 0 | item 1 | -- | -- |
                                                                        +--------+--------+----+----+

A tuple never changes, so its items stand in it. A list may grow, and its address must not change when it does: its
items stand in a table of their own, with some room more than is needed, so that the next append finds it there.

Source: Objects/tupleobject.c, Objects/listobject.c (``list_resize``); Include/cpython/listobject.h.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from quire.model.memory import WORD_BYTES
from quire.model.objects import SIZE_OFFSET, Object, Type, words_of
from quire.records.objects import Area, UsedBlock


class TupleType(Type):
    """Items that stand in the object itself."""

    within_itself = "(...)"
    item_bytes = WORD_BYTES
    is_collected = True
    uses_trashcan = True

    def make(self, items: Sequence[Object]) -> Object:
        """A tuple that holds a new reference to each item; the empty one was made once."""
        if not items:
            return self.space.incref(self.space.empty_tuple)
        one = self.new(len(items))
        if self.space.version.caches_tuple_hash:
            one.set_word(24, -1)  # not computed yet
        for offset, item in zip(words_of(self.basic_bytes, len(items)), items, strict=True):
            one.set_reference(offset, self.space.incref(item))
        if self._is_tracked_at_first(items):
            self.space.collector.track(one)
        return one

    def _is_tracked_at_first(self, items: Sequence[Object]) -> bool:
        return not self.space.version.tracks_tuples_lazily or any(item.type.is_collected for item in items)

    def items(self, one: Object) -> tuple[Object, ...]:
        """The items, without new references."""
        memory, objects = self.space.memory, self.space.objects
        count = one.word(SIZE_OFFSET)
        return tuple(objects[address] for address in memory.words(one.address + self.basic_bytes, count))

    def value_of(self, one: Object) -> tuple[Object, ...]:
        return self.items(one)

    def describe(self, one: Object) -> str:
        inner = ", ".join(self.space.describe(item) for item in self.items(one))
        return f"({inner},)" if self.item_count(one) == 1 else f"({inner})"

    def key_of(self, one: Object) -> Hashable:
        return tuple(item.type.key_of(item) for item in self.items(one))

    def truth_of(self, one: Object) -> bool:
        return self.item_count(one) > 0

    def references(self, one: Object) -> Iterator[Object]:
        yield from reversed(self.items(one))

    def unmake(self, one: Object) -> Iterator[Object]:
        yield from reversed(self.items(one))


class ListType(Type):
    """Items that stand in a table of their own, which grows ahead of need."""

    _ITEMS_OFFSET = 24
    _ROOM_OFFSET = 32
    within_itself = "[...]"
    is_collected = True
    uses_trashcan = True

    def make(self, items: Sequence[Object] = ()) -> Object:
        """A list that holds a new reference to each item, and room for no more."""
        one = self.new()
        self._forget_table(one)
        if items:
            with self.space.dropping(one):
                self._move_table(one, len(items))
        one.set_word(SIZE_OFFSET, len(items))
        for index, item in enumerate(items):
            self._write_item(one, index, self.space.incref(item))
        self.space.collector.track(one)
        return one

    # --- what is in it ---

    def items(self, one: Object) -> tuple[Object, ...]:
        """The items, without new references."""
        addresses = self.space.memory.words(one.word(self._ITEMS_OFFSET), self.length(one))
        return tuple(self.space.objects[address] for address in addresses)

    def length(self, one: Object) -> int:
        return one.word(SIZE_OFFSET)

    def room(self, one: Object) -> int:
        """For how many items the table has room."""
        return one.word(self._ROOM_OFFSET)

    def tables(self, one: Object) -> Iterator[UsedBlock]:
        if one.word(self._ITEMS_OFFSET):
            yield self.space.blocks[one.word(self._ITEMS_OFFSET)]

    # --- changing it ---

    def append(self, one: Object, item: Object) -> None:
        """Put an item at the end; a new reference to it."""
        self.check_own(one)
        item.check_alive()
        self._resize(one, self.length(one) + 1)
        self._write_item(one, self.length(one) - 1, self.space.incref(item))

    def extend(self, one: Object, items: Sequence[Object]) -> None:
        """Put several items at the end; a new reference to each. An empty list gets room for just them, or one more."""
        self.check_own(one)
        start = self.length(one)
        if not one.word(self._ITEMS_OFFSET) and items:
            self._move_table(one, len(items) + 1 & ~1)
        self._resize(one, start + len(items))
        for index, item in enumerate(items, start):
            self._write_item(one, index, self.space.incref(item))

    def set_item(self, one: Object, index: int, item: Object) -> None:
        """Put another item in the place of one; the old one's reference is dropped last.

        Raises:
            WrongType: it is no list.
            IndexError: there is no such place.
        """
        self.check_own(one)
        place = range(self.length(one))[index]
        old = self._item(one, place)
        self._write_item(one, place, self.space.incref(item))
        self.space.decref(old)

    def pop(self, one: Object, index: int = -1) -> Object:
        """Take an item out; its reference is the caller's now.

        Raises:
            WrongType: it is no list.
            IndexError: there is no such item.
        """
        self.check_own(one)
        length = self.length(one)
        place = range(length)[index]
        taken = self._item(one, place)
        for following in range(place + 1, length):
            self._write_item(one, following - 1, self._item(one, following))
        if length > 1:
            self._resize(one, length - 1)
        else:
            self._drop_table(one)
        return taken

    # --- what a type knows ---

    def value_of(self, one: Object) -> tuple[Object, ...]:
        return self.items(one)

    def describe(self, one: Object) -> str:
        return "[" + ", ".join(self.space.describe(item) for item in self.items(one)) + "]"

    def key_of(self, one: Object) -> Hashable:
        raise self.refuse("be keys of a dictionary: they can change")

    def truth_of(self, one: Object) -> bool:
        return self.length(one) > 0

    def references(self, one: Object) -> Iterator[Object]:
        yield from reversed(self.items(one))

    def clear(self, one: Object) -> Iterator[Object]:
        items, table = self.items(one), one.word(self._ITEMS_OFFSET)
        self._forget_table(one)
        yield from reversed(items)
        if table:
            self.space.return_block(table)

    # --- the table ---

    def _resize(self, one: Object, length: int) -> None:
        """Make the list longer or shorter; the table is replaced when it is too small, or more than twice too large."""
        room = self.room(one)
        if not room >= length >= room // 2:
            self._move_table(one, room_for(length, self.length(one)))
        one.set_word(SIZE_OFFSET, length)

    def _move_table(self, one: Object, room: int) -> None:
        old = one.word(self._ITEMS_OFFSET)
        kept = self.space.memory.words(old, min(self.length(one), room)) if old else []
        table = self.space.resize_block(old, room * WORD_BYTES, Area.TABLE, "list items")
        self.space.memory.set_words(table, kept)
        one.set_word(self._ITEMS_OFFSET, table)
        one.set_word(self._ROOM_OFFSET, room)

    def _drop_table(self, one: Object) -> None:
        self.space.return_block(one.word(self._ITEMS_OFFSET))
        self._forget_table(one)

    def _forget_table(self, one: Object) -> None:
        one.set_word(SIZE_OFFSET, 0)
        one.set_word(self._ITEMS_OFFSET, 0)
        one.set_word(self._ROOM_OFFSET, 0)

    def _item(self, one: Object, index: int) -> Object:
        return self.space.objects[self.space.memory.word(one.word(self._ITEMS_OFFSET) + index * WORD_BYTES)]

    def _write_item(self, one: Object, index: int, item: Object) -> None:
        self.space.memory.set_word(one.word(self._ITEMS_OFFSET) + index * WORD_BYTES, item.address)


def room_for(length: int, old_length: int = 0) -> int:
    """How much room a list of ``length`` items gets: an eighth more and six, as a multiple of four; none for none.

    Growing by a share, not by a number, is what makes n appends cost time in proportion to n.
    """
    room = length + (length >> 3) + 6 & ~3
    if length - old_length > room - length:
        room = length + 3 & ~3
    return room if length else 0
