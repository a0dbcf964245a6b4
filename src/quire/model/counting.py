"""Counting references: up for each new one, down for each that ends, and at zero the object dies.

    numbers = [1, 2, 3]     count 1
    more = numbers          count 2
    del numbers             count 1
    del more                count 0: its type drops what it held, and gives its memory back

What an object held may die of that, and what that one held, and so on. A chain of a million must not need a stack of a
million calls, so deallocations are kept on a list here, the innermost last. CPython nests them as C calls, and has a
*trashcan*: a deallocation that would nest too deep is postponed until the outermost one is done.

Source: Include/refcount.h (``Py_INCREF``, ``Py_DECREF``), Objects/object.c (``_PyTrash_thread_deposit_object``,
``_PyTrash_thread_destroy_chain``, ``PyObject_CallFinalizerFromDealloc``), Include/cpython/object.h (the trashcan).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from quire.model.errors import CountBelowZero, WrongType
from quire.model.objects import COUNT_OFFSET, Object
from quire.records.objects import Happening

if TYPE_CHECKING:
    from quire.model.space import ObjectSpace


class Counting:
    """All that changes counts."""

    def __init__(self, space: ObjectSpace) -> None:
        self.space = space
        self.trashcan: list[Object] = []
        """Objects without a reference whose deallocation waits; the last is the next."""
        self.depth = 0
        """How deep deallocations of container objects nest now."""

    def incref(self, one: Object) -> Object:
        """One reference more.

        Raises:
            UseAfterFree: the object is gone.
            WrongType: it is another space's.
        """
        one.check_alive()
        if one.space is not self.space:
            raise WrongType(f"the object at {one.address:#x} is another space's")
        if not one.is_immortal:
            one.set_word(COUNT_OFFSET, one.word(COUNT_OFFSET) + 1)
        return one

    def decref(self, one: Object) -> None:
        """One reference less; at zero the object dies, and all that it alone held.

        Raises:
            UseAfterFree: the object is gone, or one that it holds is: it does not die then.
            CountBelowZero: it has no reference to drop; it is being deallocated, or the last one is the interpreter's.
        """
        if self._lower(one):
            self._unwind(one)

    def _lower(self, one: Object) -> bool:
        """Whether that was the last reference."""
        one.check_alive()
        if one.is_immortal:
            return False
        count = one.word(COUNT_OFFSET)
        if count == 0:
            raise CountBelowZero(f"the object at {one.address:#x} has no reference to drop")
        if count == 1:
            self._check_may_die(one)
        one.set_word(COUNT_OFFSET, count - 1)
        return count == 1

    def _check_may_die(self, one: Object) -> None:
        if self.space.owns(one.address):
            raise CountBelowZero(f"the last reference to the object at {one.address:#x} is the interpreter's own")
        for _ in one.type.references(one):
            pass  # it is there: else looking it up has raised, and nothing has changed

    def _unwind(self, one: Object) -> None:
        """Deallocate an object and all that dies of it, then what waits in the trashcan."""
        self._deallocate(one)
        if self.depth == 0 and self.trashcan:
            self.depth = 1
            while self.trashcan:
                self._deallocate(self.trashcan.pop())
            self.depth = 0

    def _deallocate(self, outermost: Object) -> None:
        """Go down into each object that dies, and back up when it has dropped all it held."""
        running: list[tuple[Iterator[Object], bool]] = []
        try:
            self._begin(outermost, running)
            while running:
                deallocation, counts = running[-1]
                dropped = next(deallocation, None)
                if dropped is None:
                    running.pop()
                    self.depth -= counts
                elif self._lower(dropped):
                    self._begin(dropped, running)
        finally:
            self.depth -= sum(counts for _, counts in running)

    def _begin(self, one: Object, running: list[tuple[Iterator[Object], bool]]) -> None:
        counts = one.type.uses_trashcan
        limit = self.space.version.trashcan_depth
        if counts and limit is not None and self.depth >= limit:
            self.space.collector.untrack(one)
            self.trashcan.append(one)
            self.space.tell(Happening.POSTPONED, one)
            return
        self.depth += counts
        running.append((one.type.deallocate(one), counts))

    # --- finalizers ---

    def finalize(self, one: Object) -> bool:
        """Call an object's finalizer, unless it has none or was called before; whether it was called."""
        if not self._is_due(one):
            return False
        self.incref(one)
        self.space.guard("finalizer", lambda: one.type.finalize(one))
        self.decref(one)
        return True

    def resurrects(self, one: Object) -> bool:
        """Call the finalizer of an object whose count is zero; whether it has references again after that."""
        if not self._is_due(one):
            return False
        one.set_word(COUNT_OFFSET, 1)  # the finalizer's own
        self.space.collector.track(one)
        self.space.guard("finalizer", lambda: one.type.finalize(one))
        count = one.word(COUNT_OFFSET) - 1
        one.set_word(COUNT_OFFSET, count)
        if count:
            self.space.tell(Happening.RESURRECTED, one)
            return True
        self.space.collector.untrack(one)
        return False

    def _is_due(self, one: Object) -> bool:
        """Whether there is a finalizer to be called; it is noted, for it is called once."""
        if one in self.space.finalized or not one.type.has_finalizer:
            return False
        self.space.finalized.add(one)
        self.space.tell(Happening.FINALIZED, one)
        return True
