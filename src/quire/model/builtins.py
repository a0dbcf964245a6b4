"""The built-in functions, methods and modules that the model's programs find ready.

Each takes the interpreter, then the program's arguments, without new references; what it returns is a reference of its
own. ``sys.getrefcount`` needs no rule of its own: it reads the count, and the argument on the evaluation stack counts
if it was not borrowed.

Source: Python/bltinmodule.c, Python/sysmodule.c, Modules/gcmodule.c, Objects/listobject.c, Objects/dictobject.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from quire.errors import InvalidOption
from quire.model.collector import OLD
from quire.model.errors import NotInSubset, ProgramRaised
from quire.model.objects import Object
from quire.model.programs import IteratorType

if TYPE_CHECKING:
    from quire.model.interpreter import Interpreter

Builtin = Callable[..., Object]


def _print(interpreter: Interpreter, *arguments: Object) -> Object:
    interpreter.output.append(" ".join(_text(interpreter, one) for one in arguments))
    return _none(interpreter)


def _text(interpreter: Interpreter, one: Object) -> str:
    return str(one.value) if one.type is interpreter.space.str else interpreter.space.describe(one)


def _none(interpreter: Interpreter) -> Object:
    return interpreter.space.incref(interpreter.space.none)


def _len(interpreter: Interpreter, one: Object) -> Object:
    space = interpreter.space
    items = one.value if one.type in (space.str, space.bytes) else interpreter.operations.items_of(one)
    return space.int.make(len(items))


def _id(interpreter: Interpreter, one: Object) -> Object:
    return interpreter.space.int.make(one.address)


def _range(interpreter: Interpreter, first: Object, second: Object | None = None, step: Object | None = None) -> Object:
    space = interpreter.space
    for one in filter(None, (first, second, step)):
        interpreter.operations.number(one)
    start, stop = (first, second) if second else (None, first)
    parts = [
        space.incref(start) if start else space.int.make(0),
        space.incref(stop),
        space.incref(step) if step else space.int.make(1),
    ]
    made = space.range.make(start=parts[0], stop=parts[1], step=parts[2])
    for part in parts:
        space.decref(part)
    return made


def _sum(interpreter: Interpreter, items: Object, start: Object | None = None) -> Object:
    """Goes along an iterator of its own: while it adds, there is one reference more to what it adds up."""
    space = interpreter.space
    iterator = interpreter.operations.iterator_over(items)
    assert isinstance(iterator.type, IteratorType)
    total = space.incref(start) if start else space.int.make(0)
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
        return interpreter.operations.arithmetic("+", total, item)
    finally:
        interpreter.space.decref(item)


def _list(interpreter: Interpreter, items: Object | None = None) -> Object:
    made = interpreter.space.list.make()
    if items:
        interpreter.space.list.extend(made, interpreter.operations.items_of(items))
    return made


def _tuple(interpreter: Interpreter, items: Object | None = None) -> Object:
    return interpreter.space.tuple.make(interpreter.operations.items_of(items) if items else [])


def _dict(interpreter: Interpreter, *arguments: Object) -> Object:
    if arguments:
        raise NotInSubset("the model's dict() takes no arguments")
    return interpreter.space.dict.make()


def _getrefcount(interpreter: Interpreter, one: Object) -> Object:
    return interpreter.space.int.make(one.count)


def _getsizeof(interpreter: Interpreter, one: Object) -> Object:
    return interpreter.space.int.make(interpreter.space.getsizeof(one))


def _intern(interpreter: Interpreter, one: Object) -> Object:
    if one.type is not interpreter.space.str:
        raise ProgramRaised(f"TypeError: {one.type.name} objects are no text")
    return interpreter.space.caches.interned.intern(interpreter.space.incref(one))


def _collect(interpreter: Interpreter, generation: Object | None = None) -> Object:
    space = interpreter.space
    number = OLD if generation is None else interpreter.operations.number(generation)
    try:
        return space.int.make(len(space.collect(number).unreachable))
    except InvalidOption as wrong:
        raise ProgramRaised(f"ValueError: {wrong}") from wrong


def _enable(interpreter: Interpreter) -> Object:
    interpreter.space.collector.is_enabled = True
    return _none(interpreter)


def _disable(interpreter: Interpreter) -> Object:
    interpreter.space.collector.is_enabled = False
    return _none(interpreter)


def _is_tracked(interpreter: Interpreter, one: Object) -> Object:
    return interpreter.space.bool.make(interpreter.space.collector.is_tracked(one))


def _ref(interpreter: Interpreter, target: Object, callback: Object | None = None) -> Object:
    return interpreter.space.weakref.make(target, callback)


def _append(interpreter: Interpreter, one: Object, item: Object) -> Object:
    interpreter.space.list.append(one, item)
    return _none(interpreter)


def _extend(interpreter: Interpreter, one: Object, items: Object) -> Object:
    interpreter.space.list.extend(one, interpreter.operations.items_of(items))
    return _none(interpreter)


def _clear(interpreter: Interpreter, one: Object) -> Object:
    for dropped in one.type.clear(one):
        interpreter.space.decref(dropped)
    return _none(interpreter)


def _pop(interpreter: Interpreter, one: Object, place: Object | None = None) -> Object:
    try:
        return interpreter.space.list.pop(one, -1 if place is None else interpreter.operations.number(place))
    except IndexError as wrong:
        raise ProgramRaised(f"IndexError: {wrong}") from wrong


def _get(interpreter: Interpreter, one: Object, key: Object, default: Object | None = None) -> Object:
    found = interpreter.space.dict.get(one, key)
    return interpreter.space.incref(found or default or interpreter.space.none)


FUNCTIONS: dict[str, Builtin] = {
    "print": _print,
    "len": _len,
    "id": _id,
    "sum": _sum,
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
