"""Memory is not touched before it is needed: at the level of arenas, of pools, of blocks and of pages."""

from __future__ import annotations

import pytest

from quire.model import ARTICLE, CPYTHON_3_10, QUIRE, Allocator, Geometry, Machine, System
from quire.model.touched import Touched, touched_by

every_geometry = pytest.mark.parametrize("geometry", [ARTICLE, CPYTHON_3_10, QUIRE], ids=lambda geometry: geometry.name)


def new_allocator(geometry: Geometry) -> Allocator:
    return Allocator(geometry, System.on(Machine().start("python")))


@every_geometry
def test_without_a_request_there_is_nothing(geometry: Geometry) -> None:
    """Not even an arena is obtained before the first request."""
    assert touched_by(new_allocator(geometry)) == Touched(0, 0, 0, 0, 0)


def test_the_first_block_takes_one_page() -> None:
    """1 MiB is obtained, 16 KiB is cut from it, 64 bytes from that; one page is resident."""
    allocator = new_allocator(CPYTHON_3_10)
    allocator.allocate(64)
    assert touched_by(allocator) == Touched(
        obtained_bytes=1 << 20, in_pools_bytes=16 << 10, in_blocks_bytes=64, live_bytes=64, resident_bytes=4096
    )


def test_a_pool_is_touched_page_by_page() -> None:
    """A pool of four pages that fills block by block becomes resident a page at a time."""
    allocator = new_allocator(CPYTHON_3_10)
    pages = []
    for _ in range((16384 - 48) // 512):
        allocator.allocate(512)
        resident_bytes = touched_by(allocator).resident_bytes
        assert resident_bytes is not None
        pages.append(resident_bytes // 4096)
    assert pages == sorted(pages)
    assert set(pages) == {1, 2, 3, 4}


@every_geometry
def test_freed_memory_stays_touched(geometry: Geometry) -> None:
    """What was freed is free, not untouched: the blocks stay cut and their pages resident."""
    allocator = new_allocator(geometry)
    blocks = [allocator.allocate(64) for _ in range(100)]
    full = touched_by(allocator)
    for block in blocks[1:]:
        allocator.free(block)
    now = touched_by(allocator)
    assert (now.in_blocks_bytes, now.resident_bytes, now.live_bytes) == (full.in_blocks_bytes, full.resident_bytes, 64)


def test_a_block_above_a_page_is_touched_where_it_begins() -> None:
    """Of a block of four pages only the first is resident until the program writes to the others."""
    allocator = new_allocator(QUIRE)
    allocator.allocate(16384)
    assert touched_by(allocator).resident_bytes == 4096


def test_without_a_process_there_are_no_pages_to_count() -> None:
    """On a system that deals in addresses only the cutting is known, the pages are not."""
    allocator = Allocator(CPYTHON_3_10)
    allocator.allocate(64)
    assert touched_by(allocator).resident_bytes is None
