"""``quire info``: whether this Python can be served, what is set, and the machine's limits that matter."""

from __future__ import annotations

import os
import platform
import sys

from quire import __version__
from quire.cli.screen import show
from quire.cli.target import has_start_file
from quire.errors import InvalidOption
from quire.process import settings
from quire.process.install import address_limit_bytes, installed, reserved_bytes, reserved_without_limit, why_not
from quire.report.units import MIB
from quire.report.view import Column, ColumnKind, Row, Table, View

HELP = """\
quire info

Says whether this Python can be served, which settings are in force, and which
of the machine's limits matter.
"""

_COLUMNS = (Column("", ColumnKind.NAME), Column("", ColumnKind.NAME), Column("", ColumnKind.GLOSS))


def run(arguments: list[str]) -> int:
    """Tell; returns the exit code."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    if arguments:
        raise InvalidOption(f"quire info takes no {arguments[0]}; see quire info --help")
    show(info_view())
    return 0


def info_view() -> View:
    """What there is to tell, as a view.

    Raises:
        InvalidOption: a ``QUIRE_*`` variable is not what it should be.
    """
    config = settings.Config() if settings.is_disabled(os.environ) else settings.read_config(os.environ)
    return View(
        title=f"quire {__version__}",
        subtitle=f"Python {platform.python_version()}",
        facts=(_verdict(config),),
        tables=(
            Table("This Python", _COLUMNS, _python_rows()),
            Table("Settings in force", _COLUMNS, _setting_rows(config)),
            Table("This machine", _COLUMNS, _machine_rows()),
        ),
        notes=_notes(config),
    )


def _verdict(config: settings.Config) -> str:
    if settings.is_disabled(os.environ):
        return "quire is switched off: QUIRE_DISABLE is set."
    if installed():
        return "This Python can be served, and quire serves this very process."
    error = why_not(config)
    if error is not None:
        return f"This Python cannot be served: {error}."
    if not has_start_file(sys.path):
        return (
            "This Python can be served by quire.install(), but not by quire run or QUIRE=1: it does not read "
            "quire.pth. Install quire where it has its packages."
        )
    return "This Python can be served."


def _notes(config: settings.Config) -> tuple[str, ...]:
    if config.range_bytes is not None or why_not(config) is not None or _address_limit() == "none":
        return ()
    range_bytes, usual_bytes = reserved_bytes(config), reserved_without_limit()
    if range_bytes == usual_bytes:
        return ()
    return (
        f"RLIMIT_AS leaves the heap {_large(range_bytes)} of addresses, not {_large(usual_bytes)}; "
        "what does not fit there goes to CPython's own allocator. Limit memory by cgroup instead, or set QUIRE_RANGE.",
    )


def _row(name: str, value: object, gloss: str = "") -> Row:
    return Row((name, str(value), gloss))


def _python_rows() -> tuple[Row, ...]:
    return (
        _row("program", sys.executable or "unknown"),
        _row("implementation", f"{platform.python_implementation()} {platform.python_version()}"),
        _row("built with", platform.python_compiler()),
        _row("start-up file", "found" if has_start_file(sys.path) else "missing", "quire.pth"),
        _row("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
    )


def _setting_rows(config: settings.Config) -> tuple[Row, ...]:
    environment = os.environ
    return (
        _row("QUIRE", _on(settings.is_asked(environment)), "serve each Python process"),
        _row("QUIRE_DISABLE", _on(settings.is_disabled(environment)), "switch quire off, whatever else is set"),
        _row("QUIRE_LARGE_BLOCKS", config.large_blocks, "who serves blocks above 512 bytes"),
        _row("QUIRE_RANGE", _range(config), "addresses to reserve"),
        _row("QUIRE_REPORT", _on(config.report), "say at the end where the memory was"),
        _row("QUIRE_JSON", config.json or "not set", "the same as a file; %p: one a process"),
        _row("QUIRE_SNAPSHOT", config.snapshot or "not set", "a snapshot as a file, at the end; or"),
        _row("QUIRE_SNAPSHOT_AT", _snapshot_at(config), "when more is resident"),
        _row("QUIRE_SNAPSHOT_ON", config.snapshot_on or "not set", "on that signal"),
        _row("QUIRE_GIVE_BACK", config.give_back, "what goes back to the system by itself"),
        _row("QUIRE_GUARD", _guard_rate(config), _guard_gloss(config)),
    )


def _snapshot_at(config: settings.Config) -> str:
    return "not set" if config.snapshot_at is None else _large(config.snapshot_at)


def _guard_rate(config: settings.Config) -> str:
    if not config.guard:
        return "off"
    return f"one in {config.guard_interval:,}" if config.guard_interval > 1 else "every request"


def _guard_gloss(config: settings.Config) -> str:
    if not config.guard or not installed():
        return "requests to be sampled, and guarded"
    from quire.process.statistics import stats

    guard = stats().guard
    return f"guarded; {guard.slots_allocated:,} of {guard.slots:,} slots in use"


def _on(value: bool) -> str:
    return "on" if value else "off"


def _range(config: settings.Config) -> str:
    if config.range_bytes is not None:
        return _large(config.range_bytes)
    if why_not(config) is not None:
        return "not set"
    return f"{_large(reserved_bytes(config))}, by default"


def _machine_rows() -> tuple[Row, ...]:
    return (
        _row("page", f"{_system('SC_PAGE_SIZE') // 1024} KiB", "the system's unit of memory"),
        _row("memory", _large(_system("SC_PAGE_SIZE") * _system("SC_PHYS_PAGES"))),
        _row("vm.overcommit_memory", _kernel("vm/overcommit_memory"), "2: memory must be there when it is asked for"),
        _row("vm.max_map_count", _kernel("vm/max_map_count"), "mappings a process may have"),
        _row("RLIMIT_AS", _address_limit(), "addresses a process may map (ulimit -v)"),
    )


def _system(name: str) -> int:
    return os.sysconf(name) if hasattr(os, "sysconf") else 0


def _kernel(name: str) -> str:
    try:
        with open(f"/proc/sys/{name}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "unknown"


def _address_limit() -> str:
    try:
        limit_bytes = address_limit_bytes()
    except OSError:
        return "unknown"
    return "none" if limit_bytes is None else _large(limit_bytes)


def _large(size_bytes: int) -> str:
    """A size in the largest unit that leaves a number above one."""
    amount, unit = size_bytes / MIB, "MiB"
    for larger in ("GiB", "TiB"):
        if amount >= 1024:
            amount, unit = amount / 1024, larger
    return f"{amount:,.1f} {unit}".replace(".0 ", " ")
