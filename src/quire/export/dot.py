"""Paths to an object as a graph for GraphViz: an object that several of them pass stands there once."""

from __future__ import annotations

from collections.abc import Iterator

from quire.report.answers import PathRow, Paths


def paths_dot(answer: Paths) -> str:
    """The graph in the language of ``dot``."""
    lines = dict.fromkeys(line for row in answer.rows for line in _way(row))  # each once, in order
    target = (
        f"  {_node(answer.object.address)} [label={_label(answer.object.type, answer.object.address)}, penwidth=2];"
    )
    head = ["digraph paths {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];', target]
    return "\n".join([*head, *(f"  {line}" for line in lines), "}", ""])


def _way(row: PathRow) -> Iterator[str]:
    root = _quoted(f"root {row.root} {row.root_name}")
    yield f"{root} [label={_quoted(row.root_name)}, shape=oval];"
    for address, its_type in zip(row.addresses[:-1], row.types, strict=False):
        yield f"{_node(address)} [label={_label(its_type, address)}];"
    yield f"{root} -> {_node(row.addresses[0])};"
    for address, following, where in zip(row.addresses, row.addresses[1:], row.where, strict=False):
        yield f"{_node(address)} -> {_node(following)} [label={_quoted(where)}];"


def _node(address: int) -> str:
    return f'"{address:#x}"'


def _label(its_type: str, address: int) -> str:
    return _quoted(f"{its_type}\n{address:#x}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{"".join(each if each.isprintable() else "?" for each in escaped)}"'
