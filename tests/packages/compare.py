"""Runs the test suites of packages with C extensions plainly and on quire, and holds the two runs against each other.

    cd tests; python -m packages.compare [--work FOLDER] [--quick] [--stress] [--jobs N] [PACKAGE[:TEXT] ...]

Exit code 1 if any test passes plainly and not on quire, unless ``allowed.toml`` says why it may. With a text, only
those of a package's files are run that have it in their name: ``numpy:multiarray``.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from comparison.command import Order, parse_order, run_campaign
from comparison.execution import TestFile
from comparison.serving import check_serving
from packages.catalogue import PACKAGES, Package
from packages.suites import suite_folder

ALLOWED = Path(__file__).with_name("allowed.toml")
_FILES_AT_ONCE = 10  # in one process: starting it and importing the package takes longer than most files do
_TIMEOUT_S = 1800


def main() -> int:
    with parse_order("Run packages' test suites plainly and on quire, and compare.", "PACKAGE[:TEXT]") as order:
        packages = chosen(order.names)
        check_serving(order.mode)
        same = [compare(package, text, order) for package, text in packages]
    return 0 if all(same) else 1


def compare(package: Package, text: str, order: Order) -> bool:
    folder = suite_folder(package, order.work)
    paths = [path for path in test_files(package, folder) if text in path.name]
    batches = [paths[start : start + _FILES_AT_ONCE] for start in range(0, len(paths), _FILES_AT_ONCE)]
    files = [package_test(package, batch, folder) for batch in batches]
    return run_campaign(f"{package.name} {version(package.name)}", files, ALLOWED, order)


def chosen(names: list[str]) -> list[tuple[Package, str]]:
    """Packages, each with the text that its files' names must have."""
    known = {package.name: package for package in PACKAGES}
    asked = [name.partition(":") for name in names or known]
    unknown = [name for name, _, _ in asked if name not in known]
    if unknown:
        sys.exit(f"there is no suite of {', '.join(unknown)}; there are {', '.join(known)}")
    return [(known[name], text) for name, _, text in asked]


def test_files(package: Package, folder: Path) -> list[Path]:
    found = sorted(path for pattern in package.tests for path in folder.glob(pattern))
    if not found:
        sys.exit(f"{package.name} has no tests in {folder}")
    return found


def package_test(package: Package, batch: list[Path], folder: Path) -> TestFile:
    names = [path.relative_to(folder).as_posix() for path in batch]
    own = ("-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", "--rootdir", str(folder))
    title = f"{package.name}/{names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "")
    return TestFile(title, "pytest", (*own, *package.arguments, *names), folder, _TIMEOUT_S, nothing_ran=5)


if __name__ == "__main__":
    sys.exit(main())
