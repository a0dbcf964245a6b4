"""The object-specific allocators: who is shared, who is kept, who is used again, as in the running Python."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from quire.model.caches import SMALL_INT_MIN
from quire.model.space import ObjectSpace
from quire.model.versions import RUNNING, VERSIONS, Version
from quire.records.objects import Happening

every_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


@pytest.fixture
def space() -> ObjectSpace:
    """The running Python's objects."""
    return ObjectSpace()


def test_small_integers_are_those_of_the_running_python(space: ObjectSpace) -> None:
    """An integer is made once exactly where the running Python makes it once; they stand side by side as its do."""
    for value in range(-20, 1200):
        shared = int(str(value)) is int(str(value))
        assert (space.int.make(value) is space.int.make(value)) is shared
    first = space.int.make(SMALL_INT_MIN)
    assert space.int.make(100).address - first.address == id(100) - id(SMALL_INT_MIN)


def test_equal_text_becomes_one_object_when_it_is_interned(space: ObjectSpace) -> None:
    """Two strings of one text are two objects until they are interned; then the second makes way for the first."""
    first, second = space.str.make("some text"), space.str.make("some text")
    assert first is not second
    assert space.caches.interned.intern(first) is first
    assert space.caches.interned.intern(second) is first
    assert not second.is_alive


@every_version
def test_who_is_interned_can_die_except_in_3_12(version: Version) -> None:
    """The table of interned strings holds no reference of its own; in 3.12 the interned are immortal."""
    space = ObjectSpace(version)
    one = space.intern("a name")
    assert one.is_immortal is (version.name == "3.12")
    space.decref(one)
    assert one.is_alive is (version.name == "3.12")
    assert ("a name" in space.caches.interned.strings) is one.is_alive


MAKERS: dict[str, Callable[[], object]] = {
    "float": lambda: float("1.5"),
    "list": lambda: [],
    "dict": lambda: {},
    "tuple of 1": lambda: (object(),)[:1],
    "tuple of 19": lambda: tuple([None] * 19),
}


def make_in_model(space: ObjectSpace, kind: str) -> object:
    """What ``MAKERS`` makes."""
    if kind == "float":
        return space.float.make(1.5)
    if kind == "list":
        return space.list.make()
    if kind == "dict":
        return space.dict.make()
    return space.tuple.make([space.none] * int(kind.removeprefix("tuple of ")))


@pytest.mark.parametrize("kind", MAKERS)
def test_the_dead_serve_the_next_of_their_kind_last_in_first_out(space: ObjectSpace, kind: str) -> None:
    """Of three that die in turn, the next three take the memory in the opposite order: here, and in CPython."""
    gc.disable()
    try:
        ones = [MAKERS[kind]() for _ in range(3)]
        addresses = [id(one) for one in ones]
        ones[0] = None
        ones[1] = None
        ones[2] = None
        again = (MAKERS[kind](), MAKERS[kind](), MAKERS[kind]())
        assert [id(one) for one in again] == addresses[::-1]
    finally:
        gc.enable()
    ours = [make_in_model(space, kind) for _ in range(3)]
    for one in ours:
        space.decref(one)
    with space.events() as events:
        assert [make_in_model(space, kind).address for _ in range(3)] == [one.address for one in ours[::-1]]
    assert {event.happening for event in events} == {Happening.REUSED}


def test_before_3_13_dead_tuples_of_20_are_kept_in_vain(space: ObjectSpace) -> None:
    """A slip of CPython's: the last free list takes them in, and nobody asks it. The model does as the running one."""
    held = tuple([None] * 20)
    address = id(held)
    del held
    assert (id(tuple([None] * 20)) == address) is RUNNING.longest_kept_tuples_serve
    ours = space.tuple.make([space.none] * 20)
    space.decref(ours)
    assert (space.tuple.make([space.none] * 20).address == ours.address) is RUNNING.longest_kept_tuples_serve
    assert ours.address - space.tuple.before_bytes in space.blocks


@pytest.mark.parametrize(("kind", "limit"), [("float", 100), ("list", 80), ("dict", 80), ("tuple of 3", 2000)])
def test_so_many_dead_are_kept_and_no_more(space: ObjectSpace, kind: str, limit: int) -> None:
    """The rest goes back to the heap; a full collection gives back what is kept as well."""
    space.collect()
    before = set(space.blocks)
    for one in [make_in_model(space, kind) for _ in range(limit + 50)]:
        space.decref(one)
    assert len(set(space.blocks) - before) == limit
    (record,) = [each for each in space.caches.records() if each.name == kind]
    assert (record.held, record.held_max) == (limit, limit)
    space.collect()
    assert set(space.blocks) == before


def test_how_many_dead_lists_the_running_python_keeps(space: ObjectSpace) -> None:
    """Of two hundred lists that died, the next eighty stand where the first eighty stood that died."""
    limit = RUNNING.free_lists["list"]
    gc.collect()
    gc.disable()
    try:
        lists = [[] for _ in range(200)]
        addresses = [id(one) for one in lists]
        while lists:
            lists.pop()
        again = [[] for _ in range(limit)]
        from_kept = {id(one) for one in again} & set(addresses[-limit:])
    finally:
        gc.enable()
    assert len(from_kept) >= limit - 5  # a few were kept from before, or taken in between
    assert limit == 80


def test_dead_integers_are_kept_since_3_14() -> None:
    """An integer of one digit that dies serves the next one, in 3.14 and later."""
    for version in VERSIONS:
        space = ObjectSpace(version)
        one = space.int.make(5000)
        with space.events() as events:
            space.decref(one)
        assert (events[0].happening is Happening.KEPT) is (version.name in ("3.14", "3.15"))


def test_small_tables_of_dictionaries_are_kept(space: ObjectSpace) -> None:
    """The table of a dictionary of up to five names serves the next such dictionary; a larger one goes back."""
    small, large = space.new({"a": 1}), space.new({str(number): 1 for number in range(6)})
    table_of = {one: next(iter(space.dict.tables(one))).address for one in (small, large)}
    space.decref(small)
    space.decref(large)
    assert table_of[small] in space.blocks
    assert table_of[large] not in space.blocks
    again = space.new({"b": 2})
    assert next(iter(space.dict.tables(again))).address == table_of[small]


def test_each_policy_has_its_name(space: ObjectSpace) -> None:
    """Preallocation, sharing, caching, segmentation: the articles' four words, each with somebody who does it."""
    space.decref(space.tuple.make([space.none]))
    records = {record.name: record.policy for record in space.caches.records()}
    assert records["small integers"] == "preallocation"
    assert records["interned strings"] == "sharing"
    assert records["float"] == "caching"
    assert records["tuple of 1"] == "segmentation"
