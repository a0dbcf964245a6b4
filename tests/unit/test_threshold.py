"""What is done at a size of memory, with a heap and memory that are made up."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from quire.process import threshold
from quire.process.threshold import Threshold

MIB = 1024**2


class World:
    """A heap that grows when told, and memory beside it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, size_bytes: int) -> None:
        self.heap_bytes = 4 * MIB
        self.beside_bytes = 6 * MIB
        self.limit_bytes = sys.maxsize
        self.signal_number = 0
        self.nudges = 0
        self.passed_at: list[int] = []
        self.attempts: list[bool] = []
        self.failures = 0
        self.handler: Callable[[int, None], object] | None = None
        monkeypatch.setattr(threshold, "read_rss_bytes", lambda: self.rss_bytes)
        monkeypatch.setattr(threshold, "claim_signal", self.claim_signal)
        self.threshold = Threshold(size_bytes, self.passed, self)

    @property
    def rss_bytes(self) -> int:
        return self.heap_bytes + self.beside_bytes

    def claim_signal(self, handler: Callable[[int, None], object]) -> int:
        self.handler = handler
        return 62

    def watch(self, limit_bytes: int, signal_number: int, late_limit: int = 0, due: float = 0.0, /) -> None:
        self.limit_bytes, self.signal_number = limit_bytes, signal_number

    def statistics(self) -> tuple[object, ...]:
        return (), (), 0, 0, (0, 0, 0, 0, 0, MIB, 0, 0, 0, self.heap_bytes - MIB)

    def passed(self, is_tried_again: bool) -> bool:
        self.attempts.append(is_tried_again)
        if self.failures:
            self.failures -= 1
            return False
        self.passed_at.append(self.rss_bytes)
        return True

    def grow(self, size_bytes: int) -> None:
        self.heap_bytes += size_bytes
        if self.handler is not None and self.signal_number and self.heap_bytes > self.limit_bytes:
            self.signal_number = 0
            self.nudges += 1
            self.handler(62, None)


def test_it_is_done_once_close_to_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """With few looks, however far the size is."""
    world = World(monkeypatch, 1000 * MIB)
    assert world.threshold.start()
    for _ in range(4000):
        world.grow(MIB // 2)
    assert len(world.passed_at) == 1
    assert 1000 * MIB <= world.passed_at[0] <= 1002 * MIB
    assert world.nudges < 5


def test_memory_that_went_elsewhere_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where C code gave back, the heap must grow further; where it took, it is seen when the heap next grows."""
    world = World(monkeypatch, 100 * MIB)
    world.threshold.start()
    world.beside_bytes = 0
    for _ in range(95):
        world.grow(MIB)
    assert world.passed_at == []
    world.beside_bytes = 50 * MIB
    for _ in range(3):
        world.grow(MIB)
    assert len(world.passed_at) == 1


@pytest.mark.parametrize("failures", [1, 4, 5, 9])
def test_what_could_not_be_done_is_tried_again(failures: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five times in all, as the heap grows; whoever does it knows whether this is the last."""
    world = World(monkeypatch, 20 * MIB)
    world.failures = failures
    world.threshold.start()
    for _ in range(100):
        world.grow(MIB)
    assert world.attempts == [True, True, True, True, False][: failures + 1]
    assert len(world.passed_at) == (failures < 5)
    assert world.threshold.is_over


def test_where_no_signal_is_free_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever asks is told."""
    world = World(monkeypatch, 20 * MIB)
    monkeypatch.setattr(threshold, "claim_signal", lambda handler: 0)
    assert not world.threshold.start()
    assert world.limit_bytes == sys.maxsize
