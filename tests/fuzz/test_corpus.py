"""What the fuzzer has found worth keeping, and what it has broken once, replayed on the model and the native heap."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz.sequence import Sequence

fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.fixture(autouse=True)
def _a_fresh_system() -> Iterator[None]:
    gc.collect()
    if fake.held_bytes():
        pytest.skip("a failed test's heap is still there")
    yield
    fake.refuse(0)
    gc.collect()
    if not fake.held_bytes():
        fake.set_page_bytes(4096)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_a_recorded_sequence(path: Path) -> None:
    """Requests, and refusals of the system's, leave the model and the heap equal, and nothing held at the end."""
    Sequence(path.read_bytes(), fake).replay()
