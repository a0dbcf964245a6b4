"""Chapter 3, everything is an object: the header, types, bodies, tables, and what each type does with its memory."""

from __future__ import annotations

from quire.model import ObjectSpace
from quire.model.chapters.telling import Telling
from quire.model.objects import COUNT_OFFSET, HEADER_BYTES, TYPE_OFFSET
from quire.model.versions import V3_11, V3_12
from quire.records import Both, Lines, Rows

WORDS = (Both("word", "워드"), Both("what stands there", "적혀 있는 것"))
COUNT, TYPE = Both("count", "참조 수"), Both("type", "타입")
BODIES = (
    Both("value", "값"),
    TYPE,
    Both("bytes of the object", "객체(바이트)"),
    Both("of its tables", "테이블(바이트)"),
)
FIVE = (
    Both("version", "버전"),
    Both("count of 5", "5의 참조 수"),
    Both("after 1000 references more", "참조 1000개를 더한 뒤"),
)


def first_words() -> Telling:
    """The first two words of the number 5000."""
    space = ObjectSpace()
    number = space.new(5000)
    count = space.memory.word(number.address + COUNT_OFFSET)
    type_address = space.memory.word(number.address + TYPE_OFFSET)
    type_ = space.object_at(type_address)
    yield Rows(WORDS, ((COUNT, count), (TYPE, f"{type_address:#x}: {space.describe(type_)}")))
    yield space.record(number)
    return {"header_bytes": HEADER_BYTES, "size_bytes": space.getsizeof(number), "count": count}


def up_the_types() -> Telling:
    """From a number to its type, to the type of that, until nothing new comes."""
    space = ObjectSpace()
    climb = [space.new(5000)]
    while climb[-1].type is not climb[-1]:
        climb.append(climb[-1].type)
    yield Lines(tuple(space.describe(one) for one in climb))
    return {"objects": len(climb), "last": climb[-1].type.name}


def bodies() -> Telling:
    """Behind the header every type has its own plan."""
    space = ObjectSpace()
    rows = []
    for value in (None, 5000, 10**30, 1.5, "lamp", "등대", (1, 2), [1, 2], {"lamp": 1}):
        one = space.record(space.new(value))
        rows.append((one.value, one.type, one.size_bytes, sum(table.size_bytes for table in one.tables)))
    yield Rows(BODIES, tuple(rows))
    smallest = space.record(space.none).size_bytes
    return {"none_bytes": smallest, "list_bytes": space.record(space.new([1, 2])).size_bytes}


def growing_list() -> Telling:
    """A list grows by one item, and its table moves; the list does not."""
    space = ObjectSpace()
    keeper, whale, lamp = (space.new(word) for word in ("keeper", "whale", "lamp"))
    words = space.list.make([keeper, whale])
    before = space.record(words)
    yield before
    space.list.append(words, lamp)
    after = space.record(words)
    yield after
    return {
        "stays": before.address == after.address,
        "room": space.list.room(words),
        "items": space.list.length(words),
    }


def made_once() -> Telling:
    """Two fives and two thousands."""
    space = ObjectSpace()
    five, other_five = space.new(5), space.new(5)
    thousand, other_thousand = space.new(2000), space.new(2000)
    yield (space.record(five), space.record(other_five))
    yield (space.record(thousand), space.record(other_thousand))
    yield space.caches.small_integers.record()
    assert five is other_five
    assert thousand is not other_thousand
    return {"largest": space.version.small_int_max, "kept_ready": space.caches.small_integers.record().held}


def handed_on() -> Telling:
    """A float dies, and the next one is made in its place."""
    space = ObjectSpace()
    with space.events() as happened:
        old = space.new(1.5)
        space.decref(old)
        new = space.new(2.5)
    yield tuple(happened)
    return {"same_place": new.address == old.address, "kept_max": space.version.free_lists["float"]}


def never_counted() -> Telling:
    """A thousand references more to the number 5, before and since immortal objects."""
    rows = []
    for version in (V3_11, V3_12):
        space = ObjectSpace(version)
        five = space.new(5)
        before = five.count
        for _ in range(1000):
            space.incref(five)
        rows.append((version.name, before, five.count))
    yield Rows(FIVE, tuple(rows))
    return {"more_in_3_11": rows[0][2] - rows[0][1], "more_in_3_12": rows[1][2] - rows[1][1]}
