"""What the server answers: a path and a query in, a reply out. It knows no sockets, so tests ask it as it is.

/                          the page          /page.css, /main.js ...    its parts
/data/about, types, ...    JSON              /data/column/NAME          raw bytes, little-endian
/data/blocks?from=&to=     raw bytes of three columns, with a head that says how long each is
/data/snapshot             POST: take another snapshot of a live process

With ``number=`` a page says which snapshot of a live process it shows; where another is held by now, the answer is 409.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock
from typing import Any, Final
from urllib.parse import parse_qs

from quire.errors import InvalidOption, QuireError, in_words
from quire.web.assets import KINDS, PAGE, asset, names
from quire.web.data import PageData, Subject
from quire.web.joined import modules
from quire.web.live import Live
from quire.web.one_file import little_endian

_BYTES: Final = "application/octet-stream"
_JSON: Final = "application/json"
_POOLS_MAX: Final = 4096
"""Whose blocks are asked for at once."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, what kind of content, and the content."""

    status: int
    kind: str
    body: bytes


class Site:
    """One page: of a file, or of a live process.

    Args:
        subject: what is looked at.
        live: the process, if it is one.
        retake: takes another snapshot of it, to be compared with the last; returns what is then looked at.
    """

    def __init__(self, subject: Subject, live: Live | None = None, retake: Callable[[], Subject] | None = None) -> None:
        self._shown = 1, PageData(subject)
        """The snapshot's number, and it: replaced together, since other threads answer meanwhile."""
        self._live = live
        self._retake = retake
        self._retaking = Lock()
        self.has_map = Event()
        """A page has asked for the map: what else it will ask for may be computed now."""

    @property
    def data(self) -> PageData:
        return self._shown[1]

    def prepare(self) -> None:
        """What the first picture takes."""
        _prepare(self.data)

    def get(self, path: str, query: str) -> Reply:
        """Answer a path that begins behind the token, without its first slash."""
        if path in ("", "index.html"):
            return _page()
        if path in names() and path != PAGE:
            return _text(path)
        if not path.startswith("data/"):
            return failure(404, "there is nothing here")
        try:
            asked = parse_qs(query, max_num_fields=8)
        except ValueError:
            return failure(400, "the address has too much in it")
        return self._asked(lambda: self._data(path.removeprefix("data/"), asked))

    def post(self, path: str) -> Reply:
        """Take another snapshot."""
        if path != "data/snapshot" or self._retake is None:
            return failure(404, "there is nothing here")
        if not self._retaking.acquire(blocking=False):
            return failure(409, "a snapshot is being taken")
        try:
            return self._asked(self._take)
        finally:
            self._retaking.release()

    # --- answers ---

    def _asked(self, answer: Callable[[], Reply]) -> Reply:
        try:
            return answer()
        except QuireError as error:
            return failure(404 if isinstance(error, InvalidOption) else 500, in_words(error))
        except Exception as error:  # or the page would wait for an answer
            return failure(500, in_words(error))

    def _data(self, name: str, query: dict[str, list[str]]) -> Reply:
        number, data = self._shown
        if "number" in query and _whole(query, "number") != number:
            return failure(409, f"there is snapshot {number} by now; load the page again")
        at = query.get("at", [None])[0]
        match name:
            case "about":
                return _json(data.about() | {"live": self._live_told(number), "has_blocks": True, "objects_told": None})
            case "types":
                return _json(data.types())
            case "pins":
                return _json(data.pins())
            case "retained":
                return _json(data.retained(at))
            case "difference":
                return _json(data.difference())
            case "object":
                return _json(data.object(at or ""))
            case "samples" if self._live is not None:
                return _json(self._live.samples_since(_whole(query, "since")))
            case "blocks":
                return _blocks(data, _whole(query, "from"), _whole(query, "to"))
        column = data.columns().get(name.removeprefix("column/"))
        self.has_map.set()
        return failure(404, f"there is no {name[:80]}") if column is None else Reply(200, _BYTES, little_endian(column))

    def _take(self) -> Reply:
        assert self._retake is not None
        data = PageData(self._retake())
        _prepare(data)
        number = self._shown[0] + 1
        self._shown = number, data
        return _json({"number": number})

    def _live_told(self, number: int) -> dict[str, Any] | None:
        if self._live is None:
            return None
        return {"pid": self._live.pid, "command": self._live.command, "number": number}


def failure(status: int, sentence: str) -> Reply:
    """A refusal, as the page reads it."""
    return Reply(status, _JSON, json.dumps({"error": sentence}).encode())


def _prepare(data: PageData) -> None:
    data.columns()
    data.about()


def _blocks(data: PageData, first: int, last: int) -> Reply:
    columns = data.block_columns(first, min(last, first + _POOLS_MAX)).values()
    parts = [little_endian(column) for column in columns]
    return Reply(200, _BYTES, struct.pack("<4I", *(len(part) for part in parts), 0) + _aligned(parts))


def _json(value: Any) -> Reply:
    return Reply(200, _JSON, json.dumps(value, separators=(",", ":")).encode())


def _text(name: str) -> Reply:
    return Reply(200, f"{KINDS[name.rpartition('.')[2]]}; charset=utf-8", asset(name).encode())


def _page() -> Reply:
    """All modules are asked for at once, not each when another is found to import it."""
    links = "".join(f'<link rel="modulepreload" href="{name}">\n' for name in modules(asset))
    return Reply(200, "text/html; charset=utf-8", asset(PAGE).replace("</head>", f"{links}</head>").encode())


def _aligned(parts: list[bytes]) -> bytes:
    """One after the other, each at a multiple of 4 bytes, as typed arrays want them."""
    return b"".join(part + bytes(-len(part) % 4) for part in parts)


def _whole(query: dict[str, list[str]], name: str) -> int:
    text = query.get(name, ["0"])[0]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidOption(f"{name} is no whole number")
    return int(text)
