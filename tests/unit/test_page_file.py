"""The page as one file, and its modules as one script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heaps import Heap
from pages import HOSTILE, page_of, shop
from quire.web.assets import asset, names
from quire.web.joined import NotPlain, joined, modules
from quire.web.one_file import Limits, one_file

pytest.importorskip("quire._core")


class Parts(HTMLParser):
    """Elements by their tags, with their attributes and texts, as a browser would part them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = tag, attributes, text + data

    def content(self, name: str) -> bytes:
        """Of an element: base64, compressed."""
        (text,) = [text for _, attributes, text in self.found if attributes.get("id") == name]
        return zlib.decompress(base64.b64decode(text))

    def told(self, name: str) -> Any:
        return json.loads(self.content(f"data-{name}"))

    def ids(self) -> list[str]:
        return [name for _, attributes, _ in self.found if (name := attributes.get("id")) and "-" in name]


@pytest.fixture
def page(tmp_path: Path) -> str:
    return one_file(page_of(shop(), tmp_path, before=shop(200)))


def test_a_hostile_name_stays_data(page: str) -> None:
    """A type called </script>... ends no element: the page has its own elements alone, and the name in its data."""
    parts = Parts(page)
    assert "img" not in {tag for tag, _, _ in parts.found}
    about = parts.told("about")
    assert f"evil.{HOSTILE}" in about["types"]


def test_the_policy_names_what_is_in_the_file(page: str) -> None:
    """Script and style by their hashes; nothing from elsewhere, nothing inline beside them, no handlers."""
    parts = Parts(page)
    ((policy,),) = [[a["content"]] for tag, a, _ in parts.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "unsafe" not in policy
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert script is not None
    assert style is not None
    for kind, text in (("script", script.group(1)), ("style", style.group(1))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    for _, attributes, _ in parts.found:
        assert not any(name.startswith("on") or name in ("src", "href", "style") for name in attributes)


def test_columns_are_those_of_the_heap(page: str, tmp_path: Path) -> None:
    """What the page reads back from base64 is what the map says."""
    data = page_of(shop(), tmp_path)
    parts = Parts(page)
    for name, column in (data.columns() | data.block_columns(0, 6)).items():
        assert np.frombuffer(parts.content(f"column-{name}"), column.dtype).tolist() == column.tolist()


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    """Objects and blocks above the limits: the page knows how many it has."""
    page = one_file(page_of(shop(), tmp_path), Limits(objects=5, blocks=10))
    parts = Parts(page)
    about: dict[str, Any] = parts.told("about")
    assert (about["objects_told"], about["has_blocks"], about["live"]) == (5, False, None)
    assert len(parts.told("objects")) == 5
    assert 'id="column-blocks_end"' not in page


def test_no_value_is_in_the_page(tmp_path: Path) -> None:
    """Of a snapshot taken with values: texts that are no names of attributes, keys most of all, are in no answer."""

    def vault(size_bytes: int) -> Heap:
        heap = shop()
        held = heap.list(heap.object("str", text="battery staple"), size_bytes=size_bytes)
        heap.module("vault", by_word=heap.dict({"correct horse": held, "cache": held}))
        return heap

    parts = Parts(one_file(page_of(vault(1 << 20), tmp_path, before=vault(1 << 19))))
    told = b"".join(parts.content(name) for name in parts.ids())
    assert b"horse" not in told
    assert b"battery" not in told
    assert b"vault.by_word[*]" in told


# --- modules as one script --------------------------------------------------------------------------------------------


def test_all_modules_are_in_the_script() -> None:
    """Each that there is, once, after those that it imports; and none imports or exports any more."""
    script = joined(asset)
    order = modules(asset)
    assert sorted(order) == sorted(name for name in names() if name.endswith(".js"))
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    for name in order:
        for imported in re.findall(r'from "\./([a-z_]+\.js)"', asset(name)):
            assert order.index(imported) < order.index(name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('import * as all from "./b.js";\n', "cannot be joined"),
        ('import { a as c } from "./b.js";\n', "under another name"),
        ("export default 3;\n", "cannot be joined"),
        ('import { a } from "./a.js";\n', "import each other"),
        ("const twice = 1;\nconst b = 2;\n", "is declared"),
    ],
)
def test_what_cannot_be_joined_is_refused(text: str, sentence: str) -> None:
    """Rather than that a report's page does not begin."""
    files = {"a.js": f'import {{ b }} from "./b.js";\n{text}', "b.js": "export const b = 1;\n"}
    with pytest.raises(NotPlain, match=sentence):
        joined(files.__getitem__, "a.js")
