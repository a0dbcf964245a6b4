"""Dictionaries: an object, and a table of keys that grows with them.

    +-------+------+-------+-----+-------+--------+
    | count | dict | used  | --  | keys  | values |
    +-------+------+-------+-----+---|---+--------+
                                     v          a table of its own
    +------------------------+------------------+---------------+---------------+-----
    | users, log2 of size,   | indexes: where   | hash key value| hash key value| ...   in the order of insertion;
    | usable, entries        | to find an entry |               |               |       no hash where all keys are str
    +------------------------+------------------+---------------+---------------+-----
          32 bytes               one for each        two thirds of the size
                                 of the size

The empty dictionary has no table of its own. A table is full when two thirds of its size are entries; the next one has
room for three times what is in it. A removed entry leaves a hole until then.

Where an index stands depends on hashes, which differ from run to run; the model knows which entry a key has without
writing indexes down.

Source: Objects/dictobject.c (``new_keys_object``, ``insertion_resize``), Include/internal/pycore_dict.h.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from quire.model.caches import FreeList
from quire.model.memory import WORD_BYTES
from quire.model.objects import Object, Type
from quire.records.objects import Area, UsedBlock

TABLE_HEADER_BYTES = 32
SIZE_MIN = 8
_SIZE_OFFSET, _USABLE_OFFSET, _ENTRIES_OFFSET = 8, 16, 24


def usable_of(size: int) -> int:
    """How many entries a table of ``size`` indexes has room for."""
    return size * 2 // 3


def table_bytes(size: int, text_keys: bool) -> int:
    """The bytes of a keys table: header, indexes of 1, 2 or 4 bytes, entries of two words or three."""
    index_bytes = 1 if size < 256 else 2 if size < 65536 else 4
    return TABLE_HEADER_BYTES + size * index_bytes + usable_of(size) * WORD_BYTES * (2 if text_keys else 3)


def size_for(entries: int, skips_8: bool = False) -> int:
    """The smallest power of two that is at least ``entries``, from 8 on; or from 16 on, except for none or 8."""
    if skips_8 and entries:
        return 1 << ((entries | SIZE_MIN) - 1 | SIZE_MIN - 1).bit_length()
    return max(1 << (entries - 1).bit_length(), SIZE_MIN)


class DictType(Type):
    """Keys and values in a table of their own, in the order of insertion."""

    _USED_OFFSET, _KEYS_OFFSET = 16, 32
    within_itself = "{...}"
    is_collected = True
    uses_trashcan = True
    smallest_table_bytes = table_bytes(SIZE_MIN, text_keys=True)
    keys_free_list: FreeList
    """Dead tables of the smallest size for text keys; set when the interpreter starts."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._places: dict[int, dict[Hashable, int]] = {}
        """For each table, which entry a key has: what the indexes say."""

    def make(self, entries: int = 0) -> Object:
        """An empty dictionary; with a table at once where more than a few entries are announced."""
        one = self.new()
        one.set_word(self._USED_OFFSET, 0)
        one.set_word(self._KEYS_OFFSET, 0)
        one.set_word(self._KEYS_OFFSET + 8, 0)
        if entries > usable_of(SIZE_MIN):
            with self.space.dropping(one):
                self._set_table(one, size_for((entries * 3 + 1) // 2), text_keys=True)
        if not self.space.version.tracks_dicts_lazily:
            self.space.collector.track(one)
        return one

    # --- what is in it ---

    def length(self, one: Object) -> int:
        return one.word(self._USED_OFFSET)

    def get(self, one: Object, key: Object) -> Object | None:
        """The value of a key, without a new reference; ``None`` if the key is not there."""
        place = self._places_of(one).get(key.type.key_of(key))
        return None if place is None else self._entry(one, place)[1]

    def get_text(self, one: Object, text: str) -> Object | None:
        """The value of a key that is this text."""
        place = self._places_of(one).get(text)
        return None if place is None else self._entry(one, place)[1]

    def items(self, one: Object) -> Iterator[tuple[Object, Object]]:
        """Keys and values in the order of insertion, without new references."""
        for place in self._places_of(one).values():
            yield self._entry(one, place)

    def tables(self, one: Object) -> Iterator[UsedBlock]:
        if one.word(self._KEYS_OFFSET):
            yield self.space.blocks[one.word(self._KEYS_OFFSET)]

    # --- changing it ---

    def set_item(self, one: Object, key: Object, value: Object) -> None:
        """Set a key's value; new references to both, or to the value only if the key was there.

        Raises:
            WrongType: objects of the key's type can be no key, or it is no dictionary.
        """
        self.check_own(one)
        place = self._places_of(one).get(key.type.key_of(key))
        self._track_if_needed(one, key, value)
        if place is not None:
            _, old = self._entry(one, place)
            self._write_value(one, place, self.space.incref(value))
            self.space.decref(old)
            return
        self._insert(one, key, value)

    def remove(self, one: Object, key: Object) -> None:
        """Remove a key; its entry stays empty until the table is replaced.

        Raises:
            KeyError: it is not there.
        """
        for dropped in self.take_out(one, key):
            self.space.decref(dropped)

    def take_out(self, one: Object, key: Object) -> tuple[Object, Object]:
        """Remove a key; the references to it and to its value are the caller's now.

        Raises:
            KeyError: it is not there.
        """
        self.check_own(one)
        place = self._places_of(one).pop(key.type.key_of(key))
        key_and_value = self._entry(one, place)
        self._write_entry(one, place, None, None)
        one.set_word(self._USED_OFFSET, self.length(one) - 1)
        return key_and_value

    # --- what a type knows ---

    def value_of(self, one: Object) -> tuple[tuple[Object, Object], ...]:
        return tuple(self.items(one))

    def describe(self, one: Object) -> str:
        describe = self.space.describe
        return "{" + ", ".join(f"{describe(key)}: {describe(value)}" for key, value in self.items(one)) + "}"

    def key_of(self, one: Object) -> Hashable:
        raise self.refuse("be keys of a dictionary: they can change")

    def truth_of(self, one: Object) -> bool:
        return self.length(one) > 0

    def references(self, one: Object) -> Iterator[Object]:
        """Values, and keys that are not text: text cannot be part of a cycle."""
        for key, value in self.items(one):
            yield value
            if not self._has_text_keys(one):
                yield key

    def clear(self, one: Object) -> Iterator[Object]:
        table = one.word(self._KEYS_OFFSET)
        held = list(self.items(one))
        text_keys = self._has_text_keys(one)
        one.set_word(self._KEYS_OFFSET, 0)
        one.set_word(self._USED_OFFSET, 0)
        for key, value in held:
            yield key
            yield value
        if table:
            self._release_table(table, text_keys)

    # --- the table ---

    def _places_of(self, one: Object) -> dict[Hashable, int]:
        return self._places.get(one.word(self._KEYS_OFFSET), {})

    def _table_word(self, one: Object, offset: int) -> int:
        return self.space.memory.word(one.word(self._KEYS_OFFSET) + offset)

    def _size(self, one: Object) -> int:
        return self._table_word(one, _SIZE_OFFSET) >> 1 if one.word(self._KEYS_OFFSET) else 0

    def _has_text_keys(self, one: Object) -> bool:
        return not one.word(self._KEYS_OFFSET) or self._table_word(one, _SIZE_OFFSET) & 1 == 1

    def _track_if_needed(self, one: Object, key: Object, value: Object) -> None:
        collector = self.space.collector
        if not collector.is_tracked(one) and (collector.may_track(key) or collector.may_track(value)):
            collector.track(one)

    def _insert(self, one: Object, key: Object, value: Object) -> None:
        is_text = key.type is self.space.str
        if not one.word(self._KEYS_OFFSET):
            self._set_table(one, SIZE_MIN, is_text)
        elif not self._table_word(one, _USABLE_OFFSET) or (self._has_text_keys(one) and not is_text):
            size = size_for(self.length(one) * 3, self.space.version.tables_skip_8)
            self._set_table(one, size, self._has_text_keys(one) and is_text)
        table, memory = one.word(self._KEYS_OFFSET), self.space.memory
        place = memory.word(table + _ENTRIES_OFFSET)
        memory.set_word(table + _ENTRIES_OFFSET, place + 1)
        memory.set_word(table + _USABLE_OFFSET, memory.word(table + _USABLE_OFFSET) - 1)
        self._write_entry(one, place, self.space.incref(key), self.space.incref(value))
        self._places[table][key.type.key_of(key)] = place
        one.set_word(self._USED_OFFSET, self.length(one) + 1)

    def _set_table(self, one: Object, size: int, text_keys: bool) -> None:
        """Give the dictionary a table; entries move along, without their holes."""
        held, old, old_text_keys = list(self.items(one)), one.word(self._KEYS_OFFSET), self._has_text_keys(one)
        size_bytes, memory = table_bytes(size, text_keys), self.space.memory
        kept = self.keys_free_list.take(size_bytes)
        table = kept or self.space.take_block(size_bytes, Area.TABLE, "keys table")
        memory.set_words(table, [1, size << 1 | text_keys, usable_of(size) - len(held), len(held)])
        one.set_word(self._KEYS_OFFSET, table)
        for place, (key, value) in enumerate(held):
            self._write_entry(one, place, key, value)
        self._places[table] = {key.type.key_of(key): place for place, (key, _) in enumerate(held)}
        if old:
            self._release_table(old, old_text_keys)

    def _release_table(self, table: int, text_keys: bool) -> None:
        size = self.space.memory.word(table + _SIZE_OFFSET) >> 1
        del self._places[table]
        if not self.keys_free_list.keep(table, table_bytes(size, text_keys)):
            self.space.return_block(table)

    def _entry_address(self, one: Object, place: int) -> int:
        """Where an entry's key stands; its value stands behind it."""
        size, text_keys = self._size(one), self._has_text_keys(one)
        first = one.word(self._KEYS_OFFSET) + table_bytes(size, text_keys)
        words = 2 if text_keys else 3
        return first - (usable_of(size) - place) * words * WORD_BYTES + (0 if text_keys else WORD_BYTES)

    def _entry(self, one: Object, place: int) -> tuple[Object, Object]:
        key, value = self.space.memory.words(self._entry_address(one, place), 2)
        return self.space.objects[key], self.space.objects[value]

    def _write_entry(self, one: Object, place: int, key: Object | None, value: Object | None) -> None:
        words = [key.address if key else 0, value.address if value else 0]
        self.space.memory.set_words(self._entry_address(one, place), words)

    def _write_value(self, one: Object, place: int, value: Object) -> None:
        self.space.memory.set_word(self._entry_address(one, place) + WORD_BYTES, value.address)
