"""Being asked to end: whoever is, tidies up first, as at Ctrl-C."""

from __future__ import annotations

import signal


def end_like_an_interrupt() -> None:
    """From now on ``SIGTERM`` and ``SIGHUP`` raise ``KeyboardInterrupt``, unless they are ignored.

    Otherwise a snapshot's columns would be left in the folder for temporary files, and a program that is compared would
    go on in its session without us.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
