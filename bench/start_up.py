"""What starting costs: a program that does nothing, plainly and on quire, in rounds like those of runs.py."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import execution
from intervals import difference_of_rounds

NOTHING = ["-c", "pass"]
PLAIN = "python"
FIELDS = ("cpu_seconds", "wall_seconds", "peak_bytes")


def ways() -> dict[str, tuple[list[str], dict[str, str]]]:
    """By what it is called: the command and its environment."""
    python = [sys.executable]
    quire = [str(Path(sys.executable).parent / "quire"), "run"]
    return {
        PLAIN: ([*python, *NOTHING], {}),
        "QUIRE=1 python": ([*python, *NOTHING], {"QUIRE": "1"}),
        "import and install": ([*python, "-c", "import quire; quire.install()"], {}),
        "quire run --quiet": ([*quire, "--quiet", *NOTHING], {}),
        "quire run": ([*quire, *NOTHING], {}),
    }


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """By way and field, one value for each round."""
    dice = random.Random(1)
    found: dict[str, dict[str, list[float]]] = {way: {field: [] for field in FIELDS} for way in ways()}
    for _ in range(rounds):
        for way, (command, environment) in dice.sample(list(ways().items()), len(ways())):
            done = execution.run(command, environment)
            for field in FIELDS:
                found[way][field].append(getattr(done, field))
    for way, fields in found.items():
        cpu, wall = (difference_of_rounds(fields[field], found[PLAIN][field]) for field in FIELDS[:2])
        print(f"{way:20} processor {1000 * cpu.middle:6.2f} ms, elapsed {1000 * wall.middle:6.2f} ms more")
    return found
