"""The model is the oracle: one random sequence drives it and the native heap, and they agree after every step."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from quire.model.mesh import MeshOptions, MeshPlaces
from quire.records.heap import MeshPhase
from quire.records.kinds import Domain
from seeds import often, seeds
from twins import Twins

_core = pytest.importorskip("quire._core", reason="the native core is not installed")

domains = st.sampled_from(Domain)
sizes = st.one_of(
    st.integers(0, 600),
    st.integers(500, 18_000),
    st.integers(8_000, 270_000),
    st.integers(250_000, 1_000_000),
    st.integers(250_000, 12_000_000),
    st.sampled_from([0, 1, 16, 17, 512, 513, 16384, 16385, 131072, 131073, 262144, 262145, 2**62, 2**63 - 1]),
)


options = st.builds(
    MeshOptions,
    live_percent_max=st.integers(0, 100),
    pools_max=st.integers(1, 400),
    only_at_rest=st.sampled_from([False, False, True]),
)
all_places = st.builds(
    MeshPlaces,
    piece_bytes=st.sampled_from([4096, 8192, 16384, 32768, 65536]),
    extents_max=st.integers(1, 5),
    mappings_max=st.one_of(st.integers(0, 400), st.just(1 << 16)),
)


class TwinsMachine(RuleBasedStateMachine):
    """Requests in any order. Hypothesis prints the sequence, and its seed, when the two disagree."""

    core: Any = _core.Heap

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins(self.core)

    @rule(size=sizes, domain=domains)
    def allocate(self, size: int, domain: Domain) -> None:
        self.twins.allocate(size, domain)

    @rule(size=st.integers(0, 4096), domain=domains, count=st.integers(2, 600))
    def allocate_many(self, size: int, domain: Domain, count: int) -> None:
        for _ in range(count):
            self.twins.allocate(size, domain)

    @rule(count=st.integers(0, 100), size=st.integers(0, 9000), domain=domains)
    def allocate_zeroed(self, count: int, size: int, domain: Domain) -> None:
        self.twins.allocate_zeroed(count, size, domain)

    @precondition(lambda self: self.twins.blocks)
    @rule(index=st.integers(0, 1 << 30))
    def free(self, index: int) -> None:
        self.twins.free(index)

    @precondition(lambda self: self.twins.blocks)
    @rule(seed=st.integers(0, 1 << 30), share=st.floats(0, 1))
    def free_many(self, seed: int, share: float) -> None:
        random.Random(seed).shuffle(self.twins.blocks)
        for _ in range(int(len(self.twins.blocks) * share)):
            self.twins.free(0)

    @precondition(lambda self: self.twins.blocks)
    @rule(index=st.integers(0, 1 << 30), size=sizes, domain=domains)
    def reallocate(self, index: int, size: int, domain: Domain) -> None:
        self.twins.reallocate(index, size, domain)

    @rule(
        slots=st.one_of(st.integers(1, 400), st.just(1 << 40)),
        reserve=st.integers(0, 1 << 21),
        percent=st.integers(0, 100),
    )
    def sweep(self, slots: int, reserve: int, percent: int) -> None:
        self.twins.sweep(slots_max=slots, reserve_bytes=reserve, live_percent_max=percent)

    @rule(options=options, places=all_places, parts=st.integers(1, 400))
    def mesh(self, options: MeshOptions, places: MeshPlaces, parts: int) -> None:
        """A whole pass, unless one is under way."""
        if self.twins.model.mesh.phase is MeshPhase.IDLE:
            self.twins.mesh(options, places, parts)

    @rule(options=options)
    def mesh_begin(self, options: MeshOptions) -> None:
        self.twins.mesh_begin(options)

    @rule(parts=st.integers(1, 400))
    def mesh_step(self, parts: int) -> None:
        self.twins.mesh_step(parts)

    @precondition(lambda self: self.twins.model.mesh.phase is not MeshPhase.IDLE)
    @rule(seed=st.integers(0, 1 << 30), share=st.sampled_from([0.0, 0.9, 0.99, 1.0, 1.0]), places=all_places)
    def prove(self, seed: int, share: float, places: MeshPlaces) -> None:
        """Come to where blocks are proven, and go on with some that are."""
        while self.twins.model.mesh.phase < MeshPhase.PROVING:
            self.twins.mesh_step(1000)
        chance = random.Random(seed)
        self.twins.prove(twin for twin in self.twins.blocks if chance.random() < share)
        self.twins.mesh_settle(places)

    @rule(parts=st.one_of(st.integers(1, 100), st.just(1 << 30)))
    def mesh_abandon(self, parts: int) -> None:
        self.twins.mesh_abandon(parts)

    @rule(parts=st.integers(1, 400))
    def mesh_renew(self, parts: int) -> None:
        self.twins.mesh_renew(parts)

    @rule(parts=st.integers(1, 100))
    def mesh_untouch(self, parts: int) -> None:
        """Nothing that the model has, nor that a program sees."""
        self.twins.native.mesh_untouch(parts)

    @rule(offset=st.integers(-(1 << 16), 1 << 27))
    def misuse(self, offset: int) -> None:
        self.twins.misuse(self.twins.native.range[0] + offset)

    @precondition(lambda self: self.twins.blocks)
    @rule(index=st.integers(0, 1 << 30), offset=st.integers(-64, 64))
    def misuse_near(self, index: int, offset: int) -> None:
        self.twins.misuse(self.twins.blocks[index % len(self.twins.blocks)].native + offset)

    @invariant()
    def the_twins_agree(self) -> None:
        self.twins.check()


TestTwins = TwinsMachine.TestCase
TestTwins.settings = settings(
    max_examples=often(15, 30), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("seed", seeds(often(1, 2)))
def test_a_long_run_that_fills_the_range_and_empties_it(seed: int) -> None:
    """Thousands of requests, growing until the range is used up and shrinking again, leave the twins equal."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    twins = Twins(_core.Heap)
    for step in range(2_000):
        is_growing = step // 250 % 2 == 0
        action = chance.random()
        if action < (0.85 if is_growing else 0.2) or not twins.blocks:
            size = random_size(chance)
            for _ in range(chance.choice([1, 20, 600]) if size < 3000 else 1):
                twins.allocate(size, chance.choice(list(Domain)))
        elif action < 0.93:
            for _ in range(min(len(twins.blocks), chance.choice([1, 1, 300]))):
                twins.free(chance.randrange(len(twins.blocks)))
        elif action < 0.97:
            twins.reallocate(chance.randrange(len(twins.blocks)), random_size(chance), Domain.OBJECT)
        else:
            twins.sweep(
                slots_max=chance.choice([1, 40, 1 << 40]),
                reserve_bytes=chance.choice([0, 0, 200_000]),
                live_percent_max=chance.choice([0, 25, 100]),
            )
        if step % 100 == 0:
            twins.check()
    while twins.blocks:
        twins.free(chance.randrange(len(twins.blocks)))
    twins.check()
    assert twins.native.statistics().live_bytes == 0


@pytest.mark.parametrize("seed", seeds())
def test_many_mappings_come_and_go(seed: int) -> None:
    """Hundreds of own mappings, more than the first tables hold, grown and freed in any order, are all found."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    twins = Twins(_core.Heap)
    for size in (300_000, 600_000):
        for _ in range(400):
            twins.allocate(size, Domain.OBJECT)
            twins.reallocate(chance.randrange(len(twins.blocks)), chance.randrange(270_000, 900_000), Domain.OBJECT)
        twins.check()
        for _ in range(350):
            twins.free(chance.randrange(len(twins.blocks)))
        twins.check()


def random_size(chance: random.Random) -> int:
    """A request's size, of any layer, small ones most often."""
    return int(chance.choice([520, 520, 520, 18_000, 270_000, 900_000]) * chance.random())
