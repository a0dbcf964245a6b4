"""What the tests of this folder share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiling import compile_extension
from processes import started, wait_until_ready

ITEMS = """
import sys, time

class Item:
    def __init__(self, number):
        self.number = number

kept = [Item(number) for number in range(5000)]
print("ready", flush=True)
for line in sys.stdin:
    pass
print("goes on")
"""


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which Python finds the extension modules that are compiled from ``sources``."""
    folder = tmp_path_factory.mktemp("extensions")
    for path in (Path(__file__).parent / "sources").glob("*.c"):
        if "PyInit_" in path.read_text():
            compile_extension(path.stem, folder)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture
def served() -> Iterator[subprocess.Popen[str]]:
    """A program on quire with 5000 of its ``Item``, that waits for the end of its input."""
    with started(sys.executable, "-c", ITEMS, environment={"QUIRE": "1"}) as process:
        wait_until_ready(process)
        yield process
