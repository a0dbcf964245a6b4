"""Filters of system calls, as containers and careful programs install them, for programs that tests run."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

_NUMBERS = {
    "x86_64": {"mmap": 9, "mprotect": 10, "mremap": 25, "madvise": 28, "mincore": 27, "memfd_create": 319},
    "aarch64": {"mmap": 222, "mprotect": 226, "mremap": 216, "madvise": 233, "mincore": 232, "memfd_create": 279},
}
CAN_FORBID = platform.machine() in _NUMBERS
"""A filter names calls by their numbers, which are known of these machines."""
_LOAD, _JUMP_IF_EQUAL, _ANSWER = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


def forbid(*calls: str, error: int = errno.EPERM) -> None:
    """Have the system refuse these calls to this process, and to its children, from now on."""
    numbers = _NUMBERS[platform.machine()]
    steps = [(_LOAD, 0, 0, 0)]
    for call in calls:
        steps += [(_JUMP_IF_EQUAL, 0, 1, numbers[call]), (_ANSWER, 0, 0, _REFUSE + error)]
    steps.append((_ANSWER, 0, 0, _ALLOW))
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(text)))
    libc = ctypes.CDLL(None)
    assert libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    assert libc.prctl(_SET_SECCOMP, _FILTER, program) == 0
