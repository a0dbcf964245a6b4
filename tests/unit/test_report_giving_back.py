"""What the screen at a program's end says of what went back, of what did not, and of the three ways to count."""

from __future__ import annotations

import re
from dataclasses import replace

from quire.records.statistics import MAPPING_BYTES, Charge, GivenBack, GivingBack
from quire.report.run_view import run_view
from quire.report.waterfall import waterfall
from reports import after_a_peak

MIB = 1024**2
NOTHING = GivingBack()
WHY = "Nothing goes back by itself: give_back is off."


def notes(giving_back: GivingBack = NOTHING, charge: Charge | None = None) -> tuple[str, ...]:
    """The last words on a program that holds nearly all of its peak."""
    report = after_a_peak()
    return run_view(
        replace(report, statistics=replace(report.statistics, giving_back=giving_back, charge=charge))
    ).notes


def test_what_went_back_is_told_by_kind_and_at_what_cost() -> None:
    """By itself and by ``trim`` together; the steps are those of the helper."""
    by_itself = GivenBack(MIB, 0, 2 * MIB, 3 * MIB, 0, steps=1200, step_seconds_max=0.0019, cpu_seconds=0.25)
    told = notes(GivingBack("all", by_itself, GivenBack(4 * MIB, libc_bytes=MIB)))[0]
    assert told == (
        "Given back to the system while it ran: 15 of 352 arenas, 18.0 MiB of blocks with mappings of their own, "
        "5.0 MiB of empty pools, 2.0 MiB of kept pages, 3.0 MiB of pages of sparse pools and 1.0 MiB of libc's heap. "
        "By itself in 1,200 steps, the longest of 1.9 ms; 250.0 ms of processor time in all."
    )


def test_what_is_held_is_told_in_its_parts_and_why_resident_memory_is_more() -> None:
    """And the control group's charge where the system tells it, and what it is of."""
    told = notes(charge=_charge(900 * MIB))[1]
    assert told.startswith(
        "Held at the end: 655.1 MiB; they are 640.0 MiB in proportion (PSS), 13.0 MiB that pools share and no page "
        "table has at the moment and 2.1 MiB of page tables and mappings. Resident memory counts pages that other "
        "processes share in full; PSS counts each in proportion."
    )
    assert "Its control group is charged 900.0 MiB, for all its processes" in told
    assert "control group" not in notes(charge=_charge(None))[1]
    assert notes(charge=None)[1].startswith("Resident memory counts")


def test_held_is_each_page_once_and_what_the_kernel_keeps_of_them() -> None:
    """What is shared by no page table is in no other size."""
    charge = Charge(30 * MIB, 20 * MIB, None, 1000, 65_530, uncounted_bytes=5 * MIB, page_table_bytes=MIB)
    assert charge.held_bytes == 26 * MIB + 1000 * MAPPING_BYTES
    assert Charge(MIB, None, None, None, None).held_bytes is None


def test_why_more_did_not_go_back_is_told_where_much_is_held() -> None:
    """A program that holds little is not bothered with it."""
    assert notes(GivingBack("off", missing=(WHY,)))[2:] == (WHY,)
    report = after_a_peak()
    heap = replace(report.end.heap, free_bytes=0, empty_pool_bytes=0, free_run_bytes=0)
    little = replace(report.end, heap=heap, libc_held_bytes=0)
    statistics = replace(report.statistics, giving_back=GivingBack("off", missing=(WHY,)))
    assert WHY not in run_view(replace(report, end=little, statistics=statistics)).notes


def _charge(cgroup_bytes: int | None) -> Charge:
    return Charge(650 * MIB, 640 * MIB, cgroup_bytes, 400, 65_530, 13 * MIB, 2 * MIB)


def test_what_pools_share_is_told_with_the_mappings_it_takes() -> None:
    """Only of a program that has such pools; how many mappings, where the system says."""
    report = after_a_peak()
    given = GivingBack("all", GivenBack(mesh_bytes=400 * MIB))
    statistics = replace(report.statistics, giving_back=given, sealed_pools=25_000, shared_bytes=9 * MIB, charge=None)
    told = run_view(replace(report, statistics=statistics)).notes[0]
    assert "and 400.0 MiB of sparse pools that share pages now. 25,000 pools share 9.0 MiB." in told
    told = run_view(replace(report, statistics=replace(statistics, charge=_charge(None)))).notes[0]
    assert "25,000 pools share 9.0 MiB; the process has 400 of at most 65,530 mappings." in told


def test_pages_counted_again_have_a_row_where_there_are_any() -> None:
    """What the system counts for each pool that shows it stands apart, and is no part of the rest."""
    report = after_a_peak()
    assert "counted again" not in str(run_view(report))
    end = replace(report.end, rss_bytes=report.end.rss_bytes + 80 * MIB, counted_again_bytes=80 * MIB)
    view = run_view(replace(report, end=end, rss_max_bytes=report.rss_max_bytes + 80 * MIB))
    labels = [str(row.cells[0]).strip() for table in view.tables for row in table.rows]
    assert labels.index("counted again") == labels.index("metadata") + 1 == labels.index("beside it") - 1
    assert "counted again 80.0 MiB" in str(view)


def test_shared_pages_in_no_page_table_are_taken_off() -> None:
    """The heap's rows have them, the system does not: the rows add up to what it says."""
    report = after_a_peak()
    end = replace(report.end, rss_bytes=report.end.rss_bytes - 9 * MIB, uncounted_bytes=9 * MIB)
    changed = replace(report, end=end)
    assert sum(row.end_bytes for row in waterfall(changed)) == end.rss_bytes
    view = run_view(changed)
    rows = [row.cells for table in view.tables for row in table.rows]
    row = next(cells for cells in rows if str(cells[0]).strip() == "in no page table")
    assert (row[2], row[3]) == ("-9.0", 0.0)
    other, before = (each.facts[1].rpartition("other ")[2].partition(" (")[0] for each in (view, run_view(report)))
    assert other == before
    assert sum(map(int, re.findall(r"\((\d+)%\)", view.facts[1]))) in range(98, 103)  # of what is there, each rounded
    assert view.facts[0].endswith(" MiB resident, 9.0 in no page table")
