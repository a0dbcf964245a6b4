"""Chapter 3, everything is an object: the header, types, bodies, tables, and what each type does with its memory."""

from __future__ import annotations

from quire.model import ObjectSpace
from quire.model.chapters.telling import Telling
from quire.model.objects import HEADER_BYTES
from quire.model.versions import V3_11, V3_12
from quire.records.chapter import Both, Lines, Rows

WORDS = (Both("word", "워드"), Both("what stands there", "적혀 있는 것"))
COUNT, TYPE = Both("count", "참조 수"), Both("type", "타입")
BODIES = (
    Both("value", "값"),
    TYPE,
    Both("bytes of the object", "객체(바이트)"),
    Both("of its tables", "테이블(바이트)"),
)
TWICE = (Both("number", "수"), Both("made first", "먼저 만든 것"), Both("made again", "다시 만든 것"))
FIVE = (
    Both("version", "버전"),
    Both("count of 5", "5의 참조 수"),
    Both("after 1000 references more", "참조 1000개를 더한 뒤"),
)


def first_words() -> Telling:
    """The first two words of the number 5000, and where the second leads."""
    space = ObjectSpace()
    number = space.new(5000)
    count, type_address = space.memory.words(number.address, 2)
    yield Rows(WORDS, ((COUNT, count), (TYPE, f"{type_address:#x}")))
    climb = [number]
    while climb[-1].type is not climb[-1]:
        climb.append(climb[-1].type)
    texts = (f"{one.address:#x}  {space.describe(one)}" for one in climb)
    yield Lines(tuple(texts))
    return {"header_bytes": HEADER_BYTES}


def bodies() -> Telling:
    """Behind the header every type has its own plan."""
    space = ObjectSpace()
    rows = []
    numbers, texts = (5000, 10**30, 1.5), ("lamp", "등대")
    for value in (None, *numbers, *texts, (1, 2), [1, 2], {"lamp": 1}):
        one = space.record(space.new(value))
        tables = sum(table.size_bytes for table in one.tables)
        rows.append((one.value, one.type, one.size_bytes, tables))
    yield Rows(BODIES, tuple(rows))
    return {"none_bytes": space.record(space.none).size_bytes}


def growing_list() -> Telling:
    """A list grows by one item, and its table moves; the list does not."""
    space = ObjectSpace()
    lamp = space.new("lamp")
    words = space.list.make([space.new("keeper"), space.new("whale")])
    before = space.record(words, "words")
    yield (before, *before.tables)
    space.list.append(words, lamp)
    after = space.record(words, "words")
    yield (after, *after.tables)
    return {"room": space.list.room(words), "items": space.list.length(words)}


def made_once() -> Telling:
    """Two fives and two numbers that are not small."""
    space = ObjectSpace()
    five, other_five = space.new(5), space.new(5)
    large, other_large = space.new(2000), space.new(2000)
    rows = []
    for one, other in ((five, other_five), (large, other_large)):
        places = f"{one.address:#x}", f"{other.address:#x}"
        rows.append((space.describe(one), *places))
    yield Rows(TWICE, tuple(rows))
    yield space.caches.small_integers.record()
    return {"largest": space.version.small_int_max}


def handed_on() -> Telling:
    """A float dies, and the next one is made in its place."""
    space = ObjectSpace()
    with space.events() as happened:
        old = space.new(1.5)
        space.decref(old)
        space.new(2.5)
    yield tuple(happened)
    return {"kept_max": space.version.free_lists["float"]}


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
    return {}
