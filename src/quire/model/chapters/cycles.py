"""Chapter 6, cycles: what counting never frees, and how the collector finds it."""

from quire.model import Interpreter, Object, ObjectSpace
from quire.model.chapters.telling import Telling
from quire.model.touched import touched_by
from quire.model.versions import V3_12, V3_13
from quire.records.chapter import Both, Rows

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
    python = Interpreter()
    python.run("ann = []; ben = [ann]; ann.append(ben)")
    ann, ben = python.name("ann"), python.name("ben")
    named = ann.count
    yield python.space.record(ann, "ann"), python.space.record(ben, "ben")

    python.run("del ann, ben")
    yield python.space.record(ann), python.space.record(ben)
    return {"named": named, "unnamed": ann.count}


def held_from_outside() -> Telling:
    """Two pairs; one list of the first still has a name. The collector looks at all four."""
    space = ObjectSpace()
    ann, ben, cho, dan = (space.new([]) for _ in range(4))
    for one, other in ((ann, ben), (ben, ann), (cho, dan), (dan, cho)):
        space.list.append(one, other)
    for one in (ben, cho, dan):  # their names go; only ann keeps hers
        space.decref(one)
    names = ("ann", "ben", "cho", "dan")
    pairs = zip((ann, ben, cho, dan), names, strict=True)
    yield tuple(space.record(one, name) for one, name in pairs)

    done = space.collect()
    yield done
    outside = [each.outside for each in done.examined]
    return {"freed": len(done.freed), "ann": outside[0], "ben": outside[1]}


def last_words() -> Telling:
    """Two letters, each with a finalizer, hold each other. Somebody has a weak reference to one of them."""
    space = ObjectSpace()
    told: list[tuple[Both, str]] = []

    def finalize(one: Object) -> None:
        told.append((FINALIZER, names[one.address]))

    def call_back(one: Object) -> None:
        told.append((CALLBACK, space.describe(one)))

    letter = space.new_class("Letter", finalizer=finalize)
    ann, ben = letter.make(), letter.make()
    names = {ann.address: "ann", ben.address: "ben"}
    letter.set(ann, "other", ben)
    letter.set(ben, "other", ann)
    space.weakref.make(ann, call_back)
    space.decref(ann)
    space.decref(ben)
    freed = space.collect().freed
    yield Rows(TOLD, tuple(told))
    return {"freed": len(freed)}


def three_generations() -> Telling:
    """3,000 lists are made and kept. How often is each generation collected, and how much is looked at?"""
    space = ObjectSpace()
    collector = space.collector
    collector.generations[0].threshold = 100  # gc.set_threshold(100)
    kept = []
    for _ in range(3_000):
        kept.append(space.new([]))
        collector.run_pending()
    rows = []
    for index, name in enumerate(GENERATIONS):
        done = [e for e in collector.collections if e.generation == index]
        rows.append((name, len(done), sum(len(e.examined) for e in done)))
    yield Rows(LOOKED_AT, tuple(rows))
    once, now = V3_12.threshold_young, V3_13.threshold_young
    return {"young": rows[0][1], "middle": rows[1][1], "once": once, "now": now}


def not_emptied() -> Telling:
    """2,000 lists that hold themselves, with the collector off; then it runs."""
    space = ObjectSpace()
    space.collector.is_enabled = False
    for _ in range(2_000):
        one = space.new([])
        space.list.append(one, one)
        space.decref(one)  # its name goes; it holds itself
    rows = []
    for moment in (NAMES_GONE, COLLECTED):
        if moment is COLLECTED:
            space.collect()
        now = touched_by(space.allocator)
        sizes = (now.live_bytes, now.in_pools_bytes, now.obtained_bytes)
        rows.append((moment, *sizes))
    yield Rows(BYTES, tuple(rows))
    return {"before": rows[0][1], "after": rows[1][1], "held": rows[1][3]}
