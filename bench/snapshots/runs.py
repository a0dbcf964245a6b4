"""Every way of looking at a heap, each in a process of its own, in rounds; and what is asked of the file afterwards."""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import execution
from allocators import OWN, QUIRE
from execution import Failed

PROGRAM = Path(__file__).resolve().parents[1] / "workloads" / "mixed.py"
WAYS = {
    "collect": ("`gc.collect()`", True),
    "quire": ("quire", True),
    "references": ("quire, with references", True),
    "counter": ("`Counter` of `gc.get_objects()`", False),
    "objgraph": ("objgraph, `most_common_types`", False),
    "guppy3": ("guppy3, `hpy().heap()`", False),
    "pympler": ("Pympler, `summarize`", False),
    "tracemalloc": ("tracemalloc, `take_snapshot`", False),
}
"""By name: what the page calls it, and whether it is measured on quire's heap; what others tell, on CPython's."""
COMMANDS = ("types", "retained", "cycles", "pins")
LARGEST_FOR_PEERS = 5_000_000

Found = dict[str, dict[str, list[float]]]
"""By way and field, one value for each round."""


def measure(counts: list[int], ways: list[str], rounds: int) -> Iterator[tuple[str, Found]]:
    """By size of heap. All sizes and ways are mixed within a round: what the machine does at a time strikes them all."""
    dice = random.Random(1)
    chosen = [(count, way) for count in counts for way in ways if WAYS[way][1] or count <= LARGEST_FOR_PEERS]
    found: dict[int, Found] = {count: {} for count in counts}
    for _ in range(rounds):
        for count, way in dice.sample(chosen, len(chosen)):
            fields = found[count].setdefault(way, {})
            add(fields, run(way, count))
            print(line(count, way, fields), flush=True)
    for count in counts:
        yield str(count), found[count]


def ask(counts: list[int], rounds: int) -> Iterator[tuple[str, Found]]:
    """What the commands take that read a file, each a process of its own."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "heap.quire")
            run("references", count, file)
            found: Found = {}
            for _ in range(rounds):
                for command in COMMANDS:
                    done = execution.run([sys.executable, "-m", "quire", command, file, "--json"], {})
                    taken = {"wall_seconds": done.wall_seconds, "peak_bytes": float(done.peak_bytes)}
                    add(found.setdefault(command, {}), taken)
        for command, fields in found.items():
            print(f"{count:>10,} {command:12} {min(fields['wall_seconds']):6.2f} s", flush=True)
        yield str(count), found


def run(way: str, count: int, file: str | None = None) -> dict[str, float]:
    allocator = QUIRE if WAYS[way][1] else OWN
    with tempfile.TemporaryDirectory() as folder:
        target = file or str(Path(folder) / "heap.quire")
        done = execution.run([sys.executable, str(PROGRAM), way, str(count), target], allocator.full_environment())
    try:
        return dict(json.loads(done.output))
    except ValueError:
        raise Failed(f"{way} of {count} objects did not say what it took: {done.output[:200]!r}") from None


def add(fields: dict[str, list[float]], values: dict[str, float]) -> None:
    for field, value in values.items():
        fields.setdefault(field, []).append(value)


def line(count: int, way: str, fields: dict[str, list[float]]) -> str:
    share = min(fields["extra_bytes"]) / min(fields["heap_bytes"])
    return f"{count:>10,} {way:12} pause {min(fields['pause_seconds']):6.2f} s, {share:6.1%} of the heap more"
