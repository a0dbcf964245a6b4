"""``quire export``: a snapshot in a format of other tools."""

from __future__ import annotations

import os
from dataclasses import dataclass

from quire.cli.asked import Asked
from quire.cli.progress import Progress
from quire.cli.question import read_timeout
from quire.cli.screen import write
from quire.errors import InvalidOption, UnsupportedRuntime
from quire.export.files import whole_folder, write_pieces
from quire.export.heap_json import heap_json
from quire.export.heapsnapshot import heapsnapshot
from quire.process.core import core
from quire.process.suggest import did_you_mean
from quire.process.writable import check_replaceable
from quire.report.units import MIB

HELP = """\
quire export FILE|PID --to FORMAT [-o OUT] [--timeout SECONDS]

Writes a snapshot in a format of other tools:

  heapsnapshot   V8's: Chrome's developer tools open it (Memory, Load profile)
  json           one JSON document (docs/schema/heap.json says what is in it)
  parquet        a folder of tables, which DuckDB, Polars or Spark read in
                 place; takes pyarrow: pip install 'quire[data]'

OUT is FILE's name with another ending if not given. A path alone as a graph:
quire path FILE OBJECT --dot.
"""

_ENDINGS = {"heapsnapshot": ".heapsnapshot", "json": ".json", "parquet": "-parquet"}
_OPTIONS = ("--to", "--output", "--timeout", "--help")
_SAYS = {
    "heapsnapshot": "Chrome's developer tools open it: Memory, Load profile",
    "json": "docs/schema/heap.json says what is in it",
    "parquet": "try: duckdb -c \"FROM '{path}/objects.parquet' LIMIT 10\"",
}


@dataclass(frozen=True, slots=True)
class _Order:
    name: str
    to: str
    output: str
    timeout_seconds: float


def run(arguments: list[str]) -> int:
    """Export; returns the exit code."""
    if "-h" in arguments or "--help" in arguments:
        print(HELP, end="")
        return 0
    order = _read(arguments)
    _check_output(order)
    if order.to == "parquet":
        _require_pyarrow()
    with Progress() as progress:
        asked = Asked(order.name, progress, "export", timeout_seconds=order.timeout_seconds)
        progress.tell(f"writing {order.output}")
        _export(asked, order)
    says = _SAYS[order.to].format(path=order.output)
    write(f"{order.output}: {_size_bytes(order.output) / MIB:,.1f} MiB; {says}\n")
    return 0


def _export(asked: Asked, order: _Order) -> None:
    match order.to:
        case "heapsnapshot":
            write_pieces(order.output, heapsnapshot(asked.graph, asked.reach))
        case "json":
            write_pieces(order.output, heap_json(asked.snapshot))
        case _:
            from quire.export.parquet import write_parquet

            has_edges = asked.snapshot.has_edges
            tree = asked.tree if has_edges and core is not None else None
            graph, reach = (asked.graph, asked.reach) if has_edges else (None, None)
            with whole_folder(order.output) as folder:
                write_parquet(folder, asked.snapshot, graph, reach, tree)


def _size_bytes(path: str) -> int:
    if os.path.isdir(path):
        return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path))
    return os.path.getsize(path)


# --- what is asked for ----------------------------------------------------------------------------------------


def _read(arguments: list[str]) -> _Order:
    names: list[str] = []
    values: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        name, has_value, value = word.partition("=")
        if not word.startswith("-"):
            names.append(word)
            continue
        name = "--output" if name == "-o" else name
        if name not in _OPTIONS:
            raise InvalidOption(f"quire export has no option {name}{did_you_mean(name, _OPTIONS, '--')}")
        values[name] = value if has_value else next(words, "")
    if len(names) != 1:
        raise InvalidOption("quire export takes one FILE|PID; see quire export --help")
    to = values.get("--to", "")
    if to not in _ENDINGS:
        given = f"--to {to} is no format" if to else "there is no format"
        raise InvalidOption(f"{given}; give --to heapsnapshot, --to json or --to parquet")
    timeout = read_timeout(values.get("--timeout"))
    return _Order(names[0], to, _output(names[0], to, values.get("--output")), timeout)


def _output(name: str, to: str, given: str | None) -> str:
    if given is None:
        stem = f"heap-{name}" if name.isdigit() else os.path.basename(name).removesuffix(".quire")
        return stem + _ENDINGS[to]
    if given in ("", "-"):
        raise InvalidOption("--output writes a file; give its path")
    return given


def _check_output(order: _Order) -> None:
    """Before anything is computed for it."""
    if order.to == "parquet":
        _check_folder(order.output)
        return
    check_replaceable(order.output, "export")
    if os.path.exists(order.output) and os.path.exists(order.name) and os.path.samefile(order.output, order.name):
        raise InvalidOption(f"{order.output} is the snapshot itself; give another path")


def _check_folder(path: str) -> None:
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise InvalidOption(f"cannot write {path}: its folder is not there, or may not be written; give another path")
    if os.path.exists(path) and not (os.path.isdir(path) and not os.listdir(path)):
        raise InvalidOption(f"cannot write {path}: it is there already; remove it, or give another path")


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401  # whether it can be
    except ImportError:
        raise UnsupportedRuntime("Parquet needs pyarrow; pip install 'quire[data]'") from None
