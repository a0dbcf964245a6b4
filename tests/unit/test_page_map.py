"""The heap's map: what each pool is, and the blocks in it."""

from __future__ import annotations

import numpy as np
import pytest

from heaps import Heap
from pages import ARENA, BLOCK_BYTES, POOL_BYTES, block_address, shop
from quire.report.heap_blocks import FOREIGN, TABLE, blocks
from quire.report.heap_map import columns_of, heap_map
from quire.report.snapshot import NONE


def test_each_block_is_where_it_lies_with_what_is_in_it() -> None:
    """Objects, a table of one and a foreign block, each in its slot of its pool, in order."""
    snapshot = shop().snapshot()
    names = [each.words for each in snapshot.types]
    found = blocks(snapshot, 0, len(snapshot.pool_address))
    assert found.end.tolist()[:3] == [102, 202, 302]
    assert found.slot[:5].tolist() == [0, 1, 2, 3, 4]
    record = names.index("shop.Record")
    assert found.type[:5].tolist() == [record, FOREIGN, record, TABLE | np.uint32(names.index("list")), record]


def test_some_pools_have_the_same_blocks_as_all() -> None:
    """Asked for by pieces, blocks are those that one look finds."""
    snapshot = shop().snapshot()
    whole = blocks(snapshot, 0, len(snapshot.pool_address))
    begin = 0
    for pool in range(len(snapshot.pool_address)):
        part = blocks(snapshot, pool, pool + 1)
        end = int(whole.end[pool])
        assert part.end.tolist() == [end - begin]
        assert part.slot.tolist() == whole.slot[begin:end].tolist()
        assert part.type.tolist() == whole.type[begin:end].tolist()
        begin = end


def test_a_pool_is_told_by_most_of_its_blocks() -> None:
    """The type of most of its objects; NONE where there is none; what survivors pin is what lies beside them."""
    snapshot = shop().snapshot()
    heap = heap_map(snapshot)
    names = [each.words for each in snapshot.types]
    assert heap.type.tolist() == [names.index("shop.Record")] * 3 + [NONE] * 3
    assert heap.known.tolist() == [102, 100, 100, 0, 0, 0]
    assert heap.pinned_bytes.tolist()[:3] == [POOL_BYTES - 100 * BLOCK_BYTES] * 3
    assert {len(column) for column in columns_of(heap).values()} == {6}


def test_a_heap_without_pools_has_an_empty_map() -> None:
    """Nothing is served by quire there."""
    heap = Heap()
    heap.object("int")
    assert all(len(column) == 0 for column in columns_of(heap_map(heap.snapshot())).values())
    assert len(blocks(heap.snapshot(), 0, 0).end) == 0


@pytest.mark.parametrize("block_bytes", [0, 1, 16, 1 << 31])
def test_any_block_size_that_a_file_tells_is_taken(block_bytes: int) -> None:
    """Also one that no heap has."""
    heap = Heap()
    heap.object("int", address=block_address(0, 1))
    heap.pool(ARENA, live=1, resident_bytes=4096, block_bytes=block_bytes)
    assert blocks(heap.snapshot(), 0, 1).end.tolist() == [1]
    assert heap_map(heap.snapshot()).known.tolist() == [1]
