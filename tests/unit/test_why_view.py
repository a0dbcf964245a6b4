"""The screen of ``quire why``, and its file: they add up, and say what is known and why no more."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from quire.export.record_json import from_text
from quire.export.why_report import WHY_FORMAT, to_json
from quire.records.outside import ArenaOccupancy, OutsideSample, WhyReport
from quire.records.statistics import Charge
from quire.report.plain import Style, draw
from quire.report.view import RowKind
from quire.report.why_view import held_bytes, live_bytes, why_view

MIB = 1024**2
SIZES = st.integers(0, 2**40)


@st.composite
def samples(draw: st.DrawFn) -> OutsideSample:
    return sample(draw(st.tuples(*[SIZES] * 13)), draw(SIZES), draw(SIZES))


def sample(parts: tuple[int, ...], pss_bytes: int, swap_bytes: int = 0) -> OutsideSample:
    """A sample whose parts add up."""
    return OutsideSample(sum(parts), pss_bytes, swap_bytes, *parts)


@st.composite
def reports(draw: st.DrawFn) -> WhyReport:
    arenas = draw(st.integers(0, 10**6))
    occupancy = ArenaOccupancy(arenas, draw(st.integers(0, arenas)), *draw(st.tuples(*[SIZES] * 7)))
    memory = draw(samples())
    return WhyReport(
        version=1,
        quire_version="0.1.0",
        pid=draw(st.integers(1, 2**22)),
        argv=tuple(draw(st.lists(st.text(max_size=30), min_size=1, max_size=4))),
        python=draw(st.none() | st.just("3.13.0")),
        reason=draw(st.none() | st.text(max_size=60)),
        interpreters=1,
        threads=draw(st.integers(0, 1000)),
        is_on_quire=draw(st.booleans()),
        memory=memory,
        charge=Charge(
            memory.rss_bytes, memory.pss_bytes, draw(st.none() | SIZES), draw(SIZES), None, None, draw(SIZES)
        ),
        arenas=occupancy,
        wall_seconds=0.5,
    )


def after_a_peak() -> WhyReport:
    """A process that freed 99 of 100 objects of a peak."""
    sizes = (0, 6.0, 389.0, 19.0, 1.5, 0.5, 1.2, 0.1, 0.2, 8.0, 0.0, 0.4, 0.0)
    memory = sample(tuple(round(size * MIB) for size in sizes), 420 * MIB)
    return WhyReport(
        version=1,
        quire_version="0.1.0",
        pid=4711,
        argv=("/usr/bin/python3.12", "app.py", "a\nb"),
        python="3.12.1",
        reason=None,
        interpreters=1,
        threads=2,
        is_on_quire=False,
        memory=memory,
        charge=Charge(memory.rss_bytes, memory.pss_bytes, 560 * MIB, 98, 65530, None, MIB),
        arenas=ArenaOccupancy(312, 128, 58, 25_332, 1_188, 0, 9_018_417, 110_782, 14 * MIB),
        wall_seconds=1.1,
    )


def text_of(report: WhyReport) -> str:
    return " ".join(draw(why_view(report), Style(width=100)).split())


@given(reports())
def test_rows_add_up_as_printed(report: WhyReport) -> None:
    """Whoever adds up the rows on the screen gets the sum on the screen, to the last digit."""
    (table,) = why_view(report).tables
    parts = [tenths(row.cells[2]) for row in table.rows if row.kind is RowKind.PLAIN]
    (total,) = [tenths(row.cells[2]) for row in table.rows if row.kind is RowKind.SUM]
    assert sum(parts) == total


def tenths(cell: str | float) -> int:
    return int(str(cell).replace(",", "").replace(".", ""))


@given(reports())
def test_every_report_can_be_shown(report: WhyReport) -> None:
    """In use and held are disjoint parts of resident memory, and no line breaks out of the screen."""
    assert 0 <= live_bytes(report.memory) + held_bytes(report.memory) <= report.memory.rss_bytes
    assert all(line.isprintable() for line in draw(why_view(report), Style()).split("\n"))


@given(reports())
def test_what_is_written_is_read_again(report: WhyReport) -> None:
    """Every report comes back equal."""
    assert from_text(to_json(report), WHY_FORMAT) == report


def test_the_format_is_as_documented() -> None:
    """The document names itself and its version, and every field in it is in the documentation."""
    document = json.loads(to_json(after_a_peak()))
    assert (document["format"], document["version"]) == ("quire.why", 1)
    text = (Path(__file__).parents[2] / "docs/why.md").read_text(encoding="utf-8")
    names = {*document, *(field.name for kind in (OutsideSample, ArenaOccupancy) for field in fields(kind))}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_it_says_what_is_held_and_why() -> None:
    """Beyond the live blocks, by how few blocks, and what quire would make of it."""
    text = text_of(after_a_peak())
    assert "CPython holds 409.5 MiB beyond its live blocks (6.0 MiB)" in text
    assert "312 arenas, 41 % of them kept by fewer than 1 % of their blocks" in text
    assert "about 14.0 of the arenas' 415.5 MiB, and 401.5 MiB could go back" in text


def test_it_says_so_where_little_would_go_back() -> None:
    """No promise where CPython holds little."""
    report = after_a_peak()
    full = replace(report.arenas, quire_bytes=report.memory.arena_bytes - MIB)
    assert "On quire little of it would go back, about 1.0 MiB" in text_of(replace(report, arenas=full))


def test_it_says_why_no_more_is_told() -> None:
    """A reason takes the place of what the interpreter's structures would tell."""
    text = text_of(replace(after_a_peak(), python=None, reason="this is PyPy"))
    assert "No more than the kernel's accounts: this is PyPy." in text
    assert "CPython holds" not in text


def test_it_says_where_a_process_on_quire_tells_more() -> None:
    """From outside its heap is one row."""
    assert "It runs on quire" in text_of(replace(after_a_peak(), is_on_quire=True))
    assert "CPython has no arenas" in text_of(replace(after_a_peak(), arenas=ArenaOccupancy(*[0] * 9)))
