"""Run reports for tests: random ones for Hypothesis, and one that looks like a program after its peak."""

from __future__ import annotations

from hypothesis import strategies as st

from quire.records.kinds import ArenaKind, Domain
from quire.records.process import HeapResidency, MemorySample, RunReport
from quire.records.statistics import ArenaStatistics, Charge, ClassStatistics, GivenBack, GivingBack, HeapStatistics

MIB = 1024**2
SIZES = st.integers(0, 2**40)
COUNTS = st.integers(0, 10**7)
SECONDS = st.floats(0, 1e7)


@st.composite
def samples(draw: st.DrawFn) -> MemorySample:
    heap = HeapResidency(*draw(st.tuples(*[SIZES] * 5)))
    rest = draw(st.tuples(*[SIZES] * 8))
    return sample(heap, rest, seconds=draw(SECONDS), pss_bytes=draw(st.none() | SIZES), swap_bytes=draw(SIZES))


def sample(
    heap: HeapResidency, rest: tuple[int, ...], seconds: float = 1.0, pss_bytes: int | None = 0, swap_bytes: int = 0
) -> MemorySample:
    """A sample whose parts add up."""
    parts = (heap.live_bytes, heap.free_bytes, heap.empty_pool_bytes, heap.free_run_bytes, heap.metadata_bytes)
    rss_bytes = sum(parts) + sum(rest)
    return MemorySample(seconds, rss_bytes, rss_bytes if pss_bytes == 0 else pss_bytes, swap_bytes, heap, *rest)


CLASSES = st.builds(
    ClassStatistics, st.sampled_from(Domain), COUNTS, st.integers(16, 2**15), COUNTS, COUNTS, COUNTS, COUNTS, COUNTS
)
ARENAS = st.builds(ArenaStatistics, st.sampled_from(ArenaKind), COUNTS, COUNTS, COUNTS, COUNTS, st.just(4096))
GIVEN = st.builds(GivenBack, *[SIZES] * 6, COUNTS, SECONDS, SECONDS)
GIVING = st.builds(
    GivingBack,
    st.sampled_from(["all", "purge", "off"]),
    GIVEN,
    GIVEN,
    st.none() | SECONDS,
    st.booleans(),
    st.lists(st.text(max_size=30), max_size=2).map(tuple),
)
CHARGES = st.none() | st.builds(Charge, SIZES, *[st.none() | SIZES] * 6)
STATISTICS = st.builds(
    HeapStatistics,
    st.lists(CLASSES, max_size=8).map(tuple),
    st.lists(ARENAS, max_size=3).map(tuple),
    *[SIZES] * 10,
    giving_back=GIVING,
    charge=CHARGES,
)


@st.composite
def reports(draw: st.DrawFn) -> RunReport:
    one, other = draw(samples()), draw(samples())
    peak = max(one, other, key=lambda sample: sample.rss_bytes)
    return RunReport(
        version=1,
        quire_version="0.1.0",
        python="3.13.0",
        argv=tuple(draw(st.lists(st.text(max_size=30), min_size=1, max_size=5))),
        pid=draw(COUNTS),
        wall_seconds=draw(SECONDS),
        cpu_seconds=draw(SECONDS),
        rss_max_bytes=peak.rss_bytes + draw(SIZES),
        end=one,
        peak=peak,
        samples=draw(COUNTS),
        statistics=draw(STATISTICS),
    )


def after_a_peak() -> RunReport:
    """A program that freed nearly all of a peak, and holds it still."""
    rest = tuple(round(size * MIB) for size in (4.1, 0.06, 5.5, 1.1, 0.13, 9.62, 1.31, 0.77))
    end = sample(HeapResidency(*(round(size * MIB) for size in (15.2, 612, 3, 2.5, 2.43))), rest)
    peak = sample(HeapResidency(*(round(size * MIB) for size in (640, 20, 0, 0, 2.43))), rest)
    classes = (
        ClassStatistics(Domain.OBJECT, 1, 32, 7300, 12, 8_123, 1_400_000, 9),
        ClassStatistics(Domain.MEM, 3, 64, 20_000, 103, 20_500, 3_981_000, 9),
        ClassStatistics(Domain.MEM, 40, 1024, 5, 2, 300, 0, 9),
    )
    arenas = (
        ArenaStatistics(ArenaKind.SMALL, 330, 27_415, 120, 90, 16_384),
        ArenaStatistics(ArenaKind.LARGE, 4, 7, 10, 7, 65_536),
        ArenaStatistics(ArenaKind.RUN, 3, 800, 300, 50, 4_096),
    )
    statistics = HeapStatistics(
        classes, arenas, 12, 3 * MIB, 2, 5 * MIB, 674 * MIB, 700 * MIB, 30 * MIB, 352, 15, 18 * MIB
    )
    return RunReport(
        version=1,
        quire_version="0.1.0",
        python="3.11.7",
        argv=("/usr/bin/python", "examples/peak.py", "a\nb"),
        pid=123,
        wall_seconds=6.21,
        cpu_seconds=5.93,
        rss_max_bytes=peak.rss_bytes + 3 * MIB,
        end=end,
        peak=peak,
        samples=17,
        statistics=statistics,
    )
