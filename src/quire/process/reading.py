"""What a process of ``quire compare`` reads of itself when it ends, plainly run or on quire.

    read_at_end()   before the program: ours is the last of the functions given to atexit
    Reading         in the process that compares: what was read

It reads the kernel's accounts and nothing of quire's, so it is the same on both sides. It imports nothing when the
program ends, and says how long it took itself, so that this can be taken off the program's time.
"""

from __future__ import annotations

import os
import time

from quire.process.charge import field_bytes, read_cgroup_bytes, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_NOT_TOLD: Final = -1


class Reading:
    """What one process has read of itself.

    Raises:
        ValueError: the text is not what ``read_at_end`` has written.
    """

    __slots__ = ("cgroup_bytes", "cpu_seconds", "pss_bytes", "rss_bytes", "rss_max_bytes", "wall_seconds")

    def __init__(self, text: bytes) -> None:
        self.rss_bytes, self.pss_bytes, self.rss_max_bytes, cgroup_bytes, wall_ns, cpu_ns = map(int, text.split())
        self.cgroup_bytes = cgroup_bytes if cgroup_bytes >= 0 else None
        self.wall_seconds = wall_ns / 1e9
        """What the reading itself took."""
        self.cpu_seconds = cpu_ns / 1e9


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
        cgroup_bytes = read_cgroup_bytes()
        sizes = (
            field_bytes(rollup, b"Rss:"),
            field_bytes(rollup, b"Pss:"),
            rss_max_bytes(),
            _NOT_TOLD if cgroup_bytes is None else cgroup_bytes,
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        times = (time.monotonic_ns() - wall_ns, time.process_time_ns() - cpu_ns)
        os.write(descriptor, " ".join(map(str, sizes + times)).encode())
        os.close(descriptor)
    except (OSError, ValueError):
        pass
