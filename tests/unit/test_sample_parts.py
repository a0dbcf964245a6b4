"""The parts of a sample add up, whatever its sources say."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.process.parts import (
    AGAIN,
    FIELDS,
    HEAP,
    LIBC_CHUNKS,
    LIBC_HEAPS,
    OTHER,
    UNEXPLAINED,
    Parts,
    settle_heap,
    settle_libc,
    settle_proportional,
    settle_shared,
    settle_shared_quickly,
    settle_total,
)
from quire.process.sample import Sampler, make_sample

sizes = st.integers(0, 1000)
five = st.tuples(sizes, sizes, sizes, sizes, sizes)
BEFORE_SETTLING = [HEAP, LIBC_HEAPS, LIBC_CHUNKS, OTHER, "mapped_file_bytes", "thread_stack_bytes", "frame_bytes"]


def settled(heap: tuple[int, int, int, int, int], rows: dict[str, int], statistics: object, rss: int) -> Parts:
    parts = Parts(heap)
    parts.add(rows.items())
    settle_libc(parts, statistics, rows.get(LIBC_HEAPS, 0), rows.get(LIBC_CHUNKS, 0))
    settle_heap(parts, rss)
    settle_total(parts, rss, rss)
    return parts


@given(
    five,
    st.fixed_dictionaries(dict.fromkeys(BEFORE_SETTLING, sizes)),
    st.none() | st.tuples(sizes, sizes, sizes, sizes),
    st.integers(0, 8000),
)
def test_parts_add_up_and_none_is_negative(
    heap: tuple[int, int, int, int, int], rows: dict[str, int], statistics: object, rss: int
) -> None:
    """For any answers of the kernel, libc and the heap, the record's fields add up to its resident bytes."""
    sample = make_sample(settled(heap, rows, statistics, rss), seconds=1.5)
    heap_bytes = sum(getattr(sample.heap, name) for name in sample.heap.__slots__)
    fields = [getattr(sample, field) for field in FIELDS]
    assert heap_bytes + sum(fields) == sample.rss_bytes >= rss
    assert min(fields) >= 0
    assert sample.heap.live_bytes >= 0


def test_what_no_part_has_is_unexplained() -> None:
    """Resident bytes that VmRSS has and no part are the unexplained row."""
    assert settled((100, 0, 0, 0, 0), {HEAP: 100, OTHER: 50}, None, 180).rows[UNEXPLAINED] == 30


def test_resident_bytes_in_the_regions_that_the_heap_does_not_know_are_unexplained() -> None:
    """If the heap's account forgets memory of its own, the sample shows it."""
    assert settled((100, 0, 0, 0, 0), {HEAP: 140}, None, 140).rows[UNEXPLAINED] == 40


def test_chunks_that_libc_has_and_nobody_found_are_unexplained() -> None:
    """They are taken from the other anonymous memory, where they must be, as far as it goes."""
    parts = Parts((0, 0, 0, 0, 0))
    parts.add([(OTHER, 500)])
    settle_libc(parts, (0, 0, 0, 200), 0, 0)
    settle_total(parts, 500, 500)
    assert (parts.rows[OTHER], parts.rows[UNEXPLAINED], parts.rss_bytes) == (300, 200, 500)


def test_zeroes_that_were_only_read_are_not_live() -> None:
    """Pages that the heap counts and the kernel does not are taken from the live blocks."""
    parts = settled((500, 20, 0, 0, 5), {HEAP: 125}, None, 125)
    assert parts.heap == (100, 20, 0, 0, 5)
    assert (parts.rss_bytes, parts.rows[UNEXPLAINED]) == (125, 0)


def test_growth_between_two_readings_is_not_taken_for_zeroes() -> None:
    """If VmRSS has grown with the heap since its regions were looked at, the heap's account stands."""
    assert settled((500, 0, 0, 0, 0), {HEAP: 400}, None, 500).heap == (500, 0, 0, 0, 0)


def test_a_counter_that_lags_behind_does_not_hide_memory() -> None:
    """Where VmRSS is less than what was found page by page, what was found counts."""
    parts = settled((100, 0, 0, 0, 0), {HEAP: 100, OTHER: 50}, None, 140)
    assert (parts.rss_bytes, parts.rows[UNEXPLAINED]) == (150, 0)


@given(five, sizes, sizes, st.integers(0, 10_000))
def test_totals_do_not_contradict_each_other(
    heap: tuple[int, int, int, int, int], rss: int, rss_max: int, shared: int
) -> None:
    """What was resident at most is no less than what is, and that no less than its proportional size."""
    parts = Parts(heap)
    settle_total(parts, rss, rss_max)
    settle_proportional(parts, shared)
    assert parts.pss_bytes is not None
    assert 0 <= parts.pss_bytes <= parts.rss_bytes <= parts.rss_max_bytes
    assert parts.rss_max_bytes == max(rss_max, parts.rss_bytes)
    assert shared > parts.rss_bytes or parts.rss_bytes - parts.pss_bytes == shared


def test_of_a_few_attempts_the_most_is_the_firsts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt that explains most is taken, but what the attempts before it took themselves is not the program's."""
    attempts = []
    for found, rss, rss_max in [(500, 900, 1000), (500, 950, 1100), (940, 940, 1200)]:
        attempts.append(Parts((found, 0, 0, 0, 0)))
        settle_total(attempts[-1], rss, rss_max)
    best = attempts[-1]
    monkeypatch.setattr(Sampler, "_measure_all", lambda self: attempts.pop(0))
    assert Sampler(None).measure() is best  # type: ignore[arg-type]
    assert (best.rss_bytes, best.rss_max_bytes, attempts) == (940, 1000, [])


@pytest.mark.parametrize("is_on", [True, False])
def test_no_collection_comes_in_between(is_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector is off while a sample is taken, also where it fails, and then as it was."""
    seen = []

    def fail(_: Sampler) -> Parts:
        seen.append(gc.isenabled())
        raise MemoryError

    monkeypatch.setattr(Sampler, "_measure_all", fail)
    was_enabled = gc.isenabled()
    gc.enable() if is_on else gc.disable()
    try:
        with pytest.raises(MemoryError):
            Sampler(None).measure()  # type: ignore[arg-type]
        assert (seen, gc.isenabled()) == ([False], is_on)
    finally:
        gc.enable() if was_enabled else gc.disable()


@pytest.mark.parametrize(
    ("mapped", "once", "again", "uncounted"), [(90, 40, 50, 0), (90, 25, 65, 15), (10, 10, 0, 30), (0, -9, 0, 40)]
)
def test_what_pools_share_is_counted_once(mapped: int, once: int, again: int, uncounted: int) -> None:
    """The system counts it for each pool that has touched it, or for none; the heap has it once, and all add up to what
    the system counts."""
    parts = Parts((200, 40, 0, 0, 0))
    parts.add([(HEAP, 200 + mapped)])
    settle_shared(parts, 40, mapped, once)
    settle_heap(parts, 200 + mapped)
    settle_total(parts, 200 + mapped, 200 + mapped)
    assert (parts.rows[AGAIN], parts.uncounted_bytes, parts.rows[UNEXPLAINED]) == (again, uncounted, 0)
    assert (sum(parts.heap), parts.rss_bytes) == (240, 200 + mapped)
    settle_proportional(parts, again)
    assert parts.pss_bytes == 200 + max(once, 0)
    assert parts.pss_bytes + parts.uncounted_bytes == 240


def test_in_a_quick_sample_what_is_unexplained_may_be_counted_again() -> None:
    """As far as pools show pages that much is."""
    for shown, again in ((500, 60), (70, 30), (0, 0)):
        parts = Parts((240, 0, 0, 0, 0))
        settle_total(parts, 300, 300)
        settle_shared_quickly(parts, 40, shown)
        assert (parts.rows[AGAIN], parts.rows[UNEXPLAINED]) == (again, 60 - again)
        assert parts.rss_bytes == parts.found_bytes
