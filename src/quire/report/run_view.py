"""What the screen at a program's end says: where its memory is, what the heap is made of, what went back."""

from __future__ import annotations

from quire.records.kinds import ArenaKind, Domain
from quire.records.process import RunReport, WaterfallRow
from quire.records.statistics import ArenaStatistics, Charge, ClassStatistics, GivingBack, HeapStatistics
from quire.report.units import count, mib, mib_column, one_line, seconds, size
from quire.report.view import Column, ColumnKind, Row, RowKind, Table, View, name_and_numbers
from quire.report.waterfall import ABOVE, AGAIN, OTHER_PARTS, UNCOUNTED, held_bytes, live_bytes, waterfall

_CLASSES_SHOWN = 5
_SMALL_BYTES_MAX = 512
_MUCH_HELD = 0.1
"""Of resident memory."""
_OF_GROUP = " for all its processes and what the kernel keeps of their files"


def run_view(report: RunReport) -> View:
    """The whole screen."""
    statistics = report.statistics
    tables = [_waterfall_table(report), _arena_table(statistics)]
    if any(_class_bytes(counts) for counts in statistics.classes):
        tables.append(_class_table(statistics))
    return View(
        title=f"quire: {one_line(report.argv[1:] or report.argv)}",
        subtitle=f"Python {report.python}",
        facts=(_run_sentence(report), _memory_sentence(report)),
        tables=tuple(tables),
        notes=(_given_back_note(statistics), _sharing_note(report), *_missing_notes(report)),
    )


# --- sentences ------------------------------------------------------------------------------------------------


def _run_sentence(report: RunReport) -> str:
    uncounted_bytes = report.end.uncounted_bytes
    uncounted = f", {mib(uncounted_bytes)} in no page table" if uncounted_bytes else ""
    return (
        f"{seconds(report.wall_seconds)}, {_processor_share(report)}; "
        f"peak {mib(report.rss_max_bytes)} MiB; at the end {mib(report.end.rss_bytes)} MiB resident{uncounted}"
    )


def _processor_share(report: RunReport) -> str:
    share = report.cpu_seconds / max(report.wall_seconds, 1e-6)
    return f"{share:.1f} processors" if share > 1.2 else f"{min(share, 1):.0%} of a processor"


def _memory_sentence(report: RunReport) -> str:
    live, held = live_bytes(report.end), held_bytes(report.end)
    again = report.end.counted_again_bytes
    rest = report.end.rss_bytes - live - held - again + report.end.uncounted_bytes
    counted_again = f"counted again {_part(report, again)}; " if again else ""
    held_and_again = f"freed but held {_part(report, held)}; {counted_again}"
    return f"in use {_part(report, live)}; {held_and_again}other {_part(report, rest)}"


def _part(report: RunReport, size_bytes: int) -> str:
    there_bytes = report.end.rss_bytes + report.end.uncounted_bytes
    return f"{mib(size_bytes)} MiB ({size_bytes / max(there_bytes, 1):.0%})"


def _given_back_note(statistics: HeapStatistics) -> str:
    parts = []
    if statistics.arenas_given_back:
        parts.append(f"{statistics.arenas_given_back:,} of {statistics.arenas_obtained:,} arenas")
    if statistics.mapping_bytes_given_back:
        parts.append(f"{mib(statistics.mapping_bytes_given_back)} MiB of blocks with mappings of their own")
    parts += [f"{mib(size_bytes)} MiB of {kind}" for kind, size_bytes in _kinds(statistics.giving_back) if size_bytes]
    *first, last = parts or ["nothing"]
    what = f"{', '.join(first)} and {last}" if first else last
    return f"Given back to the system while it ran: {what}.{_shared(statistics)}{_cost(statistics.giving_back)}"


def _shared(statistics: HeapStatistics) -> str:
    """What meshed pools cost: memory, and mappings, which the system limits."""
    if not statistics.sealed_pools:
        return ""
    told = f" {count(statistics.sealed_pools)} pools share {mib(statistics.shared_bytes)} MiB"
    charge = statistics.charge
    if charge is None or charge.mappings is None or charge.mappings_max is None:
        return f"{told}."
    return f"{told}; the process has {count(charge.mappings)} of at most {count(charge.mappings_max)} mappings."


def _kinds(giving_back: GivingBack) -> list[tuple[str, int]]:
    """What went back before its arena did, and of libc's; by itself and by ``trim``."""
    both = (giving_back.by_itself, giving_back.by_trim)
    return [
        ("empty pools", sum(given.empty_pool_bytes for given in both)),
        ("holes between runs", sum(given.hole_bytes for given in both)),
        ("kept pages", sum(given.kept_bytes for given in both)),
        ("pages of sparse pools", sum(given.page_bytes for given in both)),
        ("sparse pools that share pages now", sum(given.mesh_bytes for given in both)),
        ("libc's heap", sum(given.libc_bytes for given in both)),
    ]


def _cost(giving_back: GivingBack) -> str:
    given = giving_back.by_itself
    if not given.steps:
        return ""
    steps = "1 step" if given.steps == 1 else f"{count(given.steps)} steps"
    longest = f"{1000 * given.step_seconds_max:.1f} ms"
    return (
        f" By itself in {steps}, the longest of {longest}; {1000 * given.cpu_seconds:.1f} ms of processor time in all."
    )


def _missing_notes(report: RunReport) -> tuple[str, ...]:
    """Why more did not go back, where much is held."""
    is_much = held_bytes(report.end) > _MUCH_HELD * report.end.rss_bytes
    return report.statistics.giving_back.missing if is_much else ()


def _sharing_note(report: RunReport) -> str:
    """The sizes that there are of a process, and why they differ."""
    swap_bytes = report.end.swap_bytes
    cgroup_bytes = report.statistics.charge.cgroup_bytes if report.statistics.charge else None
    group = "" if cgroup_bytes is None else f" Its control group is charged {mib(cgroup_bytes)} MiB,{_OF_GROUP}."
    swapped = f" {mib(swap_bytes)} MiB more are swapped out." if swap_bytes else ""
    return f"{_held(report.statistics.charge)}Resident memory counts {_difference(report)}.{group}{swapped}"


def _held(charge: Charge | None) -> str:
    if charge is None or charge.pss_bytes is None or charge.held_bytes is None:
        return ""
    uncounted = ""
    if charge.uncounted_bytes:
        uncounted = f", {mib(charge.uncounted_bytes)} MiB that pools share and no page table has at the moment"
    return (
        f"Held at the end: {mib(charge.held_bytes)} MiB; they are {mib(charge.pss_bytes)} MiB in proportion (PSS)"
        f"{uncounted} and {mib(charge.kernel_bytes)} MiB of page tables and mappings. "
    )


def _difference(report: RunReport) -> str:
    """Between what is resident and its proportional size."""
    again_bytes = report.end.counted_again_bytes
    again = f", and {mib(again_bytes)} MiB that pools share again for each pool" if again_bytes else ""
    return f"pages that other processes share in full{again}; PSS counts each in proportion"


# --- the waterfall --------------------------------------------------------------------------------------------

_WATERFALL_COLUMNS = (
    Column("", ColumnKind.NAME),
    Column("", ColumnKind.GLOSS),
    Column("at end", ColumnKind.NUMBER),
    Column("", ColumnKind.BAR),
    Column("at peak", ColumnKind.NUMBER),
    Column("", ColumnKind.BAR),
)


def _waterfall_table(report: RunReport) -> Table:
    rows = [row for row in waterfall(report) if row.label not in (AGAIN, UNCOUNTED) or row.end_bytes or row.peak_bytes]
    printed = zip(
        rows,
        mib_column([row.end_bytes for row in rows]),
        mib_column([row.peak_bytes for row in rows]),
        strict=True,
    )
    cells = [_waterfall_row(report, *row) for row in printed]
    split = len(rows) - len(OTHER_PARTS) - 1
    return Table(
        title="Where is the memory? (MiB resident)",
        columns=_WATERFALL_COLUMNS,
        rows=(
            Row(("quire's heap",), RowKind.HEADING),
            *cells[:split],
            Row(("beside it",), RowKind.HEADING),
            *cells[split:],
            _sum_row(report),
        ),
    )


def _waterfall_row(report: RunReport, row: WaterfallRow, end: str, peak: str) -> Row:
    end = "" if row.label == ABOVE else end
    scale_bytes = max(report.rss_max_bytes, 1)
    bars = (max(row.end_bytes, 0) / scale_bytes, max(row.peak_bytes, 0) / scale_bytes)
    return Row((f" {row.label}", row.gloss, end, bars[0], peak, bars[1]))


def _sum_row(report: RunReport) -> Row:
    scale_bytes = max(report.rss_max_bytes, 1)
    end_bytes = report.end.rss_bytes
    cells = ("resident memory", "VmRSS, VmHWM", mib(end_bytes), end_bytes / scale_bytes, mib(report.rss_max_bytes), 1.0)
    return Row(cells, RowKind.SUM)


# --- arenas and pools -----------------------------------------------------------------------------------------

_ARENA_COLUMNS = name_and_numbers("arenas", "full", "used", "empty", "untouched")


def _arena_table(statistics: HeapStatistics) -> Table:
    rows = [_arena_row(statistics, arenas) for arenas in statistics.arenas]
    return Table("Arenas and pools by state", _ARENA_COLUMNS, tuple(rows))


def _arena_row(statistics: HeapStatistics, arenas: ArenaStatistics) -> Row:
    unit = size(arenas.unit_bytes)
    empty = (count(arenas.units_free), count(arenas.units_untouched))
    if arenas.kind is ArenaKind.RUN:
        return Row((f"runs, in pages of {unit}", count(arenas.arenas), count(arenas.units_in_use), "", *empty))
    classes = [counts for counts in statistics.classes if _kind(counts) is arenas.kind]
    full = sum(counts.pools_full for counts in classes)
    used = sum(counts.pools_used for counts in classes)
    blocks = "to 512 B" if arenas.kind is ArenaKind.SMALL else "above 512 B"
    return Row((f"{unit} pools, {blocks}", count(arenas.arenas), count(full), count(used), *empty))


def _kind(counts: ClassStatistics) -> ArenaKind:
    return ArenaKind.SMALL if counts.block_bytes <= _SMALL_BYTES_MAX else ArenaKind.LARGE


# --- size classes ---------------------------------------------------------------------------------------------

_CLASS_COLUMNS = name_and_numbers("pools", "live blocks", "free blocks", "live MiB", "free MiB")
_DOMAIN_NAMES = {Domain.OBJECT: "objects", Domain.MEM: "buffers"}


def _class_table(statistics: HeapStatistics) -> Table:
    largest = sorted(statistics.classes, key=_class_bytes, reverse=True)[:_CLASSES_SHOWN]
    rows = [_class_row(counts) for counts in largest if _class_bytes(counts)]
    return Table("Largest size classes", _CLASS_COLUMNS, tuple(rows))


def _class_bytes(counts: ClassStatistics) -> int:
    return counts.allocated_bytes + counts.free_bytes


def _class_row(counts: ClassStatistics) -> Row:
    return Row(
        (
            f"{_DOMAIN_NAMES[counts.domain]} of {size(counts.block_bytes)}",
            count(counts.pools_used + counts.pools_full),
            count(counts.blocks_allocated),
            count(counts.blocks_free),
            mib(counts.allocated_bytes),
            mib(counts.free_bytes),
        )
    )
