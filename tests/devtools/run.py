"""A snapshot written by ``quire export --to heapsnapshot``, as memlab's parser reads it: ``nox -s devtools``.

python tests/devtools/run.py FOLDER    a folder with node_modules
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROGRAM = """
import sys, quire

class Item:
    def __init__(self, number):
        self.number = number
        self.payload = [bytes(1000 + number)]

class Cache:
    def __init__(self):
        self.recent = {"k%d" % number: Item(number) for number in range(500)}

cache = Cache()
garbage = [cache]
garbage.append(garbage)
del garbage
quire.snapshot(sys.argv[1])
"""


def main(folder: Path) -> None:
    snapshot, profile, read = (os.fspath(folder / name) for name in ("heap.quire", "heap.heapsnapshot", "read.json"))
    command(sys.executable, "-c", PROGRAM, snapshot)
    command(sys.executable, "-m", "quire", "export", snapshot, "--to", "heapsnapshot", "-o", profile)
    shutil.copy(HERE / "read.mjs", folder)
    command("node", os.fspath(folder / "read.mjs"), profile, read)
    found = json.loads(Path(read).read_text())
    check_types(found, answer(snapshot, "types"))
    check_retained(found, snapshot)
    print(f"memlab reads {found['nodes']:,} nodes and {found['edges']:,} edges, and agrees")


def command(*words: str) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def answer(snapshot: str, *words: str) -> Any:
    return json.loads(command(sys.executable, "-m", "quire", words[0], snapshot, *words[1:], "--json"))


def check_types(found: Any, types: Any) -> None:
    """As many objects of each type, of the same size in sum."""
    told: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for row in types["rows"]:
        name = row["type"] if row["module"] in ("", "builtins") else f"{row['module']}.{row['type']}"
        told[name] += row["count"]
        sizes[name] += row["size_bytes"]
    for name, count in told.items():
        assert (found["types"][name]["count"], found["types"][name]["size"]) == (count, sizes[name]), name


def check_retained(found: Any, snapshot: str) -> None:
    """Each item retains what quire says: itself, its list and its bytes, garbage notwithstanding."""
    rows = answer(snapshot, "retained", "__main__.Cache", "--rows", "9")["rows"]
    (recent,) = (row for row in rows if row["type"] == "dict")
    items = answer(snapshot, "retained", hex(recent["address"]), "--rows", "9999")["rows"]
    told = sorted(row["retained_bytes"] for row in items if row["type"] == "__main__.Item")
    by_memlab = sorted(size for name, size, _ in found["retained"] if name == "__main__.Item")
    assert len(told) == 500
    assert by_memlab == told
    names = next(names for name, _, names in found["retained"] if name == "__main__.Item")
    assert {"number", "payload"} <= set(names), names


if __name__ == "__main__":
    main(Path(sys.argv[1]))
