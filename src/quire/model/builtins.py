"""The built-in functions, methods and modules that the model's programs find ready.

Arguments come without new references; what is returned is a reference of its own. ``sys.getrefcount`` needs no rule of
its own: it reads the count, and the argument on the evaluation stack counts if it was not borrowed.

Source: Python/bltinmodule.c, Python/sysmodule.c, Modules/gcmodule.c, Objects/listobject.c, Objects/dictobject.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from quire.errors import NotInSubset, ProgramRaised
from quire.model.objects import Object

if TYPE_CHECKING:
    from quire.model.interpreter import Interpreter

Builtin = Callable[["Interpreter", list[Object]], Object]


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
    start, stop, step = {1: (0, None, 1), 2: (None, None, 1), 3: (None, None, None)}[len(arguments)]
    given = iter([space.incref(one) for one in arguments])
    parts = [next(given) if part is None else space.int.make(part) for part in (start, stop, step)]
    made = space.range.make(start=parts[0], stop=parts[1], step=parts[2])
    for part in parts:
        space.decref(part)
    return made


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
    return interpreter.space.caches.interned.intern(interpreter.space.incref(one))


def _collect(interpreter: Interpreter, arguments: list[Object]) -> Object:
    generation = interpreter.number(arguments[0]) if arguments else 2
    space = interpreter.space
    space.collect(generation)
    return space.int.make(len(space.collector.collections[-1].unreachable))


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
    target, callback = (*arguments, None)[:2]
    assert target is not None
    return interpreter.space.weakref.make(target, callback)


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
    one, place = (*arguments, None)[:2]
    assert one is not None
    try:
        return interpreter.space.list.pop(one, -1 if place is None else interpreter.number(place))
    except IndexError as wrong:
        raise ProgramRaised(f"IndexError: {wrong}") from wrong


def _get(interpreter: Interpreter, arguments: list[Object]) -> Object:
    one, key, default = (*arguments, None)[:3]
    assert one is not None
    assert key is not None
    found = interpreter.space.dict.get(one, key)
    return interpreter.space.incref(found or default or interpreter.space.none)


FUNCTIONS: dict[str, Builtin] = {
    "print": _print,
    "len": _len,
    "id": _id,
    "range": _range,
    "list": _list,
    "tuple": _tuple,
    "dict": _dict,
}
METHODS: dict[tuple[str, str], Builtin] = {
    ("list", "append"): _append,
    ("list", "extend"): _extend,
    ("list", "clear"): _clear,
    ("list", "pop"): _pop,
    ("dict", "get"): _get,
    ("dict", "clear"): _clear,
}
MODULES: dict[str, dict[str, Builtin]] = {
    "sys": {"getrefcount": _getrefcount, "getsizeof": _getsizeof, "intern": _intern},
    "gc": {"collect": _collect, "enable": _enable, "disable": _disable, "is_tracked": _is_tracked},
    "weakref": {"ref": _ref},
}
