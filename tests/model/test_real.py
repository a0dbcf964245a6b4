"""The model with CPython's sizes is CPython: the same requests, sent to both, get the same addresses."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quire.errors import UnsupportedRuntime
from quire.model import ARTICLE, CPYTHON_3_10, Allocator
from quire.model.real import in_fresh_python
from real_twins import Request
from seeds import seeds

sizes = st.one_of(st.integers(1, 512), st.sampled_from([16, 17, 48, 256, 496, 497, 512]))
requests = st.one_of(
    st.tuples(st.just("allocate"), sizes, st.one_of(st.just(1), st.integers(1, 5_000))),
    st.tuples(st.just("free"), st.integers(0, 1 << 30), st.one_of(st.integers(1, 100), st.just(100))),
    st.tuples(st.just("resize"), st.integers(0, 1 << 30), sizes),
)
offsets = st.sampled_from([0, 4096, 8192, 12288])


TRIES = 5
"""A resize meets a stray in one of thousands of runs."""


def ask(function: str, *arguments: object) -> Any:
    for _ in range(TRIES):
        try:
            return in_fresh_python(f"real_twins:{function}", *arguments)
        except UnsupportedRuntime as reason:
            pytest.skip(str(reason))
        except RuntimeError as reason:
            if "Strayed" not in str(reason):
                raise
    pytest.fail(f"{function}: a resize met a stray in each of {TRIES} runs")


@given(st.lists(requests, min_size=1, max_size=40), offsets)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
def test_every_block_lies_where_cpython_puts_it(requests: list[tuple[object, ...]], offset_bytes: int) -> None:
    """Requests in any order, arenas at any place: every address, and which arenas are obtained and given back."""
    assert ask("replay", requests, offset_bytes)["difference"] is None


@pytest.mark.parametrize("seed", seeds(2))
def test_a_program_that_grows_and_shrinks_has_cpythons_arenas(seed: int) -> None:
    """Thousands of blocks of a few sizes, made and dropped in waves: arenas go back, and the same ones in both."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    waves: list[Request] = []
    for _ in range(8):
        for _ in range(20):
            waves.append(["allocate", chance.choice([32, 56, 64, 112, 232, 400, 512]), chance.randrange(1, 1_500)])
            waves.append(["free", chance.randrange(1 << 30), chance.randrange(30)])
            waves.append(["resize", chance.randrange(1 << 30), chance.randrange(1, 513)])
        waves.append(["free", chance.randrange(1 << 30), chance.randrange(80, 101)])
    outcome = ask("replay", waves, chance.choice([0, 4096]))
    assert outcome["difference"] is None
    assert outcome["arenas_given_back"] > 0


def test_a_block_is_resized_in_place_where_cpython_does() -> None:
    """From every class to every size: it stays, or goes to the same address."""
    assert ask("replay_every_resize") is None


def test_a_pool_holds_what_the_model_says_in_every_class() -> None:
    """All 32 classes, counted block by block: 16 KiB less a header of 48 bytes. Of 48 bytes there are 340 today; a pool
    of 4 KiB, as the articles have it, holds 84."""
    measured = ask("capacities", [16 * (index + 1) for index in range(32)])
    assert measured == [capacity(CPYTHON_3_10, 16 * (index + 1)) for index in range(32)]
    assert (measured[0], measured[2], measured[31]) == (1021, 340, 31)
    assert capacity(ARTICLE, 48) == 84


@pytest.mark.parametrize(("size_bytes", "expected"), [(512, True), (600, False), (300_000, False)])
def test_a_large_block_that_shrinks_stays_with_libc(size_bytes: int, expected: bool) -> None:
    """CPython does not take over what libc gave, however small it becomes; the model's test is in test_allocator."""
    assert ask("shrunk_lies_in_an_arena", size_bytes) is expected


def test_what_is_asked_is_pyobject_malloc() -> None:
    """A block that ``PyObject_Malloc`` gave and ``PyObject_Free`` took is the next that is handed out here."""
    first, second = ask("after_pyobject_free", 500)
    assert first == second


def capacity(geometry: Any, size_bytes: int) -> int:
    allocator = Allocator(geometry)
    allocator.allocate(size_bytes)
    return allocator.state().arenas[0].pools[0].capacity
