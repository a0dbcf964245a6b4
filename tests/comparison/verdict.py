"""What passes plainly and not on quire, and which of it is allowed to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from comparison.execution import Result
from comparison.junit import PASSED

WHOLE_FILE = "(the whole file)"


@dataclass(frozen=True)
class Allowed:
    """A case that may differ, and why; with a mode, only in that one. Stars in the names stand for anything."""

    file: str
    case: str
    reason: str
    mode: str = ""


def read_allowed(path: Path, mode: str) -> list[Allowed]:
    """Those of a mode."""
    every = [Allowed(**entry) for entry in tomllib.loads(path.read_text()).get("allowed", [])]
    return [one for one in every if one.mode in ("", mode)]


def why_allowed(file: str, case: str, allowed: list[Allowed]) -> str | None:
    """The reason; ``None`` if it is not allowed."""
    found = (each.reason for each in allowed if fnmatchcase(file, each.file) and fnmatchcase(case, each.case))
    return next(found, None)


def differences(plain: Result, quire: Result) -> list[str]:
    """The cases that pass plainly and not on quire.

    Not to pass is to fail, to be skipped and to be missing. A file differs as a whole where it crashes or hangs, and
    where it fails with no such case (in a class's setup, say).
    """
    if plain.is_broken:
        return []
    if quire.is_broken:
        return [WHOLE_FILE]
    found = [case for case, status in plain.cases.items() if status == PASSED and quire.cases.get(case) != PASSED]
    if not found and plain.code == 0 and quire.code != 0:
        return [WHOLE_FILE]
    return found


def explain(case: str, quire: Result) -> str:
    """What became of it on quire."""
    return quire.ending if case == WHOLE_FILE else quire.cases.get(case, "missing")
