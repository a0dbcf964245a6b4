"""What the system answered, as text for people."""

from __future__ import annotations

import errno

import pytest

from quire.process.refusals import refusal


@pytest.mark.parametrize(
    ("error", "text", "meaning"),
    [
        (errno.EPERM, "operation not permitted", "seccomp"),
        (errno.EACCES, "permission denied", "seccomp"),
        (errno.ENOSYS, "function not implemented", "seccomp"),
        (errno.EAGAIN, "resource temporarily unavailable", "RLIMIT_MEMLOCK"),
        (errno.EINVAL, "invalid argument", "mlockall"),
        (errno.EINVAL, "invalid argument", "sandboxes"),
        (errno.ENOMEM, "cannot allocate memory", "vm.max_map_count"),
        (errno.EMFILE, "too many open files", ""),
    ],
)
def test_an_error_is_told_by_its_text_and_its_meaning(error: int, text: str, meaning: str) -> None:
    """Never by a bare number, nor as another one."""
    assert refusal(error).startswith(text)
    assert meaning in refusal(error)
    assert not any(character.isdigit() for character in refusal(error))
