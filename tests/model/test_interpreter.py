"""The model's interpreter against CPython: the same program, and the same counts wherever it asks for them."""

from __future__ import annotations

import contextlib
import gc
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quire.model.code import compile_source
from quire.model.errors import ProgramRaised, ProgramStopped
from quire.model.frames import Reference
from quire.model.interpreter import Interpreter
from seeds import often

PRELUDE = """\
import sys
def same(x):
    return x
def pair(x, y=None):
    z = x
    print('pair', sys.getrefcount(x), sys.getrefcount(z))
    return [z, y]
def walk(x):
    t = (x, x)
    for each in t:
        print('walk', sys.getrefcount(each), sys.getrefcount(t))
    return t
def walk_list(x):
    held = [x, x]
    for each in held:
        print('walk_list', sys.getrefcount(each), sys.getrefcount(held))
    return held
def deep(x, n):
    if n > 0:
        return deep(x, n - 1)
    print('deep', sys.getrefcount(x))
    return x
def close(x):
    def inner():
        print('inner', sys.getrefcount(x))
        return x
    print('close', sys.getrefcount(x), sys.getrefcount(inner))
    return inner
def keep(x):
    global kept
    kept = x
    del x
    return kept
def comprehend(x):
    return [y for y in [x, x] if sys.getrefcount(y) > 0]
def choose(x, y):
    while x is not y:
        print('choose', sys.getrefcount(x), sys.getrefcount(y))
        x = y
    return {'x': x, 'y': y}
class Node:
    def __init__(self, value):
        self.value = value
        print('init', sys.getrefcount(self), sys.getrefcount(value))
    def get(self):
        print('get', sys.getrefcount(self))
        return self.value
    def put(self, value):
        old, self.value = self.value, value
        print('put', sys.getrefcount(self), sys.getrefcount(old), sys.getrefcount(value))
class Final:
    def __del__(self):
        print('del', sys.getrefcount(self))
class Tagged:
    def __init__(self, tag):
        self.tag = tag
    def __del__(self):
        print('gone', self.tag)
def forget(x):
    p, q = Tagged('p'), Tagged('q')
    r = [Tagged('r'), x, Tagged('s')]
    return x
kept = None
a = [1000]
b = [a, a]
c = {'a': a}
n = Node(a)
f = Final()
"""
NAMES = ["a", "b", "c", "d", "e", "n", "f"]
STATEMENTS = [
    "{x} = {y}",
    "{x} = [{y}, {z}, {y}]",
    "{x} = ({y}, {z})",
    "{x} = {{'k': {y}, 'l': {z}}}",
    "{x} = same({y})",
    "{x} = pair({y})",
    "{x} = pair({y}, {z})",
    "{x} = pair(y={y}, x={z})",
    "{x} = walk({y})",
    "{x} = walk_list({y})",
    "{x} = deep({y}, 3)",
    "{x} = close({y})",
    "{x} = close({y})()",
    "{x} = keep({y})",
    "{x} = comprehend({y})",
    "{x} = choose({y}, {z})",
    "{x} = Node({y})",
    "{x} = Final()",
    "n.put({y})",
    "{x} = n.get()",
    "{x} = n.get",
    "n.other = {y}",
    "{x}, {y} = {y}, {z}",
    "both = ({y}, {z})\n{x}, e = both",
    "{x} = forget({y})",
    "{x} = [Tagged(1), Tagged(2), {y}, Tagged(3)]",
    "{x} = {{'k': Tagged(4), 'l': Tagged(5)}}",
    "{x} = [{y}]\n{x}.append({z})\n{x}.append({x})",
    "{x} = [{y}, {z}]\n{x}[0] = {z}\ndel {x}[1]",
    "{x} = {{}}\n{x}['k'] = {y}\n{x}['k'] = {z}\ndel {x}['k']",
    "for {x} in [{y}, {z}]:\n    print(sys.getrefcount({x}))",
    "for {x} in ({y}, {z}):\n    print(sys.getrefcount({x}))",
    "{x} = [{y}, {z}].pop()",
    "{x} = [1000, 2000, 3000]\nd = sum({x}) + sum({x}, 5) + sum((1, 2.5))",
    "{x} = [each for each in ({y}, {z})]",
    "{x} = {y} if {y} is {z} else {z}",
    "def {x}(p={y}):\n    print('default', sys.getrefcount(p))\n    return p\n{x}()",
]


def text_of(statements: list[tuple[str, str, str, str]]) -> str:
    """A program: the prelude, and after each statement all counts."""
    counts = f"print({', '.join(f'sys.getrefcount({name})' for name in NAMES)})\n"
    body = "".join(form.format(x=x, y=y, z=z) + "\nn = Node(a)\n" + counts for form, x, y, z in statements)
    return PRELUDE + "d = e = c\n" + counts + body


def run_really(source: str) -> list[str]:
    """What CPython prints, to the program's end."""
    output, namespace = io.StringIO(), {"__name__": "__main__"}
    with contextlib.redirect_stdout(output):
        exec(compile(source, "<program>", "exec", dont_inherit=True), namespace)
        printed = output.getvalue().splitlines()
        del namespace
        gc.collect()  # finalizers of what is left print too
    return printed


names = st.sampled_from(NAMES)
programs = st.lists(st.tuples(st.sampled_from(STATEMENTS), names, names, names), max_size=12).map(text_of)


@settings(max_examples=often(25, 60), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(source=programs)
def test_counts_are_cpythons(source: str) -> None:
    """In a random program of assignments, calls, containers and loops, every ``sys.getrefcount`` is as CPython's."""
    interpreter = Interpreter()
    interpreter.run(source)
    assert interpreter.output == run_really(source)


def test_the_articles_program() -> None:
    """Assignment, argument, container: the counts of the article, seen step by step; asking for one adds one."""
    source = (
        "import sys\nnumbers = [1, 2, 3]\nmore_numbers = numbers\nmatrix = [numbers, numbers, numbers]\n"
        "print(sys.getrefcount(numbers))\n"
    )
    assert run_really(source) == ["6"]
    counts = []
    interpreter = Interpreter()
    for state in interpreter.steps(source):
        counts += [name.count for name in state.names if name.name == "numbers" and state.next is not None]
    assert sorted(set(counts)) == [1, 2, 3, 4, 5, 6]
    assert counts[-1] == 5
    assert interpreter.output == ["6"]


def test_while_a_sum_runs_there_are_two_references_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The article's ``sum(numbers)``: its argument, and the iterator that it goes along. CPython's own count within it
    is in the table of the articles: 5, of which one is ``sys.getrefcount``'s."""
    interpreter = Interpreter()
    interpreter.run("numbers = [1, 2, 3]\nmore_numbers = numbers\n")
    numbers, seen = interpreter.name("numbers"), set()
    add = interpreter.operations.arithmetic
    monkeypatch.setattr(interpreter.operations, "arithmetic", lambda *given: seen.add(numbers.count) or add(*given))
    interpreter.run("total = sum(numbers)\nprint(total)\n")
    assert (seen, numbers.count, interpreter.output) == ({4}, 2, ["6"])


def test_each_step_has_its_line_its_frames_and_its_names() -> None:
    """A function's variable is in its frame while it runs, the module's names are there all the time."""
    states = list(Interpreter().steps("def f(x):\n    y = [x]\n    return y\nz = f(1000)\n"))
    in_f = [state for state in states if len(state.frames) == 2]
    assert {state.frames[1].line for state in in_f} >= {2, 3}
    assert [(name.name, name.value) for name in in_f[-1].frames[1].names] == [("x", "1000"), ("y", "[1000]")]
    assert [name.name for name in states[-1].names] == ["f", "z"]
    assert states[-1].next is None
    assert [state.step for state in states] == list(range(len(states)))


def test_the_words_of_frames_stand_in_memory() -> None:
    """Before every instruction, at each frame's address: its variables, then its evaluation stack, word by word."""
    interpreter = Interpreter()
    space = interpreter.space
    for _ in interpreter.steps(text_of([(form, "x", "a", "b") for form in STATEMENTS])):
        for frame in interpreter.frames:
            slots = [*frame.variables, *frame.stack]
            words = space.memory.words(frame.address + space.version.frame_words * 8, len(slots))
            assert words == [slot.one.address if isinstance(slot, Reference) else slot or 0 for slot in slots]


def test_a_program_leaves_nothing_but_its_names() -> None:
    """When all names are deleted, everything that the program made is gone. (In 3.12 not the names: interned, they are
    immortal.)"""
    interpreter = Interpreter()
    interpreter.run("pass\n")
    before = set(interpreter.space.objects)
    interpreter.run(
        "def f(x):\n    return [x, (x, {'k': x})]\na = f([1000])\nb = f(a)\nfor i in range(5):\n    b.append(i)\n"
        "del a, b, f, i\n"
    )
    left = [interpreter.space.objects[address] for address in set(interpreter.space.objects) - before]
    assert [one for one in left if not one.is_immortal] == []
    assert not left or interpreter.space.version.interned_are_immortal


def test_a_cycle_of_a_program_lives_until_its_collection() -> None:
    """The program's own ``__del__`` and weak references, and ``gc.collect`` as in CPython."""
    source = (
        "import gc, weakref\n"
        "gc.disable()\n"
        "class Node:\n"
        "    def __init__(self, name):\n        self.name = name\n"
        "    def __del__(self):\n        print('finalizer of', self.name)\n"
        "def called(reference):\n    print('callback', reference() is None)\n"
        "a, b = Node('a'), Node('b')\n"
        "a.other, b.other = b, a\n"
        "watch = weakref.ref(a, called)\n"
        "del a, b\n"
        "print('before', watch() is None)\n"
        "print(gc.collect())\n"
        "print('after', watch() is None)\n"
    )
    interpreter = Interpreter()
    interpreter.run(source)
    assert interpreter.output == run_really("import gc\ngc.collect()\n" + source + "gc.enable()\n")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ntry:\n    y = 2\nfinally:\n    z = 3\nraise ValueError\n", "line 6.*"),
        ("def f(*a):\n    pass\nx = f\nf(1)\n", "line 4: CALL: .*arguments"),
        ("x = 1\ny = {1, 2}\n", "line 2.*"),
        ("import os\n", "line 1: IMPORT_NAME: .*'os'.*sys"),
        ("class A:\n    pass\nclass B(A):\n    pass\n", "line 3: CALL: .*bases"),
        ("x = 'a' % 1\n", "line 1.*str"),
        ("def g():\n    yield 1\ng()\n", "line 3: CALL: .*generators"),
    ],
)
def test_what_is_not_in_the_subset_is_named_with_its_line(source: str, message: str) -> None:
    """The line, the instruction where it is the reason, and what is missing; nothing stays on the call stack."""
    interpreter = Interpreter()
    with pytest.raises(ProgramStopped, match=message):
        interpreter.run(source)
    assert interpreter.frames == []
    interpreter.run("print('goes on')\n")
    assert interpreter.output == ["goes on"]


@pytest.mark.parametrize(
    "source",
    [
        "x = []\nx[3]\n",
        "x = {}\nx['k']\n",
        "x = y\n",
        "x = 1\nx.y = 2\n",
        "def f(a):\n    return a\nf()\n",
        "def f(a):\n    return a\nf(1, 2)\n",
        "x = 1 // 0\n",
        "a, b = [1, 2, 3]\n",
        "x = {[]: 1}\n",
        "def f():\n    del x\n    x = 1\nf()\n",
        "def f(n):\n    return f(n)\nf(1)\n",
        "x = None\nx()\n",
        "len()\n",
        "len([], [])\n",
        "range()\n",
        "range('a')\n",
        "range(1, 2, 3, 4)\n",
        "sum()\n",
        "sum(['a'])\n",
        "[].append()\n",
        "[].append(1, 2)\n",
        "[].pop()\n",
        "{}.get()\n",
        "import gc\ngc.collect(7)\n",
        "import gc\ngc.enable(1)\n",
        "import sys\nsys.getrefcount()\n",
        "import sys\nsys.intern(5)\n",
        "import weakref\nweakref.ref()\n",
        "import weakref\nweakref.ref(5)\n",
    ],
)
def test_a_program_that_raises_stops_with_its_line_and_pythons_word(source: str) -> None:
    """The exception that CPython raises is named, with the line; what the program held by frames alone is let go."""
    interpreter = Interpreter()
    with pytest.raises(Exception) as real:  # noqa: PT011
        exec(compile_source(source), {})
    with pytest.raises(ProgramRaised, match=rf"^line \d+: {type(real.value).__name__}: "):
        interpreter.run(source)
    assert interpreter.frames == []


def test_a_callback_of_a_program_that_raises_is_noted() -> None:
    """Nobody is there to catch what a finalizer raises: it is noted, as ``sys.unraisablehook`` would be told."""
    interpreter = Interpreter()
    interpreter.run("class A:\n    def __del__(self):\n        nobody\na = A()\ndel a\nprint('goes on')\n")
    assert interpreter.output == ["goes on"]
    (noted,) = interpreter.space.unraisable
    assert "NameError" in str(noted)
    assert interpreter.frames == []
