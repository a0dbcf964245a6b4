"""Which instructions of a Python are its allocation functions, inlined copies included.

An optimised build (profile-guided, with link-time optimisation) compiles PyObject_Malloc, and CPython's own allocator
in it, into some hundred callers. Counting by function names then counts a part of it. The debug information says where
every copy is.

Calls: pyelftools. Needs: the debug information of the Python that runs (in Debian, python3.x-dbg).
"""

from __future__ import annotations

import bisect
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.descriptions import describe_form_class
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile

# The interface that objects and containers are allocated through. What they call is counted as theirs.
FUNCTIONS = frozenset(
    f"{domain}_{action}".encode()
    for domain in ("PyObject", "PyMem")
    for action in ("Malloc", "Calloc", "Realloc", "Free")
)


@dataclass(frozen=True)
class AllocationCode:
    """Half-open ranges of addresses, as the file numbers them, sorted and disjoint."""

    path: str
    starts: list[int]
    ends: list[int]

    def has(self, address: int) -> bool:
        place = bisect.bisect_right(self.starts, address) - 1
        return place >= 0 and address < self.ends[place]


def allocation_code(folder: Path) -> AllocationCode:
    """Of the Python that runs. The folder keeps it, for reading the debug information takes a minute."""
    path = python_file()
    with path.open("rb") as file:
        build = build_id(ELFFile(file))
    kept = folder / f"allocation-code-{build}.json"
    if not kept.exists():
        ranges = merge(sorted(read_ranges(debug_file(path, build))))
        kept.write_text(json.dumps(ranges))
    ranges = json.loads(kept.read_text())
    return AllocationCode(str(path), [start for start, _ in ranges], [end for _, end in ranges])


def python_file() -> Path:
    """The file that has the interpreter's code: the shared library, or the program if there is none."""
    with open("/proc/self/maps") as file:
        paths = {line.split(maxsplit=5)[5].strip() for line in file if len(line.split(maxsplit=5)) == 6}
    libraries = [path for path in paths if Path(path).name.startswith("libpython")]
    return Path(libraries[0]) if libraries else Path(sys.executable).resolve()


def build_id(elf: ELFFile) -> str:
    section = elf.get_section_by_name(".note.gnu.build-id")
    return str(next(iter(section.iter_notes()))["n_desc"])


def debug_file(path: Path, build: str) -> Path:
    """The file with the debug information: the same one, or the one that a distribution ships beside it."""
    with path.open("rb") as file:
        if ELFFile(file).get_section_by_name(".debug_info") is not None:
            return path
    apart = Path("/usr/lib/debug/.build-id") / build[:2] / f"{build[2:]}.debug"
    if not apart.exists():
        raise SystemExit(f"{path} has no debug information; install it (in Debian: python3.x-dbg)")
    return apart


def merge(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in ranges:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


# --- reading DWARF -------------------------------------------------------------------------------------------


def read_ranges(path: Path) -> Iterator[tuple[int, int]]:
    """Of each function itself and of each copy that was inlined."""
    with path.open("rb") as file:
        dwarf = ELFFile(file).get_dwarf_info()
        for unit in dwarf.iter_CUs():
            for die in unit.iter_DIEs():
                if die.tag in ("DW_TAG_subprogram", "DW_TAG_inlined_subroutine") and name_of(die) in FUNCTIONS:
                    yield from ranges_of(dwarf, unit, die)


def name_of(die: DIE) -> bytes | None:
    while "DW_AT_name" not in die.attributes:
        link = next((k for k in ("DW_AT_abstract_origin", "DW_AT_specification") if k in die.attributes), None)
        if link is None:
            return None
        die = die.get_DIE_from_attribute(link)
    return bytes(die.attributes["DW_AT_name"].value)


def ranges_of(dwarf: DWARFInfo, unit: CompileUnit, die: DIE) -> Iterator[tuple[int, int]]:
    """In one piece, or in several where the compiler moved unlikely parts away. None of an abstract one."""
    if "DW_AT_low_pc" in die.attributes and "DW_AT_high_pc" in die.attributes:
        start = die.attributes["DW_AT_low_pc"].value
        high = die.attributes["DW_AT_high_pc"]
        yield start, high.value + (0 if describe_form_class(high.form) == "address" else start)
    elif "DW_AT_ranges" in die.attributes:
        base = base_of(unit)
        for entry in entries_of(dwarf, unit, die):
            if isinstance(entry, BaseAddressEntry):
                base = entry.base_address
            else:
                offset = 0 if entry.is_absolute else base
                yield entry.begin_offset + offset, entry.end_offset + offset


def base_of(unit: CompileUnit) -> int:
    low = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
    return 0 if low is None else int(low.value)


def entries_of(dwarf: DWARFInfo, unit: CompileUnit, die: DIE) -> list[Any]:
    return list(dwarf.range_lists().get_range_list_at_offset(die.attributes["DW_AT_ranges"].value, unit))
