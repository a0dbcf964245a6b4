"""What was measured, kept as JSON: one file for each Python, which grows by one section after another.

results/3.11.json = {"machine": ..., "python": ..., "versions": ..., "instructions": ..., "memory": ..., ...}
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import allocators
import quire


def write(folder: Path, section: str, name: str, content: Any) -> None:
    """Put it into this Python's file, in place of an older one of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = read_this(folder)
    kept |= surroundings() | {section: {**kept.get(section, {}), name: content}}
    this_file(folder).write_text(json.dumps(kept, indent=1) + "\n")


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
