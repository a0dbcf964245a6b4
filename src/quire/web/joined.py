"""The page's modules as one script, for a file that is opened without a server: there, modules cannot import others.

    import { bytes } from "./units.js";    taken away, and units.js stands before
    export function draw() {               "export" taken away

Modules keep three rules (a test reads them): they import names from neighbours, one import a line; they export where
they declare; and no two declare the same name outside of functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

MAIN: Final = "main.js"
_IMPORT: Final = re.compile(r'^import \{([^{}]*)\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?function |const |let |class )", re.MULTILINE)
_NOT_PLAIN: Final = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)
_DECLARED: Final = re.compile(r"^(?:async )?(?:function\*?|const|let|class) ([A-Za-z_$][\w$]*)", re.MULTILINE)


class NotPlain(ValueError):
    """A module does not keep the rules; the message names it."""


def joined(read: Callable[[str], str], main: str = MAIN) -> str:
    """One script of a module and all that it imports, each after those that it imports.

    Args:
        read: the text of a module by its name.
        main: where to begin.

    Raises:
        NotPlain: a module does not keep the rules.
    """
    texts: dict[str, str] = {}
    _add(main, read, texts, ())
    _check_names(texts)
    return "".join(f"// {name}\n{text}\n" for name, text in texts.items())


def modules(read: Callable[[str], str], main: str = MAIN) -> list[str]:
    """The names of all of them, in that order."""
    texts: dict[str, str] = {}
    _add(main, read, texts, ())
    return list(texts)


def _add(name: str, read: Callable[[str], str], texts: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise NotPlain(f"modules import each other: {' -> '.join((*above, name))}")
    text = read(name)
    for match in _IMPORT.finditer(text):
        if " as " in match.group(1):
            raise NotPlain(f"{name} imports under another name: {match.group(0).strip()}")
        if match.group(2) not in texts:
            _add(match.group(2), read, texts, (*above, name))
    plain = _EXPORT.sub("", _IMPORT.sub("", text))
    left = _NOT_PLAIN.search(plain)
    if left is not None:
        raise NotPlain(f"{name} imports or exports in a way that cannot be joined: {left.group(0)}")
    texts[name] = plain


def _check_names(texts: dict[str, str]) -> None:
    owner: dict[str, str] = {}
    for module, text in texts.items():
        for declared in _DECLARED.findall(text):
            if declared in owner:
                raise NotPlain(f"{declared} is declared in {owner[declared]} and in {module}")
            owner[declared] = module
