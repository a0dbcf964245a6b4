"""Dominators of a graph of objects, by the native core: ``core/observe/dominators.h`` tells what they are."""

from __future__ import annotations

from quire.process.core import require_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    Buffer = Any  # collections.abc has it from Python 3.12 on

_ROW_BYTES: Final = 4
_END_BYTES: Final = 8


def find_dominators(edge_end: Buffer, edge_to: Buffer, roots: Buffer) -> tuple[bytearray, bytearray, bytearray]:
    """Each object's dominator, its place in the tree's preorder, and how many objects are below it there.

    Takes seconds for millions of objects; the interpreter lock is free meanwhile, and nobody may write in the buffers.

    Args:
        edge_end: for each object, where its references end in ``edge_to``, 8 bytes each.
        edge_to: the rows of the objects referred to, 4 bytes each.
        roots: the rows of the objects that are held from outside, 4 bytes each.

    Raises:
        UnsupportedRuntime: the native core is missing.
        ValueError: the buffers do not fit together.
        MemoryError: there is no memory to work in, 32 bytes an object and 4 a reference.
    """
    core = require_core()
    length = memoryview(edge_end).nbytes // _END_BYTES * _ROW_BYTES
    columns = bytearray(length), bytearray(length), bytearray(length)
    core.dominators(edge_end, edge_to, roots, *columns)
    return columns
