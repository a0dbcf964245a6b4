"""The model's collector against CPython's: the same objects die, finalizers and callbacks run in the same order."""

from __future__ import annotations

from itertools import chain

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(story=st.lists(tangles, min_size=1, max_size=2).map(lambda parts: list(chain(*parts))))
def test_random_graphs_die_as_cpythons(story: list[Step]) -> None:
    """Any graph of instances, lists, dictionaries, tuples and weak references, with finalizers of which some bring
    their object back: in every step the same objects die, in the same order. Hypothesis prints the seed."""
    tell_twice(story)
