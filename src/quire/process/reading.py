"""What a process of ``quire compare`` reads of itself when it ends, plainly run or on quire.

    read_at_end()   before the program: ours is the last of the functions given to atexit
    Reading         in the process that compares: what was read

It reads the kernel's accounts, the same on both sides, and of quire's only how much pools share, which no account of
the kernel's has whole. It imports nothing when the program ends, and says how long it took itself, so that this can be
taken off the program's time.
"""

from __future__ import annotations

import os
import sys
import time

from quire.process.charge import (
    field_bytes,
    read_cgroup_bytes,
    read_page_table_bytes,
    text_of,
    uncounted_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_NOT_TOLD: Final = -1
_ALWAYS_TOLD: Final = 5


class Reading:
    """What one process has read of itself.

    Raises:
        ValueError: the text is not what ``read_at_end`` has written.
    """

    __slots__ = (
        "cgroup_bytes", "cpu_seconds", "mappings", "page_table_bytes", "pss_bytes", "rss_bytes", "rss_max_bytes",
        "uncounted_bytes", "wall_seconds",
    )  # fmt: skip

    def __init__(self, text: bytes) -> None:
        numbers = [None if number == _NOT_TOLD else number for number in map(int, text.split())]
        self.rss_bytes, self.pss_bytes, self.rss_max_bytes, wall_ns, cpu_ns = map(_told, numbers[:_ALWAYS_TOLD])
        self.cgroup_bytes, self.mappings, self.uncounted_bytes, self.page_table_bytes = numbers[_ALWAYS_TOLD:]
        self.wall_seconds = wall_ns / 1e9
        """What the reading itself took."""
        self.cpu_seconds = cpu_ns / 1e9


def _told(number: int | None) -> int:
    if number is None:
        raise ValueError("a number is missing that every reading has")
    return number


def read_at_end(path: str) -> None:
    """Have this process write its reading there when it ends; a fork of it writes nothing."""
    import atexit

    atexit.register(_write_reading, path, os.getpid())


def rss_max_bytes() -> int:
    """``VmHWM``: the most that was resident of this process at any moment.

    Raises:
        OSError, ValueError: the system does not tell.
    """
    return field_bytes(text_of("/proc/self/status"), b"VmHWM:")


def _write_reading(path: str, pid: int) -> None:
    """Where the system does not tell, there is no reading, and the comparison says so."""
    if os.getpid() != pid:
        return
    wall_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
    try:
        rollup = text_of("/proc/self/smaps_rollup")
        sizes = (field_bytes(rollup, b"Rss:"), field_bytes(rollup, b"Pss:"), rss_max_bytes())
        uncounted_bytes = uncounted_of(rollup, _shared_bytes())
        others = (read_cgroup_bytes(), _mappings(), uncounted_bytes, read_page_table_bytes())
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        times = (time.monotonic_ns() - wall_ns, time.process_time_ns() - cpu_ns)
        numbers = (*sizes, *times, *(_NOT_TOLD if number is None else number for number in others))
        os.write(descriptor, " ".join(map(str, numbers)).encode())
        os.close(descriptor)
    except (OSError, ValueError):
        pass


def _mappings() -> int:
    """How many there are; in a plain run there is no core that could count them."""
    return text_of("/proc/self/maps").count(b"\n")


def _shared_bytes() -> int:
    """What pools share of the heap that serves this process; plainly there is none."""
    core = sys.modules.get("quire._core")
    return core.shared_bytes() if core is not None and core.installed() else 0
