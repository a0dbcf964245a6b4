"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiling import compile_extension


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which Python finds the extension modules that are compiled from ``sources``."""
    folder = tmp_path_factory.mktemp("extensions")
    for path in (Path(__file__).parent / "sources").glob("*.c"):
        if "PyInit_" in path.read_text():
            compile_extension(path.stem, folder)
    return {"PYTHONPATH": str(folder)}
