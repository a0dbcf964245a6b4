"""What was measured, kept as JSON: one file for each Python, which grows by one section after another.

results/3.11.json = {"machine": ..., "python": ..., "versions": ..., "code": ..., "instructions": ..., "runs": ..., ...}

The files are committed: measuring all takes days, and a page is written from what was measured so far. Of each part
``code`` tells the commit.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import allocators
import quire

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ("core", "src", "CMakeLists.txt", "bench/catalogue.py", "bench/workloads")
BESIDE = "beside"
"""Of an allocator's runs: those of CPython's own at the same time."""


def write(folder: Path, section: str, name: str, content: Any) -> None:
    """Put it into this Python's file, in place of an older one of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = read_this(folder)
    codes = kept.get("code", {})
    kept |= surroundings() | {section: {**kept.get(section, {}), name: content}}
    kept["code"] = codes | {section: {**codes.get(section, {}), name: code()}}
    this_file(folder).write_text(json.dumps(kept, indent=1) + "\n")


def add_rounds(folder: Path, section: str, name: str, found: dict[str, Any]) -> None:
    """Put it behind the rounds that were measured before, of the same code."""
    kept = read_this(folder)
    is_same = kept.get("code", {}).get(section, {}).get(name) == code()
    write(folder, section, name, joined(kept[section][name], found) if is_same else found)


def joined(first: Any, second: Any) -> Any:
    """Lists one behind the other, at every place of two records."""
    if isinstance(first, list):
        return first + second
    return {**first, **{key: joined(first[key], second[key]) if key in first else second[key] for key in second}}


def read_this(folder: Path) -> dict[str, Any]:
    """This Python's record; empty where nothing was measured."""
    path = this_file(folder)
    return dict(json.loads(path.read_text())) if path.exists() else {}


def this_file(folder: Path) -> Path:
    return folder / f"{sys.version_info[0]}.{sys.version_info[1]}.json"


def read_all(folder: Path) -> list[dict[str, Any]]:
    """One record for each Python, the oldest first."""
    records = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    return sorted(records, key=lambda record: [int(number) for number in record["python"]["version"].split(".")])


# --- where it was measured -----------------------------------------------------------------------------------


def surroundings() -> dict[str, Any]:

    return {
        "machine": machine(),
        "python": {
            "version": platform.python_version(),
            "compiler": platform.python_compiler(),
            "is_shared": is_shared(),
        },
        "versions": {"quire": quire.__version__, "libc": " ".join(platform.libc_ver())}
        | {each.name: each.version() for each in allocators.available() if each.library},
    }


def code() -> str:
    """The commit that last changed quire or the programs, with a plus where they are changed since."""
    changed = git("status", "--porcelain", "--", *MEASURED)
    return git("log", "-1", "--format=%h", "--", *MEASURED) + ("+" if changed else "") or "not in a repository"


def git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True).stdout.strip()


def machine() -> dict[str, Any]:
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "processors": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "huge_pages": huge_pages(),
    }


def huge_pages() -> str:
    path = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return path.read_text().partition("[")[2].partition("]")[0] if path.exists() else "none"


def is_shared() -> bool:
    """Whether the interpreter is in a shared library; its functions are called through a table then."""
    with open("/proc/self/maps") as file:
        return "libpython" in file.read()
