"""The sizes of the three geometries, against the articles' own numbers."""

from __future__ import annotations

import pytest

from quire.model import ARTICLE, CPYTHON_3_10, QUIRE, Geometry

GEOMETRIES = [ARTICLE, CPYTHON_3_10, QUIRE]


def test_the_articles_table_of_size_classes() -> None:
    """The article's rows: 1-8 is class 0 of 8 bytes, up to 505-512, class 63 of 512 bytes."""
    assert ARTICLE.classes == 64
    for first, last, size_class in ((1, 8, 0), (9, 16, 1), (497, 504, 62), (505, 512, 63)):
        assert {ARTICLE.size_class(size_bytes) for size_bytes in range(first, last + 1)} == {size_class}
        assert ARTICLE.block_bytes(size_class) == last


def test_todays_classes_are_16_bytes_apart() -> None:
    """CPython 3.10 rounds 42 bytes up to 48 as well, but 33 bytes too."""
    assert CPYTHON_3_10.classes == 32
    assert CPYTHON_3_10.block_bytes(CPYTHON_3_10.size_class(33)) == 48


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda geometry: geometry.name)
def test_every_request_fits_the_smallest_class_that_holds_it(geometry: Geometry) -> None:
    """For every request that pools serve: its class's block holds it, and the next smaller class's would not."""
    for size_bytes in range(1, geometry.pooled_bytes_max + 1):
        size_class = geometry.size_class(size_bytes)
        assert geometry.block_bytes(size_class) >= size_bytes
        assert size_class == 0 or geometry.block_bytes(size_class - 1) < size_bytes


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda geometry: geometry.name)
def test_every_block_is_aligned(geometry: Geometry) -> None:
    """Block sizes are multiples of the alignment, so that every block of a pool is aligned."""
    assert all(geometry.block_bytes(c) % geometry.alignment_bytes == 0 for c in range(geometry.classes))


def test_large_classes_waste_at_most_a_ninth() -> None:
    """Eight classes an octave: a request above the small ones leaves less than 1/8 of itself unused."""
    for size_bytes in range(QUIRE.small_bytes_max + 1, QUIRE.pooled_bytes_max + 1):
        assert QUIRE.block_bytes(QUIRE.size_class(size_bytes)) - size_bytes < size_bytes / 8
