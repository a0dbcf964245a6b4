"""What is said where the system lets nobody look: whose process it is, why, and what to do about it, on one line."""

from __future__ import annotations

import os

import pytest

from quire.process import permission
from quire.process.permission import contents_refused, ended, may_not_look

OWN = os.getpid()


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A system that restricts nothing by ptrace_scope."""
    monkeypatch.setattr(permission, "_ptrace_scope", lambda: 0)
    return monkeypatch


def test_the_scope_of_ptrace_is_named(system: pytest.MonkeyPatch) -> None:
    """It is what Ubuntu sets, and root is not bound by it; but for the highest, which binds all."""
    system.setattr(os, "geteuid", lambda: 1000)
    system.setattr(permission, "_ptrace_scope", lambda: 1)
    assert contents_refused(OWN) == (
        f'kernel.yama.ptrace_scope is 1, so its memory may not be read; as root: sudo "$(command -v quire)" why {OWN}'
    )
    system.setattr(permission, "_ptrace_scope", lambda: 3)
    assert "nobody may read another process's memory" in contents_refused(OWN)


def test_another_users_process_is_named_so(system: pytest.MonkeyPatch) -> None:
    """By the user's name, if it has one."""
    system.setattr(os, "geteuid", lambda: 12345)
    system.setattr(permission, "_user_name", lambda number: "somebody")
    assert str(may_not_look(OWN)).startswith(f"process {OWN} belongs to somebody, and")
    assert "sudo" in str(may_not_look(OWN))


def test_root_in_a_container_is_told_what_it_lacks(system: pytest.MonkeyPatch) -> None:
    """sudo would not help it."""
    system.setattr(os, "geteuid", lambda: 0)
    assert "--cap-add=SYS_PTRACE" in str(may_not_look(OWN))
    assert "sudo" not in str(may_not_look(OWN))


def test_a_process_that_is_gone_is_said_to_be() -> None:
    """In one line, as all of them are."""
    assert str(ended(7)) == "process 7 has ended"
