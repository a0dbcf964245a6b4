"""Functions, bound methods, cells and modules: objects with a few named references, each in its word.

    +-------+----------+------+---------+----------+----------+---------+-----
    | count | function | code | globals | builtins | defaults | closure | ...        function
    | count | method   | function | self |                                           method
    | count | cell     | content |                                                   cell: a variable that outlives
    | count | module   | dict |                                                            its frame
    +-------+----------+------+

The order of a function's words is the model's; its size, and whom it refers to, are CPython's.

Source: Objects/funcobject.c (``func_traverse``, ``func_clear``), classobject.c, cellobject.c, moduleobject.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from quire.model.memory import WORD_BYTES
from quire.model.objects import HEADER_BYTES, Object, Type

if TYPE_CHECKING:
    from quire.model.space import ObjectSpace


class FieldsType(Type):
    """Objects whose references have names: one word for each, some of them empty."""

    is_collected = True
    allows_weakrefs = True
    fields: tuple[str, ...] = ()

    def make(self, **held: Object | None) -> Object:
        """An object with a new reference to each of these."""
        one = self.new()
        for name in self.fields:
            target = held.get(name)
            one.set_reference(self._offset(name), self.space.incref(target) if target else None)
        if self.is_collected:
            self.space.collector.track(one)
        return one

    def get(self, one: Object, name: str) -> Object | None:
        """What a field refers to, without a new reference."""
        return one.reference(self._offset(name))

    def set(self, one: Object, name: str, target: Object | None) -> None:
        """Let a field refer to something else, or nothing; the old reference is dropped last."""
        old = self.get(one, name)
        one.set_reference(self._offset(name), self.space.incref(target) if target else None)
        if old:
            self.space.decref(old)

    def _offset(self, name: str) -> int:
        return HEADER_BYTES + WORD_BYTES * self.fields.index(name)

    def references(self, one: Object) -> Iterator[Object]:
        for name in self.fields:
            target = self.get(one, name)
            if target:
                yield target

    def clear(self, one: Object) -> Iterator[Object]:
        held = list(self.references(one))
        for name in self.fields:
            one.set_reference(self._offset(name), None)
        yield from held


class FunctionType(FieldsType):
    """What ``def`` makes."""

    fields = ("globals", "builtins", "name", "code", "defaults", "closure")

    def describe(self, one: Object) -> str:
        name = self.get(one, "name")
        return f"<function {name.value if name else '?'}>"


class MethodType(FieldsType):
    """A function, bound to an instance."""

    fields = ("function", "instance")


class CellType(FieldsType):
    """A variable that functions share: it outlives the frame that made it."""

    allows_weakrefs = False
    fields = ("content",)


class ModuleType(FieldsType):
    """A namespace with a dictionary."""

    fields = ("dict",)


class BuiltinType(FieldsType):
    """A function of the interpreter's own; what it does stands outside of the model's memory."""

    fields = ("instance",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.actions: dict[int, tuple[str, Action]] = {}

    def make_action(self, name: str, action: Action, instance: Object | None = None) -> Object:
        """A builtin that does this when it is called; bound to an object, or to none."""
        one = self.make(instance=instance)
        self.actions[one.address] = (name, action)
        return one

    def action_of(self, one: Object) -> Action:
        return self.actions[one.address][1]

    def describe(self, one: Object) -> str:
        return f"<built-in function {self.actions[one.address][0]}>"


Action = Callable[["ObjectSpace", list[Object]], Object]
"""What a builtin does: arguments without new references in, a new reference out."""
