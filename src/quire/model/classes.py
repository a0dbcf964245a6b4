"""Classes and their instances: types that a program makes, and objects whose attributes it sets.

    class Node:                  a type: what Node's instances know how to do, and the names they use
    +-------+------+-----
    | count | type | ... name, finalizer, shared names: ['other', 'value']
    +-------+------+-----
        ^
        |  each instance counts as a reference to its class
    +-------+------+      values: one word for each shared name, behind the instance or in a table of their own
    | count | Node |      +-------+-------+----+
    +-------+------+      | other | value | -- |
                          +-------+-------+----+

The names of attributes are stored once, with the class; an instance has only values. (A dictionary for each instance,
with its own table of names, is what it would take otherwise, and what it does take above thirty names.) With
``__slots__`` the names are fixed, and each has its word in the instance.

Source: Objects/typeobject.c (``subtype_dealloc``, ``subtype_traverse``), Objects/dictobject.c (``init_inline_values``,
``_PyObject_InitInlineValues``), Include/internal/pycore_dict.h (``SHARED_KEYS_MAX_SIZE``), pycore_object.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from quire.model.errors import WrongType
from quire.model.memory import WORD_BYTES
from quire.model.objects import HEADER_BYTES, Object, Type, words_of
from quire.records.objects import Area, Happening, UsedBlock

if TYPE_CHECKING:
    from quire.model.space import ObjectSpace

SHARED_NAMES_MAX = 30
SHARED_NAMES_BYTES = 32 + 64 + 42 * 16
"""Of the table of shared names, which a class gets when it is made: 64 indexes, 42 entries."""
_VALUES_ADDRESS, _DICT_ADDRESS = -32, -24
"""Where an instance that has attributes keeps the addresses of their values, and of its dictionary if there is one."""


class TypeType(Type):
    """The type of types."""

    __slots__ = ()
    is_collected = True
    allows_weakrefs = True

    def make_class(
        self,
        name: str,
        slots: Sequence[str] | None = None,
        finalizer: Callable[[Object], object] | None = None,
    ) -> Class:
        """A new class, as ``class`` makes one."""
        space = self.space
        space.collector.note_made()
        block = space.take_block(self.before_bytes + self.basic_bytes, Area.OBJECT, self.name)
        made = Class(space, block + self.before_bytes, name, slots, finalizer)
        space.place(made, self)
        if slots is None:
            made.shared_names_address = space.take_block(SHARED_NAMES_BYTES, Area.TABLE, "shared names")
        made.order = space.tuple.make([made, space.object_type])
        space.collector.track(made)
        space.tell(Happening.MADE, made)
        return made

    def describe(self, one: Object) -> str:
        return f"<class {one.name}>" if isinstance(one, Type) else super().describe(one)

    def tables(self, one: Object) -> Iterator[UsedBlock]:
        if isinstance(one, Class) and one.shared_names_address:
            yield self.space.blocks[one.shared_names_address]

    def references(self, one: Object) -> Iterator[Object]:
        if isinstance(one, Class):
            yield from one.attributes.values()
            if one.order:
                yield one.order

    def clear(self, one: Object) -> Iterator[Object]:
        held = list(self.references(one))
        if isinstance(one, Class):
            one.attributes, one.order = {}, None
        yield from held

    def release(self, one: Object) -> None:
        if isinstance(one, Class) and one.shared_names_address:
            self.space.return_block(one.shared_names_address)
        super().release(one)


class Class(Type):
    """A type that a program made.

    Args:
        slots: the names that ``__slots__`` gives; ``None`` where there is no ``__slots__``: any attribute can be set.
        finalizer: what is to be done before an instance dies; ``__del__``.
    """

    __slots__ = (
        "allows_weakrefs",
        "attributes",
        "finalizer",
        "order",
        "shared_names",
        "shared_names_address",
        "shared_names_free",
        "slots",
    )
    is_collected = True
    uses_trashcan = True
    is_static = False

    def __init__(
        self,
        space: ObjectSpace,
        address: int,
        name: str,
        slots: Sequence[str] | None = None,
        finalizer: Callable[[Object], object] | None = None,
    ) -> None:
        self.allows_weakrefs = slots is None or "__weakref__" in slots
        self.slots = None if slots is None else tuple(slot for slot in slots if slot != "__weakref__")
        has_weakref_word = self.allows_weakrefs and not space.version.weakrefs_stand_before
        basic = HEADER_BYTES + WORD_BYTES * (len(self.slots or ()) + has_weakref_word)
        super().__init__(space, address, name, basic)
        self.finalizer = finalizer
        self.attributes: dict[str, Object] = {}
        """What is set in the class itself; a reference to each."""
        self.order: Object | None = None
        """The tuple of classes in which attributes are looked for. The class itself is the first, so every class is
        part of a cycle, and only the collector ends one."""
        self.shared_names_address = 0
        self.shared_names: list[str] = []
        """The names of instances' attributes, in the order in which they were first set."""
        self.shared_names_free = SHARED_NAMES_MAX
        """How many more names there is room for."""

    @property
    def before_bytes(self) -> int:
        weakrefs = self.allows_weakrefs and self.space.version.weakrefs_stand_before
        return super().before_bytes + (2 * WORD_BYTES if self.slots is None or weakrefs else 0)

    # --- making ---

    def make(self) -> Object:
        """An instance without attributes."""
        if self.slots is not None:
            one = self.new()
            one.space.memory.set_words(one.address + HEADER_BYTES, [0] * len(self.slots))
        else:
            one = self._make_with_values()
        self.space.collector.track(one)
        return one

    def _make_with_values(self) -> Object:
        version = self.space.version
        if not version.values_inline:
            self._spend_room()
        room = len(self.shared_names) + self.shared_names_free
        one = self.new(more_bytes=_inline_values_bytes(room) if version.values_inline else 0)
        one.set_word(_VALUES_ADDRESS, 0)
        one.set_word(_DICT_ADDRESS, 0)
        values = one.address + self.basic_bytes
        if not version.values_inline:
            with self.space.dropping(one):
                values = self.space.take_block(_values_bytes(room), Area.TABLE, "attribute values")
        one.set_word(_VALUES_ADDRESS, values)
        self.space.memory.set_words(values, [room] + [0] * room)
        if version.values_inline:
            self._spend_room()
        return one

    def _spend_room(self) -> None:
        """Each instance lowers the room for further names: what instances do not use, later ones do not pay for."""
        if self.shared_names_free > 1:
            self.shared_names_free -= 1

    # --- attributes ---

    def get(self, one: Object, name: str) -> Object | None:
        """An attribute of an instance, without a new reference; ``None`` if it is not set. The class is not asked."""
        address = self._place_of(one, name)
        if address is None:
            in_dict = one.reference(_DICT_ADDRESS) if self.slots is None else None
            return self.space.dict.get_text(in_dict, name) if in_dict else None
        target = self.space.memory.word(address)
        return self.space.objects[target] if target else None

    def set(self, one: Object, name: str, value: Object | None) -> None:
        """Set an attribute, or remove it (``None``); a new reference to the value, the old one's is dropped last.

        Raises:
            WrongType: the class has slots, and none of this name.
        """
        address = self._place_of(one, name, make=True)
        if address is None:
            self._set_in_dict(one, name, value)
            return
        old = self.space.memory.word(address)
        self.space.memory.set_word(address, self.space.incref(value).address if value else 0)
        if old:
            self.space.decref(self.space.objects[old])

    def _place_of(self, one: Object, name: str, make: bool = False) -> int | None:
        """The address of the word that holds an attribute; ``None`` where it is, or belongs, in a dictionary."""
        if self.slots is not None:
            if name not in self.slots:
                raise WrongType(f"{self.name} objects have no slot {name!r}")
            return one.address + HEADER_BYTES + WORD_BYTES * self.slots.index(name)
        values = one.word(_VALUES_ADDRESS)
        if not values:
            return None
        if make and name not in self.shared_names and self.shared_names_free:
            self.shared_names.append(name)
            self.shared_names_free -= 1
        place = self.shared_names.index(name) if name in self.shared_names else -1
        if 0 <= place < self.space.memory.word(values):
            return values + WORD_BYTES * (1 + place)
        return None

    def _set_in_dict(self, one: Object, name: str, value: Object | None) -> None:
        """No room among the values: the instance gets a dictionary, which takes the values over."""
        space = self.space
        in_dict = one.reference(_DICT_ADDRESS) or self._make_dict(one)
        key = space.caches.interned.intern(space.str.make(name))
        if value is None:
            space.dict.remove(in_dict, key)
        else:
            space.dict.set_item(in_dict, key, value)
        space.decref(key)

    def _make_dict(self, one: Object) -> Object:
        space, held = self.space, list(self._named_values(one))
        made = space.dict.make(len(held) + 1)
        for name, value in held:
            key = space.caches.interned.intern(space.str.make(name))
            space.dict.set_item(made, key, value)
            space.decref(key)
        for dropped in self._clear_values(one):
            space.decref(dropped)
        self._drop_values(one)
        one.set_reference(_DICT_ADDRESS, made)
        return made

    # --- what a type knows ---

    def size_of(self, one: Object) -> int:
        inline = self.slots is None and self.space.version.values_inline
        return self.basic_bytes + (_inline_values_bytes(self._room(one)) if inline else 0)

    def _room(self, one: Object) -> int:
        return self.space.memory.word(one.address + self.basic_bytes)

    def tables(self, one: Object) -> Iterator[UsedBlock]:
        if self.slots is None and one.word(_VALUES_ADDRESS) in self.space.blocks:
            yield self.space.blocks[one.word(_VALUES_ADDRESS)]

    def references(self, one: Object) -> Iterator[Object]:
        """The attributes, then the class."""
        yield from self._attributes(one)
        yield self

    def _attributes(self, one: Object) -> list[Object]:
        if self.slots is not None:
            found = (one.reference(offset) for offset in words_of(HEADER_BYTES, len(self.slots)))
            return [value for value in found if value]
        in_dict = one.reference(_DICT_ADDRESS)
        return [in_dict] if in_dict else [value for _, value in self._named_values(one)]

    def _named_values(self, one: Object) -> Iterator[tuple[str, Object]]:
        values = one.word(_VALUES_ADDRESS)
        if values:
            room = self.space.memory.word(values)
            addresses = self.space.memory.words(values + WORD_BYTES, min(room, len(self.shared_names)))
            for name, address in zip(self.shared_names, addresses, strict=False):
                if address:
                    yield name, self.space.objects[address]

    def clear(self, one: Object) -> Iterator[Object]:
        if self.slots is not None:
            held = self._attributes(one)
            self.space.memory.set_words(one.address + HEADER_BYTES, [0] * len(self.slots))
            yield from held
            return
        in_dict = one.reference(_DICT_ADDRESS)
        one.set_word(_DICT_ADDRESS, 0)
        if in_dict:
            yield in_dict
        yield from self._clear_values(one)

    def unmake(self, one: Object) -> Iterator[Object]:
        yield from self.clear(one)
        if self.slots is None:
            self._drop_values(one)

    def _clear_values(self, one: Object) -> Iterator[Object]:
        held, values = [value for _, value in self._named_values(one)], one.word(_VALUES_ADDRESS)
        if values:
            self.space.memory.set_words(values + WORD_BYTES, [0] * self.space.memory.word(values))
        yield from held

    def _drop_values(self, one: Object) -> None:
        """The instance has none any more; their block goes back, if they have one of their own."""
        values = one.word(_VALUES_ADDRESS)
        one.set_word(_VALUES_ADDRESS, 0)
        if values in self.space.blocks:
            self.space.return_block(values)

    def finalize(self, one: Object) -> None:
        if self.finalizer:
            self.finalizer(one)

    @property
    def has_finalizer(self) -> bool:
        return self.finalizer is not None


def _values_bytes(room: int) -> int:
    """A table of attribute values: before them, the order in which they were set, a byte each, and two more."""
    return -(-(room + 2) // WORD_BYTES) * WORD_BYTES + room * WORD_BYTES


def _inline_values_bytes(room: int) -> int:
    """Values behind an instance: a word before them, and the order in which they were set, a byte each."""
    return WORD_BYTES + room * WORD_BYTES + -(-room // WORD_BYTES) * WORD_BYTES
