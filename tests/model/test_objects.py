"""Objects of the model: their sizes and bytes are the running Python's, their counts follow the rules."""

from __future__ import annotations

import ctypes
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quire.errors import InvalidOption, OutOfMemory
from quire.model import CPYTHON_3_10, Allocator, System
from quire.model.errors import CountBelowZero, FinalizerBroke, UseAfterFree, WrongType
from quire.model.objects import Object
from quire.model.sequences import room_for
from quire.model.space import ObjectSpace
from quire.model.versions import V3_11, V3_12, V3_14, VERSIONS, Version
from quire.records.objects import Area, Happening

every_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.lists(inner, max_size=20).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=12)
    ),
    max_leaves=30,
)


@pytest.fixture
def space() -> ObjectSpace:
    """The running Python's objects."""
    return ObjectSpace()


def real_size(value: object) -> int:
    """``sys.getsizeof``, without a UTF-8 copy that somebody may have asked a string for."""
    return sys.getsizeof("".join(list(value)) if isinstance(value, str) else value)


# --- sizes and bytes ---


@settings(max_examples=100, deadline=None)
@given(value=st.integers() | st.floats() | st.text() | st.binary() | st.booleans() | st.none())
def test_atoms_have_the_running_pythons_sizes(value: object) -> None:
    """Numbers, text and bytes of any value are as large as ``sys.getsizeof`` says. (Not single characters beyond ASCII:
    since 3.12 those that were made once come with a UTF-8 copy.)"""
    assume(not isinstance(value, str) or len(value) != 1 or value.isascii())
    space = SHARED
    one = space.new(value)
    assert space.getsizeof(one) == real_size(value)
    space.decref(one)


@settings(max_examples=100, deadline=None)
@given(value=st.integers() | st.floats() | st.binary())
def test_atoms_have_the_running_pythons_bytes(value: int | float | bytes) -> None:
    """What stands behind the header of a number or of bytes is what stands there in CPython."""
    space = SHARED
    one = space.new(value)
    size = space.getsizeof(one)
    real, ours = ctypes.string_at(id(value), size), space.memory.read(one.address, size)
    skipped = (
        32 if isinstance(value, bytes) else 24 if isinstance(value, int) else 16
    )  # a hash; flags of small integers
    assert ours[skipped:] == real[skipped:]
    if isinstance(value, int):
        assert ours[16] & 3 == real[16] & 3 if space.version.ints_have_tag else ours[16:24] == real[16:24]
    space.decref(one)


@settings(max_examples=100, deadline=None)
@given(value=values)
def test_what_is_made_is_what_was_asked_for(value: object) -> None:
    """Any value comes back from the bytes in the model's memory as it went in, and leaves nothing behind."""
    space = SHARED
    before = set(space.objects)
    one = space.new(value)
    assert to_python(one) == value
    space.decref(one)
    assert set(space.objects) == before


def to_python(one: Object) -> object:
    """The Python value that an object of the model stands for."""
    match one.type.name:
        case "list":
            return [to_python(item) for item in one.value]
        case "tuple":
            return tuple(to_python(item) for item in one.value)
        case "dict":
            return {to_python(key): to_python(value) for key, value in one.value}
    return one.value


def test_containers_have_the_running_pythons_sizes(space: ObjectSpace) -> None:
    """Tuples and lists of every length up to 40, made at once, are as large as ``sys.getsizeof`` says."""
    for length in range(40):
        items = [space.new(place) for place in range(length)]
        assert space.getsizeof(space.tuple.make(items)) == sys.getsizeof(tuple(range(length)))
        assert space.getsizeof(space.list.make(items)) == sys.getsizeof([None] * length)


def test_lists_grow_as_the_running_pythons(space: ObjectSpace) -> None:
    """A list's room after each of 500 appends, and after each pop, is as ``sys.getsizeof`` tells."""
    real: list[None] = []
    ours = space.list.make()
    for _ in range(500):
        real.append(None)
        space.list.append(ours, space.none)
        assert space.getsizeof(ours) == sys.getsizeof(real)
    while real:  # as far as the last: a list that becomes empty lets its table go
        real.pop()
        space.decref(space.list.pop(ours))
        assert space.getsizeof(ours) == sys.getsizeof(real)


def test_room_grows_by_an_eighth() -> None:
    """The steps in which a list grows that is appended to."""
    steps, room = [], 0
    for length in range(1, 100):
        if length > room:
            room = room_for(length, length - 1)
            steps.append(room)
    assert steps == [4, 8, 16, 24, 32, 40, 52, 64, 76, 92, 108]


@pytest.mark.parametrize("make_key", [str, int, lambda number: (number,)], ids=["text", "numbers", "tuples"])
def test_dictionaries_grow_as_the_running_pythons(space: ObjectSpace, make_key: object) -> None:
    """A dictionary's table after each of 500 insertions is as ``sys.getsizeof`` tells; removals leave it as it is."""
    assert callable(make_key)
    real: dict[object, None] = {}
    ours = space.dict.make()
    for number in range(500):
        real[make_key(number)] = None
        space.dict.set_item(ours, space.new(make_key(number)), space.none)
        assert space.getsizeof(ours) == sys.getsizeof(real)
    for number in range(0, 500, 3):
        del real[make_key(number)]
        space.dict.remove(ours, space.new(make_key(number)))
        assert space.getsizeof(ours) == sys.getsizeof(real)


def test_a_dictionary_of_text_takes_more_room_once_a_key_is_none(space: ObjectSpace) -> None:
    """The first key that is no text brings a table with hashes."""
    real: dict[object, int] = {"a": 1}
    ours = space.new({"a": 1})
    assert space.getsizeof(ours) == sys.getsizeof(real)
    real[1] = 1
    space.dict.set_item(ours, space.new(1), space.new(1))
    assert space.getsizeof(ours) == sys.getsizeof(real)


def test_instances_have_the_running_pythons_sizes(space: ObjectSpace) -> None:
    """Instances with any attributes, and with slots, are as large as ``sys.getsizeof`` says."""

    class Plain:
        pass

    class Slotted:
        __slots__ = ("a", "b")

    class Weak:
        __slots__ = ("__weakref__", "a")

    assert space.getsizeof(space.new_class("Plain").make()) == sys.getsizeof(Plain())
    assert space.getsizeof(space.new_class("Slotted", ("a", "b")).make()) == sys.getsizeof(Slotted())
    assert space.getsizeof(space.new_class("Weak", ("a", "__weakref__")).make()) == sys.getsizeof(Weak())
    assert space.getsizeof(space.new_class("Plain")) == sys.getsizeof(Plain)


def test_values_of_instances_shrink_to_what_instances_use(space: ObjectSpace) -> None:
    """The first instance of a class has room for about thirty attributes; later ones for those in use and one."""
    class_ = space.new_class("Node")
    sizes = []
    for _ in range(60):
        one = class_.make()
        class_.set(one, "a", space.none)
        class_.set(one, "b", space.none)
        values = sum(table.size_bytes for table in class_.tables(one))
        sizes.append(class_.block_bytes(one) + values)
    assert sizes[0] > 300
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == {"3.11": 88, "3.12": 80}.get(space.version.name, 88)


def test_more_attributes_than_shared_names_go_into_a_dictionary(space: ObjectSpace) -> None:
    """The thirty-first name finds no room; the instance gets a dictionary with all of them."""
    class_ = space.new_class("Wide")
    one = class_.make()
    held = [space.new(10_000 + number) for number in range(40)]
    for number, value in enumerate(held):
        class_.set(one, f"a{number}", value)
    assert [class_.get(one, f"a{number}") for number in range(40)] == held
    assert [target.type.name for target in class_.references(one)] == ["dict", "type"]
    space.decref(one)
    assert [value.count for value in held] == [1] * 40


# --- counting ---


def test_the_articles_counts(space: ObjectSpace) -> None:
    """A list, a second name for it, an argument, and a list that holds it three times."""
    numbers = space.new([1000, 2000, 3000])
    assert numbers.count == 1
    more_numbers = space.incref(numbers)
    assert numbers.count == 2
    matrix = space.list.make([numbers, numbers, numbers])
    assert numbers.count == 5
    space.decref(matrix)
    space.decref(more_numbers)
    assert numbers.count == 1


def test_a_chain_of_twenty_thousand_dies_without_recursion(space: ObjectSpace) -> None:
    """Dropping the first of a long chain frees all of it."""
    one = space.list.make()
    for _ in range(20_000):
        holder = space.list.make([one])
        space.decref(one)
        one = holder
    alive = len(space.objects)
    space.decref(one)
    assert len(space.objects) == alive - 20_001
    assert not space.counting.trashcan


@pytest.mark.parametrize(("version", "postponed"), [(V3_12, 4), (V3_14, 0)])
def test_deep_deallocations_wait_in_the_trashcan(version: Version, postponed: int) -> None:
    """Up to 3.12 every fiftieth link of a chain waits until those before it are done."""
    space = ObjectSpace(version)
    one = space.list.make()
    for _ in range(199):
        holder = space.list.make([one])
        space.decref(one)
        one = holder
    with space.events() as events:
        space.decref(one)
    assert sum(event.happening is Happening.POSTPONED for event in events) == postponed
    assert sum(event.happening in (Happening.KEPT, Happening.FREED) for event in events) == 200


@every_version
def test_only_since_3_12_some_objects_are_immortal(version: Version) -> None:
    """None and small integers are counted in 3.11, and never after that."""
    space = ObjectSpace(version)
    before = space.none.count
    space.new([None, 1, 2])
    assert (space.none.count > before) is (version is V3_11)
    assert space.none.is_immortal is (version is not V3_11)


def test_a_dead_object_cannot_be_used(space: ObjectSpace) -> None:
    """Counting, reading or holding what is gone is refused, also when its address is used again."""
    one = space.new([1])
    space.decref(one)
    again = space.new([2])
    assert again.address == one.address
    for use in (
        lambda: space.incref(one),
        lambda: space.decref(one),
        lambda: one.count,
        lambda: one.type,
        lambda: space.list.make([one]),
        lambda: space.object_at(one.address + 8),
    ):
        with pytest.raises(UseAfterFree):
            use()
    assert again.count == 1


def test_a_reference_that_nobody_has_cannot_be_dropped(space: ObjectSpace) -> None:
    """While an object is deallocated it has no reference to drop; who tries is told, and nothing changes."""
    refused = []

    def callback(_: Object) -> None:
        with pytest.raises(CountBelowZero):
            space.decref(one)
        refused.append(one.count)

    one = space.new_class("Node").make()
    watcher = space.weakref.make(one, callback)
    space.decref(one)
    assert refused == [0]
    assert not one.is_alive
    assert watcher.count == 1


@every_version
@pytest.mark.parametrize("holder", ["list", "tuple", "dict", "instance"])
def test_a_reference_to_the_dead_is_named_wherever_it_is_followed(version: Version, holder: str) -> None:
    """One reference dropped too many, and the block is nobody's: who looks, counts or collects is told, and nothing
    has changed."""
    space = ObjectSpace(version)
    number = space.new(2.5)
    class_ = space.new_class("Node")
    makers = {
        "list": lambda: space.list.make([number]),
        "tuple": lambda: space.tuple.make([number, class_]),
        "dict": lambda: space.new({"a": [number]}),
        "instance": lambda: class_.make(),
    }
    one = makers[holder]()
    if holder == "instance":
        class_.set(one, "a", number)
    space.decref(number)
    space.decref(number)
    used = space.allocator.state()
    generations = [list(each.objects) for each in space.collector.generations]
    follow = [lambda: space.record(one), space.records, space.collect]
    if holder != "dict":  # where it is the list within that holds it
        follow.append(lambda: space.decref(one))
    for each in follow:
        with pytest.raises(UseAfterFree, match=f"leads to {number.address:#x}, where no object lives"):
            each()
    assert one.is_alive
    assert one.count == 1
    assert space.allocator.state() == used
    assert [list(each.objects) for each in space.collector.generations] == generations
    assert space.counting.depth == 0


def test_a_strict_space_undoes_a_death_that_finds_a_reference_to_the_dead() -> None:
    """However deep in what dies it is, everything is as before."""
    space = ObjectSpace(strict=True)
    number = space.new(2.5)
    inner = space.list.make([number])
    outer = space.list.make([space.new([1000]), inner])
    space.decref(inner)
    space.decref(number)
    space.decref(number)
    used, living = space.allocator.state(), set(space.objects)
    with pytest.raises(UseAfterFree, match="where no object lives"):
        space.decref(outer)
    assert (outer.count, inner.count, space.counting.depth) == (1, 1, 0)
    assert (space.allocator.state(), set(space.objects)) == (used, living)


@every_version
def test_what_the_interpreter_made_once_cannot_lose_its_last_reference(version: Version) -> None:
    """Where ``None`` is counted, 3.11, its count is an ordinary one, and dropping too many is refused at the last."""
    space = ObjectSpace(version)
    while not space.none.is_immortal and space.none.count > 1:
        space.decref(space.none)
    if space.none.is_immortal:
        space.decref(space.none)
    else:
        with pytest.raises(CountBelowZero, match="the interpreter's own"):
            space.decref(space.none)
    assert space.none.is_alive
    assert space.none.count > 0


@pytest.mark.parametrize("value", [None, True, False, int, list, 5, 256, "", "a", ()], ids=str)
def test_counts_begin_high_where_cpythons_do(space: ObjectSpace, value: object) -> None:
    """What was made once begins with a count that no program reaches, in CPython where it does here. (In 3.11 ``None``,
    the truth values and the types begin with 1, as any object.)"""
    ours = space.builtin_types[value.__name__] if isinstance(value, type) else space.new(value)
    assert (ours.count > 100_000_000) is (sys.getrefcount(value) > 100_000_000)


@pytest.mark.parametrize("value", [[1000, {1, 2}], (2.5, object()), {"a": {1}}, {(1, ()): 1000, frozenset(): 1}])
def test_a_value_that_cannot_be_made_leaves_nothing_behind(space: ObjectSpace, value: object) -> None:
    """What was made of it before the refusal is gone again."""
    before = set(space.objects)
    with pytest.raises(WrongType):
        space.new(value)
    assert set(space.objects) == before


def test_a_value_that_holds_itself_is_refused(space: ObjectSpace) -> None:
    """And so is one that is nested deeper than anybody would read; the next request is served."""
    itself: list[object] = [1000]
    itself.append({"me": itself})
    deep: list[object] = []
    for _ in range(1000):
        deep = [deep]
    before = set(space.objects)
    for value in (itself, deep):
        with pytest.raises(WrongType, match="holds itself, or more than 100 values"):
            space.new(value)
    assert set(space.objects) == before
    assert space.describe(space.new([[1000]])) == "[[1000]]"


def test_what_is_asked_of_the_wrong_object_is_refused(space: ObjectSpace) -> None:
    """A tuple is not appended to, a list has no keys, and an object of another space is nobody's here."""
    pair, numbers, key = space.new((1000, 2)), space.new([1000]), space.new("key")
    for wrong in (
        lambda: space.list.append(pair, key),
        lambda: space.list.extend(pair, [key]),
        lambda: space.list.pop(pair),
        lambda: space.list.set_item(pair, 0, key),
        lambda: space.dict.set_item(numbers, key, key),
        lambda: space.dict.remove(numbers, key),
    ):
        before = space.records()
        with pytest.raises(WrongType, match=r"is no (list|dict) but a (tuple|list)"):
            wrong()
        assert space.records() == before
    with pytest.raises(WrongType, match="another space's"):
        space.list.make([ObjectSpace().new(1000)])


@pytest.mark.parametrize("generation", [-1, 3, 99, "2", None])
def test_a_generation_that_there_is_none_of_is_refused(space: ObjectSpace, generation: object) -> None:
    """The message says which there are."""
    with pytest.raises(InvalidOption, match="there are 0, 1 and 2"):
        space.collect(generation)  # type: ignore[arg-type]
    assert space.collector.collections == []


def test_what_holds_itself_is_written_as_python_writes_it(space: ObjectSpace) -> None:
    """Three dots within the brackets of its kind."""
    real_list: list[object] = []
    real_dict: dict[str, object] = {"a": real_list}
    real_list += [real_dict, (real_list,)]
    ours = space.list.make()
    held = space.new({"a": ours})
    space.list.append(ours, held)
    pair = space.tuple.make([ours])
    space.list.append(ours, pair)
    for one, real in ((ours, real_list), (held, real_dict), (pair, real_list[1])):
        assert space.describe(one) == repr(real)


def test_what_the_model_cannot_make_is_refused(space: ObjectSpace) -> None:
    """Values of other types, keys that change, attributes without a slot: each is named."""
    with pytest.raises(WrongType, match="set"):
        space.new({1, 2})
    with pytest.raises(WrongType, match="list"):
        space.dict.set_item(space.dict.make(), space.new([1]), space.none)
    slotted = space.new_class("Slotted", ("a",))
    with pytest.raises(WrongType, match="'b'"):
        slotted.set(slotted.make(), "b", space.none)


@pytest.mark.parametrize("what", ["list", "dict", "instance", "append", "insert"])
def test_a_heap_without_room_leaves_everything_as_it_was(what: str) -> None:
    """At whichever block the system refuses, no object is half made, and no count is higher than it was."""
    system = System(CPYTHON_3_10.page_bytes)
    space = ObjectSpace(allocator=Allocator(CPYTHON_3_10, system))
    class_, item, key = space.new_class("Node"), space.new("item"), space.new("key")
    full_list, full_dict = space.list.make([item] * 100_000), space.dict.make(100_000)
    actions = {
        "list": lambda: space.list.make([item] * 100_000),
        "dict": lambda: space.dict.make(100_000),
        "instance": lambda: class_.make(),
        "append": lambda: space.list.append(full_list, item),
        "insert": lambda: space.dict.set_item(space.dict.make(), key, item),
    }
    system.pages_max = system.pages_held
    made = 0
    while made < 20_000:
        before = (item.count, key.count, class_.count, space.list.length(full_list), len(space.objects))
        try:
            actions[what]()
        except OutOfMemory:
            break
        made += 1
    left = list(space.objects.values())[before[4] :]
    assert (item.count, key.count, class_.count, space.list.length(full_list)) == before[:4]
    assert [space.describe(one) for one in left] in ([], ["{}"] if what == "insert" else [])
    assert full_dict.is_alive


# --- finalizers that break rules ---


def test_what_a_finalizer_raises_is_noted_and_the_object_dies(space: ObjectSpace) -> None:
    """As in CPython, nobody can catch it, and deallocation goes on."""
    class_ = space.new_class("Failing", finalizer=lambda one: 1 // 0)
    one = class_.make()
    space.decref(one)
    assert not one.is_alive
    assert "ZeroDivisionError" in str(space.unraisable[0])


def test_a_finalizer_may_bring_its_object_back_once(space: ObjectSpace) -> None:
    """The object lives on with the reference that was taken; when that ends, the finalizer is not called again."""
    saved: list[Object] = []
    class_ = space.new_class("Phoenix", finalizer=lambda one: saved.append(space.incref(one)))
    one = class_.make()
    space.decref(one)
    assert one.count == 1
    space.decref(saved.pop())
    assert not one.is_alive
    assert not saved


@pytest.mark.parametrize("breaks", ["raises", "resurrects"])
@pytest.mark.parametrize("by", ["counting", "collecting"])
def test_a_strict_space_undoes_all_where_a_finalizer_breaks_a_rule(breaks: str, by: str) -> None:
    """Everything is as before: objects, counts, heap, caches, generations; and it goes on from there."""
    space = ObjectSpace(strict=True)
    saved: list[Object] = []
    finalizers = {"raises": lambda one: 1 // 0, "resurrects": lambda one: saved.append(space.incref(one))}
    class_ = space.new_class("Breaking", finalizer=finalizers[breaks])
    one, others = class_.make(), space.new([1000, 2.5, "text", (1, 2)])
    class_.set(one, "others", others)
    space.decref(others)
    if by == "collecting":
        class_.set(one, "me", one)
        space.decref(one)
    before = (space.records(), space.allocator.state(), space.caches.records())
    with pytest.raises(FinalizerBroke):
        space.decref(one) if by == "counting" else space.collect()
    assert (space.records(), space.allocator.state(), space.caches.records()) == before
    class_.finalizer = None
    space.decref(one) if by == "counting" else space.collect()
    assert not one.is_alive
    assert not others.is_alive


# --- what memory is used for ---


def test_memory_is_kept_apart_by_use(space: ObjectSpace) -> None:
    """A list of two numbers: three objects, one table; the interpreter's own memory is no part of the heap."""
    before = space.area_bytes()
    space.new([10_000, 20_000])
    after = space.area_bytes()
    assert after[Area.OBJECT] - before[Area.OBJECT] == 56 + 2 * 28
    assert after[Area.TABLE] - before[Area.TABLE] == 2 * 8
    assert after[Area.INTERPRETER] == before[Area.INTERPRETER] > 0


def test_the_bytes_of_the_dead_stay_until_somebody_writes(space: ObjectSpace) -> None:
    """Freeing a block writes one word, the address of the next free block: the rest is what the object was."""
    ones = [space.new(text) for text in ("first", "second")]
    for one in ones:
        space.decref(one)
    first, second = (one.address for one in ones)
    assert space.memory.word(second) == first
    assert b"second" in space.memory.read(second, 64)
    assert space.new("third").address == second


def test_a_record_tells_all_of_an_object(space: ObjectSpace) -> None:
    """Address, type, count, size, value, whom it refers to, tables, and the collector's generation."""
    number = space.new(1000)
    numbers = space.list.make([number, number])
    record = space.record(numbers)
    assert (record.type, record.count, record.value) == ("list", 1, "[1000, 1000]")
    assert record.references == (number.address, number.address)
    assert [table.what for table in record.tables] == ["list items"]
    assert record.generation == 0
    assert space.record(number).generation is None
    assert record in space.records()


SHARED = ObjectSpace()
"""For properties that leave nothing behind."""
