"""What the system says a process takes: resident, in proportion, and as its control group is charged.

/proc/PID/smaps_rollup            Rss, Pss       walks all pages: some milliseconds for each gigabyte
/proc/PID/status                  VmPTE          its page tables
/proc/PID/cgroup                  which group    0::/path (version 2), or N:memory:/path (version 1)
/sys/fs/cgroup/...                its charge     of all processes in it; in a container the group may be the root
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    ChargeNumbers = tuple[int, int | None, int | None, int | None, int | None, int | None, int | None]
    """Rss, Pss, the group's charge, mappings, how many there may be, shared pages in no page table, page tables."""

_KIB: Final = 1024
_PIECE_BYTES: Final = 1 << 16
_CHARGES: Final = (
    ("", "/sys/fs/cgroup{}/memory.current"),
    ("memory", "/sys/fs/cgroup/memory{}/memory.usage_in_bytes"),
)
"""By controller in the lines of /proc/PID/cgroup: where the charge of its group is. In a container the own group may be
the root that is shown there."""


def read_charge(shared_bytes: int, mappings: tuple[int, int]) -> ChargeNumbers | None:
    """The sizes of this moment, and the mappings; ``None`` where the system does not show a process its own.

    Args:
        shared_bytes: how much of the heap's memory pools share.
        mappings: how many there may be, and are, as the core has counted them.
    """
    try:
        rollup = text_of("/proc/self/smaps_rollup")
        rss_bytes, pss_bytes = field_bytes(rollup, b"Rss:"), field_bytes(rollup, b"Pss:")
    except (OSError, ValueError):
        return None
    uncounted_bytes = uncounted_of(rollup, shared_bytes)
    most, now = (number or None for number in mappings)
    return rss_bytes, pss_bytes, read_cgroup_bytes(), now, most, uncounted_bytes, read_page_table_bytes()


def uncounted_of(rollup: bytes, shared_bytes: int) -> int | None:
    """How much of what pools share no page table has: no size of the process counts it, its control group is charged.

    Shared memory of the program's own is taken for the pools', so this is the least that it can be. ``None``: the
    kernel does not tell (before 5.4).
    """
    if shared_bytes == 0:
        return 0
    try:
        return max(shared_bytes - field_bytes(rollup, b"Pss_Shmem:"), 0)
    except ValueError:
        return None


def read_page_table_bytes() -> int | None:
    """``VmPTE``; ``None`` where the system does not tell."""
    try:
        return field_bytes(text_of("/proc/self/status"), b"VmPTE:")
    except (OSError, ValueError):
        return None


def read_cgroup_bytes(process: str = "self") -> int | None:
    """What the control group of the process is charged; ``None`` where the system does not tell."""
    try:
        text = text_of(f"/proc/{process}/cgroup")
        is_own = process == "self" or text == text_of("/proc/self/cgroup")
    except OSError:
        return None
    for line in text.decode(errors="surrogateescape").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller, place in _CHARGES:
            if controller in controllers.split(","):
                charge = _number(place.format(path.rstrip("/")))
                return _number(place.format("")) if charge is None and is_own else charge
    return None


def _number(path: str) -> int | None:
    try:
        return int(text_of(path))
    except (OSError, ValueError):
        return None


def field_bytes(text: bytes, name: bytes) -> int:
    """A size that the kernel writes in kB, on a line that begins with the name.

    Raises:
        ValueError: it is not there.
    """
    line = next((line for line in text.splitlines() if line.startswith(name)), b"")
    number, _, unit = line.removeprefix(name).strip().partition(b" ")
    if unit != b"kB":
        raise ValueError(f"{name!r} is not in kB")
    return int(number) * _KIB


def text_of(path: str) -> bytes:
    """A whole file's text, without Python's file objects, which the program may have replaced."""
    pieces = []
    descriptor = os.open(path, os.O_RDONLY)
    try:
        while piece := os.read(descriptor, _PIECE_BYTES):
            pieces.append(piece)
    finally:
        os.close(descriptor)
    return b"".join(pieces)
