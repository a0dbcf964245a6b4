"""What the system answered when it refused, and what that means to whoever reads it."""

from __future__ import annotations

import os
from errno import EACCES, EAGAIN, EINVAL, ENOMEM, ENOSYS, EPERM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_FILTERED: Final = "a filter of system calls (seccomp) refuses it; mmap, mprotect, mremap and madvise are to be allowed"
_LOCKED: Final = "memory is locked (mlockall)"
_MEANINGS: Final = {
    EPERM: _FILTERED,
    EACCES: _FILTERED,
    ENOSYS: _FILTERED,
    EAGAIN: f"{_LOCKED}, and RLIMIT_MEMLOCK allows no more",
    EINVAL: f"{_LOCKED}, and munlockall helps; or the system (some sandboxes) lacks the call",
    ENOMEM: "memory, addresses (RLIMIT_AS) or mappings (vm.max_map_count) are used up; raise the limit that is reached",
}
"""Of the calls that giving back makes: which have no other causes of such an error that a program can meet."""


def refusal(error: int) -> str:
    """The errno value as text, with its meaning where it has one."""
    text = os.strerror(error)
    text = text[:1].lower() + text[1:]
    return f"{text}: {_MEANINGS[error]}" if error in _MEANINGS else text
