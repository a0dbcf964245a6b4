"""Objects of extensions' types: from before the install and after it, collected, brought back, freed in any domain."""

from __future__ import annotations

import pytest

from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

SEED = 20261121
OBJECTS = f"""
import gc, random, sys, weakref
import assorted, quire
from quire.process.core import require_core
rng = random.Random({SEED})
class Derived(assorted.Base):
    pass
class Slotted(assorted.Base):
    __slots__ = ("one", "__weakref__")
callbacks = made_references = 0
references = []
def called(reference):
    global callbacks
    callbacks += 1
    assert reference() is None
    [{{}} for _ in range(callbacks % 7)]
def watch(one):
    global made_references
    made_references += 1
    references.append(weakref.ref(one, called))
def make(others):
    kind = rng.randrange(9)
    other = rng.choice(others)
    if kind == 0: return assorted.Static()
    if kind == 1: return assorted.Base()
    if kind == 2: return assorted.Reused()
    if kind == 3: return assorted.Buffer(rng.randrange(1, rng.choice([40, 600, 9_000, 400_000])))
    if kind == 4: return assorted.Row(rng.randrange(60), other, rng.randrange(200))
    if kind == 5: one = Derived(); one.other = other
    elif kind == 6: one = Slotted(); one.one = other
    elif kind == 7: one = assorted.Node(other)
    else:
        one = assorted.Node(); one.next = one; one.other = other
    watch(one)
    return one
def change(objects):
    for place in range(0, len(objects), 2):
        one = objects[place]
        if isinstance(one, assorted.Buffer): one.resize(rng.randrange(1, 20_000))
        elif isinstance(one, assorted.Node): one.next = rng.choice(objects)
        objects[rng.randrange(len(objects))] = make(objects)
def end():
    del objects[:]
    gc.collect()
    print("seed {SEED}", assorted.tally(), callbacks == made_references, require_core().check())
"""


@pytest.mark.parametrize("installed_after", [0, 1, 3], ids=["first", "between", "late"])
def test_objects_of_every_kind_live_and_die_across_the_install(
    installed_after: int, extensions: dict[str, str]
) -> None:
    """Each dies once and undamaged, and each weak reference is told, however they were made, linked and resized."""
    code = OBJECTS + (
        "objects = [None]\n"
        "for round in range(6):\n"
        f"    if round == {installed_after}: quire.install()\n"
        "    objects += [make(objects) for _ in range(2000)]; change(objects)\n"
        "end()"
    )
    expected = f"seed {SEED} [0, 0, 0, 0, 0, 0, 0, 0] True None\n"
    run_python(code, environment=extensions).expect(expected)


def test_a_long_chain_is_taken_apart(extensions: dict[str, str]) -> None:
    """Half a million nodes that hold one another die from one end, across the install, without deep recursion."""
    code = OBJECTS + (
        "objects = [assorted.Node()]\n"
        "for number in range(500_000):\n"
        "    if number == 250_000: quire.install()\n"
        "    objects[0] = assorted.Node(objects[0])\n"
        "end()"
    )
    run_python(code, environment=extensions).expect(f"seed {SEED} [0, 0, 0, 0, 0, 0, 0, 0] True None\n")


def test_what_its_finalizer_brings_back_lives_on(extensions: dict[str, str]) -> None:
    """Objects brought back while they die, by the count or by the collector, are whole, and die for good later."""
    code = OBJECTS + (
        "objects = [assorted.Node() for _ in range(4000)]\n"
        "quire.install()\n"
        "objects += [assorted.Node(rng.choice(objects)) for _ in range(4000)]\n"
        "for one in objects[::2]: one.next, one.other = one, rng.choice(objects)\n"
        "back = []; assorted.resurrect_into(back)\n"
        "one = None; del objects[:]; gc.collect()\n"
        "print(assorted.tally()[2] >= len(back) == assorted.tally()[6] > 1000)\n"
        "print(all(isinstance(one.next, (assorted.Node, type(None))) for one in back))\n"
        "assorted.resurrect_into(None); one = None; del back[:]\n"
        "gc.collect(); print(assorted.tally()[2], assorted.tally()[7], require_core().check())"
    )
    run_python(code, environment=extensions).expect("True\nTrue\n0 0 None\n")


def test_callbacks_in_a_collection_may_allocate_and_collect() -> None:
    """Weak references' callbacks and finalizers that allocate, free and collect while the collector runs."""
    code = """
        import gc, weakref
        import quire; quire.install()
        from quire.process.core import require_core
        told, kept = [], []
        class Thing:
            def __del__(self):
                kept.append([bytes(size) for size in range(0, 900, 90)]); del kept[:-5]
                if len(told) % 50 == 0: gc.collect(0)
        def make():
            one, other = Thing(), Thing(); one.other, other.other = other, one
            one.data = [dict.fromkeys(range(20)) for _ in range(5)]
            weakref.finalize(other, told.append, 2)
            return weakref.ref(one, lambda _: told.append(1))
        gc.set_threshold(50, 3, 3)
        references = [make() for _ in range(3000)]
        gc.collect()
        print(told.count(1), told.count(2), require_core().check())
    """
    run_python(code).expect("3000 3000 None\n")
