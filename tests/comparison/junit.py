"""What tests said, read from JUnit's XML as regrtest and pytest write it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
_FROM_BEST_TO_WORST = (PASSED, SKIPPED, FAILED)
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ADDRESS = re.compile("0x[0-9a-fA-F]{6,}")


def read_cases(path: Path) -> dict[str, str]:
    """Each case's name and how it ended; of several with one name, the worst. Nothing where there is no file."""
    if not path.exists():
        return {}
    text = _NOT_IN_XML.sub("?", path.read_text(encoding="utf-8", errors="replace"))
    cases: dict[str, str] = {}
    for element in ElementTree.fromstring(text).iter("testcase"):
        name = _name(element)
        if name:
            cases[name] = max(cases.get(name, PASSED), _status(element), key=_FROM_BEST_TO_WORST.index)
    return cases


def _name(element: ElementTree.Element) -> str:
    """Without addresses, which are others in each process; empty for a case that had no end, as regrtest writes it."""
    parts = (element.get("classname"), element.get("name"))
    return _ADDRESS.sub("0x", ".".join(part for part in parts if part))


def _status(element: ElementTree.Element) -> str:
    if any(element.find(found) is not None for found in ("failure", "error")):
        return FAILED
    return SKIPPED if element.find("skipped") is not None else PASSED
