"""Putting findings and live blocks together."""

from __future__ import annotations

import struct

from quire.process.blocks import identify
from quire.records.objects import Content, LiveBlock


def test_findings_are_told_of_the_block_that_has_them() -> None:
    """An address counts for the block it lies in; an object counts more than a table, a reviewed one most; what lies
    in none counts for nothing."""
    live = b"".join(struct.pack("QQ", address, 48) for address in (300, 100, 200))
    findings = [(116, 0, 2), (100, 1, 0), (99, 1, 1), (316, 0, 0), (316, 1, 1), (300, 0, 2), (148, 1, 1), (348, 1, 1)]
    found = identify(live, b"".join(struct.pack("QII", *one) for one in findings), ["list", "set"])
    assert found == [
        LiveBlock(100, 48, Content.OBJECT, "set", False),
        LiveBlock(200, 48, Content.FOREIGN, None, False),
        LiveBlock(300, 48, Content.OBJECT, "set", True),
    ]
