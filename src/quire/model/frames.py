"""Frames: what a call needs until it returns, stacked in memory beside the heap.

    the call stack, a chunk of 16 KiB
    +-------------------+--------------------+--------------------+------------------
    | module            | f                  | g                  | free ...
    +-------------------+--------------------+--------------------+------------------
                        |                    ^ top: a call adds, a return takes away
                        +--> own words | x | y | evaluation stack |
                                         |
                                         v    on the heap
                                       object

A call moves one number up, a return moves it down: nothing is looked for, nothing is merged. Variables and the
evaluation stack hold addresses only; the objects are on the heap, and each word here is a reference to one. (A
*borrowed* reference is not counted: who lent it lives longer. CPython borrows since 3.14.)

Up to 3.10 every frame was an object on the heap, and a free list kept up to 200 dead ones for the next calls. Since
3.11 a call makes no object; the call stack itself is what is used again.

Source: Python/pystate.c (``push_chunk``, ``_PyThreadState_PushFrame``), Include/internal/pycore_frame.h
(``_PyInterpreterFrame``), Include/internal/pycore_stackref.h.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import NamedTuple

from quire.model.code import frame_words, instructions_of, variables_of
from quire.model.memory import WORD_BYTES
from quire.model.objects import Object
from quire.model.space import ObjectSpace

CHUNK_BYTES = 16 * 1024
CHUNK_HEADER_BYTES = 24


class Reference(NamedTuple):
    """A reference that a variable or the evaluation stack holds."""

    one: Object
    is_borrowed: bool = False


Slot = Reference | int | None
"""A word of a frame: a reference, nothing, or (in 3.15) the place that a loop over a list has reached."""


class Chunk:
    """A piece of the call stack."""

    def __init__(self, address: int, size_bytes: int, is_first: bool) -> None:
        self.address = address
        self.size_bytes = size_bytes
        self.top = address + CHUNK_HEADER_BYTES + (WORD_BYTES if is_first else 0)
        self.start = self.top

    @property
    def room_bytes(self) -> int:
        return self.address + self.size_bytes - self.top


class CallStack:
    """The chunks that frames stand in; the last one grows and shrinks."""

    def __init__(self, space: ObjectSpace) -> None:
        self.space = space
        self.chunks: list[Chunk] = []

    def push(self, size_bytes: int) -> int:
        """Room for a frame; in a further chunk where the last one has too little.

        Raises:
            OutOfMemory: the system has no pages for a further chunk.
        """
        if not self.chunks or self.chunks[-1].room_bytes <= size_bytes:
            self._add_chunk(size_bytes)
        chunk = self.chunks[-1]
        address, chunk.top = chunk.top, chunk.top + size_bytes
        return address

    def pop(self, address: int) -> None:
        """The last frame is gone; so is its chunk if it was the first there, and not in the first chunk."""
        chunk = self.chunks[-1]
        chunk.top = address
        if chunk.top == chunk.start and len(self.chunks) > 1:
            self.chunks.pop()
            self.space.return_interpreter_block(chunk.address)

    def _add_chunk(self, size_bytes: int) -> None:
        size = CHUNK_BYTES
        while size < size_bytes + CHUNK_HEADER_BYTES + WORD_BYTES:
            size *= 2
        self.chunks.append(Chunk(self.space.take_interpreter_block(size, "call stack"), size, not self.chunks))


class Frame:
    """One call.

    Args:
        space: where its objects live.
        calls: the call stack it is pushed on.
        code: what it runs.
        function: the object that was called; the frame holds a reference to it.
        globals: the module's names, a dictionary.
        names: where names that are no variables are set: the module's or a class body's dictionary; ``None`` in
            functions.
    """

    def __init__(
        self,
        space: ObjectSpace,
        calls: CallStack,
        code: CodeType,
        function: Object | None,
        globals: Object,
        names: Object | None,
    ) -> None:
        self.space = space
        self.calls = calls
        self.code = code
        self.instructions = instructions_of(code)
        self.function = function
        self.globals = globals
        self.names = names
        self.next = 0
        """The index of the next instruction."""
        self.variable_names = variables_of(code)
        self.variables: list[Slot] = [None] * len(self.variable_names)
        self.stack: list[Slot] = []
        self.size_bytes = frame_words(code, space.version) * WORD_BYTES
        self.address = calls.push(self.size_bytes)
        self._first_word = self.address + space.version.frame_words * WORD_BYTES
        space.memory.set_words(self._first_word, [0] * len(self.variables))
        self.keyword_names: tuple[str, ...] = ()
        """Those of the call that is being prepared (3.11 and 3.12)."""
        self.on_return: Callable[[Object], Object] | None = None
        """What becomes of the value it returns, before the caller gets it."""
        self.is_entry = False
        """Whether the interpreter was asked from outside for this call, and goes back there."""
        self.returned: Object | None = None
        """What such a call came to."""

    # --- words ---

    def push(self, slot: Slot) -> None:
        """Put a word on the evaluation stack."""
        self._write(len(self.variables) + len(self.stack), slot)
        self.stack.append(slot)

    def push_object(self, one: Object) -> None:
        """Put a reference that is ours on the evaluation stack."""
        self.push(Reference(one))

    def pop(self) -> Slot:
        return self.stack.pop()

    def pop_reference(self) -> Reference:
        """Take the top word, which is a reference."""
        slot = self.stack.pop()
        assert isinstance(slot, Reference)
        return slot

    def pop_object(self) -> Object:
        """Take the top word as a reference that is ours: a borrowed one is counted first."""
        return self.owned(self.pop_reference())

    def owned(self, reference: Reference) -> Object:
        return self.space.incref(reference.one) if reference.is_borrowed else reference.one

    def peek(self, depth: int = 1) -> Object:
        """The object that is ``depth`` words deep, without a reference."""
        slot = self.stack[-depth]
        assert isinstance(slot, Reference)
        return slot.one

    def close(self, *slots: Slot) -> None:
        """Drop words: each reference ends, unless it was borrowed."""
        for slot in slots:
            if isinstance(slot, Reference) and not slot.is_borrowed:
                self.space.decref(slot.one)

    def set_variable(self, index: int, slot: Slot) -> None:
        """Let a variable stand for something else; the old reference is dropped last."""
        old, self.variables[index] = self.variables[index], slot
        self._write(index, slot)
        self.close(old)

    def take_variable(self, index: int) -> Slot:
        """A variable stands for nothing from now on; its word is the caller's."""
        taken, self.variables[index] = self.variables[index], None
        self._write(index, None)
        return taken

    def swap(self, depth: int) -> None:
        """The top word and the one that is ``depth`` words deep change places."""
        top, other = len(self.stack) - 1, len(self.stack) - depth
        self.stack[top], self.stack[other] = self.stack[other], self.stack[top]
        for place in (top, other):
            self._write(len(self.variables) + place, self.stack[place])

    def _write(self, index: int, slot: Slot) -> None:
        word = slot.one.address if isinstance(slot, Reference) else slot or 0
        self.space.memory.set_word(self._first_word + index * WORD_BYTES, word)

    # --- the end ---

    def leave(self) -> None:
        """Drop every reference that the frame holds, in CPython's order; its words are free after that."""
        places = range(len(self.variables))
        for index in reversed(places) if self.space.version.frames_drop_last_first else places:
            self.set_variable(index, None)
        while self.stack:
            self.close(self.stack.pop())
        if self.names and self.names is not self.globals:
            self.space.decref(self.names)
        if self.function:
            self.space.decref(self.function)
        self.calls.pop(self.address)
