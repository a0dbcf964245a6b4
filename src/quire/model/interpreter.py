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

import inspect
from collections.abc import Callable, Iterator, Sequence

from quire.model.builtins import FUNCTIONS, METHODS, MODULES, Builtin
from quire.model.classes import Class
from quire.model.code import compile_source, instruction_record
from quire.model.errors import NotInSubset, ProgramRaised, ProgramStopped, WrongType
from quire.model.frames import CallStack, Frame, Reference
from quire.model.functions import Action
from quire.model.instructions import Instructions
from quire.model.objects import Object
from quire.model.operations import Operations
from quire.model.space import ObjectSpace
from quire.records.programs import FrameRecord, NameRecord, ProgramState

_UNSUPPORTED_CODE = {
    inspect.CO_VARARGS: "functions that take *arguments",
    inspect.CO_VARKEYWORDS: "functions that take **arguments",
    inspect.CO_GENERATOR: "generators",
    inspect.CO_COROUTINE: "coroutines",
    inspect.CO_ASYNC_GENERATOR: "asynchronous generators",
}
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
        self.operations = Operations(space)
        self.calls = CallStack(space)
        self.frames: list[Frame] = []
        self.output: list[str] = []
        """The lines that the program has printed."""
        self.steps_done = 0
        self.builtins = space.dict.make()
        self.build_class = space.builtin.make_action("__build_class__", _misplaced)
        self._methods: dict[tuple[str, str], Object] = {}
        self._modules: dict[str, Object] = {}
        self._fill_builtins()
        self.globals = space.dict.make()
        """The module's names."""
        self._set_text(self.globals, "__name__", space.intern("__main__"))
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
            Instructions(self, frame).do(instruction)
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
        code = self.space.code.real_codes[self.code_of(function).address]
        for flag, what in _UNSUPPORTED_CODE.items():
            if code.co_flags & flag:
                raise NotInSubset(f"the model does not run {what}")
        globals_ = self.space.function.get(function, "globals")
        assert globals_ is not None
        frame = Frame(self.space, self.calls, code, function, globals_, names)
        self.frames.append(frame)
        return frame

    def return_from(self, frame: Frame, value: Object) -> None:
        """The frame is done: it goes, and the one that called it gets the value, a reference of its own."""
        self.frames.pop().leave()
        if frame.on_return:
            value = frame.on_return(value)
        if frame.is_entry:
            frame.returned = value
        elif self.frames:
            self.frames[-1].push_object(value)
        else:
            self.space.decref(value)

    def code_of(self, function: Object) -> Object:
        """The code object that a function runs."""
        code = self.space.function.get(function, "code")
        assert code is not None
        return code

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
                frame.close(*arguments, callable_)
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
        assert frame.returned is not None
        return frame.returned

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
            frame.close(*arguments, callable_)
            return made

        called.on_return = finish

    def _class_of(self, name: str, names: Object) -> Class:
        held = {str(key.value): one for key, one in self.space.dict.items(names)}
        slots = held.get("__slots__")
        finalizer = held.get("__del__")
        made = self.space.new_class(
            name,
            slots=tuple(str(slot.value) for slot in self.operations.items_of(slots)) if slots else None,
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
            frame.close(*arguments, callable_)
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

    # --- what programs find ready ---

    def import_module(self, name: str) -> Object:
        """One of the modules that the model has, with a reference that is the caller's. Raises: NotInSubset."""
        if name not in MODULES:
            raise NotInSubset(f"the model has no module {name!r}; it has {', '.join(sorted(MODULES))}")
        if name not in self._modules:
            names = self.space.dict.make()
            for function, builtin in MODULES[name].items():
                self._set_text(names, function, self._make_builtin(function, builtin))
            self._modules[name] = self.space.module.make(dict=names)
            self.space.decref(names)
        return self.space.incref(self._modules[name])

    def _fill_builtins(self) -> None:
        for name, builtin in FUNCTIONS.items():
            self._set_text(self.builtins, name, self._make_builtin(name, builtin))
        for (type_name, name), builtin in METHODS.items():
            self._methods[type_name, name] = self._make_builtin(name, builtin)

    def _make_builtin(self, name: str, builtin: Builtin) -> Object:
        return self.space.builtin.make_action(name, _for(self, name, builtin))

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


def _for(interpreter: Interpreter, name: str, builtin: Builtin) -> Action:
    """What a builtin does for one interpreter; arguments that it does not take are the program's mistake."""
    signature = inspect.signature(builtin)

    def action(_space: ObjectSpace, arguments: list[Object]) -> Object:
        try:
            signature.bind(interpreter, *arguments)
        except TypeError as wrong:
            raise ProgramRaised(f"TypeError: {name}(): {wrong}") from wrong
        return builtin(interpreter, *arguments)

    return action


def _bound(action: Action, owner: Object) -> Action:
    return lambda space, arguments: action(space, [owner, *arguments])


def _misplaced(_space: ObjectSpace, _arguments: list[Object]) -> Object:
    raise ProgramStopped("__build_class__ is called by class statements only")
