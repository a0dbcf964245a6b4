"""All objects of one process: the heap they live in, their types, their counts, their caches, their collector.

    ObjectSpace
      +-- allocator   who has which addresses              +-- caches      objects and blocks kept for the next request
      +-- memory      what stands there                    +-- collector   generations of tracked objects
      +-- counting    references up and down               +-- types       int, str, list, dict ... and the program's

Memory is used for three things, kept apart here as in the articles' picture:

    +-----------------------------------------------------------------------------+
    |  the heap                                                                   |
    |    OBJECT       the objects themselves                                      |
    |    TABLE        a list's items, a dictionary's keys, attribute values       |
    |  beside it                                                                  |
    |    INTERPRETER  small integers, None, the built-in types, frames            |
    +-----------------------------------------------------------------------------+

A reference belongs to somebody: ``new`` and every ``make`` give one to the caller, who drops it with ``decref`` when it
is needed no longer; a container that is given an object takes one of its own.

    >>> space = ObjectSpace()
    >>> numbers = space.new([1000, 2000])
    >>> matrix = space.list.make([numbers, numbers])
    >>> numbers.count
    3
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from quire.errors import QuireError
from quire.model.allocator import Allocator
from quire.model.arena import PoolArena
from quire.model.atoms import BoolType, BytesType, FloatType, IntType, NoneType, StrType
from quire.model.caches import Caches
from quire.model.classes import Class, TypeType
from quire.model.collector import OLD, Collector
from quire.model.counting import Counting
from quire.model.dicts import DictType
from quire.model.errors import FinalizerBroke, ProgramRaised, UseAfterFree, WrongType
from quire.model.functions import BuiltinType, CellType, FunctionType, MethodType, ModuleType
from quire.model.geometry import CPYTHON_3_10
from quire.model.memory import Memory
from quire.model.objects import COUNT_OFFSET, TYPE_OFFSET, Living, Object, Type
from quire.model.programs import CodeType, DictIteratorType, IteratorType, RangeIteratorType, RangeType
from quire.model.sequences import ListType, TupleType
from quire.model.undo import undo_if_broken
from quire.model.versions import RUNNING, Version
from quire.model.weakrefs import WeakrefType
from quire.records.kinds import Domain
from quire.records.objects import Area, Collection, Happening, ObjectEvent, ObjectRecord, UsedBlock

STATIC_BYTES = 64 * 1024
"""The interpreter's own memory for objects that are made once."""
VALUE_CHARACTERS_MAX = 60
NESTED_MAX = 100
"""Of the values that objects are made for."""
_DOMAINS = {Area.OBJECT: Domain.OBJECT, Area.TABLE: Domain.MEM, Area.INTERPRETER: Domain.MEM}

T = TypeVar("T", bound=Type)


class ObjectSpace:
    """All objects of one process.

    Args:
        version: whose objects they are; the running Python's if not given.
        allocator: the heap; one of CPython's geometry if not given.
        memory: what stands at its addresses; a fresh one if not given.
        strict: an object whose finalizer raises or resurrects it is a broken rule: ``FinalizerBroke``. CPython allows
            both: what was raised is noted in ``unraisable``, and the object lives on. And wherever a rule is broken
            while objects die, everything is as before.
    """

    def __init__(
        self,
        version: Version = RUNNING,
        allocator: Allocator | None = None,
        memory: Memory | None = None,
        strict: bool = False,
    ) -> None:
        self.version = version
        self.allocator = allocator or Allocator(CPYTHON_3_10)
        self.strict = strict
        self.memory = memory or Memory()
        self.objects = Living()
        """Every living object, by address."""
        self.blocks: dict[int, UsedBlock] = {}
        """Every block that was asked of the heap and not given back, by address; also those that free lists keep."""
        self.finalized: set[Object] = set()
        """Living objects whose finalizer was called; it is not called again."""
        self.unraisable: list[FinalizerBroke] = []
        """What finalizers and callbacks raised; nobody was there to catch it."""
        self.counting = Counting(self)
        self.collector = Collector(self)
        self.caches = Caches(self)
        self.call_back: Callable[[Object, Object], None] = self._cannot_call
        """Calls an object of the model's with one argument; an interpreter sets it."""
        self._listeners: list[list[ObjectEvent]] = []
        self._describing: list[Object] = []
        self._converting: list[object] = []
        """The Python values whose objects are being made, the innermost last."""
        self.interpreter_blocks: list[UsedBlock] = []
        """The interpreter's own memory, which does not come from the heap."""
        self._static = self.take_interpreter_block(STATIC_BYTES, "objects made once")
        self._static_end = self._static + STATIC_BYTES
        self._make_types()
        self.caches.prepare()
        self.none = self._make_counted(self.none_type, 16)
        self.false, self.true = (self._make_bool(value) for value in (0, 1))
        self.empty_tuple = self.make_static(self.tuple, self.tuple.basic_bytes + 16)
        self.empty_tuple.set_word(16, 0)

    def _make_types(self) -> None:
        self.builtin_types: dict[str, Type] = {}
        """Those that came with the interpreter, by name."""
        self.type = self._make_type(TypeType, "type")
        self.object_type = self._make_type(Type, "object", 16)
        self.int = self._make_type(IntType, "int")
        self.bool = self._make_type(BoolType, "bool")
        self.none_type = self._make_type(NoneType, "NoneType")
        self.float = self._make_type(FloatType, "float")
        self.str = self._make_type(StrType, "str")
        self.bytes = self._make_type(BytesType, "bytes")
        self.tuple = self._make_type(TupleType, "tuple")
        self.list = self._make_type(ListType, "list")
        self.dict = self._make_type(DictType, "dict")
        self.function = self._make_type(FunctionType, "function")
        self.method = self._make_type(MethodType, "method")
        self.cell = self._make_type(CellType, "cell")
        self.module = self._make_type(ModuleType, "module")
        self.builtin = self._make_type(BuiltinType, "builtin")
        self.weakref = self._make_type(WeakrefType, "weakref")
        self.code = self._make_type(CodeType, "code")
        self.range = self._make_type(RangeType, "range")
        self.list_iterator = self._make_type(IteratorType, "list_iterator")
        self.tuple_iterator = self._make_type(IteratorType, "tuple_iterator")
        self.dict_iterator = self._make_type(DictIteratorType, "dict_iterator")
        self.range_iterator = self._make_type(RangeIteratorType, "range_iterator")

    # --- making objects ---

    def new(self, value: object) -> Object:
        """An object for a Python value: a number, text, bytes, None, or lists, tuples and dictionaries of such.

        Returns:
            The object; the reference is the caller's.

        Raises:
            WrongType: the value, or one inside of it, is none of these, or it holds itself. Nothing is made.
            OutOfMemory: the heap has no room.
        """
        match value:
            case None:
                return self.incref(self.none)
            case bool():
                return self.bool.make(value)
            case int():
                return self.int.make(value)
            case float():
                return self.float.make(value)
            case str():
                return self.str.make(value)
            case bytes():
                return self.bytes.make(value)
            case tuple():
                with self._made_of(value, value) as items:
                    return self.tuple.make(items)
            case list():
                with self._made_of(value, value) as items:
                    return self.list.make(items)
            case dict():
                return self._new_dict(value)
            case Object():
                return self.incref(value)
        raise WrongType(f"the model makes no {type(value).__name__} objects of Python values")

    def _new_dict(self, value: dict[Any, Any]) -> Object:
        made = self.dict.make()
        with self.dropping(made):
            for pair in value.items():
                with self._made_of(value, pair) as (key, item):
                    self.dict.set_item(made, key, item)
        return made

    @contextlib.contextmanager
    def _made_of(self, holder: object, values: Iterable[object]) -> Iterator[list[Object]]:
        """Objects for what a value holds; their references are dropped at the end, whatever happens."""
        if len(self._converting) >= NESTED_MAX or any(holder is each for each in self._converting):
            raise WrongType(f"the value holds itself, or more than {NESTED_MAX} values within one another")
        made: list[Object] = []
        self._converting.append(holder)
        try:
            for value in values:
                made.append(self.new(value))
            yield made
        finally:
            self._converting.pop()
            for one in made:
                self.decref(one)

    def intern(self, text: str) -> Object:
        """The one string for this text; the reference is the caller's."""
        return self.caches.interned.intern(self.str.make(text))

    def new_class(
        self,
        name: str,
        slots: tuple[str, ...] | None = None,
        finalizer: Callable[[Object], object] | None = None,
    ) -> Class:
        """A class; the reference is the caller's.

        Args:
            name: as Python names it.
            slots: ``__slots__``; ``None`` for a class whose instances take any attribute.
            finalizer: ``__del__``: a Python function, called with the instance.
        """
        return self.type.make_class(name, slots, finalizer)

    # --- counting ---

    def incref(self, one: Object) -> Object:
        """One reference more. Raises: UseAfterFree."""
        return self.counting.incref(one)

    def decref(self, one: Object) -> None:
        """One reference less; at zero the object dies, and all that it alone held.

        Raises:
            UseAfterFree: the object is gone.
            CountBelowZero: it is being deallocated and has no reference to drop.
            FinalizerBroke: in a strict space, a finalizer raised or resurrected; everything is as before.
        """
        if self.strict and not one.is_immortal and one.count == 1:
            self._strictly(lambda: self.counting.decref(one))
        else:
            self.counting.decref(one)

    def collect(self, generation: int = OLD) -> Collection:
        """Collect a generation and the younger ones, as ``gc.collect()`` does.

        Returns:
            What was done, in its order.

        Raises:
            InvalidOption: there is no such generation.
            UseAfterFree: a tracked object holds a reference to where no object lives.
            FinalizerBroke: in a strict space, a finalizer raised or resurrected; everything is as before.
        """
        if self.strict:
            self._strictly(lambda: self.collector.collect(generation))
        else:
            self.collector.collect(generation)
        return self.collector.collections[-1]

    def finalize(self, one: Object) -> bool:
        """Call its finalizer, unless it has none or was called before; whether it was called."""
        return self.counting.finalize(one)

    def resurrects(self, one: Object) -> bool:
        """Call the finalizer of one whose count is zero; whether it has references again."""
        return self.counting.resurrects(one)

    def guard(self, what: str, action: Callable[[], object]) -> None:
        """Do what the program wants done when objects die; nobody can catch what it raises."""
        try:
            action()
        except Exception as raised:
            if isinstance(raised, QuireError) and not isinstance(raised, ProgramRaised):
                raise
            broke = FinalizerBroke(f"a {what} raised {type(raised).__name__}: {raised}")
            self.unraisable.append(broke)

    # --- looking ---

    def object_at(self, address: int) -> Object:
        """The object that begins there.

        Raises:
            UseAfterFree: none does, or none any more.
        """
        if address not in self.objects:
            raise UseAfterFree(f"no object lives at {address:#x}")
        return self.objects[address]

    def describe(self, one: Object) -> str:
        """The object as Python would write it, cut where it is long."""
        if one in self._describing:
            return one.type.within_itself
        self._describing.append(one)
        try:
            text = one.type.describe(one)
        finally:
            self._describing.pop()
        return text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 3] + "..."

    def record(self, one: Object, name: str = "") -> ObjectRecord:
        """The object at this moment, under a name if it is to be shown with one.

        Raises:
            UseAfterFree: it, or what it refers to, is gone.
        """
        type_ = one.type
        return ObjectRecord(
            address=one.address,
            type=type_.name,
            count=None if one.is_immortal else one.count,
            size_bytes=type_.block_bytes(one),
            value=self.describe(one),
            references=tuple(target.address for target in type_.references(one)),
            tables=tuple(type_.tables(one)),
            generation=self.collector.generation_of(one),
            name=name,
        )

    def records(self) -> tuple[ObjectRecord, ...]:
        """Every living object of the heap, in address order; those of the interpreter's own memory are left out."""
        return tuple(self.record(self.objects[address]) for address in sorted(self.objects) if not self.owns(address))

    def getsizeof(self, one: Object) -> int:
        """What ``sys.getsizeof`` says: the object, its collector header, and the tables that its type counts in."""
        counted = 0 if isinstance(one.type, Class) else sum(table.size_bytes for table in one.type.tables(one))
        inline = one.type.size_of(one) - one.type.basic_bytes if isinstance(one.type, Class) else 0
        return one.type.block_bytes(one) + counted - inline

    def area_bytes(self) -> dict[Area, int]:
        """How many bytes are in use for what."""
        used = dict.fromkeys(Area, 0)
        for block in (*self.blocks.values(), *self.interpreter_blocks):
            used[block.area] += block.size_bytes
        return used

    @contextlib.contextmanager
    def events(self) -> Iterator[list[ObjectEvent]]:
        """What happens to objects inside of the ``with``, in order."""
        heard: list[ObjectEvent] = []
        self._listeners.append(heard)
        try:
            yield heard
        finally:
            self._listeners = [each for each in self._listeners if each is not heard]

    def tell(self, happening: Happening, one: Object, type_: Type | None = None) -> None:
        """Note that something happened to an object."""
        if self._listeners:
            name = (type_ or one.type).name
            for heard in self._listeners:
                heard.append(ObjectEvent(happening, one.address, name))

    # --- for types: memory ---

    def take_block(self, size_bytes: int, area: Area, what: str) -> int:
        """Memory of the heap. Raises: OutOfMemory, and nothing has changed."""
        address = self.allocator.allocate(size_bytes, _DOMAINS[area])
        self.blocks[address] = UsedBlock(address, size_bytes, area, what)
        return address

    def resize_block(self, address: int, size_bytes: int, area: Area, what: str) -> int:
        """Memory of the heap in place of a block (0: of none); what stood there is for the caller to move."""
        moved = (
            self.allocator.reallocate(address, size_bytes, _DOMAINS[area])
            if address
            else self.allocator.allocate(size_bytes, _DOMAINS[area])
        )
        self.blocks.pop(address, None)
        self.blocks[moved] = UsedBlock(moved, size_bytes, area, what)
        return moved

    def return_block(self, address: int) -> None:
        """Give memory back to the heap. A free block's first word says which block is free next."""
        self.allocator.free(address)
        del self.blocks[address]
        arena = self.allocator.arena_at(address)
        if isinstance(arena, PoolArena):
            pool = arena.pool_at(address)
            self.memory.set_word(address, pool.address_of(pool.free[-2]) if len(pool.free) > 1 else 0)

    def take_interpreter_block(self, size_bytes: int, what: str) -> int:
        """Memory for the interpreter's own use, straight from the system. Raises: OutOfMemory."""
        address = self.allocator.system.obtain(size_bytes)
        self.interpreter_blocks.append(UsedBlock(address, size_bytes, Area.INTERPRETER, what))
        return address

    def return_interpreter_block(self, address: int) -> None:
        """Give such memory back to the system."""
        self.allocator.system.give_back(address)
        self.interpreter_blocks = [block for block in self.interpreter_blocks if block.address != address]

    @contextlib.contextmanager
    def dropping(self, one: Object) -> Iterator[None]:
        """Where what is done inside is refused, an object that is only half made goes again."""
        try:
            yield
        except QuireError:
            self.decref(one)
            raise

    def place(self, one: Object, type_: Type) -> Object:
        """Let an object begin its life where its memory is: write its header, with a count of 1."""
        one.set_word(COUNT_OFFSET, 1)
        one.set_word(TYPE_OFFSET, type_.address)
        self.objects[one.address] = one
        return one

    def make_static(self, type_: Type, size_bytes: int) -> Object:
        """An object in the interpreter's own memory, which it never leaves."""
        one = self.place(Object(self, self._take_static(size_bytes)), type_)
        one.set_word(COUNT_OFFSET, self.version.static_count)
        return one

    def make_immortal(self, one: Object) -> None:
        """Stop counting an object; it never dies."""
        one.set_word(COUNT_OFFSET, self.version.immortal_count or self.version.static_count)

    def _make_bool(self, value: int) -> Object:
        one = self._make_counted(self.bool, 32)
        self.int.write(one, value)
        return one

    def _strictly(self, action: Callable[[], object]) -> None:
        """Do it, or undo all of it; what it does in turn is a part of it."""
        self.strict = False
        try:
            undo_if_broken(self, action)
        finally:
            self.strict = True

    def _cannot_call(self, callback: Object, _argument: Object) -> None:
        raise WrongType(f"nobody is here to call a {callback.type.name}: only an interpreter runs programs")

    def _make_type(self, kind: type[T], name: str, basic_bytes: int | None = None) -> T:
        made = kind(self, self._take_static(16), name, basic_bytes)
        self.builtin_types[name] = made
        self.place(made, self.builtin_types["type"])
        made.set_word(COUNT_OFFSET, self.version.counted_static_count)
        return made

    def _make_counted(self, type_: Type, size_bytes: int) -> Object:
        """One that CPython counts like any other where it counts all."""
        one = self.make_static(type_, size_bytes)
        one.set_word(COUNT_OFFSET, self.version.counted_static_count)
        return one

    def _take_static(self, size_bytes: int) -> int:
        address = self._static
        self._static += -(-size_bytes // 16) * 16
        assert self._static <= self._static_end
        return address

    def owns(self, address: int) -> bool:
        """Whether this is memory of the interpreter's own objects, which never die."""
        return self._static_end - STATIC_BYTES <= address < self._static_end
