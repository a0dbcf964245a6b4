"""A heap of mixed objects, and one look at it.

mixed.py WAY OBJECTS FILE

Makes about so many objects of the kinds that programs have, then looks at all of them in the named way, and says a line
of JSON: how long that took, by how much resident memory rose meanwhile, how long making them took. A way that writes a
file writes this one.
"""

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Record:
    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"record {number}"


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left: object, right: object) -> None:
        self.left = left
        self.right = right


def make(count: int) -> list[Any]:
    """About ``count`` objects: of each twelve three containers, one instance with attributes, one with slots."""
    made: list[Any] = []
    for number in range(1000, 1000 + count // 12):
        text = f"text {number}"
        items = [number, text]
        record = Record(number)
        made.append((items, {"items": items, "size": float(number)}, record))
        made.append(Slotted(record, text.encode()))
        made.append({number, text})
    return made


# --- ways ----------------------------------------------------------------------------------------------------


def collect(_file: str) -> None:
    gc.collect()


def count_tracked(_file: str) -> None:
    Counter(type(one) for one in gc.get_objects()).most_common(20)


def look_plainly(file: str) -> dict[str, Any]:
    return take(file, references=False)


def look_with_references(file: str) -> dict[str, Any]:
    return take(file, references=True)


def take(file: str, references: bool) -> dict[str, Any]:
    import quire

    taken = quire.snapshot(file, references=references)
    return {"pause_seconds": taken.pause_seconds, "objects": taken.objects, "file_bytes": taken.file_bytes}


def guppy(_file: str) -> None:
    from guppy import hpy

    str(hpy().heap())


def pympler(_file: str) -> None:
    from pympler import muppy, summary

    summary.summarize(muppy.get_objects())


def objgraph(_file: str) -> None:
    import objgraph

    objgraph.most_common_types(limit=20)


def traced(_file: str) -> None:
    import tracemalloc

    tracemalloc.take_snapshot().statistics("lineno")


WAYS: dict[str, Callable[[str], dict[str, Any] | None]] = {
    "collect": collect,
    "counter": count_tracked,
    "quire": look_plainly,
    "references": look_with_references,
    "guppy3": guppy,
    "pympler": pympler,
    "objgraph": objgraph,
    "tracemalloc": traced,
}


# --- memory --------------------------------------------------------------------------------------------------


def status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def import_what_it_needs(way: str) -> None:
    """Before anything is measured: it is not what looking costs."""
    if way in ("quire", "references"):
        import quire.process.snapshot  # noqa: F401
    elif way == "guppy3":
        import guppy.heapy.Use  # noqa: F401
    elif way == "pympler":
        import pympler.muppy
        import pympler.summary  # noqa: F401
    elif way == "objgraph":
        import objgraph  # noqa: F401
    elif way == "tracemalloc":
        import tracemalloc

        tracemalloc.start()


def main(way: str, count: int, file: str) -> None:
    import_what_it_needs(way)
    floor_bytes = status("VmRSS")
    gc.disable()
    began = time.perf_counter()
    made = make(count)
    making_seconds = time.perf_counter() - began
    gc.collect()
    gc.enable()
    before_bytes = status("VmRSS")
    forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    found = WAYS[way](file) or {}
    wall_seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    found = {"pause_seconds": wall_seconds} | found
    found |= {"wall_seconds": wall_seconds, "cpu_seconds": cpu_seconds, "making_seconds": making_seconds}
    found |= {"extra_bytes": status("VmHWM") - before_bytes, "heap_bytes": before_bytes - floor_bytes}
    print(json.dumps(found | {"rows": len(made)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
