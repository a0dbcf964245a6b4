"""The fullest arena first, against the opposite."""

from __future__ import annotations

import dataclasses

import pytest

from quire.model import ARTICLE, Allocator
from quire.model.order import compare_orders
from seeds import often, seeds

SEEDS = seeds(often(3, 6))


def test_more_arenas_go_back_with_the_fullest_first() -> None:
    """Over some random traces: more arenas go back, and fewer are held, than with the emptiest first."""
    print(f"seeds {SEEDS}")
    outcomes = [compare_orders(seed) for seed in SEEDS]
    fullest, emptiest = zip(*outcomes, strict=True)
    assert sum(o.arenas_given_back for o in fullest) > sum(o.arenas_given_back for o in emptiest)
    assert sum(o.arena_steps for o in fullest) < sum(o.arena_steps for o in emptiest)


def test_both_orders_serve_the_same_trace() -> None:
    """The same seed asks for the same: the same outcome, twice."""
    assert compare_orders(7, steps=600) == compare_orders(7, steps=600)


@pytest.mark.parametrize(("emptiest_first", "expected"), [(False, "first"), (True, "second")])
def test_the_order_says_which_arena_serves(emptiest_first: bool, expected: str) -> None:
    """Of an arena with one free pool and one with three, the fullest first asks the one, so that the other may become
    empty; the opposite asks the other."""
    allocator = Allocator(dataclasses.replace(ARTICLE, emptiest_arena_first=emptiest_first))
    pools = [[allocator.allocate(512) for _ in range(7)] for _ in range(2 * 64)]
    first, second = (arena.address for arena in allocator.state().arenas)
    for pool in (pools[0], *pools[64:67]):
        for block in pool:
            allocator.free(block)
    address = allocator.allocate(512)
    assert expected == ("first" if first <= address < second else "second")
