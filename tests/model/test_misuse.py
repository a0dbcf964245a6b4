"""Bad input: an exception of quire's own tree names the rule that was broken, and nothing has changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from quire.errors import DoubleFree, HeapMisuse, InvalidSize, NotABlock, OutOfMemory, QuireError
from quire.model import ARTICLE, CPYTHON_3_10, QUIRE, Allocator, Geometry
from quire.model.errors import InvalidGeometry

every_geometry = pytest.mark.parametrize("geometry", [ARTICLE, CPYTHON_3_10, QUIRE], ids=lambda geometry: geometry.name)
SIZES_BYTES = [64, 600, 20_000, 300_000]
"""A block, and larger requests of each kind that a geometry has."""


def everything(allocator: Allocator) -> tuple[object, ...]:
    """All that there is to know of an allocator."""
    return (
        allocator.state(),
        allocator.statistics(),
        allocator.system.pages_held,
        allocator.raw.run_sizes(),
        allocator.raw.kept.size_bytes,
    )


def refuses(
    allocator: Allocator, error: type[QuireError], wrong: Callable[[], object], match: str | None = None
) -> None:
    """The call raises, with a message, and changes nothing."""
    before = everything(allocator)
    with pytest.raises(error, match=match) as raised:
        wrong()
    assert str(raised.value)
    assert everything(allocator) == before


@every_geometry
@pytest.mark.parametrize("size_bytes", SIZES_BYTES)
def test_freeing_twice(geometry: Geometry, size_bytes: int) -> None:
    """Whatever layer served it, the second free is refused; so is resizing what is free, and asking for its size."""
    allocator = Allocator(geometry)
    _keeper, block = allocator.allocate(size_bytes), allocator.allocate(size_bytes)
    allocator.free(block)
    refuses(allocator, HeapMisuse, lambda: allocator.free(block))
    refuses(allocator, HeapMisuse, lambda: allocator.reallocate(block, 10))
    refuses(allocator, HeapMisuse, lambda: allocator.size_of(block))


@every_geometry
def test_freeing_twice_names_the_rule(geometry: Geometry) -> None:
    """Of a block the message says that it is free already, and which it is."""
    allocator = Allocator(geometry)
    allocator.allocate(64)
    block = allocator.allocate(64)
    allocator.free(block)
    refuses(allocator, DoubleFree, lambda: allocator.free(block), match=f"{block:#x} is free already")


@every_geometry
def test_freeing_a_block_whose_pool_or_arena_is_gone(geometry: Geometry) -> None:
    """After the last block of a pool, and of an arena, was freed, freeing it again is refused still."""
    allocator = Allocator(geometry)
    blocks = [allocator.allocate(512) for _ in range(10_000)]
    for block in blocks:
        allocator.free(block)
    for block in (blocks[0], blocks[5_000], blocks[-1]):
        refuses(allocator, HeapMisuse, lambda block=block: allocator.free(block))


@every_geometry
@pytest.mark.parametrize("size_bytes", SIZES_BYTES)
@pytest.mark.parametrize("offset", [-16, 1, 8, 16, 4096, 10**10, -(10**11)])
def test_an_address_that_is_no_blocks_start(geometry: Geometry, size_bytes: int, offset: int) -> None:
    """Within a block, before it, behind it, in nobody's memory, below 0: free, resize and size are refused."""
    allocator = Allocator(geometry)
    wrong = allocator.allocate(size_bytes) + offset
    refuses(allocator, NotABlock, lambda: allocator.free(wrong))
    refuses(allocator, NotABlock, lambda: allocator.reallocate(wrong, 10))
    refuses(allocator, NotABlock, lambda: allocator.size_of(wrong))


@every_geometry
@pytest.mark.parametrize("size", [-1, -(2**63), 1.5, 600.5, float("nan"), None, "16"])
def test_a_size_that_is_none(geometry: Geometry, size: Any) -> None:
    """Negative sizes, and what is no whole number, are refused by every request; a ValueError, too."""
    allocator = Allocator(geometry)
    block = allocator.allocate(100)
    refuses(allocator, InvalidSize, lambda: allocator.allocate(size), match="a request of")
    refuses(allocator, InvalidSize, lambda: allocator.reallocate(block, size))
    refuses(allocator, InvalidSize, lambda: allocator.allocate_zeroed(1, size))
    refuses(allocator, InvalidSize, lambda: allocator.allocate_zeroed(size, 1))
    assert issubclass(InvalidSize, ValueError)


@every_geometry
def test_an_absurd_size(geometry: Geometry) -> None:
    """More than any process can hold, at once or as count times size: a MemoryError, and what was there stays."""
    allocator = Allocator(geometry)
    block = allocator.allocate(100)
    refuses(allocator, OutOfMemory, lambda: allocator.allocate(2**63))
    refuses(allocator, OutOfMemory, lambda: allocator.reallocate(block, 2**80))
    refuses(allocator, OutOfMemory, lambda: allocator.allocate_zeroed(2**40, 2**40))
    assert allocator.size_of(block) >= 100


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"arena_bytes": 3 * 16384 + 8}, "not a multiple of 16384"),
        ({"alignment_bytes": 24}, "not a multiple of 24"),
        ({"alignment_bytes": 0}, "alignment_bytes is 0"),
        ({"pool_bytes": -16384}, "pool_bytes is -16384"),
        ({"page_bytes": 0}, "page_bytes is 0"),
        ({"pool_header_bytes": 40}, "40 is not a multiple of 16"),
        ({"pool_header_bytes": -48}, "not negative"),
        ({"pool_header_bytes": 16384 - 256}, "largest small block does not fit a pool"),
        ({"large_blocks": (1024, 768), "large_pool_bytes": 65536}, "large blocks grow"),
        ({"large_blocks": (520,), "large_pool_bytes": 65536}, "by multiples of 16"),
        ({"large_blocks": (131072,), "large_pool_bytes": 65536}, "largest block does not fit a large pool"),
        ({"run_bytes_max": 1 << 21}, "largest run does not fit an arena"),
        ({"arena_header_bytes": 1 << 20}, "arena is too small"),
        ({"domains": 0}, "0 domains"),
        ({"range_bytes": -1}, "range_bytes is -1"),
        ({"kept_bytes_max": -1}, "kept_bytes_max is -1"),
    ],
)
def test_a_geometry_that_does_not_divide(changes: dict[str, Any], rule: str) -> None:
    """Sizes that do not fit one another are refused when the geometry is made, and the message says which."""
    assert issubclass(InvalidGeometry, ValueError)
    with pytest.raises(InvalidGeometry, match=rule):
        dataclasses.replace(CPYTHON_3_10, **changes)
