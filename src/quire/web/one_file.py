"""The page as one file that opens without a network: script, style and data within it.

    <meta CSP: script and style by their hashes, nothing else>
    <style>  <script type="application/octet-stream" id="data-about"> ...  <script type="module">

What comes from the heap stands in elements that nothing executes, compressed and in base64: whatever it is, it ends
none of them, and a browser has a seventh to read before it can draw.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from quire.web.assets import PAGE, STYLE, asset
from quire.web.data import Column, PageData
from quire.web.joined import joined

OBJECTS_MAX: Final = 1_000
"""Told in full, those that retain most."""
_REFERENCES_MAX: Final = 8
BLOCKS_MAX: Final = 1_000_000
"""With more the map ends at pools: 8 bytes each, in base64."""
_HEAD: Final = '<link rel="stylesheet" href="page.css">'
_SCRIPT: Final = '<script type="module" src="main.js"></script>'
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file has at most."""

    objects: int = OBJECTS_MAX
    blocks: int = BLOCKS_MAX


def one_file(data: PageData, limits: Limits | None = None) -> str:
    """The whole page."""
    style, script = asset(STYLE), joined(asset)
    elements = "\n".join(_elements(data, limits or Limits()))
    head = f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n<style>{style}</style>'
    page = asset(PAGE)
    for part in (_HEAD, _SCRIPT):
        if page.count(part) != 1:
            raise AssertionError(f"{PAGE} has not one {part}")
    page = page.replace(_HEAD, head)
    before, after = page.split(_SCRIPT)
    return f'{before}{elements}\n<script type="module">{script}</script>{after}'


def little_endian(column: Column) -> bytes:
    return np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<"), copy=False).tobytes()


def _elements(data: PageData, limits: Limits) -> Iterator[str]:
    objects = data.largest_objects(limits.objects, _REFERENCES_MAX)
    has_blocks = data.block_count() <= limits.blocks
    about = data.about()
    yield _json_element("about", about | {"live": None, "has_blocks": has_blocks, "objects_told": len(objects)})
    yield _json_element("types", data.types())
    yield _json_element("pins", data.pins())
    if about["retained"] == "known":
        yield _json_element("retained", data.retained())
    if about["compared_with"] is not None:
        yield _json_element("difference", data.difference())
    yield _json_element("objects", objects)
    columns = data.columns() | (data.block_columns(0, about["pools"]) if has_blocks else {})
    for name, column in columns.items():
        yield _element(f"column-{name}", little_endian(column))


def _json_element(name: str, value: Any) -> str:
    return _element(f"data-{name}", json.dumps(value, separators=(",", ":")).encode())


def _element(name: str, content: bytes) -> str:
    text = base64.b64encode(zlib.compress(content, _LEVEL)).decode("ascii")
    return f'<script type="application/octet-stream" id="{name}">{text}</script>'


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
