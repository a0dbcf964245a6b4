"""Chapter 6, cycles: what counting never frees, and how the collector finds it."""

from quire.model import Interpreter, ObjectSpace
from quire.model.chapters.telling import Telling
from quire.model.touched import touched_by
from quire.model.versions import V3_12, V3_13
from quire.records import Both, Rows

FINALIZER, CALLBACK = Both("finalizer", "파이널라이저"), Both("callback", "콜백")
TOLD = (Both("what is called", "호출된 것"), Both("with", "대상"))
GENERATIONS = (Both("young", "젊은 세대"), Both("middle", "중간 세대"), Both("old", "늙은 세대"))
LOOKED_AT = (Both("generation", "세대"), Both("collections", "수집 횟수"), Both("objects looked at", "살펴본 객체 수"))
NAMES_GONE, COLLECTED = Both("names gone", "이름이 사라진 뒤"), Both("collected", "수집한 뒤")
BYTES = (
    Both("bytes", "바이트"),
    Both("in use", "사용 중"),
    Both("in pools", "풀로 잘린 부분"),
    Both("from the system", "시스템에서 받은 것"),
)


def without_names() -> Telling:
    """Two lists that hold each other lose their names."""
    interpreter = Interpreter()
    interpreter.run("ann = []; ben = [ann]; ann.append(ben)")
    ann, ben = interpreter.name("ann"), interpreter.name("ben")
    named = ann.count
    yield interpreter.space.record(ann), interpreter.space.record(ben)

    interpreter.run("del ann, ben")
    yield interpreter.space.record(ann), interpreter.space.record(ben)
    return {"named": named, "unnamed": ann.count}


def held_from_outside() -> Telling:
    """Two pairs; one list of the first still has a name. The collector looks at all four."""
    space = ObjectSpace()
    ann, ben, cho, dan = (space.new([]) for _ in range(4))
    for one, other in ((ann, ben), (ben, ann), (cho, dan), (dan, cho)):
        space.list.append(one, other)
    for one in (ben, cho, dan):  # their names go; only ann keeps hers
        space.decref(one)
    yield tuple(space.record(one) for one in (ann, ben, cho, dan))

    collection = space.collect()
    yield collection
    outside = [each.outside for each in collection.examined]
    return {"freed": len(collection.freed), "ann": outside[0], "ben": outside[1]}


def last_words() -> Telling:
    """Two letters, each with a finalizer, hold each other. Somebody has a weak reference to one of them."""
    space = ObjectSpace()
    told: list[tuple[Both, str]] = []
    letter = space.new_class("Letter", finalizer=lambda one: told.append((FINALIZER, names[one.address])))
    ann, ben = letter.make(), letter.make()
    names = {ann.address: "ann", ben.address: "ben"}
    letter.set(ann, "other", ben)
    letter.set(ben, "other", ann)
    space.weakref.make(ann, lambda one: told.append((CALLBACK, space.describe(one))))
    space.decref(ann)
    space.decref(ben)
    freed = space.collect().freed
    yield Rows(TOLD, tuple(told))
    return {"freed": len(freed)}


def three_generations() -> Telling:
    """3,000 lists are made and kept. How often is each generation collected, and how much is looked at?"""
    space = ObjectSpace()
    space.collector.generations[0].threshold = 100  # as gc.set_threshold(100) does
    kept = []
    for _ in range(3_000):
        kept.append(space.new([]))
        space.collector.run_pending()
    rows = []
    for index, name in enumerate(GENERATIONS):
        done = [each for each in space.collector.collections if each.generation == index]
        rows.append((name, len(done), sum(len(each.examined) for each in done)))
    yield Rows(LOOKED_AT, tuple(rows))
    return {"young": rows[0][1], "middle": rows[1][1], "once": V3_12.threshold_young, "now": V3_13.threshold_young}


def not_emptied() -> Telling:
    """2,000 lists that hold themselves, with the collector off; then it runs."""
    space = ObjectSpace()
    space.collector.is_enabled = False
    for _ in range(2_000):
        one = space.new([])
        space.list.append(one, one)
        space.decref(one)  # its name goes; it holds itself
    before = touched_by(space.allocator)
    space.collect()
    after = touched_by(space.allocator)
    moments = ((NAMES_GONE, before), (COLLECTED, after))
    rows = [(name, each.live_bytes, each.in_pools_bytes, each.obtained_bytes) for name, each in moments]
    yield Rows(BYTES, tuple(rows))
    return {"before": before.live_bytes, "after": after.live_bytes, "held": after.obtained_bytes}
