"""Compiling C for tests: extension modules, and programs that Python is embedded in, for the Python that runs here."""

from __future__ import annotations

import shlex
import subprocess
import sysconfig
from pathlib import Path

SOURCES = Path(__file__).parent / "process" / "sources"
COMPILER = shlex.split(sysconfig.get_config_var("CC") or "cc")
OPTIONS = ["-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-I", sysconfig.get_path("include")]


def compile_extension(name: str, folder: Path) -> None:
    """Compile ``sources/NAME.c`` to a module that can be imported from the folder."""
    target = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    _compile([*OPTIONS, "-shared", "-fPIC", str(SOURCES / f"{name}.c"), "-o", str(target)])


def compile_program(name: str, folder: Path) -> Path:
    """Compile ``sources/NAME.c`` to a program that has Python in it; returns its path."""
    target = folder / name
    of_python = sysconfig.get_config_vars()
    folders = [of_python[variable] for variable in ("LIBDIR", "LIBPL") if of_python.get(variable)]
    libraries = [
        *[f"-L{each}" for each in folders],
        *[f"-Wl,-rpath,{each}" for each in folders],
        f"-lpython{of_python['LDVERSION']}",
        *shlex.split(" ".join(of_python.get(variable) or "" for variable in ("LIBS", "SYSLIBS", "LINKFORSHARED"))),
    ]
    _compile([*OPTIONS, str(SOURCES / f"{name}.c"), "-o", str(target), *libraries])
    return target


def _compile(arguments: list[str]) -> None:
    done = subprocess.run([*COMPILER, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
