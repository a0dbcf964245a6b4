"""Runs CPython's own regression tests plainly and on quire, and holds the two runs against each other.

    cd tests; python -m cpython.compare [--work FOLDER] [--quick] [--stress] [--jobs N] [TEST ...]

Exit code 1 if any test passes plainly and not on quire, unless ``allowed.toml`` says why it may. The folder keeps the
plain results, which the same Python does not run again, and what files that differ said on quire.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from comparison.command import parse_order, run_campaign
from comparison.execution import PLAIN, TestFile, environment
from comparison.serving import check_serving

ALLOWED = Path(__file__).with_name("allowed.toml")
_TIMEOUT_S = 1200


def main() -> int:
    with parse_order("Run CPython's regression tests plainly and on quire, and compare.", "TEST") as order:
        if not has_tests():
            sys.exit(missing_tests())
        names = chosen(order.names)
        check_serving(order.mode)
        files = [regression_test(name, order.work) for name in names]
        same = run_campaign("regression tests", files, ALLOWED, order)
    return 0 if same else 1


def has_tests() -> bool:
    """Whether the regression tests are installed; Debian's Python has the package ``test`` without them."""
    return importlib.util.find_spec("test") is not None and importlib.util.find_spec("test.test_gc") is not None


def missing_tests() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"the Python in {sys.base_prefix} has no regression tests (package 'test'); "
        f"Debian has them in libpython{version}-testsuite"
    )


def regression_test(name: str, folder: Path) -> TestFile:
    return TestFile(name, "test", ("-W", "--timeout", str(_TIMEOUT_S - 60), name), folder, _TIMEOUT_S, nothing_ran=4)


def chosen(names: list[str]) -> list[str]:
    """All tests, or those named."""
    tests = list_tests()
    unknown = [name for name in names if not any(belongs(test, name) for test in tests)]
    if unknown:
        sys.exit(f"there is no test {', '.join(unknown)}; python -m test --list-tests names them all")
    return [test for test in tests if not names or any(belongs(test, name) for name in names)]


def list_tests() -> list[str]:
    command = [sys.executable, "-m", "test", "--list-tests"]
    done = subprocess.run(command, env=environment(PLAIN), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def belongs(test: str, name: str) -> bool:
    """test_asyncio is that file, or each file of that folder."""
    return test == name or test.startswith(f"test.{name.removeprefix('test.')}.")


if __name__ == "__main__":
    sys.exit(main())
