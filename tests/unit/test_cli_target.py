"""Which modules `quire run -m` accepts."""

from __future__ import annotations

import importlib.machinery
from pathlib import Path

from quire.cli.command_line import parse
from quire.cli.target import _check_module


def test_a_compiled_package_with_a_main_module_can_be_run(tmp_path: Path) -> None:
    """A package whose ``__init__`` is an extension, as mypy is, runs by its ``__main__``."""
    package = tmp_path / "compiled_package"
    package.mkdir()
    (package / f"__init__{importlib.machinery.EXTENSION_SUFFIXES[0]}").touch()
    (package / "__main__.py").touch()
    _check_module(parse(["-m", "compiled_package"]), [str(tmp_path)])
