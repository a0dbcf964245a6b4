"""What has gone back, by kind, and what that took."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Swept = tuple[int, int, int, int, int, int, int, bool]
    """The next cursor; bytes given back of empty pools, holes, kept pieces and pages of sparse pools; young bytes
    and young pools; whether it was refused."""

_LENGTHS: Final = 256
_LENGTHS_A_SECOND: Final = 10_000
"""Steps are counted by their length in tenths of a millisecond; those that are longer than all with the last."""


class Account:
    """In bytes and seconds of processor time; ``last`` on the clock that the steps are told by."""

    __slots__ = (
        "cpu_seconds", "empty_pool_bytes", "hole_bytes", "is_refused", "kept_bytes", "last", "libc_bytes", "mesh_bytes",
        "page_bytes", "step_lengths", "step_seconds_max", "steps",
    )  # fmt: skip

    def __init__(self) -> None:
        self.empty_pool_bytes = self.hole_bytes = self.kept_bytes = self.page_bytes = self.libc_bytes = 0
        self.mesh_bytes = 0
        self.steps = 0
        self.step_lengths = [0] * _LENGTHS
        self.cpu_seconds = self.step_seconds_max = 0.0
        self.last: float | None = None
        """When something went back last."""
        self.is_refused = False
        """The system did not take pages back when they were offered last."""

    @property
    def total_bytes(self) -> int:
        swept_bytes = self.empty_pool_bytes + self.hole_bytes + self.kept_bytes + self.page_bytes
        return swept_bytes + self.mesh_bytes + self.libc_bytes

    def add_swept(self, swept: Swept, now: float) -> int:
        """How many bytes the step gave back."""
        _cursor, empty_pool_bytes, hole_bytes, kept_bytes, page_bytes, _young_bytes, _young_pools, refused = swept
        self.is_refused = refused
        self.empty_pool_bytes += empty_pool_bytes
        self.hole_bytes += hole_bytes
        self.kept_bytes += kept_bytes
        self.page_bytes += page_bytes
        return self._note(empty_pool_bytes + hole_bytes + kept_bytes + page_bytes, now)

    def add_meshed(self, given_bytes: int, now: float) -> None:
        self.mesh_bytes += given_bytes
        self._note(given_bytes, now)

    def add_libc(self, given_bytes: int, now: float) -> None:
        self.libc_bytes += given_bytes
        self._note(given_bytes, now)

    def note_step(self, cpu_seconds: float) -> None:
        self.steps += 1
        self.cpu_seconds += cpu_seconds
        self.step_seconds_max = max(self.step_seconds_max, cpu_seconds)
        self.step_lengths[min(int(cpu_seconds * _LENGTHS_A_SECOND), _LENGTHS - 1)] += 1

    def step_seconds(self, share: float) -> float:
        """How long that share of the steps took at most, to a tenth of a millisecond; 0 where there was none."""
        counted, wanted = 0, share * self.steps
        for length, steps in enumerate(self.step_lengths[:-1]):
            counted += steps
            if steps and counted >= wanted:
                return min((length + 1) / _LENGTHS_A_SECOND, self.step_seconds_max)
        return self.step_seconds_max

    def add(self, other: Account) -> None:
        """What ``other`` has counted since this one was last told."""
        self.empty_pool_bytes += other.empty_pool_bytes
        self.hole_bytes += other.hole_bytes
        self.kept_bytes += other.kept_bytes
        self.page_bytes += other.page_bytes
        self.mesh_bytes += other.mesh_bytes
        self.libc_bytes += other.libc_bytes
        self.steps += other.steps
        self.cpu_seconds += other.cpu_seconds
        self.step_lengths = [ours + theirs for ours, theirs in zip(self.step_lengths, other.step_lengths, strict=True)]
        self.step_seconds_max = max(self.step_seconds_max, other.step_seconds_max)
        self.is_refused = other.is_refused
        self.last = other.last if other.last is not None else self.last

    def _note(self, given_bytes: int, now: float) -> int:
        if given_bytes:
            self.last = now
        return given_bytes
