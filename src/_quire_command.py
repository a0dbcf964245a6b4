"""The command ``quire``. It stands outside the package, and so can say that another module has the package's name."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command; returns the exit code."""
    try:
        from quire.cli.main import main as run
    except ModuleNotFoundError as error:
        if error.name != "quire.cli":
            raise
        where = f"another module stands before quire on sys.path, {sys.modules['quire'].__file__}"
        if sys.stderr is not None:
            sys.stderr.write(f"quire: {where}; rename it, or take its folder out of PYTHONPATH\n")
        return 2
    return run()
