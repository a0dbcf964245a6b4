"""The model's collector against CPython's: the same objects die, finalizers and callbacks run in the same order."""

from __future__ import annotations

import ast
import gc
import random
import weakref
from collections import Counter
from itertools import chain, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processes import run_python
from quire.model.errors import WrongType
from quire.model.space import ObjectSpace
from quire.model.versions import V3_11, VERSIONS
from seeds import often, seeds
from worlds import ModelWorld, RealWorld, Step

numbers = st.integers(0, 40)


def steps(verbs: str) -> st.SearchStrategy[Step]:
    """A step of any of these verbs."""
    return st.tuples(st.sampled_from(verbs.split()), numbers, numbers)


tangles = st.builds(
    lambda made, linked, dropped: [*made, *linked, *dropped],
    st.lists(steps("make"), min_size=6, max_size=16),
    st.lists(steps("link link link link unlink watch"), min_size=12, max_size=40),
    st.lists(steps("drop drop drop drop drop drop make link collect"), min_size=10, max_size=40),
)
"""Several objects, tied together, then let go of."""


def tell_twice(story: list[Step]) -> None:
    """Tell a story in both worlds, step by step; after each they agree on all that happened."""
    model = ModelWorld()
    with RealWorld() as real:
        for step in [*story, ("collect", 2, 0), ("collect", 2, 0)]:
            model.step(step)
            real.step(step)
            assert model.happened == real.happened, step
            assert model.weak_names() == real.weak_names()
            assert [model.is_dead(name) for name in model.weak_names()] == [
                real.is_dead(name) for name in real.weak_names()
            ]


@settings(max_examples=often(25, 60), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(story=st.lists(tangles, min_size=1, max_size=2).map(lambda parts: list(chain(*parts))))
def test_random_graphs_die_as_cpythons(story: list[Step]) -> None:
    """Any graph of instances, lists, dictionaries, tuples and weak references, with finalizers of which some bring
    their object back: in every step the same objects die, in the same order. Hypothesis prints the seed."""
    tell_twice(story)


@pytest.mark.parametrize("seed", seeds(2))
def test_many_large_graphs_die_as_cpythons(seed: int) -> None:
    """The same for stories that are long from the start, which Hypothesis makes few of."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(often(20, 50)):
        tell_twice(
            [(verb, chance.randrange(41), chance.randrange(41)) for verb in ["make"] * chance.randrange(6, 16)]
            + random_steps(chance, "link link link link unlink watch", 40)
            + random_steps(chance, "drop drop drop drop make link collect", 40)
        )


def random_steps(chance: random.Random, verbs: str, steps_max: int) -> list[Step]:
    """Some steps of these verbs."""
    return [
        (chance.choice(verbs.split()), chance.randrange(41), chance.randrange(41))
        for _ in range(chance.randrange(steps_max // 3, steps_max))
    ]


@pytest.mark.parametrize("collected", [False, True])
def test_callbacks_come_youngest_first_and_not_from_garbage(collected: bool) -> None:
    """Of several weak references to one object the youngest is called first, whether counting or the collector ends
    the object. One that dies with it is called by counting, for it still lives then, and not by the collector."""
    ours = callbacks_in_model(collected)
    assert ours == callbacks_really(collected)
    assert ours == ([3, 2, 1] if collected else [4, 3, 2, 1])


def callbacks_really(collected: bool) -> list[int]:
    """Who is called in CPython."""
    called: list[int] = []

    class Node:
        pass

    one = Node()
    plain = weakref.ref(one)
    held = [weakref.ref(one, lambda _, number=number: called.append(number)) for number in (1, 2, 3)]
    one.own = weakref.ref(one, lambda _: called.append(4))
    if collected:
        one.me = one
    del one
    gc.collect()
    assert plain() is None
    assert len(held) == 3
    return called


def callbacks_in_model(collected: bool) -> list[int]:
    """Who is called in the model."""
    called: list[int] = []
    space = ObjectSpace()
    class_ = space.new_class("Node")
    one = class_.make()
    space.weakref.make(one)
    for number in (1, 2, 3):
        space.weakref.make(one, lambda _, number=number: called.append(number))
    own = space.weakref.make(one, lambda _: called.append(4))
    class_.set(one, "own", own)
    space.decref(own)
    if collected:
        class_.set(one, "me", one)
    space.decref(one)
    space.collect()
    assert not one.is_alive
    return called


AUTOMATIC = """
import gc
keep, seen, places, place = [None] * {made}, [], [], 0
def note(phase, info):
    if phase == "start":
        seen.append(info["generation"])
        places.append(place)
gc.set_threshold(*{thresholds})
gc.collect()
gc.freeze()
gc.collect()
gc.callbacks.append(note)
for place in range({made}):
    keep[place] = []
gc.callbacks.remove(note)
print(seen, places)
"""


@pytest.mark.parametrize("thresholds", [(100, 4, 3), (50, 2, 1), (200, 10, 0), (0, 1, 1)])
def test_automatic_collections_come_when_cpythons_do(thresholds: tuple[int, int, int]) -> None:
    """For lists that are made and kept, the generations are collected in the same order, also by the rule that the old
    ones wait until a quarter as many have joined them; and as many lists are made between two collections. (A callback
    makes an object now and then; so most often, not always.)"""
    made = 6_000
    outcome = run_python(AUTOMATIC.format(made=made, thresholds=thresholds))
    space = ObjectSpace()
    for generation, threshold in zip(space.collector.generations, thresholds, strict=True):
        generation.threshold = threshold
    space.collect()
    space.collector.collections.clear()
    our_places: list[int] = []
    for place in range(made):
        space.list.make()
        space.collector.run_pending()
        our_places += [place] * (len(space.collector.collections) - len(our_places))
    ours = [collection.generation for collection in space.collector.collections]
    real, real_places = (ast.literal_eval(part + "]") for part in outcome.stdout.strip().split("]")[:2])
    assert most_common_step(our_places) == most_common_step(real_places)
    assert abs(len(ours) - len(real)) <= 1  # a young object more or less from before
    shorter = min(len(ours), len(real))
    assert ours[:shorter] == real[:shorter]
    assert (2 in ours) is (thresholds[0] > 0)


def most_common_step(places: list[int]) -> int | None:
    """How many lists most collections came after the one before."""
    steps = Counter(after - before for before, after in pairwise(places))
    return steps.most_common(1)[0][0] if steps else None


def test_a_collection_tells_how_it_found_its_garbage() -> None:
    """The counts, less those from among the objects: the articles' cycle, and one that a name still holds."""
    space = ObjectSpace()
    space.collect()
    lost, held = space.list.make(), space.list.make()
    for one in (lost, held):
        space.list.append(one, one)
    space.decref(lost)
    done = space.collector.collect(0)
    assert [(each.count, each.outside) for each in done.examined] == [(1, 0), (2, 1)]
    assert done.unreachable == done.freed == (lost.address,)
    assert held.is_alive
    assert space.collector.generation_of(held) == 1


def test_a_weak_reference_is_empty_before_a_finalizer_runs_unless_it_is_plain_and_late() -> None:
    """Up to 3.14 a finalizer of garbage finds weak references to it empty; since 3.15 only those with callbacks."""
    for version in VERSIONS:
        space = ObjectSpace(version)
        found: list[bool] = []
        class_ = space.new_class("Node", finalizer=lambda _: found.append(space.weakref.target(plain) is None))  # noqa: B023
        one = class_.make()
        class_.set(one, "me", one)
        plain = space.weakref.make(one)
        called = space.weakref.make(one, lambda _: None)
        space.decref(one)
        done = space.collector.collect()
        assert found == [version.name != "3.15"]
        assert space.weakref.target(plain) is None
        assert set(done.weakrefs_cleared) == {plain.address, called.address}
        assert (done.callbacks_called, done.finalized) == ((called.address,), (one.address,))


def test_plain_weak_references_to_one_object_are_one_object() -> None:
    """Asked for again, the first is shared; with a callback each is its own."""
    space = ObjectSpace()
    one = space.new_class("Node").make()
    first = space.weakref.make(one)
    assert space.weakref.make(one) is first
    assert space.weakref.make(one, lambda _: None) is not first
    assert space.weakref.make(one) is first


def test_a_weak_reference_is_emptied_though_making_it_ended_the_others() -> None:
    """In 3.11 making one may collect the only other weak reference to its target; the new one is known all the same."""
    space = ObjectSpace(V3_11)
    class_ = space.new_class("Node")
    one, ring = class_.make(), class_.make()
    other = space.weakref.make(one, lambda _: None)
    class_.set(ring, "me", ring)
    class_.set(ring, "other", other)
    space.decref(other)
    space.decref(ring)
    space.collector.generations[0].threshold = 1
    new = space.weakref.make(one, lambda _: None)
    assert not other.is_alive
    space.decref(one)
    assert space.weakref.target(new) is None


def test_what_cannot_be_referred_to_weakly_is_refused() -> None:
    """Lists, numbers and text keep no list of weak references, in CPython neither."""
    space = ObjectSpace()
    for value in ([], 1000, "text"):
        with pytest.raises(TypeError):
            weakref.ref(value)
        with pytest.raises(WrongType):
            space.weakref.make(space.new(value))


@pytest.mark.parametrize(
    "value",
    [{}, {"a": 1000}, {"a": [1000]}, {1000: 2.5}, [], [1000], (1000, "text"), ([1000],), ((1000,), 2000), "text", 1000],
    ids=str,
)
def test_what_is_tracked_is_what_cpython_tracks(value: object) -> None:
    """When it is made, and after a collection of the old generation: what cannot be part of a cycle is not tracked."""
    space = ObjectSpace()
    ours = space.new(value)
    gc.disable()
    real = rebuild(value)
    assert space.collector.is_tracked(ours) is gc.is_tracked(real)
    gc.enable()
    gc.collect()
    space.collect()
    assert space.collector.is_tracked(ours) is gc.is_tracked(real)


def rebuild(value: object) -> object:
    """The value, made now."""
    match value:
        case list():
            return [rebuild(item) for item in value]
        case tuple():
            return tuple([rebuild(item) for item in value])
        case dict():
            made = {}
            for key, item in value.items():
                made[key] = rebuild(item)
            return made
    return value


def test_a_class_dies_by_collection_only() -> None:
    """A class is the first in the tuple of classes that it is looked into: a cycle, which only the collector ends."""
    space = ObjectSpace()
    class_ = space.new_class("Node")
    one = class_.make()
    space.decref(one)
    space.decref(class_)
    assert class_.is_alive
    space.collect()
    assert not class_.is_alive


@pytest.mark.parametrize("seed", seeds(2))
def test_deep_trees_are_finalized_in_cpythons_order(seed: int) -> None:
    """Trees of instances, up to two hundred deep, die in the order that CPython's trashcan brings about."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(5):
        parents = [chance.randrange(max(0, child - 3), child) for child in range(1, chance.randrange(150, 350))]
        assert finalized_in_model(parents) == finalized_really(parents)


def finalized_really(parents: list[int]) -> list[int]:
    """The order in which the nodes of a tree are finalized when its root is dropped, in CPython."""
    order: list[int] = []

    class Node:
        def __init__(self, number: int) -> None:
            self.number = number
            self.held: list[Node] = []

        def __del__(self) -> None:
            order.append(self.number)

    nodes = [Node(number) for number in range(len(parents) + 1)]
    for child, parent in enumerate(parents, 1):
        nodes[parent].held.append(nodes[child])
    root = nodes[0]
    nodes.clear()
    del root
    return order


def finalized_in_model(parents: list[int]) -> list[int]:
    """The same, in the model."""
    order: list[int] = []
    space = ObjectSpace()
    space.collector.is_enabled = False
    class_ = space.new_class("Node", finalizer=lambda one: order.append(number_of[one]))
    nodes, lists, number_of = [], [], {}
    for number in range(len(parents) + 1):
        one = class_.make()
        nodes.append(one)
        number_of[one] = number
        class_.set(one, "number", space.none)
        held = space.list.make()
        class_.set(one, "held", held)
        space.decref(held)
        lists.append(held)
    for child, parent in enumerate(parents, 1):
        space.list.append(lists[parent], nodes[child])
        space.decref(nodes[child])
    space.decref(nodes[0])
    return order
