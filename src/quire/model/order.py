"""Why the fullest arena first: the same requests served both ways.

    fullest first      ########.  #######..  .........  <- stays empty, goes back
    emptiest first     #####....  ####.....  ####.....  <- each has a few, none goes back

Only a whole empty arena goes back to the system. A request that needs a pool could take it from any arena that has
one. If it goes where most room is, it keeps alive the very arena that was about to become empty; if it goes where least
is, that arena was not going to become empty anyway. The opposite is a habit of the geometry (``emptiest_arena_first``)
that nobody has; here one runs both and counts.

Source: CPython's Objects/obmalloc.c, ``usable_arenas``: sorted by ``nfreepools``, the least first; since 2.5, without a
search since 3.8 (bpo-37029).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from quire.model.allocator import Allocator
from quire.model.geometry import ARTICLE, Geometry

MANY_REQUESTS = 300
FEW_REQUESTS = 40
"""At a time, in the busy and in the quiet parts of the trace; the quiet ones last twice as long."""
SIZES_BYTES = (56, 64, 112, 232, 400)
"""Of the blocks; a program has few sizes that it uses much."""


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """What became of the arenas under one order."""

    arenas_given_back: int
    arenas_at_end: int
    arena_steps: int
    """Arenas held, summed over all steps: what the memory costs over time."""


def compare_orders(seed: int, geometry: Geometry = ARTICLE, steps: int = 6_000) -> tuple[OrderOutcome, OrderOutcome]:
    """Serve one random trace with the fullest arena first and with the emptiest first.

    The trace is a program that answers requests: each makes some blocks of one size, and drops them all when it is
    answered. At first there are many requests at a time, then few, then many again.

    Args:
        seed: of the trace; the same seed gives the same trace.
        geometry: the sizes; its own order is not looked at.
        steps: how many requests begin or are answered.

    Returns:
        The outcome with the fullest first, then the one with the emptiest first.
    """
    return (
        _serve(replace(geometry, emptiest_arena_first=False), _trace(seed, steps)),
        _serve(replace(geometry, emptiest_arena_first=True), _trace(seed, steps)),
    )


@dataclass(frozen=True, slots=True)
class _Begin:
    """A request begins: so many blocks of so many bytes."""

    blocks: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """The request with this index is answered, and its blocks are dropped."""

    index: int


def _trace(seed: int, steps: int) -> Iterator[_Begin | _Answer]:
    chance = random.Random(seed)
    requests = 0
    for step in range(steps):
        wanted = MANY_REQUESTS if step * 12 // steps % 3 == 0 else FEW_REQUESTS
        if requests == 0 or chance.random() < (0.9 if requests < wanted else 0.1):
            requests += 1
            yield _Begin(chance.randrange(1, 60), chance.choice(SIZES_BYTES))
        else:
            requests -= 1
            yield _Answer(chance.randrange(requests + 1))


def _serve(geometry: Geometry, trace: Iterator[_Begin | _Answer]) -> OrderOutcome:
    allocator = Allocator(geometry)
    requests: list[list[int]] = []
    arena_steps = 0
    for step in trace:
        match step:
            case _Begin():
                requests.append([allocator.allocate(step.size_bytes) for _ in range(step.blocks)])
            case _Answer():
                for block in requests.pop(step.index):
                    allocator.free(block)
        arena_steps += len(allocator.arenas)
    return OrderOutcome(allocator.totals.arenas_given_back, len(allocator.arenas), arena_steps)
