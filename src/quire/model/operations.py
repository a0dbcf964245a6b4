"""What signs do with objects: ``+`` and ``<``, ``[]`` and ``in``, and what a loop walks along.

    a + b      numbers and text: a new object; lists and tuples: a new one that holds the items of both
    a += b     the same, but a list is made longer where it is
    a[b]       an item, without a new reference

Objects come without new references.

Source: Objects/abstract.c, Objects/object.c (``PyObject_RichCompare``).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from quire.model.errors import NotInSubset, ProgramRaised
from quire.model.objects import Object
from quire.model.space import ObjectSpace

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Operations:
    """What can be done with the objects of one space."""

    def __init__(self, space: ObjectSpace) -> None:
        self.space = space

    # --- containers ---

    def items_of(self, one: Object) -> list[Object]:
        """The items of an iterable, without new references."""
        if one.type in (self.space.list, self.space.tuple):
            return list(one.type.value_of(one))
        if one.type is self.space.dict:
            return [key for key, _ in self.space.dict.items(one)]
        raise NotInSubset(f"the model does not unpack {one.type.name} objects")

    def iterator_over(self, one: Object) -> Object:
        """An iterator, with a reference that is the caller's."""
        kinds = {
            "list": self.space.list_iterator,
            "tuple": self.space.tuple_iterator,
            "dict": self.space.dict_iterator,
            "range": self.space.range_iterator,
        }
        if one.type in kinds.values():
            return self.space.incref(one)
        if one.type.name not in kinds:
            raise NotInSubset(f"the model does not loop over {one.type.name} objects")
        return kinds[one.type.name].make_over(one)

    def item(self, container: Object, key: Object) -> Object:
        """``container[key]``, without a new reference.

        Raises:
            ProgramRaised: there is none.
        """
        if container.type is self.space.dict:
            found = self.space.dict.get(container, key)
            if found is None:
                raise ProgramRaised(f"KeyError: {self.space.describe(key)}")
            return found
        if container.type not in (self.space.list, self.space.tuple):
            raise NotInSubset(f"the model does not look into {container.type.name} objects")
        items = self.items_of(container)
        return items[self._index(container, key)]

    def set_item(self, container: Object, key: Object, value: Object) -> None:
        """``container[key] = value``. Raises: ProgramRaised: there is no such place."""
        if container.type is self.space.dict:
            self.space.dict.set_item(container, key, value)
        elif container.type is self.space.list:
            self.space.list.set_item(container, self._index(container, key), value)
        else:
            raise ProgramRaised(f"TypeError: {container.type.name} objects do not change")

    def delete_item(self, container: Object, key: Object) -> None:
        """``del container[key]``. Raises: ProgramRaised: there is none."""
        if container.type is self.space.dict:
            self.item(container, key)
            self.space.dict.remove(container, key)
        elif container.type is self.space.list:
            self.space.decref(self.space.list.pop(container, self._index(container, key)))
        else:
            raise ProgramRaised(f"TypeError: {container.type.name} objects do not change")

    def _index(self, container: Object, key: Object) -> int:
        index = int(self.number(key))
        length = len(self.items_of(container))
        if not -length <= index < length:
            raise ProgramRaised(f"IndexError: {index} is no place in {length} items")
        return index

    def contains(self, container: Object, item: Object) -> bool:
        """``item in container``."""
        if container.type is self.space.dict:
            return self.space.dict.get(container, item) is not None
        return any(self._equal(one, item) for one in self.items_of(container))

    # --- arithmetic and comparisons ---

    def number(self, one: Object) -> Any:
        """The number that an object stands for. Raises: ProgramRaised: it is none."""
        if one.type not in (self.space.int, self.space.bool, self.space.float):
            raise ProgramRaised(f"TypeError: {one.type.name} objects are no numbers")
        return one.value

    def arithmetic(self, sign: str, left: Object, right: Object) -> Object:
        """``left sign right``, with a reference that is the caller's.

        Raises:
            ProgramRaised: these cannot be calculated with.
            NotInSubset: the model does not calculate so with these.
        """
        in_place, sign = sign.endswith("="), sign.removesuffix("=")
        sequences = (self.space.list, self.space.tuple)
        if sign == "+" and left.type is right.type and left.type in sequences:
            return self._concatenate(left, right, in_place)
        if sign not in ARITHMETIC:
            raise NotInSubset(f"the model does not calculate {sign!r}")
        texts = left.type is right.type is self.space.str and sign == "+"
        values = (left.value, right.value) if texts else (self.number(left), self.number(right))
        try:
            return self.space.new(ARITHMETIC[sign](*values))
        except (ArithmeticError, TypeError, ValueError) as wrong:
            raise ProgramRaised(f"{type(wrong).__name__}: {wrong}") from wrong

    def _concatenate(self, left: Object, right: Object, in_place: bool) -> Object:
        if in_place and left.type is self.space.list:
            self.space.list.extend(left, self.items_of(right))
            return self.space.incref(left)
        make = self.space.list.make if left.type is self.space.list else self.space.tuple.make
        return make([*self.items_of(left), *self.items_of(right)])

    def compare(self, sign: str, left: Object, right: Object) -> bool:
        """``left sign right``."""
        sign = sign.removeprefix("bool(").removesuffix(")")
        if sign in ("==", "!="):
            return self._equal(left, right) is (sign == "==")
        texts = left.type is right.type is self.space.str
        values = (left.value, right.value) if texts else (self.number(left), self.number(right))
        return COMPARISONS[sign](*values)

    def _equal(self, left: Object, right: Object) -> bool:
        if left is right:
            return True
        if left.type is right.type and left.type in (self.space.list, self.space.tuple):
            lefts, rights = self.items_of(left), self.items_of(right)
            return len(lefts) == len(rights) and all(map(self._equal, lefts, rights))
        if left.type is right.type is self.space.dict:
            raise NotInSubset("the model does not compare dictionaries")
        if self.space.list in (left.type, right.type) or self.space.dict in (left.type, right.type):
            return False
        return left.type.key_of(left) == right.type.key_of(right)
