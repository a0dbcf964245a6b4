"""What a process takes of the machine's memory, as the kernel says. Read from outside: it costs the process nothing."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

MAPPING_BYTES = 245
"""What the kernel keeps for a mapping; Linux 6.18, measured over 60 000: 192 for itself, 34 for what is anonymous in
it, 19 for its place in the tree."""

_TRIES = 20
_SHARED = re.compile(rb"^([0-9a-f]+-[0-9a-f]+) \S+ \S+ \S+ (\d+) +(?:/memfd:|/dev/zero|/dev/shm/|\[anon_shmem:)")
_CHARGES = ("memory.current", "memory.usage_in_bytes")
"""Of a control group, of the second version and of the first."""


@dataclass(frozen=True)
class Footprint:
    """A process's memory at one moment.

    ``rss_bytes`` counts a page once for each mapping of it, ``pss_bytes`` once. Neither counts a shared page that no
    page table has at the moment, though it lives as long as its file: those are ``unmapped_bytes``.
    """

    rss_bytes: int
    pss_bytes: int
    unmapped_bytes: int
    page_table_bytes: int
    mappings: int
    cpu_seconds: float
    """Processor time of all its threads so far."""
    charge_bytes: int | None
    """What its control group is charged for, the kernel's structures included; ``None``: it has none of its own."""

    @property
    def held_bytes(self) -> int:
        """Its pages, and what the kernel needs to know where they are."""
        return self.pss_bytes + self.unmapped_bytes + self.page_table_bytes + self.mappings * MAPPING_BYTES


def footprint(pid: int, group: Path | None = None) -> Footprint:
    """Of a process, which may have a control group to itself.

    Raises:
        OSError: it has ended.
        PermissionError: it has pages shared through a file, and only root may ask how many.
    """
    folder = Path(f"/proc/{pid}")
    for _ in range(_TRIES - 1):
        try:
            return _look(folder, pid, group)
        except FileNotFoundError:  # a mapping went between the list of them and the look at it, or the process has
            continue
    return _look(folder, pid, group)


def _look(folder: Path, pid: int, group: Path | None) -> Footprint:
    sizes = _sizes((folder / "smaps_rollup").read_text())
    maps = (folder / "maps").read_bytes().splitlines()
    return Footprint(
        rss_bytes=sizes["Rss"],
        pss_bytes=sizes["Pss"],
        unmapped_bytes=max(0, _shared_bytes(folder, maps) - sizes["Pss_Shmem"]),
        page_table_bytes=_sizes((folder / "status").read_text())["VmPTE"],
        mappings=len(maps),
        cpu_seconds=time.clock_gettime(~pid << 3 | 2),  # the kernel's name for this process's clock
        charge_bytes=_charge_bytes(group) if group else None,
    )


def _sizes(text: str) -> dict[str, int]:
    return {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+): +(\d+) kB$", text.replace("\t", " "), re.M)}


def _shared_bytes(folder: Path, maps: list[bytes]) -> int:
    """Of each file of shared memory, once: what it has, whether a page table has it or not."""
    places = {match[2]: match[1].decode() for match in map(_SHARED.match, maps) if match}
    return sum(os.stat(folder / "map_files" / place).st_blocks * 512 for place in places.values())


def _charge_bytes(group: Path) -> int:
    return int(next(path for name in _CHARGES if (path := group / name).exists()).read_text())
