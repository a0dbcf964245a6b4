"""What is not given back to the system, and why, in a sentence each."""

from __future__ import annotations

import os

from quire.process.refusals import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from quire.process.giving_back import GivingBack

    class Core(Protocol):
        """What is asked of ``quire._core``."""

        def helper_refusal(self) -> int: ...
        def purge_refusal(self) -> int: ...


_FILTERED = 1
"""EPERM: the core's word for system calls that the program has forbidden itself."""


def missing(helper: GivingBack, core: Core) -> tuple[str, ...]:
    """The sentences that apply."""
    unstarted = core.helper_refusal()
    unmeshed = helper.meshing.impossible or helper.meshing.reason
    sentences = {
        "Nothing goes back by itself: give_back is off.": helper.mode == "off",
        f"Sparse pools keep their pages: {unmeshed}.": helper.mode != "purge" and unmeshed is not None,
        "Nothing goes back by itself: the program has forbidden itself system calls, so no thread is started.": (
            unstarted == _FILTERED
        ),
        f"Nothing goes back by itself: no thread can be started ({os.strerror(unstarted)}).": (
            unstarted not in (0, _FILTERED)
        ),
        f"The system did not take pages back when they were offered last: {refusal(core.purge_refusal())}.": (
            helper.account.is_refused or helper.trimmed.is_refused
        ),
        f"Nothing goes back by itself any more: {type(helper.failure).__name__}: {helper.failure}": (
            helper.failure is not None
        ),
    }
    return tuple(sentence for sentence, applies in sentences.items() if applies)
