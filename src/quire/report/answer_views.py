"""What the answers of a snapshot look like: each record as a view, its sums first, then its rows.

A view has as many rows as are asked for; a row beneath says what the others come to, so that columns add up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quire.report.answers import (
    Cycles,
    Differences,
    MemoryRow,
    ObjectRow,
    Paths,
    Pins,
    References,
    Retained,
    TypeRow,
    Types,
    Waterfall,
)
from quire.report.units import MIB, count, mib, mib_column
from quire.report.view import Column, ColumnKind, Row, RowKind, Table, View
from quire.report.waterfall import AGAIN, UNCOUNTED

Answer = Types | Waterfall | References | Paths | Retained | Cycles | Pins | Differences
_NAME, _NUMBER = ColumnKind.NAME, ColumnKind.NUMBER
_KIB_BELOW_BYTES = MIB // 10
"""What would be 0.0 MiB is told in KiB or bytes."""


def answer_view(answer: Answer, title: str, subtitle: str, rows_max: int) -> View:
    """The view of any of them."""
    facts, tables, notes = _PARTS[type(answer)](answer, rows_max)
    return View(title, subtitle, tuple(facts), tuple(tables), tuple(notes))


Parts = tuple[Sequence[str], Sequence[Table], Sequence[str]]
"""Sentences, tables, notes."""


def _columns(*titles: str) -> tuple[Column, ...]:
    """A title that begins with ``>`` is a number's."""
    return tuple(Column(title.lstrip(">"), _NUMBER if title.startswith(">") else _NAME) for title in titles)


def _mebibytes(size_bytes: int) -> str:
    return f"{mib(size_bytes)} MiB"


def size_words(size_bytes: int) -> str:
    """One object's size, which may be small: ``64 B``, ``12.5 KiB``, ``3.4 MiB``."""
    if abs(size_bytes) >= _KIB_BELOW_BYTES:
        return _mebibytes(size_bytes)
    return f"{size_bytes:,} B" if abs(size_bytes) < 1024 else f"{size_bytes / 1024:.1f} KiB"


def number(value: int, what: str) -> str:
    """``1 pool``, ``80 pools``."""
    return f"1 {what}" if value == 1 else f"{value:,} {what}s"


def _object_sentence(one: ObjectRow) -> str:
    return f"{one.type} at {one.address:#x}, {size_words(one.size_bytes)}."


def _and_more(shown: Sequence[object], there: int, what: str) -> tuple[str, ...]:
    left = there - len(shown)
    return (f"{left:,} more {what}: --rows N shows as many, --json and --csv write them.",) if left > 0 else ()


# --- types ----------------------------------------------------------------------------------------------------


def _types(answer: Types, rows_max: int) -> Parts:
    facts = [f"{answer.objects:,} objects and what belongs to them: {_mebibytes(answer.size_bytes)}."]
    tables = [
        _type_table("Types", answer.rows, rows_max, lambda row: _type_words(row.module, row.type), answer),
        _type_table("Modules", answer.modules, rows_max, lambda row: row.module, answer),
    ]
    has_retained = any(row.retained_bytes is not None for row in answer.rows)
    return facts, tables, [_RETAINED if has_retained else _NOT_RETAINED]


_RETAINED = "Retained: what would be free without them. It overlaps, and does not add up."
_NOT_RETAINED = "What they retain is not known: that takes references in the snapshot, and quire's native core."


def _type_words(module: str, name: str) -> str:
    return name if module in ("", "builtins") else f"{module}.{name}"


def _type_table(
    title: str, rows: Sequence[TypeRow], rows_max: int, words: Callable[[TypeRow], str], answer: Types
) -> Table:
    shown, rest = rows[:rows_max], rows[rows_max:]
    cells = [(words(row), count(row.count), mib(row.size_bytes), _retained(row)) for row in shown]
    if rest:
        name, size_bytes = f"({len(rest):,} more)", sum(row.size_bytes for row in rest)
        cells.append((name, count(sum(row.count for row in rest)), mib(size_bytes), ""))
    if answer.foreign_blocks:
        cells.append(("(foreign blocks)", count(answer.foreign_blocks), mib(answer.foreign_bytes), ""))
    total = Row(("in all", count(answer.objects + answer.foreign_blocks), mib(answer.size_bytes), ""), RowKind.SUM)
    return Table(title, _columns("", ">count", ">MiB", ">retained MiB"), (*map(Row, cells), total))


def _retained(row: TypeRow) -> str:
    return "" if row.retained_bytes is None else mib(row.retained_bytes)


# --- where the memory is --------------------------------------------------------------------------------------

_WATERFALL_COLUMNS = (
    Column("", _NAME), Column("", ColumnKind.GLOSS), Column("MiB", _NUMBER), Column("", ColumnKind.BAR),
)  # fmt: skip
_HEADINGS = {"heap": "quire's heap", "beside": "beside it"}
_ONLY_WHERE_THERE = (AGAIN, UNCOUNTED)


def _waterfall(answer: Waterfall, _rows_max: int) -> Parts:
    pss = "" if answer.pss_bytes is None else f", {_mebibytes(answer.pss_bytes)} in proportion (PSS)"
    swapped = f"; {_mebibytes(answer.swap_bytes)} more are swapped out" if answer.swap_bytes else ""
    facts = [f"{_mebibytes(answer.rss_bytes)} resident{pss}{swapped}; freed but held {_mebibytes(answer.held_bytes)}."]
    rows = [row for row in answer.rows if row.size_bytes or row.label not in _ONLY_WHERE_THERE]
    sizes = dict(zip(rows, mib_column([row.size_bytes for row in rows]), strict=True))
    drawn: list[Row] = []
    for part, heading in _HEADINGS.items():
        drawn.append(Row((heading,), RowKind.HEADING))
        drawn += [_memory_row(row, sizes[row], answer) for row in rows if row.part == part]
    drawn.append(Row(("resident memory", "VmRSS", mib(answer.rss_bytes), 1.0), RowKind.SUM))
    return facts, [Table("Where is the memory? (MiB resident)", _WATERFALL_COLUMNS, tuple(drawn))], []


def _memory_row(row: MemoryRow, size: str, answer: Waterfall) -> Row:
    return Row((f" {row.label}", row.meaning, size, max(row.size_bytes, 0) / max(answer.rss_bytes, 1)))


# --- references and paths -------------------------------------------------------------------------------------


def _references(answer: References, rows_max: int) -> Parts:
    facts = [_object_sentence(answer.object), *(f"Held by {root}." for root in answer.roots)]
    shown = answer.rows[:rows_max]
    rows = [Row((row.type, f"{row.address:#x}", row.held, row.where, size_words(row.size_bytes))) for row in shown]
    table = Table(number(answer.count, "reference"), _columns("", "address", "holds by", "where", ">size"), tuple(rows))
    return facts, [table], _and_more(shown, answer.count, "references")


def _paths(answer: Paths, rows_max: int) -> Parts:
    facts = [_object_sentence(answer.object)]
    if not answer.rows:
        return (
            facts,
            [],
            ["No path leads to it from a root: only the collector can free it."],
        )
    rows = [Row((row.path, row.root, count(row.length))) for row in answer.rows[:rows_max]]
    return facts, [Table("Shortest paths", _columns("", "root", ">references"), tuple(rows))], []


# --- retained and cycles --------------------------------------------------------------------------------------


def _retained_view(answer: Retained, rows_max: int) -> Parts:
    facts = [] if answer.object is None else [_object_sentence(answer.object)]
    who = "the roots" if answer.object is None else "it"
    facts.append(
        f"{size_words(answer.retained_bytes)} would be free without {who}. What of that each of these retains:"
    )
    shown = answer.rows[:rows_max]
    rows = [
        Row((row.path, row.type, f"{row.address:#x}", count(row.dominated), size_words(row.retained_bytes)))
        for row in shown
    ]
    table = Table("Retained", _columns("", "type", "address", ">objects", ">retained"), tuple(rows))
    return facts, [table], _and_more(shown, answer.count, "objects")


def _cycles(answer: Cycles, rows_max: int) -> Parts:
    if not answer.objects:
        return ["Every object is reached from a root: there is nothing for the collector to free."], [], []
    facts = [
        f"No root reaches {number(answer.objects, 'object')}, {size_words(answer.size_bytes)}: only the collector can "
        f"free them. {number(answer.cycles, 'group')} of them hold each other."
    ]
    shown = answer.rows[:rows_max]
    rows = [Row((row.type, count(row.count), count(row.in_cycles), mib(row.size_bytes))) for row in shown]
    tables = [Table("Types", _columns("", ">count", ">in cycles", ">MiB"), tuple(rows))]
    steps = [Row((step.type, f"{step.address:#x}", step.where)) for step in answer.shown[:rows_max]]
    if steps:
        tables.append(Table("One cycle", _columns("type", "address", "holds the next by"), tuple(steps)))
    longer = _and_more(steps, len(answer.shown), "objects of this cycle")
    return facts, tables, [*_and_more(shown, len(answer.rows), "types"), *longer]


# --- pins -----------------------------------------------------------------------------------------------------


def _pins(answer: Pins, rows_max: int) -> Parts:
    facts = [
        f"{size_words(answer.pinned_bytes)} in {number(len(answer.arenas), 'arena')} cannot go back, for live blocks "
        f"in {number(answer.pools, 'pool')}."
    ]
    if answer.rows:
        first = answer.rows[0]
        kept = f", kept by {first.place}" if first.place else ""
        blocks = number(first.blocks, "block")
        most = f"Most of it, {size_words(first.pinned_bytes)}, lies beside {blocks} of {first.type}"
        facts.append(f"{most}{kept}.")
    sealed = f"Not counted: {number(answer.sealed_pools, 'pool')} meshed, which share their pages."
    return facts, [_pin_table(answer, rows_max), _arena_table(answer, rows_max)], [sealed * bool(answer.sealed_pools)]


def _pin_table(answer: Pins, rows_max: int) -> Table:
    shown, rest = answer.rows[:rows_max], answer.rows[rows_max:]
    cells = [
        (row.type, row.place, count(row.blocks), count(row.arenas), mib(row.live_bytes), mib(row.pinned_bytes))
        for row in shown
    ]
    if rest:
        sums = (sum(getattr(row, name) for row in rest) for name in ("blocks", "live_bytes", "pinned_bytes"))
        blocks, live_bytes, pinned_bytes = sums
        cells.append((f"({len(rest):,} more)", "", count(blocks), "", mib(live_bytes), mib(pinned_bytes)))
    total = Row(("in all", "", "", "", "", mib(answer.pinned_bytes)), RowKind.SUM)
    columns = _columns("", "kept by", ">blocks", ">arenas", ">live MiB", ">pinned MiB")
    return Table("Survivors", columns, (*map(Row, cells), total))


def _arena_table(answer: Pins, rows_max: int) -> Table:
    rows = [
        Row((f"{row.address:#x}", row.type, row.place, count(row.pools), mib(row.live_bytes), mib(row.pinned_bytes)))
        for row in answer.arenas[:rows_max]
    ]
    columns = _columns("", "most by", "kept by", ">pools", ">live MiB", ">pinned MiB")
    return Table("Arenas", columns, tuple(rows))


# --- differences ----------------------------------------------------------------------------------------------


def _differences(answer: Differences, rows_max: int) -> Parts:
    objects = answer.objects_after - answer.objects_before
    facts = [
        f"From {_mebibytes(answer.before_bytes)} to {_mebibytes(answer.after_bytes)}; "
        f"{objects:+,} objects, {_signed_mib(answer.after_bytes - answer.before_bytes)} MiB."
    ]
    if not answer.rows:
        return facts, [], ["Nothing came, went or grew."]
    shown = answer.rows[:rows_max]
    rows = [
        Row((row.type, row.place, count(row.came), count(row.went), count(row.grew), _signed_mib(row.change_bytes)))
        for row in shown
    ]
    table = Table("Changes", _columns("", "kept by", ">came", ">went", ">grew", ">MiB"), tuple(rows))
    return facts, [table], _and_more(shown, len(answer.rows), "changes")


def _signed_mib(size_bytes: int) -> str:
    words = mib(size_bytes)
    return f"+{words}" if size_bytes > 0 else words


_PARTS: dict[type, Callable[..., Parts]] = {
    Types: _types,
    Waterfall: _waterfall,
    References: _references,
    Paths: _paths,
    Retained: _retained_view,
    Cycles: _cycles,
    Pins: _pins,
    Differences: _differences,
}
