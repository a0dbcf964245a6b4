"""Chapter 5, counting references: up, down, what a call adds, what falls at zero, and two ways to count wrong."""

from __future__ import annotations

from collections import Counter

from quire.model import VERSIONS, Interpreter, ObjectSpace
from quire.model.chapters.telling import Telling
from quire.model.errors import UseAfterFree
from quire.records.chapter import Both, Lines, Rows
from quire.records.objects import Happening
from quire.records.programs import ProgramState

COUNTS = (Both("line", "줄"), Both("count after it", "그 뒤의 참조 수"))
SAID = (Both("who asks", "누가 묻는가"), Both("it says", "대답"), Both("the count", "참조 수"))
THE_MODULE, A_FUNCTION = Both("the module", "모듈"), Both("a function", "함수")
DEPTH = (
    Both("version", "버전"),
    Both("tuples freed or kept", "해제되거나 보관된 튜플"),
    Both("of them postponed", "그중 미뤄진 것"),
)
DEEP = 500


def up_and_down() -> Telling:
    """The article's lines, one by one, and back again."""
    python = Interpreter()
    rows = []
    for line in (
        "numbers = [1, 2, 3]",
        "more_numbers = numbers",
        "matrix = [numbers, numbers, numbers]",
        "more_numbers = None",
        "matrix.pop()",
        "del matrix",
    ):
        python.run(line)
        rows.append((line, python.name("numbers").count))
    yield Rows(COUNTS, tuple(rows))
    return {"most": rows[2][1], "in_the_end": rows[-1][1]}


def within_a_call() -> Telling:
    """A call that adds numbers up, and the highest count while it runs."""

    def count(state: ProgramState) -> int:
        counts = {name.name: name.count or 0 for name in state.names}
        return counts["numbers"]

    python = Interpreter()
    program = "def total(values):\n    done = 0\n"
    program += "    for value in values:\n        done += value\n"
    python.run(program + "    return done\n")
    python.run("numbers = [1, 2, 3]")
    states = list(python.steps("total(numbers)"))
    busiest = max(reversed(states), key=count)
    yield busiest
    before, after = count(states[0]), count(states[-1])
    return {"before": before, "highest": count(busiest), "after": after}


def asked() -> Telling:
    """What sys.getrefcount says, asked in the module and in a function, beside the count there."""
    python = Interpreter()
    python.run("import sys; numbers = [1, 2, 3]")
    python.run("def ask(values): print(sys.getrefcount(values))")
    python.run("print(sys.getrefcount(numbers))")
    count = python.name("numbers").count
    states = list(python.steps("ask(numbers)"))
    called = next(state for state in states if len(state.frames) == 2)
    (values,) = called.frames[1].names
    module, function = (int(line) for line in python.output)
    there = (A_FUNCTION, function, values.count or 0)
    yield Rows(SAID, ((THE_MODULE, module, count), there))
    said = {"in_module": module, "in_function": function, "count": count}
    return {"version": python.space.version.name, "there": there[2], **said}


def at_zero() -> Telling:
    """The last reference to a list goes, and what the list alone held goes with it."""
    space = ObjectSpace()
    lamp = space.new("the lamp")
    page = space.list.make([lamp, lamp])
    book = space.list.make([page, page])
    space.decref(page)
    named = ((book, "book"), (page, "page"), (lamp, "lamp"))
    yield tuple(space.record(one, name) for one, name in named)
    with space.events() as happened:
        space.decref(book)
    yield tuple(happened)
    return {"lamp_count": lamp.count}


def deep_chain() -> Telling:
    """A tuple in a tuple in a tuple: the outermost dies, in every version."""
    rows = []
    for version in VERSIONS:
        space = ObjectSpace(version)
        outer = space.tuple.make([space.none])
        for _ in range(DEEP - 1):
            inner, outer = outer, space.tuple.make([outer])
            space.decref(inner)
        with space.events() as happened:
            space.decref(outer)
        seen = Counter(event.happening for event in happened)
        died = seen[Happening.FREED] + seen[Happening.KEPT]
        rows.append((version.name, died, seen[Happening.POSTPONED]))
    yield Rows(DEPTH, tuple(rows))
    return {"deep": DEEP, "died": rows[0][1]}


def one_too_few() -> Telling:
    """Somebody drops a reference that is not his: the list still has the address, the object is gone."""
    space = ObjectSpace()
    lamp = space.new(2.5)
    box = space.list.make([lamp])
    space.decref(lamp)
    space.decref(lamp)
    other = space.new(7.25)
    yield space.record(box, "box")
    try:
        space.incref(lamp)
    except UseAfterFree as refused:
        yield Lines((str(refused),))
    return {"now": other.value}
