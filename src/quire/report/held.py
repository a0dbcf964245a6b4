"""What holds objects from outside beside the roots that the process has told: found by counting.

    count of references   -   those of other objects, of frames, of the interpreter   =   what is unseen

Unseen are C variables, threads' registers, objects that show nothing. A word on a frame's stack may be left from
before; where a reference is unseen, it is taken for that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quire.report.snapshot import NONE, ROOT_KINDS, Snapshot

_C: Final = ROOT_KINDS.index("c")
_IMMORTAL: Final = ROOT_KINDS.index("immortal")
_AT_ONCE: Final = 1 << 22
"""Edges that are counted together: 32 MB."""


def with_all_roots(snapshot: Snapshot) -> Snapshot:
    """The snapshot, with references, and with what is held by C, or never dies, as roots too."""
    is_word = _places(snapshot, [each.is_word for each in snapshot.roots], False)
    unseen = unseen_references(snapshot)
    is_kept = ~is_word | (unseen[snapshot.root_object] > 0)
    words = np.bincount(snapshot.root_object[is_word], minlength=snapshot.count)
    by_c = np.flatnonzero(unseen > words)
    immortal = np.flatnonzero(snapshot.object_count == NONE)
    immortal = immortal[~np.isin(immortal, snapshot.root_object)]
    kinds = np.repeat(np.array([_C, _IMMORTAL], np.uint8), [len(by_c), len(immortal)])
    return replace(
        snapshot,
        root_object=np.concatenate((snapshot.root_object[is_kept], by_c, immortal)).astype(np.uint32),
        root_kind=np.concatenate((snapshot.root_kind[is_kept], kinds)),
        root_place=np.concatenate((snapshot.root_place[is_kept], np.full(len(kinds), NONE))),
    )


def unseen_references(snapshot: Snapshot) -> NDArray[np.int64]:
    """Of each object: how many of its references are not known; 0: it never dies. Where an object shows what it does
    not count, there may be more than this tells."""
    counts = _places(snapshot, [each.counts and not each.is_word for each in snapshot.roots], True)
    known = np.bincount(snapshot.root_object[counts], minlength=snapshot.count)
    for begin in range(0, len(snapshot.edge_to), _AT_ONCE):
        to = np.minimum(snapshot.edge_to[begin : begin + _AT_ONCE], snapshot.count)  # the last: NONE
        known += np.bincount(to, minlength=snapshot.count + 1)[:-1]
    unseen: NDArray[np.int64] = np.maximum(snapshot.object_count.astype(np.int64) - known, 0)
    unseen[snapshot.object_count == NONE] = 0
    return unseen


def _places(snapshot: Snapshot, told: list[bool], otherwise: bool) -> NDArray[np.bool_]:
    """What is told of each root's place, for each root."""
    by_place = np.array([*told, otherwise], np.bool_)
    found: NDArray[np.bool_] = by_place[np.minimum(snapshot.root_place, len(told))]
    return found
