"""The heap's map: what each pool is, and the blocks in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heaps import Heap
from pages import (
    ARENA,
    BLOCK_BYTES,
    MAPPING,
    MAPPING_BYTES,
    POOL_BYTES,
    RUN,
    RUN_BYTES,
    block_address,
    page_of,
    shop,
    warehouse,
)
from quire.errors import InvalidOption
from quire.report.heap_blocks import FOREIGN, TABLE, blocks
from quire.report.heap_map import columns_of, heap_map
from quire.report.large_map import large_map
from quire.report.snapshot import LARGE_STATES, NONE, SIZE_BYTES_MAX


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
    assert {len(column) for column in columns_of("pool", heap).values()} == {6}


def test_a_heap_without_pools_has_an_empty_map() -> None:
    """Nothing is served by quire there."""
    heap = Heap()
    heap.object("int")
    assert all(len(column) == 0 for column in columns_of("pool", heap_map(heap.snapshot())).values())
    assert len(blocks(heap.snapshot(), 0, 0).end) == 0


def test_large_blocks_are_told_by_what_is_in_them() -> None:
    """Those in arenas first, by address: run with an object, hole, foreign run; what is kept, a table's mapping."""
    snapshot = warehouse().snapshot()
    names = [each.words for each in snapshot.types]
    large = large_map(snapshot)
    assert large.address.tolist() == [RUN, RUN + RUN_BYTES, RUN + 19 * RUN_BYTES, MAPPING - (1 << 20), MAPPING]
    assert [LARGE_STATES[each] for each in large.flags] == ["run", "hole", "run", "kept", "mapping"]
    table = TABLE | np.uint32(names.index("list"))
    assert large.type.tolist() == [names.index("bytes"), FOREIGN, FOREIGN, FOREIGN, table]
    assert large.resident_bytes.tolist() == [RUN_BYTES, 8192, RUN_BYTES, 0, 1 << 20]
    assert list(columns_of("large", large)) == [
        "large_address", "large_size_bytes", "large_resident_bytes", "large_flags", "large_type"
    ]  # fmt: skip


@pytest.mark.parametrize("before", [0, 16, 64])
def test_an_object_may_begin_behind_its_header(before: int) -> None:
    """It is found by where its block begins; one that begins later is another's."""
    heap = Heap()
    heap.object("numpy.ndarray", address=RUN + before)
    heap.large(RUN, RUN_BYTES)
    heap.large(RUN - RUN_BYTES, RUN_BYTES)
    assert large_map(heap.snapshot()).type.tolist() == [FOREIGN, 0]


@pytest.mark.parametrize("state", LARGE_STATES)
def test_rows_that_no_heap_has_are_taken(state: str) -> None:
    """One upon another, without a size, or as large as can be; at either end of all addresses."""
    heap = Heap()
    heap.object("int", address=64)
    for address in (0, 64, 64, 2**64 - 1):
        for size_bytes in (0, 1, SIZE_BYTES_MAX):
            heap.large(address, size_bytes, state)
    assert len(large_map(heap.snapshot()).type) == 12


def test_a_page_counts_what_is_in_arenas_and_beside_them(tmp_path: Path) -> None:
    """Arenas of pools and those of runs; without pools, too."""
    about = page_of(warehouse(), tmp_path).about()
    assert {name: about[name] for name in ("arenas", "pools", "runs", "mappings")} == {
        "arenas": 3, "pools": 6, "runs": 2, "mappings": 1
    }  # fmt: skip
    assert about["large_bytes"] == 2 * RUN_BYTES + MAPPING_BYTES
    alone = Heap()
    alone.large(MAPPING, MAPPING_BYTES, "mapping")
    data = page_of(alone, tmp_path)
    assert (data.about()["arenas"], data.about()["mappings"]) == (0, 1)
    assert data.columns()["large_size_bytes"].tolist() == [MAPPING_BYTES]


def test_runs_and_mappings_lead_to_their_objects(tmp_path: Path) -> None:
    """By the address of the block; a foreign one leads to none."""
    data = page_of(warehouse(), tmp_path)
    assert data.object(f"block:{RUN:#x}")["type"] == "bytes"
    assert data.object(f"block:{MAPPING:#x}")["type"] == "list"
    with pytest.raises(InvalidOption, match="no object lies in the block"):
        data.object(f"block:{RUN + 19 * RUN_BYTES:#x}")


@pytest.mark.parametrize("block_bytes", [0, 1, 16, 1 << 31])
def test_any_block_size_that_a_file_tells_is_taken(block_bytes: int) -> None:
    """Also one that no heap has."""
    heap = Heap()
    heap.object("int", address=block_address(0, 1))
    heap.pool(ARENA, live=1, resident_bytes=4096, block_bytes=block_bytes)
    assert blocks(heap.snapshot(), 0, 1).end.tolist() == [1]
    assert heap_map(heap.snapshot()).known.tolist() == [1]
