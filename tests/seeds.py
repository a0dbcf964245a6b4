"""Seeds of random tests: others in each run, and the same in all processes of one (pytest-xdist), which must find the
same tests. A test's name has its seed, or it prints it."""

from __future__ import annotations

import os
import random

_dice = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))  # None: from the system


def seeds(count: int = 1) -> list[int]:
    return [_dice.randrange(1 << 30) for _ in range(count)]
