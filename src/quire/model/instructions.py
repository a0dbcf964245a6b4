# ruff: noqa: N802  (the methods are named as the instructions are)
"""What each instruction does to variables, to the evaluation stack, and by that to counts.

    x = y          LOAD_NAME y     a new reference to y's object, on the stack       count + 1
                   STORE_NAME x    the dictionary takes one of its own               count + 1
                                   the stack's is dropped                            count - 1

They are the running Python's own instructions, so each version's own rules hold: 3.14's ``LOAD_FAST_BORROW`` puts a
reference on the stack that is not counted. Those that CPython makes of others while it runs (specialised ones) do the
same to counts, and are left out.

A method ``NAME`` or ``NAME(argument)`` here is the instruction of that name. What is not here is not in the subset.

Source: Python/bytecodes.c (3.11: Python/ceval.c), Lib/dis.py.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from quire.model.code import index_by_offset
from quire.model.errors import NotInSubset, ProgramRaised, WrongType
from quire.model.frames import Frame, Reference, Slot
from quire.model.objects import Object
from quire.model.programs import IteratorType
from quire.model.space import ObjectSpace

if TYPE_CHECKING:
    from quire.model.interpreter import Interpreter

SELF_FIRST = sys.version_info < (3, 13)
"""Before 3.13 the word for a method's instance stood before the callable, or was empty there."""
WALKS_LISTS_BY_PLACE = sys.version_info >= (3, 15)
"""A loop over a list or tuple makes no iterator, but keeps the sequence and a place on the evaluation stack."""
FUNCTION_ATTRIBUTES = {1: "defaults", 8: "closure"}
_UNSUPPORTED_FLAGS = {2: "keyword defaults", 4: "annotations", 16: "annotations"}


class Instructions:
    """One frame's instructions, carried out one by one."""

    def __init__(self, interpreter: Interpreter, frame: Frame) -> None:
        self.interpreter = interpreter
        self.space: ObjectSpace = interpreter.space
        self.operations = interpreter.operations
        self.frame = frame

    def do(self, instruction: dis.Instruction) -> None:
        """Carry out one instruction; ``frame.next`` stands behind it already.

        Raises:
            NotInSubset: it is none of those below.
        """
        name = instruction.opname.replace("_FORWARD_IF", "_IF").replace("_BACKWARD_IF", "_IF")
        action = getattr(self, name, None) if name.isupper() else None
        if action is None:
            raise NotInSubset(f"the model does not run {instruction.opname}")
        action(instruction)

    # --- doing nothing ---

    def RESUME(self, _: dis.Instruction) -> None:
        self.interpreter.pause()

    def _nothing(self, _: dis.Instruction) -> None:
        pass

    NOP = CACHE = PRECALL = NOT_TAKEN = EXTENDED_ARG = _nothing

    # --- constants ---

    def LOAD_CONST(self, instruction: dis.Instruction) -> None:
        self.frame.push_object(self.space.incref(self._constants()[instruction.arg or 0]))

    def LOAD_SMALL_INT(self, instruction: dis.Instruction) -> None:
        self.frame.push_object(self.space.int.make(instruction.arg or 0))

    def LOAD_COMMON_CONSTANT(self, instruction: dis.Instruction) -> None:
        try:
            self.frame.push_object(self.space.new(instruction.argval))
        except WrongType as wrong:
            raise NotInSubset(f"the model has no {instruction.argrepr}") from wrong

    def _constants(self) -> tuple[Object, ...]:
        assert self.frame.function is not None
        constants = self.space.code.get(self.interpreter.code_of(self.frame.function), "consts")
        assert constants is not None
        return self.space.tuple.items(constants)

    # --- variables ---

    def LOAD_FAST(self, instruction: dis.Instruction) -> None:
        self._load_fast(instruction.arg)

    LOAD_FAST_CHECK = LOAD_FAST

    def LOAD_FAST_BORROW(self, instruction: dis.Instruction) -> None:
        self._load_fast(instruction.arg, borrow=True)

    def LOAD_FAST_LOAD_FAST(self, instruction: dis.Instruction) -> None:
        first, second = _two(instruction)
        self._load_fast(first)
        self._load_fast(second)

    def LOAD_FAST_BORROW_LOAD_FAST_BORROW(self, instruction: dis.Instruction) -> None:
        first, second = _two(instruction)
        self._load_fast(first, borrow=True)
        self._load_fast(second, borrow=True)

    def LOAD_FAST_AND_CLEAR(self, instruction: dis.Instruction) -> None:
        self.frame.push(self.frame.take_variable(instruction.arg or 0))

    def STORE_FAST(self, instruction: dis.Instruction) -> None:
        self.frame.set_variable(instruction.arg or 0, self.frame.pop())

    STORE_FAST_MAYBE_NULL = STORE_FAST

    def STORE_FAST_LOAD_FAST(self, instruction: dis.Instruction) -> None:
        stored, loaded = _two(instruction)
        self.frame.set_variable(stored, self.frame.pop())
        self._load_fast(loaded)

    def STORE_FAST_STORE_FAST(self, instruction: dis.Instruction) -> None:
        for index in _two(instruction):
            self.frame.set_variable(index, self.frame.pop())

    def DELETE_FAST(self, instruction: dis.Instruction) -> None:
        self._variable(instruction.arg or 0)
        self.frame.set_variable(instruction.arg or 0, None)

    def _load_fast(self, index: int | None, borrow: bool = False) -> None:
        held = self._variable(index or 0)
        if not borrow and not held.is_borrowed:
            self.space.incref(held.one)
        self.frame.push(Reference(held.one, borrow or held.is_borrowed))

    def _variable(self, index: int) -> Reference:
        held = self.frame.variables[index]
        if not isinstance(held, Reference):
            raise ProgramRaised(f"UnboundLocalError: {self.frame.variable_names[index]} has no value")
        return held

    # --- cells: variables that functions share ---

    def MAKE_CELL(self, instruction: dis.Instruction) -> None:
        index = instruction.arg or 0
        held = self.frame.variables[index]
        content = held.one if isinstance(held, Reference) else None
        self.frame.set_variable(index, Reference(self.space.cell.make(content=content)))

    def COPY_FREE_VARS(self, instruction: dis.Instruction) -> None:
        assert self.frame.function is not None
        closure = self.space.function.get(self.frame.function, "closure")
        cells = self.space.tuple.items(closure) if closure else ()
        first = len(self.frame.variables) - (instruction.arg or 0)
        for index, cell in enumerate(cells, first):
            self.frame.set_variable(index, Reference(self.space.incref(cell)))

    LOAD_CLOSURE = LOAD_FAST

    def LOAD_DEREF(self, instruction: dis.Instruction) -> None:
        content = self.space.cell.get(self._variable(instruction.arg or 0).one, "content")
        if content is None:
            raise ProgramRaised(f"NameError: {instruction.argval} has no value")
        self.frame.push_object(self.space.incref(content))

    def STORE_DEREF(self, instruction: dis.Instruction) -> None:
        value = self.frame.pop_reference()
        self.space.cell.set(self._variable(instruction.arg or 0).one, "content", value.one)
        self.frame.close(value)

    # --- names ---

    def LOAD_NAME(self, instruction: dis.Instruction) -> None:
        assert self.frame.names is not None
        found = self.space.dict.get_text(self.frame.names, instruction.argval)
        self.frame.push_object(self.space.incref(found or self._global(instruction.argval)))

    def STORE_NAME(self, instruction: dis.Instruction) -> None:
        assert self.frame.names is not None
        self._set_name(self.frame.names, instruction.argval)

    def DELETE_NAME(self, instruction: dis.Instruction) -> None:
        assert self.frame.names is not None
        self._delete_name(self.frame.names, instruction.argval)

    def LOAD_GLOBAL(self, instruction: dis.Instruction) -> None:
        before_callable = bool((instruction.arg or 0) & 1)
        if before_callable and SELF_FIRST:
            self.frame.push(None)
        self.frame.push_object(self.space.incref(self._global(instruction.argval)))
        if before_callable and not SELF_FIRST:
            self.frame.push(None)

    def STORE_GLOBAL(self, instruction: dis.Instruction) -> None:
        self._set_name(self.frame.globals, instruction.argval)

    def DELETE_GLOBAL(self, instruction: dis.Instruction) -> None:
        self._delete_name(self.frame.globals, instruction.argval)

    def LOAD_LOCALS(self, _: dis.Instruction) -> None:
        assert self.frame.names is not None
        self.frame.push_object(self.space.incref(self.frame.names))

    def _global(self, name: str) -> Object:
        found = self.space.dict.get_text(self.frame.globals, name)
        found = found or self.space.dict.get_text(self.interpreter.builtins, name)
        if found is None:
            raise ProgramRaised(f"NameError: name {name!r} is not defined")
        return found

    def _set_name(self, names: Object, name: str) -> None:
        value, key = self.frame.pop_reference(), self.space.intern(name)
        self.space.dict.set_item(names, key, value.one)
        self.frame.close(value)
        self.space.decref(key)

    def _delete_name(self, names: Object, name: str) -> None:
        key = self.space.intern(name)
        if self.space.dict.get(names, key) is None:
            raise ProgramRaised(f"NameError: name {name!r} is not defined")
        self.space.dict.remove(names, key)
        self.space.decref(key)

    # --- the evaluation stack ---

    def POP_TOP(self, _: dis.Instruction) -> None:
        self.frame.close(self.frame.pop())

    END_FOR = POP_TOP

    def POP_ITER(self, _: dis.Instruction) -> None:
        if WALKS_LISTS_BY_PLACE:
            self.frame.pop()
        self.frame.close(self.frame.pop())

    def PUSH_NULL(self, _: dis.Instruction) -> None:
        self.frame.push(None)

    def SWAP(self, instruction: dis.Instruction) -> None:
        self.frame.swap(instruction.arg or 0)

    def COPY(self, instruction: dis.Instruction) -> None:
        slot = self.frame.stack[-(instruction.arg or 0)]
        assert isinstance(slot, Reference)
        if not slot.is_borrowed:
            self.space.incref(slot.one)
        self.frame.push(slot)

    # --- containers ---

    def BUILD_LIST(self, instruction: dis.Instruction) -> None:
        self._build(self.space.list.make, instruction.arg or 0)

    def BUILD_TUPLE(self, instruction: dis.Instruction) -> None:
        self._build(self.space.tuple.make, instruction.arg or 0)

    def _build(self, make: Callable[[list[Object]], Object], count: int) -> None:
        taken = self._pop_many(count)
        made = make([slot.one for slot in taken])
        self.frame.close(*taken)
        self.frame.push_object(made)

    def BUILD_MAP(self, instruction: dis.Instruction) -> None:
        count = instruction.arg or 0
        taken = self._pop_many(2 * count)
        made = self.space.dict.make(count)
        for key, value in zip(taken[::2], taken[1::2], strict=True):
            self.space.dict.set_item(made, key.one, value.one)
        self.frame.close(*taken)
        self.frame.push_object(made)

    def BUILD_CONST_KEY_MAP(self, instruction: dis.Instruction) -> None:
        keys = self.frame.pop_reference()
        taken = self._pop_many(instruction.arg or 0)
        made = self.space.dict.make(len(taken))
        for key, value in zip(self.space.tuple.items(keys.one), taken, strict=True):
            self.space.dict.set_item(made, key, value.one)
        self.frame.close(keys, *taken)
        self.frame.push_object(made)

    def LIST_EXTEND(self, instruction: dis.Instruction) -> None:
        items = self.frame.pop_reference()
        self.space.list.extend(self.frame.peek(instruction.arg or 0), self.operations.items_of(items.one))
        self.frame.close(items)

    def LIST_APPEND(self, instruction: dis.Instruction) -> None:
        item = self.frame.pop_reference()
        self.space.list.append(self.frame.peek(instruction.arg or 0), item.one)
        self.frame.close(item)

    def MAP_ADD(self, instruction: dis.Instruction) -> None:
        value, key = self.frame.pop_reference(), self.frame.pop_reference()
        self.space.dict.set_item(self.frame.peek(instruction.arg or 0), key.one, value.one)
        self.frame.close(key, value)

    def UNPACK_SEQUENCE(self, instruction: dis.Instruction) -> None:
        taken = self.frame.pop_reference()
        items = self.operations.items_of(taken.one)
        if len(items) != instruction.arg:
            raise ProgramRaised(f"ValueError: {len(items)} values to unpack, not {instruction.arg}")
        for item in reversed(items):
            self.frame.push_object(self.space.incref(item))
        self.frame.close(taken)

    def BINARY_SUBSCR(self, _: dis.Instruction) -> None:
        key, container = self.frame.pop_reference(), self.frame.pop_reference()
        found = self.space.incref(self.operations.item(container.one, key.one))
        self.frame.close(container, key)
        self.frame.push_object(found)

    def STORE_SUBSCR(self, _: dis.Instruction) -> None:
        key, container, value = (self.frame.pop_reference() for _ in range(3))
        self.operations.set_item(container.one, key.one, value.one)
        self.frame.close(container, key, value)

    def DELETE_SUBSCR(self, _: dis.Instruction) -> None:
        key, container = self.frame.pop_reference(), self.frame.pop_reference()
        self.operations.delete_item(container.one, key.one)
        self.frame.close(container, key)

    # --- attributes ---

    def LOAD_ATTR(self, instruction: dis.Instruction) -> None:
        for_call = sys.version_info >= (3, 12) and bool((instruction.arg or 0) & 1)
        if for_call:
            self._load_method(instruction.argval)
            return
        owner = self.frame.pop_reference()
        found = self.interpreter.attribute(owner.one, instruction.argval)
        self.frame.close(owner)
        self.frame.push_object(found)

    def LOAD_METHOD(self, instruction: dis.Instruction) -> None:
        self._load_method(instruction.argval)

    def _load_method(self, name: str) -> None:
        """A function of the owner's type goes on the stack beside the owner; no bound method is made for the call."""
        owner = self.frame.pop_reference()
        function = self.interpreter.method_of(owner.one, name)
        callable_: Slot
        self_: Slot
        if function:
            callable_, self_ = Reference(self.space.incref(function)), owner
        else:
            callable_, self_ = Reference(self.interpreter.attribute(owner.one, name)), None
            self.frame.close(owner)
        first, second = (self_, callable_) if SELF_FIRST and self_ is None else (callable_, self_)
        self.frame.push(first)
        self.frame.push(second)

    def STORE_ATTR(self, instruction: dis.Instruction) -> None:
        owner, value = self.frame.pop_reference(), self.frame.pop_reference()
        self.interpreter.set_attribute(owner.one, instruction.argval, value.one)
        self.frame.close(value, owner)

    def DELETE_ATTR(self, instruction: dis.Instruction) -> None:
        owner = self.frame.pop_reference()
        self.interpreter.set_attribute(owner.one, instruction.argval, None)
        self.frame.close(owner)

    # --- arithmetic and conditions ---

    def BINARY_OP(self, instruction: dis.Instruction) -> None:
        sign = instruction.argrepr
        if sign == "[]":
            self.BINARY_SUBSCR(instruction)
            return
        right, left = self.frame.pop_reference(), self.frame.pop_reference()
        made = self.operations.arithmetic(sign, left.one, right.one)
        self.frame.close(left, right)
        self.frame.push_object(made)

    def COMPARE_OP(self, instruction: dis.Instruction) -> None:
        right, left = self.frame.pop_reference(), self.frame.pop_reference()
        result = self.operations.compare(str(instruction.argval), left.one, right.one)
        self._push_truth(result, left, right)

    def IS_OP(self, instruction: dis.Instruction) -> None:
        right, left = self.frame.pop_reference(), self.frame.pop_reference()
        self._push_truth((left.one is right.one) != bool(instruction.arg), left, right)

    def CONTAINS_OP(self, instruction: dis.Instruction) -> None:
        container, item = self.frame.pop_reference(), self.frame.pop_reference()
        is_in = self.operations.contains(container.one, item.one)
        self._push_truth(is_in != bool(instruction.arg), item, container)

    def UNARY_NOT(self, _: dis.Instruction) -> None:
        value = self.frame.pop_reference()
        self._push_truth(not value.one.type.truth_of(value.one), value)

    def TO_BOOL(self, _: dis.Instruction) -> None:
        value = self.frame.pop_reference()
        self._push_truth(value.one.type.truth_of(value.one), value)

    def _push_truth(self, truth: bool, *asked: Reference) -> None:
        """True or False comes on the stack in place of what was asked about."""
        self.frame.close(*asked)
        self.frame.push_object(self.space.bool.make(truth))

    def UNARY_NEGATIVE(self, _: dis.Instruction) -> None:
        value = self.frame.pop_reference()
        made = self.space.new(-self.operations.number(value.one))
        self.frame.close(value)
        self.frame.push_object(made)

    # --- jumps ---

    def JUMP_FORWARD(self, instruction: dis.Instruction) -> None:
        self._jump(instruction)

    def JUMP_BACKWARD(self, instruction: dis.Instruction) -> None:
        self._jump(instruction)
        self.interpreter.pause()

    JUMP_BACKWARD_NO_INTERRUPT = JUMP_FORWARD

    def POP_JUMP_IF_TRUE(self, instruction: dis.Instruction) -> None:
        self._pop_and_jump(instruction, lambda one: one.type.truth_of(one))

    def POP_JUMP_IF_FALSE(self, instruction: dis.Instruction) -> None:
        self._pop_and_jump(instruction, lambda one: not one.type.truth_of(one))

    def POP_JUMP_IF_NONE(self, instruction: dis.Instruction) -> None:
        self._pop_and_jump(instruction, lambda one: one is self.space.none)

    def POP_JUMP_IF_NOT_NONE(self, instruction: dis.Instruction) -> None:
        self._pop_and_jump(instruction, lambda one: one is not self.space.none)

    def JUMP_IF_FALSE_OR_POP(self, instruction: dis.Instruction) -> None:
        self._jump_or_pop(instruction, False)

    def JUMP_IF_TRUE_OR_POP(self, instruction: dis.Instruction) -> None:
        self._jump_or_pop(instruction, True)

    def _jump_or_pop(self, instruction: dis.Instruction, wanted: bool) -> None:
        top = self.frame.peek()
        if top.type.truth_of(top) is wanted:
            self._jump(instruction)
        else:
            self.frame.close(self.frame.pop())

    def _pop_and_jump(self, instruction: dis.Instruction, holds: Callable[[Object], bool]) -> None:
        value = self.frame.pop_reference()
        if holds(value.one):
            self._jump(instruction)
        self.frame.close(value)

    def _jump(self, instruction: dis.Instruction) -> None:
        self.frame.next = index_by_offset(self.frame.code)[instruction.argval]

    # --- loops ---

    def GET_ITER(self, _: dis.Instruction) -> None:
        iterable = self.frame.pop_reference()
        if WALKS_LISTS_BY_PLACE and iterable.one.type in (self.space.list, self.space.tuple):
            self.frame.push(iterable)
            self.frame.push(0)
            return
        made = self.operations.iterator_over(iterable.one)
        self.frame.close(iterable)
        self.frame.push_object(made)
        if WALKS_LISTS_BY_PLACE:
            self.frame.push(None)

    def FOR_ITER(self, instruction: dis.Instruction) -> None:
        item = self._next_item()
        if item is not None:
            self.frame.push_object(item)
            return
        self._jump(instruction)
        if sys.version_info < (3, 14):
            self.frame.close(self.frame.pop())
            self.frame.next += {(3, 11): 0, (3, 12): 1}.get(sys.version_info[:2], 2)
        else:
            self.frame.next += 1

    def _next_item(self) -> Object | None:
        """The next item, with a new reference."""
        if not WALKS_LISTS_BY_PLACE:
            return self._next_of(self.frame.peek())
        place = self.frame.stack[-1]
        if not isinstance(place, int):
            return self._next_of(self.frame.peek(2))
        items = self.operations.items_of(self.frame.peek(2))
        if place >= len(items):
            return None
        self.frame.pop()
        self.frame.push(place + 1)
        return self.space.incref(items[place])

    def _next_of(self, iterator: Object) -> Object | None:
        type_ = iterator.type
        assert isinstance(type_, IteratorType)
        return type_.next(iterator)

    # --- functions and calls ---

    def MAKE_FUNCTION(self, instruction: dis.Instruction) -> None:
        code = self.frame.pop_reference()
        made = self.interpreter.make_function(code.one, self.frame.globals)
        self.frame.close(code)
        if sys.version_info < (3, 13):
            for flag in (8, 4, 2, 1):
                if (instruction.arg or 0) & flag:
                    self._set_function_attribute(made, flag)
        self.frame.push_object(made)

    def SET_FUNCTION_ATTRIBUTE(self, instruction: dis.Instruction) -> None:
        function = self.frame.pop_reference()
        self._set_function_attribute(function.one, instruction.arg or 0)
        self.frame.push(function)

    def _set_function_attribute(self, function: Object, flag: int) -> None:
        if flag not in FUNCTION_ATTRIBUTES:
            raise NotInSubset(f"the model's functions have no {_UNSUPPORTED_FLAGS.get(flag, 'such attribute')}")
        value = self.frame.pop_reference()
        self.space.function.set(function, FUNCTION_ATTRIBUTES[flag], value.one)
        self.frame.close(value)

    def KW_NAMES(self, instruction: dis.Instruction) -> None:
        self.frame.keyword_names = tuple(str(name.value) for name in self._constants()[instruction.arg or 0].value)

    def CALL(self, instruction: dis.Instruction) -> None:
        names, self.frame.keyword_names = self.frame.keyword_names, ()
        self._call(instruction.arg or 0, names)

    def CALL_KW(self, instruction: dis.Instruction) -> None:
        names = self.frame.pop_reference()
        texts = tuple(str(name.value) for name in self.space.tuple.items(names.one))
        self._call(instruction.arg or 0, texts)
        self.frame.close(names)

    def _call(self, count: int, names: tuple[str, ...]) -> None:
        arguments: list[Reference] = self._pop_many(count)
        second, first = self.frame.pop(), self.frame.pop()
        if SELF_FIRST and first is None:
            callable_, self_ = second, None
        else:
            callable_, self_ = first, second
        assert isinstance(callable_, Reference)
        if isinstance(self_, Reference):
            arguments.insert(0, self_)
        self.interpreter.call_from(self.frame, callable_, arguments, names)

    def LOAD_BUILD_CLASS(self, _: dis.Instruction) -> None:
        self.frame.push_object(self.space.incref(self.interpreter.build_class))

    def RETURN_VALUE(self, _: dis.Instruction) -> None:
        self.interpreter.return_from(self.frame, self.frame.pop_object())

    def RETURN_CONST(self, instruction: dis.Instruction) -> None:
        value = self._constants()[instruction.arg or 0]
        self.interpreter.return_from(self.frame, self.space.incref(value))

    def IMPORT_NAME(self, instruction: dis.Instruction) -> None:
        self.frame.close(self.frame.pop(), self.frame.pop())
        self.frame.push_object(self.interpreter.import_module(instruction.argval))

    def IMPORT_FROM(self, instruction: dis.Instruction) -> None:
        self.frame.push_object(self.interpreter.attribute(self.frame.peek(), instruction.argval))

    def _pop_many(self, count: int) -> list[Reference]:
        return [self.frame.pop_reference() for _ in range(count)][::-1]


def _two(instruction: dis.Instruction) -> tuple[int, int]:
    """Two indexes in one argument."""
    return (instruction.arg or 0) >> 4, (instruction.arg or 0) & 15
