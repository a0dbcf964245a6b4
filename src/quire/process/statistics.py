"""The served process's heap, in numbers."""

from __future__ import annotations

from quire.errors import QuireError
from quire.process.charge import read_charge
from quire.process.core import require_core
from quire.process.decode import decode_giving_back, decode_statistics
from quire.process.missing import missing
from quire.records.statistics import GivingBack, HeapStatistics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def stats() -> HeapStatistics:
    """The heap that serves this process, in numbers that are consistent at one moment.

    Raises:
        UnsupportedRuntime: the native core is missing.
        QuireError: quire does not serve this process.
    """
    core = require_served()
    charge = read_charge(core.shared_bytes(), core.mappings())
    return decode_statistics(core.statistics(), core.guard_statistics(), giving_back_of(core), charge)


def require_served() -> ModuleType:
    """The native core, which serves this process.

    Raises:
        UnsupportedRuntime: it is missing.
        QuireError: it does not.
    """
    core = require_core()
    if not core.installed():
        raise QuireError("quire does not serve this process; call quire.install() first, or start it with quire run")
    return core


def giving_back_of(core: ModuleType) -> GivingBack | None:
    """How this process gives memory back; ``None`` where nobody has begun to."""
    from quire.process import serving

    if serving.serving is None:
        return None
    helper = serving.serving.giving_back()
    return decode_giving_back(helper, core.helper_is_alive(), missing(helper, core))
