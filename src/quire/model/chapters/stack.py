"""Chapter 7, stack and heap: what is known before a call, what a call takes, and what outlives it."""

from quire.model import Interpreter, ObjectSpace
from quire.model.chapters.telling import Telling
from quire.model.code import code_record, compile_source
from quire.model.frames import CallStack
from quire.records.chapter import Both, Lines, Rows

GREETING = """\
def shout(word):
    return word + "!"

def greet(name):
    words = ["Hello", name]
    return shout(words[1])

text = greet("Ann")
"""
CODES = (
    Both("function", "함수"),
    Both("variables", "변수"),
    Both("values at a time", "한 번에 드는 값"),
    Both("bytes of a frame", "프레임(바이트)"),
)
CALLS = (Both("first", "첫째"), Both("second", "둘째"), Both("third", "셋째"))
STARTS = (Both("call", "호출"), Both("its frame begins at", "프레임의 시작 주소"))
VALUES = (
    Both("value", "값"),
    Both("type", "타입"),
    Both("bytes of the object", "객체(바이트)"),
    Both("its block", "그 블록"),
    Both("table beside it", "딸린 테이블"),
)


def before_any_call() -> Telling:
    """Compile a program, and run nothing of it."""
    yield Lines(tuple(GREETING.splitlines()))
    shout, greet = code_record(compile_source(GREETING)).inner
    rows = []
    for code in (shout, greet):
        numbers = (code.stack_words, code.frame_bytes)
        rows.append((code.name, ", ".join(code.variables), *numbers))
    yield Rows(CODES, tuple(rows))
    return {"shout_bytes": shout.frame_bytes, "greet_bytes": greet.frame_bytes}


def calls_pile() -> Telling:
    """Run it, and stop where most calls have not returned."""
    states = list(Interpreter().steps(GREETING))
    deepest = [state for state in states if len(state.frames) == 3][-1]
    yield deepest.frames
    yield states[-1]
    return {"frames": len(deepest.frames), "left": len(states[-1].frames)}


def up_and_down() -> Telling:
    """A call takes the next piece of the stack, a return gives it up."""
    calls = CallStack(ObjectSpace())
    first = calls.push(104)
    second = calls.push(104)
    calls.pop(second)  # the second call returns
    third = calls.push(104)  # another takes its place
    starts = [f"{address:#x}" for address in (first, second, third)]
    yield Rows(STARTS, tuple(zip(CALLS, starts, strict=True)))

    for _ in range(200):  # a recursion
        calls.push(104)
    chunks, size = len(calls.chunks), calls.chunks[0].size_bytes
    return {"apart": second - first, "chunks": chunks, "chunk_bytes": size}


def outlives() -> Telling:
    """A function makes a list and returns it."""
    program = "def write():\n    story = ['once', 'upon']\n    return story\n"
    states = list(Interpreter().steps(program + "kept = write()\n"))
    during = [state for state in states if len(state.frames) == 2][-1]
    yield during.frames[1]  # just before the return
    yield states[-1]  # after it

    (story,), (_, kept) = during.frames[1].names, states[-1].names
    return {"during": f"{story.address:#x}", "after": f"{kept.address:#x}"}


def as_large_as_its_type() -> Telling:
    """What the heap gives for some values, when they are made."""
    space = ObjectSpace()
    sizes = space.allocator.geometry
    rows = []
    for value in (1000, 10**12, 1.5, "Ann", (1, 2), (1, 2, 3), [1, 2, 3]):
        one = space.record(space.new(value))
        block = sizes.block_bytes(sizes.size_class(one.size_bytes))
        table = sum(table.size_bytes for table in one.tables)
        rows.append((one.value, one.type, one.size_bytes, block, table))
    yield Rows(VALUES, tuple(rows))
    pair, triple = rows[4][2], rows[5][2]
    return {"pair": pair, "triple": triple, "item": triple - pair}
