"""Who owns which piece of a process's memory: every source is asked, and the first that knows a piece has it.

Callers: sample.py, for the process itself; outside.py, for another one.
"""

from __future__ import annotations

from quire.process import parts as rows
from quire.process.claims import Claims
from quire.process.libc import find_heaps
from quire.process.libraries import find_zeroed_data
from quire.process.recognise import recognise
from quire.process.smaps import coalesce, stretches
from quire.process.stacks import claim_stacks, stack_pointers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Final, Protocol

    from quire.process.libc import LibcStatistics
    from quire.process.memory import ProcessMemory
    from quire.process.recognise import Findings
    from quire.process.smaps import SystemMapping

    class Told(Protocol):
        """What is known without a look at the memory itself."""

        def regions(self) -> list[tuple[int, int]]: ...
        def frame_chunks(self) -> list[tuple[int, int]]: ...
        def thread_idents(self) -> list[int]: ...


_OF_KERNEL: Final = (b"[vdso]", b"[vvar", b"[vsyscall]", b"[vectors]", b"[sigpage]", b"[uprobes]")


class Owners:
    """Who owns which piece of memory, as far as it is not told by a mapping's name.

    Args:
        account: the kernel's mappings, as they are read.
        findings: those of earlier looks; ``None``: neither CPython's arenas nor libc's chunks are looked for.
    """

    __slots__ = ("chunk_found_bytes", "claims", "heap_found_bytes", "mappings")

    def __init__(
        self,
        told: Told,
        memory: ProcessMemory,
        account: Iterable[SystemMapping],
        libc_statistics: LibcStatistics | None,
        findings: Findings | None,
    ) -> None:
        self.claims = Claims()
        self._claim_told(told)
        self.mappings = coalesce(account, self.claims.has_all)
        self._claim_by_record(told, memory)
        writable = stretches(self.mappings)
        self.heap_found_bytes = sum(mapping.size_bytes for mapping in self.mappings if mapping.name == b"[heap]")
        for stretch in writable:
            for start, end in find_heaps(self.claims.gaps(stretch.start, stretch.end), memory.read_resident):
                self.heap_found_bytes += end - start
                self.claims.add(start, end, rows.LIBC_HEAPS)
        chunk_bytes = None if libc_statistics is None else libc_statistics[3]
        self.chunk_found_bytes = 0
        if findings is not None:
            self.chunk_found_bytes = recognise(writable, memory, self.claims, chunk_bytes, findings)

    def is_of_extents(self, mapping: SystemMapping) -> bool:
        """Whether it shows pages that pools of quire's heap share with each other, and with no other process.

        Their name is that of all shared memory without a file, before Linux 6.2 and often later.
        """
        return mapping.is_shared and self.claims.has_all(mapping.start, mapping.end)

    def _claim_told(self, told: Told) -> None:
        for address, size_bytes in told.regions():
            self.claims.add(address, address + size_bytes, rows.HEAP)
        for address, size_bytes in told.frame_chunks():
            self.claims.add(address, address + size_bytes, rows.FRAMES)

    def _claim_by_record(self, told: Told, memory: ProcessMemory) -> None:
        claim_stacks(
            self.claims,
            told.thread_idents(),
            stack_pointers(memory.thread_calls()),
            self.mappings,
            memory.read_resident,
        )
        for start, end in find_zeroed_data(self.mappings, memory.read_resident):
            self.claims.add(start, end, rows.FILES)


def ruler(mapping: SystemMapping, memory: ProcessMemory) -> Callable[[int, int], int]:
    """How to measure what is resident of a piece of the mapping.

    The core is fast, but for files and shared memory it would tell what the system has, not what the process has.
    """
    if mapping.is_private_memory:
        return lambda start, end: memory.private_resident_bytes(start, end - start)
    return memory.resident_bytes


def row_by_name(mapping: SystemMapping) -> str:
    """The row of what nobody claims in the mapping."""
    if mapping.is_file or mapping.name.startswith(_OF_KERNEL):
        return rows.FILES
    if mapping.name == b"[heap]":
        return rows.LIBC_HEAPS
    return rows.STACKS if mapping.name.startswith(b"[stack") else rows.OTHER
