"""The model's interpreter against CPython: the same program, and the same counts wherever it asks for them."""

from __future__ import annotations

import contextlib
import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quire.model.interpreter import Interpreter

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
    "{x} = [{y}]\n{x}.append({z})\n{x}.append({x})",
    "{x} = [{y}, {z}]\n{x}[0] = {z}\ndel {x}[1]",
    "{x} = {{}}\n{x}['k'] = {y}\n{x}['k'] = {z}\ndel {x}['k']",
    "for {x} in [{y}, {z}]:\n    print(sys.getrefcount({x}))",
    "for {x} in ({y}, {z}):\n    print(sys.getrefcount({x}))",
    "{x} = [{y}, {z}].pop()",
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
    """What CPython prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(source, "<program>", "exec", dont_inherit=True), {"__name__": "__main__"})
    return output.getvalue().splitlines()


names = st.sampled_from(NAMES)
programs = st.lists(st.tuples(st.sampled_from(STATEMENTS), names, names, names), max_size=12).map(text_of)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(source=programs)
def test_counts_are_cpythons(source: str) -> None:
    """In a random program of assignments, calls, containers and loops, every ``sys.getrefcount`` is as CPython's."""
    interpreter = Interpreter()
    interpreter.run(source)
    assert interpreter.output == run_really(source)
