"""The objects that only running programs need: code objects, ranges, and the iterators of loops.

    +-------+------+--------+-------+-----------+        +-------+---------------+----------+-------+
    | count | code | consts | names | variables | ...    | count | list_iterator | sequence | place |
    +-------+------+--------+-------+-----------+        +-------+---------------+----------+-------+

A code object holds its constants: a number or a tuple written in a program lives as long as its code does.

Source: Objects/codeobject.c, Objects/rangeobject.c, Objects/listobject.c (``listiter_next``).
"""

from __future__ import annotations

from types import CodeType as RealCode
from typing import Any

from quire.model.code import variables_of
from quire.model.errors import NotInSubset
from quire.model.functions import FieldsType
from quire.model.memory import WORD_BYTES
from quire.model.objects import HEADER_BYTES, Object


class CodeType(FieldsType):
    """Code objects of the model, each made from a real one."""

    is_collected = False
    fields = ("consts", "names", "variables", "filename", "name", "qualname", "lines")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.real_codes: dict[int, RealCode] = {}

    def make_from(self, code: RealCode) -> Object:
        """A code object, with all the constants of a real one."""
        space = self.space
        held = {
            "consts": self._make_constants(code.co_consts),
            "names": self._make_names(code.co_names),
            "variables": self._make_names(variables_of(code)),
            "filename": space.intern(code.co_filename),
            "name": space.intern(code.co_name),
            "qualname": space.intern(code.co_qualname),
            "lines": space.bytes.make(code.co_linetable),
        }
        one = self.new(more_bytes=len(code.co_code))
        for name in self.fields:
            one.set_reference(self._offset(name), held[name])
        self.real_codes[one.address] = code
        return one

    def size_of(self, one: Object) -> int:
        return self.basic_bytes + len(self.real_codes[one.address].co_code)

    def release(self, one: Object) -> None:
        super().release(one)
        del self.real_codes[one.address]

    def describe(self, one: Object) -> str:
        return f"<code of {self.real_codes[one.address].co_name}>"

    def _make_constants(self, constants: tuple[object, ...]) -> Object:
        return self._tuple_of([self._make_constant(constant) for constant in constants])

    def _make_constant(self, constant: object) -> Object:
        if isinstance(constant, RealCode):
            return self.make_from(constant)
        if isinstance(constant, tuple):
            return self._make_constants(constant)
        if isinstance(constant, str) and constant.isascii() and constant.replace("_", "a").isalnum():
            return self.space.intern(constant)
        if constant is None or isinstance(constant, (bool, int, float, str, bytes)):
            return self.space.new(constant)
        raise NotInSubset(f"the model makes no {type(constant).__name__} objects")

    def _make_names(self, names: tuple[str, ...]) -> Object:
        return self._tuple_of([self.space.intern(name) for name in names])

    def _tuple_of(self, items: list[Object]) -> Object:
        made = self.space.tuple.make(items)
        for item in items:
            self.space.decref(item)
        return made


class RangeType(FieldsType):
    """What ``range`` makes: three numbers."""

    is_collected = False
    allows_weakrefs = False
    fields = ("start", "stop", "step")

    def real(self, one: Object) -> range:
        """The Python range it stands for."""
        start, stop, step = (self._number(one, name) for name in self.fields)
        return range(start, stop, step)

    def _number(self, one: Object, name: str) -> int:
        number = self.get(one, name)
        assert number is not None
        return int(number.value)


class IteratorType(FieldsType):
    """Walks along a sequence; holds a reference to it until the end."""

    allows_weakrefs = False
    fields: tuple[str, ...] = ("sequence",)
    _PLACE_OFFSET = HEADER_BYTES + WORD_BYTES

    def make_over(self, sequence: Object) -> Object:
        """An iterator at the first item."""
        one = self.make(sequence=sequence)
        one.set_word(self._PLACE_OFFSET, 0)
        return one

    def next(self, one: Object) -> Object | None:
        """The next item, with a new reference; ``None`` at the end, and the sequence is let go."""
        sequence = self.get(one, "sequence")
        item = self.item_at(sequence, one.word(self._PLACE_OFFSET)) if sequence else None
        if item is None:
            self.set(one, "sequence", None)
            return None
        one.set_word(self._PLACE_OFFSET, one.word(self._PLACE_OFFSET) + 1)
        return item

    def item_at(self, sequence: Object, place: int) -> Object | None:
        """An item with a new reference; ``None`` behind the last."""
        items = sequence.type.value_of(sequence)
        return self.space.incref(items[place]) if place < len(items) else None


class DictIteratorType(IteratorType):
    """Walks along the keys of a dictionary."""

    def item_at(self, sequence: Object, place: int) -> Object | None:
        keys = [key for key, _ in self.space.dict.items(sequence)]
        return self.space.incref(keys[place]) if place < len(keys) else None


class RangeIteratorType(IteratorType):
    """Counts; it holds no numbers but makes each when it is asked."""

    is_collected = False
    fields = ()

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._left: dict[int, range] = {}

    def make_over(self, sequence: Object) -> Object:
        one = self.new()
        self._left[one.address] = self.space.range.real(sequence)
        return one

    def next(self, one: Object) -> Object | None:
        left = self._left[one.address]
        if not left:
            return None
        self._left[one.address] = left[1:]
        return self.space.int.make(left[0])

    def release(self, one: Object) -> None:
        super().release(one)
        del self._left[one.address]
