"""Gets a package's suite: from the installed package, or from its source archive on PyPI, once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path

from packages.catalogue import Package

INSTALLED = Path(sysconfig.get_path("platlib"))


def suite_folder(package: Package, work: Path) -> Path:
    """The folder that its tests are run in."""
    if not package.takes:
        return INSTALLED
    folder = work / "suites" / f"{package.name}-{version(package.name)}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=work) as temporary:
            shutil.unpack_archive(download(package, work / "archives"), temporary)
            take(package, Path(temporary), folder)
    if package.installed_as:
        (folder / package.installed_as).unlink(missing_ok=True)
        (folder / package.installed_as).symlink_to(INSTALLED)
    return folder


def download(package: Package, folder: Path) -> Path:
    pinned = f"{package.name}=={version(package.name)}"
    command = ["pip", "download", "--quiet", "--no-deps", "--no-binary", package.name, "--dest", str(folder), pinned]
    subprocess.run([sys.executable, "-m", *command], check=True)
    return next(folder.glob(f"{package.name}-{version(package.name)}.tar.*"))


def take(package: Package, unpacked: Path, folder: Path) -> None:
    """Only the suite, and not the package: the installed one, with its extension modules, is to be tested."""
    (top,) = unpacked.iterdir()
    suite = unpacked / "suite"
    for name in package.takes:
        (suite / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).rename(suite / name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    suite.rename(folder)
