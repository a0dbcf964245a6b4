"""One object of a snapshot, described for the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from heaps import Heap
from pages import block_address, page_of, shop
from quire.errors import InvalidOption

pytest.importorskip("quire._core")


def test_an_object_is_told_with_its_way_and_its_neighbours(tmp_path: Path) -> None:
    """From the root over attributes to the item of a list; who refers to it, and to whom it does."""
    heap = shop()
    data = page_of(heap, tmp_path)
    one = data.object(hex(block_address(0, 4)))
    assert one["type"] == "shop.Record"
    assert one["way"] == "shop.cache._recent[2]"
    assert [step["where"] for step in one["steps"]] == ["shop", ".__dict__", ".cache", "._recent", "[2]"]
    assert one["steps"][-1]["address"] == one["address"] == hex(block_address(0, 4))
    assert (one["referrer_count"], one["referrers"][0]["where"]) == (1, "[2]")
    assert [each["type"] for each in one["references"]] == ["type"]
    assert [each["type"] for each in one["retained"]["dominators"]][:1] == ["list"]
    assert one["pool"] == hex(block_address(0, 0) - 48)


def test_several_at_once_are_told_as_one_by_one(tmp_path: Path) -> None:
    """The file's page looks at all references once for all of its objects."""
    data = page_of(shop(), tmp_path)
    together = data.largest_objects(40, 8)
    assert len(together) == 40
    for address, told in together.items():
        alone = data.object(address)
        assert told["retained"] == alone["retained"]
        assert told["steps"] == alone["steps"]
        assert told["referrers"] == alone["referrers"][:8]


def test_a_block_tells_its_object(tmp_path: Path) -> None:
    """Behind the collector's header; of a table its owner; a foreign block has none."""
    data = page_of(shop(), tmp_path)
    assert data.object(f"block:{block_address(0, 4) - 16:#x}")["address"] == hex(block_address(0, 4))
    assert data.object(f"block:{block_address(0, 3):#x}")["way"] == "shop.cache._recent"
    for text in ("block:0x1", "block:zz", "block:", f"block:{2**70:#x}"):
        with pytest.raises(InvalidOption):
            data.object(text)


def test_garbage_has_no_way(tmp_path: Path) -> None:
    """No root reaches it, and nothing retains it."""
    heap = Heap()
    ring = heap.list()
    ring.references.append(ring)
    heap.module("app")
    one = page_of(heap, tmp_path).object(hex(ring.address))
    assert (one["steps"], one["root"], one["retained"]) == ([], "", None)


def test_a_long_way_is_told_by_its_ends(tmp_path: Path) -> None:
    """Forty steps, and how many are left out."""
    heap = Heap()
    last = heap.list()
    first = last
    for _ in range(100):
        first = heap.list(first)
    heap.module("app", chain=first)
    one = page_of(heap, tmp_path).object(hex(last.address))
    assert (len(one["steps"]), one["steps_left_out"]) == (41, 62)
    assert one["steps"][-1]["address"] == hex(last.address)
