"""Running programs: frames come and go, names are set, references are counted, objects live and die.

    source -> code object -> frame -> instruction, instruction, ... -> return
                               |
                               +-- a call pushes another frame; its return takes it away

The interpreter runs the running Python's own instructions (see ``instructions``) on the model's objects, so after each
one the counts are those that CPython would have. It runs a subset of the language: names, numbers, text, lists, tuples,
dictionaries, functions, simple classes, conditions and loops. What it cannot run it names, with the line.

    >>> interpreter = Interpreter()
    >>> for state in interpreter.steps("numbers = [1, 2, 3]\\nmore = numbers\\n"):
    ...     print(state.next, state.names)

Source: Python/bytecodes.c, Python/ceval.c (``_PyEvalFramePushAndInit``, ``initialize_locals``), Objects/typeobject.c
(``type_call``, ``slot_tp_init``), Python/bltinmodule.c (``builtin___build_class__``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

from quire.errors import NotInSubset, ProgramRaised, ProgramStopped, WrongType
from quire.model.builtins import FUNCTIONS, METHODS, MODULES, Builtin
from quire.model.classes import Class
from quire.model.code import compile_source, instruction_record
from quire.model.frames import CallStack, Frame, Reference
from quire.model.functions import Action
from quire.model.instructions import ARITHMETIC, COMPARISONS, Instructions
from quire.model.objects import Object
from quire.model.space import ObjectSpace
from quire.records import FrameRecord, NameRecord, ProgramState

_UNSUPPORTED_CODE = {
    0x04: "functions that take *arguments",
    0x08: "functions that take **arguments",
    0x20: "generators",
}
_UNSUPPORTED_CODE |= {0x80: "coroutines", 0x200: "asynchronous generators"}
_CELLS_OF_CLASSES = {"__classdictcell__", "__classcell__"}
FRAMES_MAX = 1000
"""How deep calls may nest, as ``sys.getrecursionlimit`` has it."""


class Interpreter:
    """Runs programs on the objects of one space.

    Args:
        space: the objects; a fresh space, of the running Python's version, if not given.
    """

    def __init__(self, space: ObjectSpace | None = None) -> None:
        self.space = space = space or ObjectSpace()
        self.calls = CallStack(space)
        self.frames: list[Frame] = []
        self.output: list[str] = []
        """The lines that the program has printed."""
        self.steps_done = 0
        self.builtins = space.dict.make()
        self.build_class = self._make_builtin("__build_class__", _misplaced)
        self._methods: dict[tuple[str, str], Object] = {}
        self._modules: dict[str, Object] = {}
        self._fill_builtins()
        self.globals = space.dict.make()
        """The module's names."""
        self._set_text(self.globals, "__name__", space.intern("__main__"))
        self._instructions: dict[int, Instructions] = {}
        space.call_back = self._call_back

    # --- running ---

    def run(self, source: str) -> None:
        """Run a program to its end; its names are in ``globals`` then.

        Raises:
            ProgramStopped: it is no Python, uses what the subset does not have, or raised an exception.
        """
        for _ in self._run(source):
            pass

    def steps(self, source: str) -> Iterator[ProgramState]:
        """Run a program instruction by instruction: its state before each, and at the end. Raises: as ``run``."""
        for _ in self._run(source):
            yield self.state()

    def _run(self, source: str) -> Iterator[None]:
        """Instruction by instruction; whatever ends a program early, its frames go."""
        self._start(source)
        try:
            while self.frames:
                yield
                self.step()
            yield
        finally:
            self._leave_frames(0)

    def _leave_frames(self, depth: int) -> None:
        """Let go of all frames but the first ones: nobody will return to them."""
        while len(self.frames) > depth:
            del self._instructions[id(self.frames[-1])]
            self.frames.pop().leave()

    def step(self) -> None:
        """Carry out one instruction of the frame that runs.

        Raises:
            NotInSubset: the instruction, or what it is to do, is none that the model runs.
            ProgramRaised: it raised an exception, which the model's programs cannot catch.
        """
        frame = self.frames[-1]
        instruction = frame.instructions[frame.next]
        frame.next += 1
        self.steps_done += 1
        try:
            self._instructions[id(frame)].do(instruction)
        except NotInSubset as wrong:
            raise NotInSubset(self._place(frame, instruction.opname, wrong)) from wrong
        except ProgramRaised as wrong:
            raise ProgramRaised(self._place(frame, "", wrong)) from wrong
        except WrongType as wrong:
            raise ProgramRaised(self._place(frame, "", f"TypeError: {wrong}")) from wrong

    def state(self) -> ProgramState:
        """The program at this moment."""
        frame = self.frames[-1] if self.frames else None
        following = instruction_record(frame.instructions[frame.next]) if frame else None
        return ProgramState(
            step=self.steps_done,
            next=following,
            frames=tuple(self._frame_record(frame) for frame in self.frames),
            names=self.names(),
            output=tuple(self.output),
        )

    def names(self) -> tuple[NameRecord, ...]:
        """The module's names and what they stand for; those with two underscores are left out."""
        items = self.space.dict.items(self.globals)
        return tuple(
            self._name_record(str(key.value), one) for key, one in items if not str(key.value).startswith("__")
        )

    def name(self, name: str) -> Object:
        """The object that one of the module's names stands for.

        Raises:
            ProgramRaised: there is no such name.
        """
        found = self.space.dict.get_text(self.globals, name)
        if found is None:
            raise ProgramRaised(f"NameError: name {name!r} is not defined")
        return found

    def pause(self) -> None:
        """Between two instructions, where CPython looks whether something is to be done: a collection that is due."""
        self.space.collector.run_pending()

    # --- frames ---

    def _start(self, source: str) -> None:
        code = self.space.code.make_from(compile_source(source))
        function = self.make_function(code, self.globals)
        self.space.decref(code)
        self.push_frame(function, self.globals)

    def push_frame(self, function: Object, names: Object | None = None) -> Frame:
        """A frame for a call of a function, whose reference it takes over.

        Raises:
            NotInSubset: the function is of a kind that the model does not run.
            ProgramRaised: calls nest too deep.
        """
        if len(self.frames) >= FRAMES_MAX:
            raise ProgramRaised(f"RecursionError: {FRAMES_MAX} calls have not returned")
        code = self._real_code(function)
        for flag, what in _UNSUPPORTED_CODE.items():
            if code.co_flags & flag:
                raise NotInSubset(f"the model does not run {what}")
        globals_ = self.space.function.get(function, "globals")
        assert globals_ is not None
        frame = Frame(self.space, self.calls, code, function, globals_, names)
        self.frames.append(frame)
        self._instructions[id(frame)] = Instructions(self, frame)
        return frame

    def return_from(self, frame: Frame, value: Object) -> None:
        """The frame is done: it goes, and the one that called it gets the value, a reference of its own."""
        self.frames.pop()
        del self._instructions[id(frame)]
        frame.leave()
        if frame.on_return:
            value = frame.on_return(value)
        if frame.is_entry:
            self._returned = value
        elif self.frames:
            self.frames[-1].push_object(value)
        else:
            self.space.decref(value)

    def code_of(self, frame: Frame) -> Object:
        """The code object that a frame runs."""
        assert frame.function is not None
        code = self.space.function.get(frame.function, "code")
        assert code is not None
        return code

    def _real_code(self, function: Object) -> CodeType:
        code = self.space.function.get(function, "code")
        assert code is not None
        return self.space.code.real_codes[code.address]

    def make_function(self, code: Object, globals_: Object) -> Object:
        """What ``def`` makes of a code object."""
        name = self.space.code.get(code, "name")
        return self.space.function.make(globals=globals_, builtins=self.builtins, name=name, code=code)

    # --- calls ---

    def call_from(self, frame: Frame, callable_: Reference, arguments: list[Reference], names: tuple[str, ...]) -> None:
        """A call that a frame makes; callable and arguments were taken off its evaluation stack.

        A function's frame takes them over as they are. Whatever else is called only looks at them, and they are
        dropped afterwards.
        """
        one = callable_.one
        if one.type is self.space.method:
            self._call_bound(frame, callable_, arguments, names)
        elif one.type is self.space.function:
            called = self.push_frame(frame.owned(callable_))
            self._fill_variables(called, arguments, names)
        elif one is self.build_class:
            self._build_class(frame, callable_, arguments)
        elif isinstance(one, Class):
            self._make_instance(frame, callable_, arguments, names)
        elif one.type is self.space.builtin:
            if names:
                raise NotInSubset("the model's built-in functions take no arguments by name")
            try:
                made = self.space.builtin.action_of(one)(self.space, [argument.one for argument in arguments])
            finally:
                for slot in (*arguments, callable_):
                    frame.close(slot)
            frame.push_object(made)
        elif one.type is self.space.weakref:
            target = self.space.weakref.target(one) or self.space.none
            frame.push_object(self.space.incref(target))
            frame.close(callable_)
        else:
            raise ProgramRaised(f"TypeError: {one.type.name} objects cannot be called")

    def call(self, function: Object, arguments: Sequence[Object]) -> Object:
        """Call a function from outside of any frame, as CPython does for finalizers, and run it to its end.

        Returns:
            Its value; the reference is the caller's.
        """
        frame = self.push_frame(self.space.incref(function))
        frame.is_entry = True
        self._fill_variables(frame, [Reference(self.space.incref(one)) for one in arguments], ())
        depth = len(self.frames)
        try:
            while len(self.frames) >= depth:
                self.step()
        except ProgramRaised:
            self._leave_frames(depth - 1)
            raise
        return self._returned

    def _call_bound(
        self, frame: Frame, callable_: Reference, arguments: list[Reference], names: tuple[str, ...]
    ) -> None:
        function = self.space.method.get(callable_.one, "function")
        self_ = self.space.method.get(callable_.one, "instance")
        assert function is not None
        assert self_ is not None
        arguments = [Reference(self.space.incref(self_)), *arguments]
        called = Reference(self.space.incref(function))
        frame.close(callable_)
        self.call_from(frame, called, arguments, names)

    def _fill_variables(self, frame: Frame, arguments: list[Reference], names: tuple[str, ...]) -> None:
        """Arguments become the first variables; those that are missing come from the defaults."""
        code, positional = frame.code, len(arguments) - len(names)
        expected = code.co_varnames[: code.co_argcount]
        if code.co_kwonlyargcount:
            raise NotInSubset("the model's functions have no arguments that are given by name only")
        if positional > len(expected) or not set(names) <= set(expected[positional:]):
            raise ProgramRaised(f"TypeError: {code.co_name}() got arguments that it does not take")
        for index, argument in enumerate(arguments[:positional]):
            frame.set_variable(index, argument)
        for name, argument in zip(names, arguments[positional:], strict=True):
            frame.set_variable(expected.index(name), argument)
        self._fill_defaults(frame, expected)

    def _fill_defaults(self, frame: Frame, expected: tuple[str, ...]) -> None:
        assert frame.function is not None
        held = self.space.function.get(frame.function, "defaults")
        defaults = self.space.tuple.items(held) if held else ()
        first = len(expected) - len(defaults)
        for index, name in enumerate(expected):
            if frame.variables[index] is not None:
                continue
            if index < first:
                raise ProgramRaised(f"TypeError: {frame.code.co_name}() got no {name!r}")
            frame.set_variable(index, Reference(self.space.incref(defaults[index - first])))

    def _call_back(self, callback: Object, argument: Object) -> None:
        self.space.guard("callback", lambda: self.space.decref(self._call_any(callback, [argument])))

    def _call_any(self, callable_: Object, arguments: list[Object]) -> Object:
        if callable_.type is self.space.builtin:
            return self.space.builtin.action_of(callable_)(self.space, arguments)
        if callable_.type is self.space.method:
            function, self_ = self.space.method.references(callable_)
            return self.call(function, [self_, *arguments])
        return self.call(callable_, arguments)

    # --- classes ---

    def _build_class(self, frame: Frame, callable_: Reference, arguments: list[Reference]) -> None:
        """``class``: run its body on a dictionary of its own, then make a class of that."""
        if len(arguments) > 2:
            raise NotInSubset("the model's classes have no bases")
        body, name = arguments
        names = self.space.dict.make()
        called = self.push_frame(self.space.incref(body.one), names)
        self.space.incref(names)  # for the frame, which drops it

        def finish(value: Object) -> Object:
            self.space.decref(value)
            made = self._class_of(str(name.one.value), names)
            self.space.decref(names)
            for slot in (*arguments, callable_):
                frame.close(slot)
            return made

        called.on_return = finish

    def _class_of(self, name: str, names: Object) -> Class:
        held = {str(key.value): one for key, one in self.space.dict.items(names)}
        slots = held.get("__slots__")
        finalizer = held.get("__del__")
        made = self.space.new_class(
            name,
            slots=tuple(str(slot.value) for slot in self.items_of(slots)) if slots else None,
            finalizer=self._finalizer_of(finalizer) if finalizer else None,
        )
        for key, one in held.items():
            if key in _CELLS_OF_CLASSES:
                self.space.cell.set(one, "content", None)  # it knew the body's names; the class has its own
            else:
                made.attributes[key] = self.space.incref(one)
        return made

    def _finalizer_of(self, function: Object) -> Callable[[Object], None]:
        return lambda one: self.space.decref(self.call(function, [one]))

    def _make_instance(
        self, frame: Frame, callable_: Reference, arguments: list[Reference], names: tuple[str, ...]
    ) -> None:
        """Calling a class: an instance, then its ``__init__``. A tuple holds the arguments meanwhile."""
        class_ = callable_.one
        assert isinstance(class_, Class)
        made = class_.make()
        begin = class_.attributes.get("__init__")
        if begin is None:
            if arguments:
                raise ProgramRaised(f"TypeError: {class_.name}() takes no arguments")
            frame.close(callable_)
            frame.push_object(made)
            return
        positional = arguments[: len(arguments) - len(names)]
        packed = self.space.tuple.make([argument.one for argument in positional])
        called = self.push_frame(self.space.incref(begin))
        passed = [made, *(argument.one for argument in arguments)]
        self._fill_variables(called, [Reference(self.space.incref(one)) for one in passed], names)

        def finish(value: Object) -> Object:
            self.space.decref(value)
            self.space.decref(packed)
            for slot in (*arguments, callable_):
                frame.close(slot)
            return made

        called.on_return = finish

    # --- attributes ---

    def attribute(self, owner: Object, name: str) -> Object:
        """An attribute, with a new reference; a function of the class becomes a bound method.

        Raises:
            ProgramRaised: the object has no such attribute.
        """
        found = self._own_attribute(owner, name)
        if found:
            return self.space.incref(found)
        function = self.method_of(owner, name)
        if function and function.type is self.space.function:
            return self.space.method.make(function=function, instance=owner)
        if function:
            action = self.space.builtin.action_of(function)
            return self.space.builtin.make_action(name, _bound(action, owner), owner)
        in_class = owner.type.attributes.get(name) if isinstance(owner.type, Class) else None
        if in_class:
            return self.space.incref(in_class)
        raise ProgramRaised(f"AttributeError: {owner.type.name} objects have no {name!r}")

    def _own_attribute(self, owner: Object, name: str) -> Object | None:
        if isinstance(owner, Class):
            return owner.attributes.get(name)
        if isinstance(owner.type, Class):
            has_place = owner.type.slots is None or name in owner.type.slots
            return owner.type.get(owner, name) if has_place else None
        if owner.type is self.space.module:
            names = self.space.module.get(owner, "dict")
            return self.space.dict.get_text(names, name) if names else None
        return None

    def method_of(self, owner: Object, name: str) -> Object | None:
        """The function that ``owner.name()`` calls with the owner as first argument; ``None`` if there is none."""
        type_ = owner.type
        if isinstance(type_, Class):
            if self._own_attribute(owner, name):
                return None
            found = type_.attributes.get(name)
            return found if found and found.type is self.space.function else None
        return self._methods.get((type_.name, name))

    def set_attribute(self, owner: Object, name: str, value: Object | None) -> None:
        """Set an attribute, or remove it.

        Raises:
            ProgramRaised: the object takes no such attribute.
        """
        if isinstance(owner, Class):
            self._set_class_attribute(owner, name, value)
        elif isinstance(owner.type, Class):
            if value is None and owner.type.get(owner, name) is None:
                raise ProgramRaised(f"AttributeError: {owner.type.name} objects have no {name!r}")
            owner.type.set(owner, name, value)
        else:
            raise ProgramRaised(f"AttributeError: {owner.type.name} objects take no attributes")

    def _set_class_attribute(self, owner: Class, name: str, value: Object | None) -> None:
        old = owner.attributes.pop(name, None)
        if value:
            owner.attributes[name] = self.space.incref(value)
        if old:
            self.space.decref(old)

    # --- containers, arithmetic ---

    def items_of(self, one: Object) -> list[Object]:
        """The items of an iterable, without new references."""
        if one.type in (self.space.list, self.space.tuple):
            return list(one.type.value_of(one))
        if one.type is self.space.dict:
            return [key for key, _ in self.space.dict.items(one)]
        raise NotInSubset(f"the model does not unpack {one.type.name} objects")

    def iterator_over(self, one: Object) -> Object:
        """An iterator, with a reference that is the caller's."""
        kinds = {"list": self.space.list_iterator, "tuple": self.space.tuple_iterator}
        kinds |= {"dict": self.space.dict_iterator, "range": self.space.range_iterator}
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
        return any(one is item or self.compare("==", one, item) for one in self.items_of(container))

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
        values = (left.value, right.value)
        if left.type is not self.space.str or right.type is not self.space.str:
            values = (self.number(left), self.number(right))
        return COMPARISONS[sign](*values)

    def _equal(self, left: Object, right: Object) -> bool:
        if left is right:
            return True
        if left.type is right.type and left.type in (self.space.list, self.space.tuple):
            pairs = list(zip(self.items_of(left), self.items_of(right), strict=False))
            same_length = len(self.items_of(left)) == len(self.items_of(right))
            return same_length and all(self._equal(one, other) for one, other in pairs)
        if left.type is right.type is self.space.dict:
            raise NotInSubset("the model does not compare dictionaries")
        if self.space.list in (left.type, right.type) or self.space.dict in (left.type, right.type):
            return False
        return left.type.key_of(left) == right.type.key_of(right)

    # --- what programs find ready ---

    def import_module(self, name: str) -> Object:
        """One of the modules that the model has, with a reference that is the caller's. Raises: NotInSubset."""
        if name not in MODULES:
            raise NotInSubset(f"the model has no module {name!r}; it has {', '.join(sorted(MODULES))}")
        if name not in self._modules:
            names = self.space.dict.make()
            for function, action in MODULES[name].items():
                self._set_text(names, function, self._make_builtin(function, _for(self, action)))
            self._modules[name] = self.space.module.make(dict=names)
            self.space.decref(names)
        return self.space.incref(self._modules[name])

    def _fill_builtins(self) -> None:
        for name, action in FUNCTIONS.items():
            self._set_text(self.builtins, name, self._make_builtin(name, _for(self, action)))
        for (type_name, name), action in METHODS.items():
            self._methods[type_name, name] = self._make_builtin(name, _for(self, action))

    def _make_builtin(self, name: str, action: Action) -> Object:
        return self.space.builtin.make_action(name, action)

    def _set_text(self, names: Object, name: str, value: Object) -> None:
        """Set a name, and give the value's reference away."""
        key = self.space.intern(name)
        self.space.dict.set_item(names, key, value)
        self.space.decref(key)
        self.space.decref(value)

    # --- records ---

    def _frame_record(self, frame: Frame) -> FrameRecord:
        following = frame.instructions[min(frame.next, len(frame.instructions) - 1)]
        held = zip(frame.variable_names, frame.variables, strict=True)
        return FrameRecord(
            function=frame.code.co_name,
            line=following.positions.lineno if following.positions else None,
            address=frame.address,
            size_bytes=frame.size_bytes,
            names=tuple(self._name_record(name, slot.one) for name, slot in held if isinstance(slot, Reference)),
            stack=tuple(self._name_record("", slot.one) for slot in frame.stack if isinstance(slot, Reference)),
        )

    def _name_record(self, name: str, one: Object) -> NameRecord:
        count = None if one.is_immortal else one.count
        return NameRecord(name, one.address, one.type.name, self.space.describe(one), count)

    def _place(self, frame: Frame, instruction: str, what: object) -> str:
        positions = frame.instructions[frame.next - 1].positions
        where = f"line {positions.lineno}" if positions and positions.lineno else frame.code.co_name
        return f"{where}: {instruction}: {what}" if instruction else f"{where}: {what}"

    _returned: Object


def _for(interpreter: Interpreter, builtin: Builtin) -> Action:
    return lambda _space, arguments: builtin.call(interpreter, arguments)


def _bound(action: Action, owner: Object) -> Action:
    return lambda space, arguments: action(space, [owner, *arguments])


def _misplaced(_space: ObjectSpace, _arguments: list[Object]) -> Object:
    raise ProgramStopped("__build_class__ is called by class statements only")
