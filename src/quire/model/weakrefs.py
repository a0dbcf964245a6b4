"""Weak references: objects that know where another is without holding it.

    target  <- - - -  weakref ---> callback            the dashed line is not counted

When the target dies, its weak references are emptied first; then their callbacks are called, the youngest first. Plain
weak references (without a callback) to one target are one object: asked for again, the first is shared.

Source: Objects/weakrefobject.c (``PyObject_ClearWeakRefs``, ``PyWeakref_NewRef``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from quire.model.objects import SIZE_OFFSET, Object, Type
from quire.records.objects import Happening

_TARGET_OFFSET, _CALLBACK_OFFSET = SIZE_OFFSET, SIZE_OFFSET + 8

Callback = Callable[[Object], object]
"""Called with the weak reference, which is empty by then."""


class WeakrefType(Type):
    """Weak references, and which object has which."""

    is_collected = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._referring: dict[int, list[Object]] = {}
        """For each target's address, its weak references: the plain one first, then the youngest first."""
        self._python_callbacks: dict[int, Callback] = {}

    def make(self, target: Object, callback: Object | Callback | None = None) -> Object:
        """A weak reference.

        Args:
            target: what it refers to.
            callback: what is called when the target has died: an object of the model's, which is then referred to, or
                a Python function.

        Raises:
            WrongType: objects of the target's type keep no list of weak references.
        """
        if not target.type.allows_weakrefs:
            raise target.type.refuse("be referred to weakly")
        plain = self._plain_one(target)
        if plain and callback is None:
            return self.space.incref(plain)
        one = self.new()  # up to 3.11 this may collect, and others of the target's may go
        one.set_reference(_TARGET_OFFSET, target)
        one.set_reference(_CALLBACK_OFFSET, self.space.incref(callback) if isinstance(callback, Object) else None)
        if callback is not None and not isinstance(callback, Object):
            self._python_callbacks[one.address] = callback
        referring = self._referring.setdefault(target.address, [])
        referring.insert(1 if callback is not None and self._plain_one(target) else 0, one)
        self.space.collector.track(one)
        return one

    def target(self, one: Object) -> Object | None:
        """What it refers to, without a new reference; ``None`` once that is gone."""
        return one.reference(_TARGET_OFFSET)

    def has_callback(self, one: Object) -> bool:
        return one.reference(_CALLBACK_OFFSET) is not None or one.address in self._python_callbacks

    def referring_to(self, target: Object) -> list[Object]:
        """The weak references to an object."""
        return list(self._referring.get(target.address, ()))

    def _plain_one(self, target: Object) -> Object | None:
        first = next(iter(self._referring.get(target.address, ())), None)
        return first if first and not self.has_callback(first) else None

    def empty(self, one: Object) -> None:
        """Let a weak reference refer to nothing from now on; its callback stays."""
        target = one.word(_TARGET_OFFSET)
        if target:
            self._referring[target].remove(one)
            if not self._referring[target]:
                del self._referring[target]
            one.set_word(_TARGET_OFFSET, 0)
            self.space.tell(Happening.CLEARED, one)

    def call(self, one: Object) -> None:
        """Call an emptied weak reference's callback, once."""
        callback, python_callback = one.reference(_CALLBACK_OFFSET), self._python_callbacks.pop(one.address, None)
        one.set_word(_CALLBACK_OFFSET, 0)
        if callback:
            self.space.call_back(callback, one)
            self.space.decref(callback)
        elif python_callback:
            self.space.guard("callback", lambda: python_callback(one))

    def forget(self, target: Object) -> None:
        """An object dies: empty its weak references, then call the callbacks of those that are alive."""
        emptied = self.referring_to(target)
        for one in emptied:
            self.empty(one)
        called = [self.space.incref(one) for one in emptied if self.has_callback(one) and one.count > 0]
        for one in called:
            self.call(one)
            self.space.decref(one)

    def describe(self, one: Object) -> str:
        target = self.target(one)
        return f"<weakref to {target.type.name}>" if target else "<weakref; dead>"

    def references(self, one: Object) -> Iterator[Object]:
        callback = one.reference(_CALLBACK_OFFSET)
        if callback:
            yield callback

    def clear(self, one: Object) -> Iterator[Object]:
        self.empty(one)
        callback = one.reference(_CALLBACK_OFFSET)
        one.set_word(_CALLBACK_OFFSET, 0)
        self._python_callbacks.pop(one.address, None)
        if callback:
            yield callback
