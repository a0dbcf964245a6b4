"""What a pool of CPython's would need on quire, at rest: an estimate from how many of its blocks are live.

quire lets sparse pools share pages where their live blocks do not overlap, by pieces of 8 KiB, and looks at 16 places
for each. A piece with k live blocks fits a place of which the share d is taken with a chance of (1 - d)^k; so places
fill up until one in 16 fits, d = 1 - 16^(-1/k), if survivors lie at random. A pool of which more than half is live
stays as it is. What was measured after such peaks stands beside it in docs/why.md.
"""

from __future__ import annotations

from quire.process.cpython_arenas import POOL_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

_PIECES_IN_POOL: Final = 2
_PLACES: Final = 16
_LIVE_SHARE_MAX: Final = 0.5
MAPPING_BYTES: Final = 256
"""What the kernel keeps for a mapping more, about."""
_MAPPINGS_SHARE: Final = (3, 4)
"""Of those that a process may have: so many quire uses, those of the program included (meshing.py)."""


def pool_bytes_on_quire(live_blocks: int, blocks: int, block_bytes: int) -> int:
    """What the pool would need, with what the kernel needs for its mapping.

    Args:
        live_blocks: at least one.
        blocks: how many the pool holds.
    """
    share = live_blocks / blocks
    if share > _LIVE_SHARE_MAX:
        return POOL_BYTES
    filled = 1 - _PLACES ** (-_PIECES_IN_POOL / live_blocks)
    return min(round(live_blocks * block_bytes / max(filled, share)) + MAPPING_BYTES, POOL_BYTES)


def savings_within(savings: Sequence[int], mappings: int, mappings_max: int | None) -> int:
    """How much all pools save together, the largest savings first, as far as the process may have mappings for them.

    Args:
        mappings: those that it has.
    """
    if mappings_max is None:
        return sum(savings)
    numerator, denominator = _MAPPINGS_SHARE
    pools_max = max(mappings_max * numerator // denominator - mappings, 0)
    return sum(sorted(savings, reverse=True)[:pools_max])
