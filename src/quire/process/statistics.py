"""The served process's heap, in numbers."""

from __future__ import annotations

from quire.errors import QuireError
from quire.process.core import require_core
from quire.process.decode import decode_statistics
from quire.records import HeapStatistics


def stats() -> HeapStatistics:
    """The heap that serves this process, in numbers that are consistent at one moment.

    Raises:
        UnsupportedRuntime: the native core is missing.
        QuireError: quire does not serve this process.
    """
    core = require_core()
    if not core.installed():
        raise QuireError("quire does not serve this process; call quire.install() first, or start it with quire run")
    return decode_statistics(core.statistics(), core.guard_statistics())
