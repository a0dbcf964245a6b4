"""Is there anything to run? Found out before Python starts, and without running any of it."""

from __future__ import annotations

import os
import sys

from quire.errors import InvalidOption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from quire.cli.command_line import CommandLine


_START_FILES = ("quire.pth", "quire.start")


def check_target(line: CommandLine, path: list[str]) -> None:
    """See that the program is there.

    Args:
        line: what was asked for.
        path: where the program's Python looks for modules, without its first place.

    Raises:
        InvalidOption: it is not; the message says what to do.
    """
    if line.kind == "script":
        _check_script(line)
    elif line.kind == "module":
        first = [] if _is_path_safe(line) else [""]
        _check_module(line, first + path)


# --- scripts --------------------------------------------------------------------------------------------------


def _check_script(line: CommandLine) -> None:
    script = line.target
    if not script:
        raise InvalidOption("the script's name is empty; give its path")
    if _is_missing(script):
        raise InvalidOption(f"there is no script {script}{_module_hint(line)}")
    if os.path.isdir(script) and not _has_main(script):
        raise InvalidOption(f"{script} is a folder without a __main__.py; name the script in it that is to run")
    if not os.access(script, os.R_OK):
        raise InvalidOption(f"the script {script} may not be read; check its permissions")


def _is_missing(path: str) -> bool:
    """Whether nothing is there. Where a folder on the way may not be looked into, nobody knows."""
    try:
        os.stat(path)
    except PermissionError:
        return False
    except (OSError, ValueError):
        return True
    return False


def check_is_not_target(line: CommandLine, path: str, what: str = "report") -> None:
    """See that what is to be written there would not be written over the script.

    Raises:
        InvalidOption: it would.
    """
    are_there = line.kind == "script" and os.path.exists(path) and os.path.exists(line.target)
    if are_there and os.path.samefile(path, line.target):
        raise InvalidOption(f"the {what} would be written over the script {line.target}; give it another path")


def _has_main(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in ("__main__.py", "__main__.pyc"))


def _module_hint(line: CommandLine) -> str:
    """The end of a sentence about a script that is not there."""
    script = line.target
    if line.guard is not None and (script.isdigit() or script == "all"):
        return f"; if {script} is a rate, write --guard={script}"
    if os.sep not in script and _find(script, sys.path)[0] is not None:
        return f"; to run the module: quire {line.command} -m {script}"
    return "; check the path"


# --- modules --------------------------------------------------------------------------------------------------


def target_path(line: CommandLine) -> list[str]:
    """Where the program's Python looks for modules: ours, without what its options leave out.

    Its first place, the script's folder or the current one, is not in it.
    """
    path = sys.path if sys.flags.safe_path else sys.path[1:]
    left_out = set(_user_places()) if line.has_flag("s") or line.has_flag("I") else set()
    if line.ignores_environment:
        left_out.update(_environment_places())
    return [place for place in path if place not in left_out]


def has_start_file(path: list[str]) -> bool:
    """Whether Python, with this path, reads quire's start-up file; it does so only in its own package folders."""
    not_read = _environment_places()
    return any(
        os.path.exists(os.path.join(place, name)) for place in path if place not in not_read for name in _START_FILES
    )


def _user_places() -> list[str]:
    import site

    return [site.getusersitepackages()]


def _environment_places() -> set[str]:
    """What is on the path by PYTHONPATH alone."""
    import site

    given = {os.path.abspath(place) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place}
    return given.difference(site.getsitepackages())


def _is_path_safe(line: CommandLine) -> bool:
    by_environment = bool(os.environ.get("PYTHONSAFEPATH")) and not line.ignores_environment
    return by_environment or line.has_flag("P") or line.has_flag("I")


def _check_module(line: CommandLine, path: list[str]) -> None:
    name = line.target
    if not name:
        raise InvalidOption("the module's name is empty; give one behind -m")
    spec, parent = _find(name, path)
    if spec is None:
        if parent is not None and _changes_its_path(parent):
            return
        raise InvalidOption(f"there is no module {name}{_file_hint(line)}")
    if spec.submodule_search_locations is not None:
        spec, _package = _find(f"{name}.__main__", path)
    if spec is None:
        raise InvalidOption(f"the package {name} has no __main__ module, so it cannot be run; name a module in it")
    if type(spec.loader).__name__ == "ExtensionFileLoader" or spec.origin == "built-in":
        raise InvalidOption(f"the module {name} is not written in Python, so it cannot be run")


def _file_hint(line: CommandLine) -> str:
    if line.target.endswith(".py"):
        return f"; to run a file: quire {line.command} {line.target}"
    return " that this Python finds; check the name, or install it"


def _changes_its_path(package: ModuleSpec) -> bool:
    """Whether only running the package can tell which modules it has."""
    if package.origin is None:
        return False  # a namespace package: nothing to run
    if not package.origin.endswith(".py"):
        return True
    try:
        with open(package.origin, "rb") as file:
            return b"__path__" in file.read()
    except OSError:
        return True


def _find(name: str, path: list[str]) -> tuple[ModuleSpec | None, ModuleSpec | None]:
    """The module's spec as ``import`` would find it, and the last package found on the way; none is imported."""
    spec = parent = None
    places: list[str] | None = None
    saved = sys.path
    sys.path = path
    try:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            spec = _find_in(".".join(parts[:depth]), places)
            if spec is None or depth == len(parts):
                break
            if spec.submodule_search_locations is None:
                return None, None
            places = list(spec.submodule_search_locations)
            parent = spec
        return spec, parent
    finally:
        sys.path = saved


def _find_in(name: str, places: list[str] | None) -> ModuleSpec | None:
    if name in sys.modules:
        return sys.modules[name].__spec__
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, places)
        except (KeyError, ModuleNotFoundError):  # the second since 3.15
            spec = _namespace(name, places or [])
        if spec is not None:
            return spec
    return None


def _namespace(name: str, places: list[str]) -> ModuleSpec:
    """A namespace package inside a package; Python's own finder gives up on it where its parent is not imported."""
    from importlib.machinery import ModuleSpec

    spec = ModuleSpec(name, None, is_package=True)
    folders = [os.path.join(place, name.rpartition(".")[2]) for place in places]
    spec.submodule_search_locations = [folder for folder in folders if os.path.isdir(folder)]
    return spec
