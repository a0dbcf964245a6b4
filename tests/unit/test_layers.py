"""The rooms: who may include or import whom.

The tables below are the design's: a room includes or imports only rooms above it in its list. The readers
return what breaks them, one line each, so that a test can show both that the tree keeps them and that a
planted violation is seen.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# --- the native core --------------------------------------------------------------------------------------

CORE_ROOMS = ["base", "os", "heap", "observe", "hook", "module"]
CORE_MAY_INCLUDE = {room: set(CORE_ROOMS[: above + 1]) for above, room in enumerate(CORE_ROOMS)}
CORE_PYTHON_ROOMS = {"hook", "module"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
PYTHON_HEADER = re.compile(r"Python\.h|structmember\.h|frameobject\.h|pyconfig\.h|(cpython|internal)/.*|pycore_.*\.h")


def core_violations(root: Path) -> list[str]:
    """What in core/ includes a header it must not, one line each."""
    found = []
    for path in sorted(root.glob("core/**/*.[ch]")):
        where = path.relative_to(root).as_posix()
        room = path.relative_to(root).parts[1]
        if room not in CORE_MAY_INCLUDE:
            found.append(f"{where}: lies in no room of the table")
            continue
        for quote, header in INCLUDE.findall(path.read_text(encoding="utf-8")):
            target = header.split("/")[0]
            if PYTHON_HEADER.fullmatch(header):
                if room not in CORE_PYTHON_ROOMS:
                    found.append(f"{where}: {room} includes {header}")
            elif quote == '"' and target not in CORE_MAY_INCLUDE:
                found.append(f"{where}: {header} does not begin with a room")
            elif quote == '"' and target not in CORE_MAY_INCLUDE[room]:
                found.append(f"{where}: {room} includes {header}")
    return found


# --- the Python package -----------------------------------------------------------------------------------

# A room, or a file at the package's root -> what of ours it may import beside itself.
MAY_IMPORT = {
    "records": set(),
    "text": set(),
    "errors": {"text", "__init__"},  # the root class stands where it is when nothing can be imported any more
    "model": {"records", "errors"},
    "process": {"records", "text", "errors", "model", "_core"},
    "report": {"records", "text", "errors"},
    "export": {"records", "text", "errors", "model", "process", "report"},
    "web": {"records", "errors", "model", "process", "report", "export"},
    "cli": {"records", "errors", "model", "process", "report", "export", "web", "__init__"},
    "__init__": {"records", "errors", "process", "export"},  # install() with a config that asks for a report
    "boot": {"records", "errors", "process", "report", "export"},
    "__main__": {"records", "errors", "process", "cli"},  # the command line's other door
}
OURS = {*MAY_IMPORT, "_core", "_core_fake"}
MAY_IMPORT_OTHERS = {"cli", "web", "export"}  # packages of third parties
# What computes over the columns of a snapshot may import NumPy. A program that ends imports none of these.
OVER_COLUMNS = set(
    """
    attribute_names block_rows cycles differences edges heap_blocks heap_map held large_map named names
    object_details objects paths pins places reach references retained retained_nodes sizes snapshot types words
    """.split()
)

# report computes; what reaches the world outside the process is not for it.
REPORT_MUST_NOT_IMPORT = set(
    """
    asyncio ctypes fcntl fileinput ftplib glob http io logging mmap multiprocessing os pathlib select
    selectors shelve shutil signal socket socketserver sqlite3 ssl subprocess tempfile threading urllib
    """.split()
)
REPORT_MUST_NOT_CALL = {"open", "print", "input"}


def package_violations(root: Path) -> list[str]:
    """What in src/quire imports a module it must not, one line each."""
    found = []
    for path in sorted(root.glob("src/quire/**/*.py")):
        where = path.relative_to(root).as_posix()
        parts = path.relative_to(root / "src/quire").with_suffix("").parts
        room = parts[0]
        if room not in MAY_IMPORT:
            found.append(f"{where}: lies in no room of the table")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=where)
        modules = imported_modules(tree, package=["quire", *parts[:-1]])
        found += [
            f"{where}: {room} imports {module}"
            for module in modules
            if not may_import(room, module) and not (is_over_columns(parts) and module.split(".")[0] == "numpy")
        ]
        if room == "report":
            found += [f"{where}: report calls {name}()" for name in called_names(tree) & REPORT_MUST_NOT_CALL]
    return found


def is_over_columns(parts: tuple[str, ...]) -> bool:
    """Whether the file is one of those that compute over the columns of a snapshot."""
    return len(parts) == 2 and parts[0] == "report" and parts[1] in OVER_COLUMNS


def may_import(room: str, module: str) -> bool:
    """Whether the table lets a file of the room import the module, given by its absolute name."""
    top = module.split(".")[0]
    if top == "quire":
        target = room_of(module)
        return target == room or target in MAY_IMPORT[room]
    if top in sys.stdlib_module_names:
        return not (room == "report" and top in REPORT_MUST_NOT_IMPORT)
    return room in MAY_IMPORT_OTHERS


def room_of(module: str) -> str:
    """The room of a module of ours; the package itself is the file __init__."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported_modules(tree: ast.Module, package: list[str]) -> Iterator[str]:
    """Absolute names of all modules a file imports, wherever in it, also by a literal name at run time."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = [*package[: len(package) - level + 1], *([module] if module else [])] if level else [module]
                yield from from_import(".".join(base), names)
            case ast.Call(
                func=ast.Name(id="__import__") | ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def from_import(base: str, names: list[ast.alias]) -> Iterator[str]:
    """`from quire import process` names a room, `from quire import stats` the package itself."""
    for alias in names:
        yield f"quire.{alias.name}" if base == "quire" and alias.name in OURS else base


def called_names(tree: ast.Module) -> set[str]:
    return {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


# --- the tree keeps the tables ----------------------------------------------------------------------------


def test_the_readers_read_this_repository() -> None:
    """The folders that the readers look into are there, so that "nothing found" means something."""
    assert list(ROOT.glob("core/*/*.c"))
    assert list(ROOT.glob("src/quire/*.py"))


def test_a_room_of_the_core_includes_only_rooms_above_it() -> None:
    """Every #include in core/ names the file's own room or one above it; Python.h begins in hook."""
    assert core_violations(ROOT) == []


def test_a_room_of_the_package_imports_only_what_the_table_allows() -> None:
    """Every import in src/quire is of the standard library or allowed by the table."""
    assert package_violations(ROOT) == []


# --- the readers see a violation --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "line", "finding"),
    [
        ("core/base/base.c", '#include "os/os.h"', "base includes os/os.h"),
        ("core/os/linux.c", '  #  include "heap/heap.h"', "os includes heap/heap.h"),
        ("core/heap/pool.h", '#include "observe/walk.h"', "heap includes observe/walk.h"),
        ("core/heap/deep/er.c", '#include "hook/hook.h"', "heap includes hook/hook.h"),
        ("core/observe/walk.c", "#include <Python.h>", "observe includes Python.h"),
        (
            "core/heap/heap.c",
            "#include <internal/pycore_obmalloc.h>",
            "heap includes internal/pycore_obmalloc.h",
        ),
        ("core/heap/heap.c", '#include "pool.h"', "pool.h does not begin with a room"),
        (
            "core/heap/heap.c",
            '#include "../module/module.h"',
            "../module/module.h does not begin with a room",
        ),
        ("core/extra/extra.c", "", "lies in no room of the table"),
        ("core/loose.c", "", "lies in no room of the table"),
    ],
)
def test_a_wrong_include_is_found(tmp_path: Path, path: str, line: str, finding: str) -> None:
    """One wrong include among right ones is reported, with its file."""
    plant(
        tmp_path,
        "core/module/module.c",
        '#include <Python.h>\n#include "hook/hook.h"\n#include "base/base.h"\n',
    )
    plant(tmp_path, "core/heap/heap.h", '#include <stdint.h>\n#include "os/os.h"\n')
    plant(tmp_path, path, line + "\n")
    assert core_violations(tmp_path) == [f"{path}: {finding}"]


@pytest.mark.parametrize(
    ("path", "line", "finding"),
    [
        ("records/heap.py", "from quire.errors import QuireError", "records imports quire.errors"),
        ("errors.py", "from . import records", "errors imports quire.records"),
        ("model/pool.py", "from ..process import stats", "model imports quire.process"),
        ("model/pool.py", "import quire", "model imports quire"),
        ("model/deep/er.py", "from ...report import table", "model imports quire.report"),
        ("report/map.py", "import quire._core", "report imports quire._core"),
        ("web/server.py", "from quire import _core", "web imports quire._core"),
        ("boot.py", "import_module('quire._core')", "boot imports quire._core"),
        ("__init__.py", "from quire.boot import main", "__init__ imports quire.boot"),
        ("export/pprof.py", "from quire.cli import main", "export imports quire.cli"),
        ("process/run.py", "def f():\n    import quire.cli.run", "process imports quire.cli.run"),
        ("report/map.py", "from quire.process import stats", "report imports quire.process"),
        ("report/map.py", "from os import path", "report imports os"),
        ("report/plain.py", "import numpy as np", "report imports numpy"),
        ("process/pins.py", "import numpy as np", "process imports numpy"),
        ("report/pins.py", "import pandas", "report imports pandas"),
        ("report/map.py", "import urllib.request", "report imports urllib.request"),
        ("report/map.py", "print(1)", "report calls print()"),
        ("process/run.py", "import rich", "process imports rich"),
        ("__init__.py", "from pyarrow import Table", "__init__ imports pyarrow"),
        ("extra/extra.py", "", "lies in no room of the table"),
        ("loose.py", "", "lies in no room of the table"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, path: str, line: str, finding: str) -> None:
    """One wrong import among right ones is reported, with its file."""
    plant(
        tmp_path,
        "src/quire/process/good.py",
        "import os\nfrom quire import _core, records\nfrom . import run\n",
    )
    plant(tmp_path, "src/quire/report/snapshot.py", "import numpy as np\nfrom numpy.typing import NDArray\n")
    plant(
        tmp_path,
        "src/quire/cli/good.py",
        "import rich, quire\nfrom ..web import server\nfrom .run import f\n",
    )
    plant(tmp_path, f"src/quire/{path}", line + "\n")
    assert package_violations(tmp_path) == [f"src/quire/{path}: {finding}"]


def plant(root: Path, path: str, text: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
