"""The waterfall adds up, as numbers and as printed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from quire.records.process import RunReport
from quire.report.run_view import run_view
from quire.report.units import MIB, count, mib, mib_column, seconds, size
from quire.report.view import ColumnKind, RowKind
from quire.report.waterfall import held_bytes, live_bytes, waterfall
from reports import after_a_peak, reports


@given(reports())
def test_rows_add_up_to_what_the_kernel_counts(report: RunReport) -> None:
    """The rows add up to VmRSS at the end and to VmHWM at the peak, to the byte."""
    rows = waterfall(report)
    assert sum(row.end_bytes for row in rows) == report.end.rss_bytes
    assert sum(row.peak_bytes for row in rows) == report.rss_max_bytes
    assert len({row.label for row in rows}) == len(rows)


@given(reports())
def test_rows_add_up_as_printed(report: RunReport) -> None:
    """Whoever adds up the numbers on the screen gets the sums on the screen, to the last digit."""
    table = run_view(report).tables[0]
    numbers = [index for index, column in enumerate(table.columns) if column.kind is ColumnKind.NUMBER]
    assert len(numbers) == 2
    for index in numbers:
        parts = [row.cells[index] for row in table.rows if row.kind is RowKind.PLAIN]
        (total,) = [row.cells[index] for row in table.rows if row.kind is RowKind.SUM]
        assert sum(tenths(str(part)) for part in parts if part) == tenths(str(total))


def tenths(text: str) -> int:
    return int(text.replace(",", "").replace(".", ""))


@given(reports())
def test_in_use_and_held_are_parts_of_resident(report: RunReport) -> None:
    """What the head calls in use and held are disjoint parts of the resident memory."""
    for sample in (report.end, report.peak):
        assert 0 <= live_bytes(sample) + held_bytes(sample) <= sample.rss_bytes


@given(reports())
def test_bars_are_shares(report: RunReport) -> None:
    """Every bar is a share from 0 to 1, on the same scale for both moments."""
    for row in run_view(report).tables[0].rows:
        assert all(0 <= cell <= 1 for cell in row.cells if isinstance(cell, float))


@given(st.lists(st.integers(0, 2**44)))
def test_a_column_is_rounded_to_its_sum(sizes_bytes: list[int]) -> None:
    """Printed sizes add up to their printed sum, and none is off by a tenth or more."""
    column = mib_column(sizes_bytes)
    assert sum(map(tenths, column)) == tenths(mib(sum(sizes_bytes)))
    for text, size_bytes in zip(column, sizes_bytes, strict=True):
        assert abs(tenths(text) - size_bytes * 10 / MIB) < 1.0001


def test_a_row_below_zero_adds_up_too() -> None:
    """Should the kernel's maximum lag behind a sample, the row says so rather than hide it."""
    assert mib_column([-MIB // 2, MIB]) == ["-0.5", "1.0"]
    assert mib(-MIB // 20) in ("0.0", "-0.1")


def test_sizes_counts_and_times_read_well() -> None:
    """Units are what people read on other screens."""
    assert [size(n) for n in (48, 512, 1024, 16384, 1536, 2 * MIB)] == [
        "48 B",
        "512 B",
        "1 KiB",
        "16 KiB",
        "1,536 B",
        "2 MiB",
    ]
    assert [mib(n) for n in (0, MIB, 734_003_200, 5 * 2**40)] == ["0.0", "1.0", "700.0", "5,242,880.0"]
    assert [count(n) for n in (0, 7, 1234567)] == ["-", "7", "1,234,567"]
    told = [seconds(s) for s in (0, 0.041, 6.21, 59.96, 185, 7500)]
    assert told == ["0.00 s", "0.04 s", "6.2 s", "1 min 00 s", "3 min 05 s", "2 h 05 min"]


def test_the_head_says_what_matters_first() -> None:
    """A stranger reads in two lines: how long, how much, and whether it is in use or only held."""
    view = run_view(after_a_peak())
    assert view.title == "quire: examples/peak.py a b"
    assert run_view(replace(after_a_peak(), argv=("./frozen",))).title == "quire: ./frozen"
    assert view.facts == (
        "6.2 s, 95% of a processor; peak 688.0 MiB; at the end 657.7 MiB resident",
        "in use 20.8 MiB (3%); freed but held 618.6 MiB (94%); other 18.4 MiB (3%)",
    )


def test_pools_are_counted_by_state() -> None:
    """Full and used pools come from the size classes of the arena's kind, empty and untouched ones from the arenas."""
    small, large, runs = run_view(after_a_peak()).tables[1].rows
    assert small.cells == ("16 KiB pools, to 512 B", "330", "115", "27,300", "120", "90")
    assert large.cells == ("64 KiB pools, above 512 B", "4", "2", "5", "10", "7")
    assert runs.cells == ("runs, in pages of 4 KiB", "3", "800", "", "300", "50")


def test_the_largest_size_classes_come_first() -> None:
    """Size classes are ordered by the bytes in their blocks, live and free."""
    rows = run_view(after_a_peak()).tables[2].rows
    assert [row.cells[0] for row in rows] == ["buffers of 64 B", "objects of 32 B", "buffers of 1 KiB"]
