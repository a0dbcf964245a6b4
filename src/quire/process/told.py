"""Log records of what a thread has done that may not log itself: at debug level, of the logger ``quire``, in a program
that has asked for this logger by its name. Who looks at all records there are would be surprised by some that come when
memory has rested.

A handler of the program's may take any lock, and may look at threads; so the helper has the main thread make records,
between two bytecodes, as in the handler of a signal.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def log(told: Iterable[tuple[float, str]]) -> None:
    """Make a record of each line, with the time at which it was told.

    Where the program has not imported logging, or is amid that, nobody can have asked for them.
    """
    logging = sys.modules.get("logging")
    if logging is None or getattr(logging.__spec__, "_initializing", False):
        return
    if "quire" not in logging.root.manager.loggerDict:
        return
    logger = logging.getLogger("quire")
    if not logger.isEnabledFor(logging.DEBUG):
        return
    for seconds, line in told:
        record = logger.makeRecord(logger.name, logging.DEBUG, __file__, 0, line, (), None)
        record.created = seconds
        record.msecs = int(seconds % 1 * 1000)
        logger.handle(record)
