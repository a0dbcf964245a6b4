"""The screen of ``quire why``: where a process's memory is, what its Python holds and why, what quire would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quire.records.outside import OutsideSample, WhyReport
from quire.report.units import count, mib, mib_column, one_line
from quire.report.view import Column, ColumnKind, Row, RowKind, Table, View

FEW = "1 %"
"""Of an arena's blocks: fewer keep it (process/arena_occupancy.py)."""
_MUCH_HELD = 0.1
"""Of resident memory."""


def why_view(report: WhyReport) -> View:
    """The whole screen."""
    return View(
        title=f"quire why {report.pid}: {one_line(report.argv)}",
        subtitle=f"Python {report.python}" if report.python else "",
        facts=(_sizes_sentence(report), _memory_sentence(report.memory)),
        tables=(_waterfall_table(report.memory),),
        notes=(*_python_notes(report), *_unexplained_notes(report.memory), _difference_note(report)),
    )


def held_bytes(memory: OutsideSample) -> int:
    """What was freed and is still resident, in CPython's arenas and in libc's heap."""
    return memory.arena_free_bytes + memory.arena_empty_bytes + memory.libc_held_bytes


def live_bytes(memory: OutsideSample) -> int:
    """What Python and C code use, as far as it can be told from outside."""
    return memory.arena_live_bytes + memory.libc_live_bytes + memory.frame_bytes


# --- sentences ------------------------------------------------------------------------------------------------


def _sizes_sentence(report: WhyReport) -> str:
    memory, charge = report.memory, report.charge
    group = "" if charge.cgroup_bytes is None else f", {mib(charge.cgroup_bytes)} MiB charged to its control group"
    swapped = f"; {mib(memory.swap_bytes)} MiB more are swapped out" if memory.swap_bytes else ""
    return f"{mib(memory.rss_bytes)} MiB resident, {mib(memory.pss_bytes)} MiB in proportion (PSS){group}{swapped}"


def _memory_sentence(memory: OutsideSample) -> str:
    live, held = live_bytes(memory), held_bytes(memory)
    rest = memory.rss_bytes - live - held
    return f"in use {_part(memory, live)}; freed but held {_part(memory, held)}; other {_part(memory, rest)}"


def _part(memory: OutsideSample, size_bytes: int) -> str:
    return f"{mib(size_bytes)} MiB ({size_bytes / max(memory.rss_bytes, 1):.0%})"


def _python_notes(report: WhyReport) -> tuple[str, ...]:
    """What CPython holds, why, and what quire would do about it."""
    if report.reason is not None:
        return (f"No more than the kernel's accounts: {report.reason}.",)
    if report.is_on_quire:
        return (_ON_QUIRE,)
    if not report.arenas.arenas:
        return (_NO_ARENAS,)
    return (_held_note(report), _kept_note(report), _quire_note(report))


_ON_QUIRE = (
    "It runs on quire. From outside its heap is one row; quire.stats() in the process, and the report of quire run, "
    "tell its live and free blocks, what pools share, what went back and what could not."
)
_SHOWN = "show live and free blocks by size class, what went back, and what could not and why"
_NO_ARENAS = (
    "CPython has no arenas: its objects are libc's (PYTHONMALLOC=malloc, or a program that embeds it so). On quire "
    "they would be told apart by size class and arena, and what is freed could go back: quire compare measures it."
)


def _held_note(report: WhyReport) -> str:
    memory, arenas = report.memory, report.arenas
    beyond_bytes = memory.arena_bytes - memory.arena_live_bytes
    return (
        f"CPython holds {mib(beyond_bytes)} MiB beyond its live blocks ({mib(memory.arena_live_bytes)} MiB): "
        f"{mib(memory.arena_free_bytes)} MiB are free blocks beside live ones, {mib(memory.arena_empty_bytes)} MiB "
        f"empty pools. {count(arenas.live_blocks)} of {count(arenas.blocks)} blocks are live."
    )


def _kept_note(report: WhyReport) -> str:
    arenas = report.arenas
    share = f"{arenas.sparse_arenas / arenas.arenas:.0%}".replace("%", " %")
    few = f", {share} of them kept by fewer than {FEW} of their blocks" if arenas.sparse_arenas else ""
    return f"It can give an arena back only when its last block dies: {count(arenas.arenas)} arenas{few}."


def _quire_note(report: WhyReport) -> str:
    memory, arenas = report.memory, report.arenas
    back_bytes = max(memory.arena_bytes - arenas.quire_bytes, 0)
    if back_bytes < _MUCH_HELD * memory.rss_bytes:
        return f"On quire little of it would go back, about {mib(back_bytes)} MiB; quire run would {_SHOWN}."
    return (
        f"On quire these blocks would need, at rest, about {mib(arenas.quire_bytes)} of the arenas' "
        f"{mib(memory.arena_bytes)} MiB, and {mib(back_bytes)} MiB could go back: an estimate from how full the pools "
        f"are (docs/why.md), which quire compare measures. quire run would {_SHOWN}."
    )


def _unexplained_notes(memory: OutsideSample) -> tuple[str, ...]:
    if memory.unexplained_bytes < _MUCH_HELD * memory.rss_bytes:
        return ()
    return (
        "Much is unexplained: the process changes while it is looked at, or libc's heap is not glibc's. Look again.",
    )


def _difference_note(report: WhyReport) -> str:
    """Between the sizes that there are of a process."""
    charge = report.charge
    group = (
        ""
        if charge.cgroup_bytes is None
        else ("; a control group is charged for all its processes and for what the kernel keeps of their files")
    )
    return (
        f"Resident memory counts pages that other processes share in full; PSS counts each in proportion{group}. The "
        f"kernel needs {mib(charge.kernel_bytes)} MiB more for page tables and {count(charge.mappings or 0)} mappings."
    )


# --- the waterfall --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A part of resident memory: how it is called, what that means, where its number is."""

    label: str
    gloss: str
    measure: Callable[[OutsideSample], int]


ON_QUIRE = Part("quire's heap", "the process runs on quire", lambda m: m.quire_heap_bytes)
ARENA_PARTS = (
    Part("live blocks", "Python's objects", lambda m: m.arena_live_bytes),
    Part("free blocks", "freed, beside live ones", lambda m: m.arena_free_bytes),
    Part("empty pools", "freed whole, kept", lambda m: m.arena_empty_bytes),
    Part("headers and rests", "of the pools", lambda m: m.arena_rest_bytes),
)
OTHER_PARTS = (
    Part("Python frames", "Python calls under way", lambda m: m.frame_bytes),
    Part("libc's heap, live", "buffers, and what C code uses", lambda m: m.libc_live_bytes),
    Part("libc's heap, held", "freed, kept", lambda m: m.libc_held_bytes),
    Part("thread stacks", "C calls under way", lambda m: m.thread_stack_bytes),
    Part("mapped files", "Python, libraries, data", lambda m: m.mapped_file_bytes),
    Part("shared memory", "also others may have it", lambda m: m.shared_memory_bytes),
    Part("other anonymous", "mapped by C code", lambda m: m.other_anonymous_bytes),
    Part("unexplained", "did not fit together", lambda m: m.unexplained_bytes),
)
_COLUMNS = (
    Column("", ColumnKind.NAME),
    Column("", ColumnKind.GLOSS),
    Column("now", ColumnKind.NUMBER),
    Column("", ColumnKind.BAR),
)


def _waterfall_table(memory: OutsideSample) -> Table:
    beside = (*((ON_QUIRE,) if memory.quire_heap_bytes else ()), *OTHER_PARTS)
    parts = (*ARENA_PARTS, *beside)
    sizes = [part.measure(memory) for part in parts]
    cells = [
        _row(part, size_bytes, text, memory.rss_bytes)
        for part, size_bytes, text in zip(parts, sizes, mib_column(sizes), strict=True)
    ]
    split = len(ARENA_PARTS)
    total = Row(("resident memory", "VmRSS", mib(memory.rss_bytes), 1.0), RowKind.SUM)
    rows = (_heading("CPython's arenas"), *cells[:split], _heading("beside them"), *cells[split:], total)
    return Table("Where is the memory? (MiB resident)", _COLUMNS, rows)


def _heading(text: str) -> Row:
    return Row((text,), RowKind.HEADING)


def _row(part: Part, size_bytes: int, text: str, rss_bytes: int) -> Row:
    return Row((f" {part.label}", part.gloss, text, size_bytes / max(rss_bytes, 1)))
