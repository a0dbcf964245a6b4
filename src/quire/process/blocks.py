"""What each live block of the process's heap is: an object and of which type, a table or buffer of one, or foreign.

What is found by following references from the objects that CPython's collector knows is an object, or belongs to one;
what merely looks like one is foreign. So are, harmlessly, objects that only memory of C refers to, and what CPython
keeps in its free lists.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import TYPE_CHECKING

from quire.errors import UnsupportedRuntime
from quire.process import serving
from quire.process.core import require_core
from quire.process.reviewed import reviewed_types
from quire.records.objects import Content, LiveBlock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

_OBJECT, _REVIEWED_OBJECT, _TABLE = range(3)
_RANK: Final = {_TABLE: 0, _OBJECT: 1, _REVIEWED_OBJECT: 2}
"""An object's block may be met as a table, too: a set's small table lies in the set."""


def live_blocks() -> list[LiveBlock]:
    """Every live block of the heap that serves this process, in the order of addresses. The program waits meanwhile.

    Raises:
        UnsupportedRuntime: no heap serves the process, or the collector's lists cannot be walked now; the message says
        why.
    """
    core = require_core()
    if serving.serving is not None:
        serving.serving.giving_back().meshing.stop()  # a pass of its own: there is one at a time
    found = core.findings(reviewed_types())
    if isinstance(found, str):
        raise UnsupportedRuntime(f"what blocks are cannot be told: {found}")
    types, findings, live = found
    return identify(live, findings, [_name(one) for one in types])


def _name(one: type) -> str:
    return one.__qualname__ if one.__module__ == "builtins" else f"{one.__module__}.{one.__qualname__}"


def identify(live: bytes, findings: bytes, type_names: Sequence[str]) -> list[LiveBlock]:
    """Put the core's findings, which are addresses somewhere in a block, together with the live blocks."""
    blocks = sorted(struct.iter_unpack("QQ", live))
    starts = [address for address, _ in blocks]
    best: dict[int, tuple[int, int]] = {}
    for address, type_index, finding in struct.iter_unpack("QII", findings):
        place = bisect_right(starts, address) - 1
        if place < 0 or address >= sum(blocks[place]):
            continue
        before = best.get(place)
        if before is None or _RANK[finding] > _RANK[before[0]]:
            best[place] = (finding, type_index)
    return [
        _block(address, size_bytes, best.get(place), type_names) for place, (address, size_bytes) in enumerate(blocks)
    ]


def _block(address: int, size_bytes: int, best: tuple[int, int] | None, type_names: Sequence[str]) -> LiveBlock:
    if best is None:
        return LiveBlock(address, size_bytes, Content.FOREIGN, None, is_reviewed=False)
    finding, type_index = best
    content = Content.TABLE if finding == _TABLE else Content.OBJECT
    return LiveBlock(address, size_bytes, content, type_names[type_index], finding == _REVIEWED_OBJECT)
