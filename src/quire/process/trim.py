"""Giving memory back when the program asks for it."""

from __future__ import annotations

from quire.process import giving_back
from quire.process.decode import decode_given_back
from quire.process.statistics import require_served
from quire.records import GivenBack


def trim(collect: bool = False) -> GivenBack:
    """Give back all that can be, now; what went back.

    Raises:
        UnsupportedRuntime: the native core is missing.
        QuireError: quire does not serve this process.
    """
    core = require_served()
    if collect:
        import gc

        gc.collect()
    helper = giving_back.serving or giving_back.GivingBack(core, "off")
    return decode_given_back(helper.trim())
