"""Giving memory back when the program asks for it."""

from __future__ import annotations

from quire.process import serving
from quire.process.decode import decode_given_back
from quire.process.statistics import require_served
from quire.records.statistics import GivenBack


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
    served = serving.serving or serving.Serving(core, "off")
    return decode_given_back(served.giving_back().trim())
