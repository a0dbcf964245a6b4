"""quire's heap in another process, told by its mappings: where it lies, not what is in it.

The kernel shows quire's name for them where it was built to (CONFIG_ANON_VMA_NAME). Where not, the range is known by
where it lies: in the second quarter of the addresses, into which the kernel itself puts nothing (core/os/linux.c).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from quire.process.smaps import SystemMapping

_CORE: Final = b"/quire/_core."
_NAMES: Final = (b"[anon:quire]", b"[anon_shmem:quire]")
_STACK: Final = b"[stack]"


def quire_regions(mappings: Sequence[SystemMapping]) -> list[tuple[int, int]]:
    """Address and size of each piece of quire's heap; nothing where the process does not run on quire."""
    if not any(_CORE in mapping.name for mapping in mappings):
        return []
    quarter = _addresses_end(mappings) // 4
    return [
        (mapping.start, mapping.size_bytes)
        for mapping in mappings
        if mapping.name.startswith(_NAMES) or _is_lonely(mapping, quarter)
    ]


def _is_lonely(mapping: SystemMapping, quarter: int) -> bool:
    return quarter <= mapping.start < 2 * quarter and (mapping.is_anonymous or mapping.is_shared_memory)


def _addresses_end(mappings: Sequence[SystemMapping]) -> int:
    """The stack is near the end of them."""
    stack_end = max((mapping.end for mapping in mappings if mapping.name == _STACK), default=0)
    return 1 << stack_end.bit_length()
