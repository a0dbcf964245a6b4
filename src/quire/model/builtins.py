"""The built-in functions, methods and modules that the model's programs find ready.

Arguments come without new references; what is returned is a reference of its own. ``sys.getrefcount`` needs no rule of
its own: it reads the count, and the argument on the evaluation stack counts if it was not borrowed.

Source: Python/bltinmodule.c, Python/sysmodule.c, Modules/gcmodule.c, Objects/listobject.c, Objects/dictobject.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from quire.errors import InvalidOption, NotInSubset, ProgramRaised
from quire.model.objects import Object
from quire.model.programs import IteratorType

if TYPE_CHECKING:
    from quire.model.interpreter import Interpreter

Action = Callable[["Interpreter", list[Object]], Object]


class Builtin(NamedTuple):
    """What a function does, and how many arguments it takes."""

    action: Action
    least: int = 0
    most: int | None = None

    def call(self, interpreter: Interpreter, arguments: list[Object]) -> Object:
        """
        Raises:
            ProgramRaised: these are too many arguments, or too few.
        """
        if len(arguments) < self.least or (self.most is not None and len(arguments) > self.most):
            raise ProgramRaised(f"TypeError: {len(arguments)} arguments, where it takes {self._taken()}")
        return self.action(interpreter, arguments)

    def _taken(self) -> str:
        if self.most is None:
            return f"{self.least} or more"
        return f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"


def _print(interpreter: Interpreter, arguments: list[Object]) -> Object:
    space = interpreter.space
    interpreter.output.append(" ".join(_text(interpreter, one) for one in arguments))
    return space.incref(space.none)


def _text(interpreter: Interpreter, one: Object) -> str:
    return str(one.value) if one.type is interpreter.space.str else interpreter.space.describe(one)


def _len(interpreter: Interpreter, arguments: list[Object]) -> Object:
    (one,) = arguments
    space = interpreter.space
    if one.type is space.str or one.type is space.bytes:
        return space.int.make(len(one.value))
    return space.int.make(len(interpreter.items_of(one)))


def _id(interpreter: Interpreter, arguments: list[Object]) -> Object:
    (one,) = arguments
    return interpreter.space.int.make(one.address)


def _range(interpreter: Interpreter, arguments: list[Object]) -> Object:
    space = interpreter.space
    for one in arguments:
        interpreter.number(one)
    start, stop, step = {1: (0, None, 1), 2: (None, None, 1), 3: (None, None, None)}[len(arguments)]
    given = iter([space.incref(one) for one in arguments])
    parts = [next(given) if part is None else space.int.make(part) for part in (start, stop, step)]
    made = space.range.make(start=parts[0], stop=parts[1], step=parts[2])
    for part in parts:
        space.decref(part)
    return made


def _sum(interpreter: Interpreter, arguments: list[Object]) -> Object:
    """Goes along an iterator of its own: while it adds, there is one reference more to what it adds up."""
    space = interpreter.space
    iterator = interpreter.iterator_over(arguments[0])
    assert isinstance(iterator.type, IteratorType)
    total = space.incref(arguments[1]) if len(arguments) > 1 else space.int.make(0)
    try:
        while (item := iterator.type.next(iterator)) is not None:
            before, total = total, _added(interpreter, total, item)
            space.decref(before)
    except ProgramRaised:
        space.decref(total)
        raise
    finally:
        space.decref(iterator)
    return total


def _added(interpreter: Interpreter, total: Object, item: Object) -> Object:
    try:
        return interpreter.arithmetic("+", total, item)
    finally:
        interpreter.space.decref(item)


def _list(interpreter: Interpreter, arguments: list[Object]) -> Object:
    made = interpreter.space.list.make()
    for one in arguments:
        interpreter.space.list.extend(made, interpreter.items_of(one))
    return made


def _tuple(interpreter: Interpreter, arguments: list[Object]) -> Object:
    return interpreter.space.tuple.make([item for one in arguments for item in interpreter.items_of(one)])


def _dict(interpreter: Interpreter, arguments: list[Object]) -> Object:
    if arguments:
        raise NotInSubset("the model's dict() takes no arguments")
    return interpreter.space.dict.make()


def _getrefcount(interpreter: Interpreter, arguments: list[Object]) -> Object:
    (one,) = arguments
    return interpreter.space.int.make(one.count)


def _getsizeof(interpreter: Interpreter, arguments: list[Object]) -> Object:
    (one,) = arguments
    return interpreter.space.int.make(interpreter.space.getsizeof(one))


def _intern(interpreter: Interpreter, arguments: list[Object]) -> Object:
    (one,) = arguments
    if one.type is not interpreter.space.str:
        raise ProgramRaised(f"TypeError: {one.type.name} objects cannot be interned")
    return interpreter.space.caches.interned.intern(interpreter.space.incref(one))


def _collect(interpreter: Interpreter, arguments: list[Object]) -> Object:
    generation = interpreter.number(arguments[0]) if arguments else 2
    space = interpreter.space
    try:
        return space.int.make(len(space.collect(generation).unreachable))
    except InvalidOption as wrong:
        raise ProgramRaised(f"ValueError: {wrong}") from wrong


def _enable(interpreter: Interpreter, _: list[Object]) -> Object:
    interpreter.space.collector.is_enabled = True
    return interpreter.space.incref(interpreter.space.none)


def _disable(interpreter: Interpreter, _: list[Object]) -> Object:
    interpreter.space.collector.is_enabled = False
    return interpreter.space.incref(interpreter.space.none)


def _is_tracked(interpreter: Interpreter, arguments: list[Object]) -> Object:
    (one,) = arguments
    return interpreter.space.bool.make(interpreter.space.collector.is_tracked(one))


def _ref(interpreter: Interpreter, arguments: list[Object]) -> Object:
    target, *callback = arguments
    return interpreter.space.weakref.make(target, *callback)


def _append(interpreter: Interpreter, arguments: list[Object]) -> Object:
    one, item = arguments
    interpreter.space.list.append(one, item)
    return interpreter.space.incref(interpreter.space.none)


def _extend(interpreter: Interpreter, arguments: list[Object]) -> Object:
    one, items = arguments
    interpreter.space.list.extend(one, interpreter.items_of(items))
    return interpreter.space.incref(interpreter.space.none)


def _clear(interpreter: Interpreter, arguments: list[Object]) -> Object:
    (one,) = arguments
    for dropped in one.type.clear(one):
        interpreter.space.decref(dropped)
    return interpreter.space.incref(interpreter.space.none)


def _pop(interpreter: Interpreter, arguments: list[Object]) -> Object:
    one, *place = arguments
    try:
        return interpreter.space.list.pop(one, *(interpreter.number(each) for each in place))
    except IndexError as wrong:
        raise ProgramRaised(f"IndexError: {wrong}") from wrong


def _get(interpreter: Interpreter, arguments: list[Object]) -> Object:
    one, key, *default = arguments
    found = interpreter.space.dict.get(one, key)
    return interpreter.space.incref(found or next(iter(default), interpreter.space.none))


FUNCTIONS: dict[str, Builtin] = {
    "print": Builtin(_print),
    "len": Builtin(_len, 1, 1),
    "id": Builtin(_id, 1, 1),
    "sum": Builtin(_sum, 1, 2),
    "range": Builtin(_range, 1, 3),
    "list": Builtin(_list, 0, 1),
    "tuple": Builtin(_tuple, 0, 1),
    "dict": Builtin(_dict),
}
METHODS: dict[tuple[str, str], Builtin] = {
    ("list", "append"): Builtin(_append, 2, 2),
    ("list", "extend"): Builtin(_extend, 2, 2),
    ("list", "clear"): Builtin(_clear, 1, 1),
    ("list", "pop"): Builtin(_pop, 1, 2),
    ("dict", "get"): Builtin(_get, 2, 3),
    ("dict", "clear"): Builtin(_clear, 1, 1),
}
"""The object itself is the first argument."""
MODULES: dict[str, dict[str, Builtin]] = {
    "sys": {
        "getrefcount": Builtin(_getrefcount, 1, 1),
        "getsizeof": Builtin(_getsizeof, 1, 1),
        "intern": Builtin(_intern, 1, 1),
    },
    "gc": {
        "collect": Builtin(_collect, 0, 1),
        "enable": Builtin(_enable, 0, 0),
        "disable": Builtin(_disable, 0, 0),
        "is_tracked": Builtin(_is_tracked, 1, 1),
    },
    "weakref": {"ref": Builtin(_ref, 1, 2)},
}
