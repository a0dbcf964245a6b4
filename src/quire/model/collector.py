"""The collector: finds cycles, which counting alone never frees.

    outside --> A <--> B        C <--> D          counts: A 2, B 1, C 1, D 1
                                                  less references from among A B C D: A 1, B 0, C 0, D 0
                                                  A is held from outside; B is reached from A; C, D are garbage

Only objects that can refer to others are *tracked*. A collection takes a set of them and asks for each: how many of
its references come from *outside* of the set? Copy the counts, subtract one for each reference that is found inside.
What is left at more than zero is held from outside, and so is all that can be reached from it. The rest is garbage: it
holds only itself.

Garbage may want to know (weak references with callbacks, finalizers), and a finalizer may bring it back. So, in order:

    1. weak references to garbage are emptied, callbacks of those that are not garbage themselves are called
    2. finalizers are called, each once in an object's life
    3. the counting is done again: who is held from outside now was resurrected and stays
    4. each of the others lets go of what it refers to (``clear``): counts fall to zero, and counting frees them

Tracked objects stand in three *generations*: young, middle, old. Most objects die young, so the young are collected
often; who survives moves on. The old are collected only when a quarter as many wait to join them.

Source: Python/gc.c (Modules/gcmodule.c up to 3.12); Include/internal/pycore_gc.h; InternalDocs/garbage_collector.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from quire.errors import InvalidOption
from quire.model.objects import Object, Type
from quire.records.objects import CollectedObject, Collection, Happening

if TYPE_CHECKING:
    from quire.model.space import ObjectSpace

GENERATIONS = 3
OLD = GENERATIONS - 1

Ordered = dict[Object, None]
"""A list of objects that one can leave from anywhere: a generation is a doubly linked list in CPython."""


class Generation:
    """Tracked objects of about one age, the longest there first."""

    def __init__(self, threshold: int) -> None:
        self.objects: Ordered = {}
        self.threshold = threshold
        """It is collected when ``count`` is more. 0 for the young: nothing is collected by itself."""
        self.count = 0
        """Young: objects made less objects freed since its last collection. Else: collections of the one before."""


class Collector:
    """Three generations, and what a collection does with them."""

    def __init__(self, space: ObjectSpace) -> None:
        self.space = space
        self.generations = [Generation(space.version.threshold_young), Generation(10), Generation(10)]
        self.is_enabled = True
        self.is_pending = False
        """An automatic collection is due, and waits for the end of the current instruction."""
        self.collections: list[Collection] = []
        """What every collection did."""
        self.long_lived = 0
        """Objects that survived the last collection of the old generation."""
        self.long_lived_waiting = 0
        """Objects that joined the old generation since."""
        self._apart: Ordered = {}
        """The garbage of the collection that is going on."""
        self._is_collecting = False

    # --- who is tracked ---

    def track(self, one: Object) -> None:
        """The object may be part of a cycle from now on: it joins the young generation."""
        self.generations[0].objects[one] = None

    def untrack(self, one: Object) -> None:
        """The object leaves its generation."""
        for generation in self.generations:
            generation.objects.pop(one, None)
        self._apart.pop(one, None)

    def is_tracked(self, one: Object) -> bool:
        return self.generation_of(one) is not None

    def generation_of(self, one: Object) -> int | None:
        """0 for young, 2 for old; ``None`` if the collector does not track it."""
        return next((index for index, each in enumerate(self.generations) if one in each.objects), None)

    def may_track(self, one: Object) -> bool:
        """Whether whoever holds it may be part of a cycle: tuples that are not tracked do not count."""
        if isinstance(one, Type) and one.is_static:
            return False
        return one.type.is_collected and (one.type is not self.space.tuple or self.is_tracked(one))

    # --- when ---

    def note_made(self) -> None:
        """An object with a collector header was allocated; a collection may be due."""
        young = self.generations[0]
        young.count += 1
        if young.count <= young.threshold or not young.threshold or not self.is_enabled or self._is_collecting:
            return
        if self.space.version.collects_between_instructions:
            self.is_pending = True
        else:
            self.collect_due()

    def note_freed(self) -> None:
        """An object with a collector header was given back to the heap."""
        self.generations[0].count -= self.generations[0].count > 0

    def run_pending(self) -> None:
        """Do the automatic collection that is due, if one is."""
        if self.is_pending:
            self.is_pending = False
            self.collect_due()

    def collect_due(self) -> None:
        """Collect the oldest generation whose count is above its threshold; the old one only if enough waits."""
        for index in reversed(range(GENERATIONS)):
            generation = self.generations[index]
            if generation.count <= generation.threshold:
                continue
            if index == OLD and self.long_lived_waiting < self.long_lived // 4:
                continue
            self.collect(index)
            return

    # --- a collection ---

    def collect(self, generation: int = OLD) -> Collection:
        """Collect a generation and the younger ones; what the program asks for with ``gc.collect()``.

        Returns:
            What was done, in its order.

        Raises:
            InvalidOption: there is no such generation.
            UseAfterFree: an object holds a reference to where no object lives; nothing has changed.
        """
        if not isinstance(generation, int) or generation not in range(GENERATIONS):
            raise InvalidOption(f"there is no generation {generation!r}; there are 0, 1 and 2")
        self._is_collecting = True
        try:
            done = self._collect(generation)
        finally:
            self._is_collecting = False
        self.collections.append(done)
        return done

    def _collect(self, index: int) -> Collection:
        space, weakref = self.space, self.space.weakref
        examined = self._younger_merged(index)
        records, garbage = self._divide(examined)
        self._begin_anew(index, survivors=examined)
        self._settle_survivors(index, examined)
        self._apart = garbage
        unreachable = list(garbage)
        cleared, to_call = self._empty_weakrefs(garbage)
        for one in to_call:
            weakref.call(one)
            space.decref(one)
        finalized = self._finalize(garbage)
        resurrected = self._resurrected(garbage, index)
        if space.version.clears_plain_weakrefs_late:
            cleared += self._empty_plain_weakrefs(garbage)
        freed = self._delete(garbage, index)
        self._apart = {}
        if index == OLD:
            space.caches.give_up()
        return Collection(
            generation=index,
            examined=records,
            unreachable=_addresses(unreachable),
            weakrefs_cleared=_addresses(cleared),
            callbacks_called=_addresses(to_call),
            finalized=_addresses(finalized),
            resurrected=_addresses(resurrected),
            freed=freed,
        )

    def _younger_merged(self, index: int) -> Ordered:
        """What is examined: the generation that is collected, and behind it the younger ones."""
        merged = self.generations[index].objects.copy()
        for younger in self.generations[:index]:
            merged.update(younger.objects)
        return merged

    def _begin_anew(self, index: int, survivors: Ordered) -> None:
        if index + 1 < GENERATIONS:
            self.generations[index + 1].count += 1
        for younger in self.generations[: index + 1]:
            younger.count = 0
            younger.objects = {}
        self.generations[index].objects = survivors

    def _divide(self, examined: Ordered) -> tuple[tuple[CollectedObject, ...], Ordered]:
        """Take what is not reachable from outside out of ``examined``.

        Returns:
            What was counted, and the unreachable in CPython's order: theirs in the list, except that one that is met
            before what refers to it joins the survivors at the end.
        """
        outside = self.references_from_outside(examined)
        records = tuple(CollectedObject(one.address, one.type.name, one.count, outside[one]) for one in examined)
        unreachable: Ordered = {}
        waiting = examined.copy()
        examined.clear()
        while waiting:
            one = next(iter(waiting))
            del waiting[one]
            if not outside[one]:
                unreachable[one] = None  # for now
                continue
            examined[one] = None
            for target in one.type.references(one):
                if target in unreachable:
                    del unreachable[target]
                    waiting[target] = None
                    outside[target] = 1
                elif target in waiting and not outside[target]:
                    outside[target] = 1
        return records, unreachable

    @staticmethod
    def references_from_outside(examined: Iterable[Object]) -> dict[Object, int]:
        """For each object, its count less one for every reference from an object among them."""
        outside = {one: one.count for one in examined}
        for one in outside:
            for target in one.type.references(one):
                if target in outside:
                    outside[target] -= 1
        return outside

    def _settle_survivors(self, index: int, survivors: Ordered) -> None:
        self._untrack_needless(survivors, index)
        if index == OLD:
            self.long_lived_waiting, self.long_lived = 0, len(survivors)
            return
        if index == OLD - 1:
            self.long_lived_waiting += len(survivors)
        self.generations[index + 1].objects.update(survivors)
        self.generations[index].objects = {}

    def _untrack_needless(self, survivors: Ordered, index: int) -> None:
        """Tuples that hold nothing tracked need no tracking; nor dictionaries, found out with the old generation."""
        space = self.space
        for one in list(survivors):
            is_tuple = one.type is space.tuple
            is_lazy_dict = one.type is space.dict and index == OLD and space.version.tracks_dicts_lazily
            if (is_tuple or is_lazy_dict) and not any(self.may_track(held) for held in one.type.references(one)):
                del survivors[one]

    # --- garbage ---

    def _empty_weakrefs(self, garbage: Ordered) -> tuple[list[Object], list[Object]]:
        """Empty weak references to garbage; those whose callbacks are to be called are held meanwhile."""
        emptied, to_call = [], []
        weakref = self.space.weakref
        for target in garbage:
            if target.type is weakref:
                weakref.empty(target)
            for one in weakref.referring_to(target):
                has_callback = weakref.has_callback(one)
                if not has_callback and self.space.version.clears_plain_weakrefs_late:
                    continue
                weakref.empty(one)
                emptied.append(one)
                if has_callback and one not in garbage:
                    to_call.append(self.space.incref(one))
        return emptied, to_call

    def _empty_plain_weakrefs(self, garbage: Ordered) -> list[Object]:
        emptied = [one for target in garbage for one in self.space.weakref.referring_to(target)]
        for one in emptied:
            self.space.weakref.empty(one)
        return emptied

    def _finalize(self, garbage: Ordered) -> list[Object]:
        finalized = []
        for one in list(garbage):
            if one in garbage and self.space.finalize(one):
                finalized.append(one)
        return finalized

    def _resurrected(self, garbage: Ordered, index: int) -> list[Object]:
        """Count again: what finalizers made reachable leaves the garbage and lives on, in the next generation."""
        before = list(garbage)
        _, still = self._divide(garbage)
        survivors = list(garbage)
        garbage.clear()
        garbage.update(still)
        for one in survivors:
            self.generations[min(index + 1, OLD)].objects[one] = None
            self.space.tell(Happening.RESURRECTED, one)
        return [one for one in before if one in survivors]

    def _delete(self, garbage: Ordered, index: int) -> tuple[int, ...]:
        """Let each piece of garbage let go of what it refers to; most die of that, at once or soon."""
        addresses = list(_addresses(garbage))
        dying = list(garbage)
        while garbage:
            one = next(iter(garbage))
            self.space.incref(one)
            for dropped in one.type.clear(one):
                self.space.decref(dropped)
            self.space.decref(one)
            if one in garbage:  # it lives on, for now: as a tuple does, which cannot let go of its items
                del garbage[one]
                self.generations[min(index + 1, OLD)].objects[one] = None
        return tuple(address for address, one in zip(addresses, dying, strict=True) if not one.is_alive)


def _addresses(objects: Iterable[Object]) -> tuple[int, ...]:
    return tuple(one.address for one in objects)
