"""How much random tests try: seeds, others in each run, and how many.

A test's name has its seed, or it prints it. Seeds are the same in all processes of one run (pytest-xdist), which must
find the same tests. ``nox -s thorough`` tries more than ``nox -s tests``, of the same tests.
"""

from __future__ import annotations

import os
import random

_dice = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))  # None: from the system
_is_thorough = os.environ.get("QUIRE_TESTS_THOROUGH") == "1"


def seeds(count: int = 1) -> list[int]:
    return [_dice.randrange(1 << 30) for _ in range(count)]


def often(usually: int, thoroughly: int) -> int:
    """How often, of two numbers."""
    return thoroughly if _is_thorough else usually
