"""Heaps on the system that refuses on demand (``core/os/fake.c``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quire.process.heap import Heap

RANGE_BYTES = 64 * 1024**2


@pytest.fixture
def heap() -> Iterator[Heap]:
    """An empty one; a test file may make more of it in a fixture of the same name."""
    fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")
    fake.refuse(0)
    yield Heap(RANGE_BYTES, core=fake.Heap)
    fake.refuse(0)
