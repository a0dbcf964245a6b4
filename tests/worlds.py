"""One story of objects, told twice: with CPython's own, and with the model's. What happens must be the same.

A story is a list of steps; a step is a verb and numbers. Objects have names (numbers, in the order they were made); a
number that is too large wraps around, so that any list of numbers is a story.
"""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable
from typing import Any

from quire.model.objects import Object
from quire.model.space import ObjectSpace

Step = tuple[str, int, int]
Happened = list[tuple[str, int]]
KINDS = ["plain", "final", "phoenix", "slotted", "list", "dict", "tuple"]
ATTRIBUTES = ["a", "b", "c"]


class World:
    """Names, what happened so far, and the verbs; what a verb does is the two worlds' own."""

    def __init__(self) -> None:
        self.happened: Happened = []
        self.names: dict[int, Any] = {}
        self.made = 0

    def step(self, step: Step) -> None:
        """Do one step, and note who is gone after it."""
        verb, first, second = step
        if verb == "make":
            self.names[self.made] = self.make(KINDS[first % len(KINDS)], self.made, self.name(second))
            self.made += 1
        elif verb == "collect":
            self.collect(first % 3)
        elif not self.names:
            return
        elif verb == "link":
            self.link(self.name(first), self.name(second), first % 7)
        elif verb == "unlink":
            self.unlink(self.name(first), second)
        elif verb == "drop":
            self.drop(self.name(first))
        elif verb == "watch":
            self.watch(self.made, self.name(first), second % 2 == 1)
            self.made += 1
        for tag in self.take_gone():
            self.happened.append(("gone", tag))

    def name(self, number: int) -> int:
        """One of the names that there are; -1 if there is none."""
        names = list(self.names)
        return names[number % len(names)] if names else -1

    def make(self, kind: str, tag: int, other: int) -> Any:
        raise NotImplementedError

    def link(self, holder: int, held: int, place: int) -> None:
        raise NotImplementedError

    def unlink(self, holder: int, place: int) -> None:
        raise NotImplementedError

    def drop(self, name: int) -> None:
        raise NotImplementedError

    def watch(self, name: int, target: int, with_callback: bool) -> None:
        raise NotImplementedError

    def collect(self, generation: int) -> None:
        raise NotImplementedError

    def take_gone(self) -> list[int]:
        raise NotImplementedError


class RealWorld(World):
    """CPython's own objects and collector. Use it inside of ``with`` only: it stops automatic collections."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[object] = []

    def __enter__(self) -> RealWorld:
        happened, saved = self.happened, self.saved
        gc.collect()
        gc.disable()
        self.names[-1] = []  # tracked from now on, and frozen: what has a name is held from outside
        del self.names[-1]
        gc.freeze()

        class Plain:
            pass

        class Final:
            def __del__(self) -> None:
                happened.append(("finalized", self.tag))

        class Phoenix:
            def __del__(self) -> None:
                happened.append(("finalized", self.tag))
                saved.append(self)

        class Slotted:
            __slots__ = ("tag", *ATTRIBUTES)

        self.classes = {"plain": Plain, "final": Final, "phoenix": Phoenix, "slotted": Slotted}
        self.root = Plain()
        self.addresses: dict[int, int] = {}
        return self

    def __exit__(self, *_: object) -> None:
        self.saved.clear()
        self.names.clear()
        self.classes.clear()
        gc.unfreeze()
        gc.enable()
        gc.collect()

    def make(self, kind: str, tag: int, other: int) -> Any:
        if kind in self.classes:
            one = self.classes[kind]()
            one.tag = tag
        elif kind == "list":
            one = [self.root]
        elif kind == "dict":
            one = {"root": self.root}
        else:
            one = (self.root, self.names[other]) if other >= 0 else (self.root, self.root)
        self.addresses[tag] = id(one)
        return one

    def link(self, holder: int, held: int, place: int) -> None:
        match self.names[holder]:
            case list() as one:
                one.append(self.names[held])
            case dict() as one:
                one[ATTRIBUTES[place % 3]] = self.names[held]
            case tuple() | weakref.ref():
                pass
            case one:
                setattr(one, ATTRIBUTES[place % 3], self.names[held])

    def unlink(self, holder: int, place: int) -> None:
        match self.names[holder]:
            case list() as one:
                if len(one) > 1:
                    one.pop()
            case dict() as one:
                one.pop(ATTRIBUTES[place % 3], None)
            case tuple() | weakref.ref():
                pass
            case one:
                if hasattr(one, ATTRIBUTES[place % 3]):
                    delattr(one, ATTRIBUTES[place % 3])

    def drop(self, name: int) -> None:
        del self.names[name]

    def watch(self, name: int, target: int, with_callback: bool) -> None:
        happened = self.happened
        callback = (lambda _: happened.append(("called", name))) if with_callback else None
        with contextlib.suppress(TypeError):  # of no type that can be referred to weakly
            self.names[name] = weakref.ref(self.names[target], callback)

    def collect(self, generation: int) -> None:
        gc.collect(generation)

    def take_gone(self) -> list[int]:
        alive = {id(one) for one in gc.get_objects() if self._is_of_the_story(one)}
        gone = [tag for tag, address in self.addresses.items() if address not in alive]
        for tag in gone:
            del self.addresses[tag]
        return gone

    def _is_of_the_story(self, one: object) -> bool:
        """Addresses are used again, also by objects that come and go between two steps; those do not know the root."""
        match one:
            case list() | tuple():
                return len(one) > 0 and one[0] is self.root
            case dict():
                return one.get("root") is self.root
        return type(one) in self.classes.values()

    def is_dead(self, name: int) -> bool:
        """Whether a weak reference is empty."""
        return self.names[name]() is None

    def weak_names(self) -> list[int]:
        return [name for name, one in self.names.items() if type(one) is weakref.ref]


class ModelWorld(World):
    """The model's."""

    def __init__(self, space: ObjectSpace | None = None) -> None:
        super().__init__()
        self.space = space = space or ObjectSpace()
        space.collector.is_enabled = False
        self.classes = {
            "plain": space.new_class("Plain"),
            "final": space.new_class("Final", finalizer=self._note_finalized),
            "phoenix": space.new_class("Phoenix", finalizer=self._save),
            "slotted": space.new_class("Slotted", slots=("tag", *ATTRIBUTES)),
        }
        self.root = self.classes["plain"].make()
        self.saved: list[Object] = []
        self.tags: dict[int, Object] = {}

    def _note_finalized(self, one: Object) -> None:
        tag = self._class_of(one).get(one, "tag")
        self.happened.append(("finalized", tag.value))

    def _save(self, one: Object) -> None:
        self._note_finalized(one)
        self.saved.append(self.space.incref(one))

    def _class_of(self, one: Object) -> Any:
        return one.type

    def make(self, kind: str, tag: int, other: int) -> Any:
        space = self.space
        if kind in self.classes:
            one = self.classes[kind].make()
            self.classes[kind].set(one, "tag", space.int.make(tag))
        elif kind == "list":
            one = space.list.make([self.root])
        elif kind == "dict":
            one = space.dict.make()
            space.dict.set_item(one, space.intern("root"), self.root)
        else:
            one = space.tuple.make([self.root, self.names[other] if other >= 0 else self.root])
        self.tags[tag] = one
        return one

    def link(self, holder: int, held: int, place: int) -> None:
        space, one = self.space, self.names[holder]
        if one.type is space.list:
            space.list.append(one, self.names[held])
        elif one.type is space.dict:
            space.dict.set_item(one, space.intern(ATTRIBUTES[place % 3]), self.names[held])
        elif one.type not in (space.tuple, space.weakref):
            one.type.set(one, ATTRIBUTES[place % 3], self.names[held])

    def unlink(self, holder: int, place: int) -> None:
        space, one, name = self.space, self.names[holder], ATTRIBUTES[place % 3]
        if one.type is space.list:
            if space.list.length(one) > 1:
                space.decref(space.list.pop(one))
        elif one.type is space.dict:
            if space.dict.get_text(one, name):
                space.dict.remove(one, space.intern(name))
        elif one.type not in (space.tuple, space.weakref) and one.type.get(one, name):
            one.type.set(one, name, None)

    def drop(self, name: int) -> None:
        self.space.decref(self.names.pop(name))

    def watch(self, name: int, target: int, with_callback: bool) -> None:
        one = self.names[target]
        if one.type.name not in ("Plain", "Final", "Phoenix"):
            return
        callback: Callable[[Object], None] | None = None
        if with_callback:
            callback = lambda _: self.happened.append(("called", name))  # noqa: E731
        self.names[name] = self.space.weakref.make(one, callback)

    def collect(self, generation: int) -> None:
        self.space.collect(generation)

    def take_gone(self) -> list[int]:
        gone = [tag for tag, one in self.tags.items() if not one.is_alive]
        for tag in gone:
            del self.tags[tag]
        return gone

    def is_dead(self, name: int) -> bool:
        """Whether a weak reference is empty."""
        return self.space.weakref.target(self.names[name]) is None

    def weak_names(self) -> list[int]:
        return [name for name, one in self.names.items() if one.type is self.space.weakref]
