"""The page's server: who may ask, and what it answers."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest

from pages import shop, subject_of
from quire.errors import InvalidOption
from quire.web.live import Live
from quire.web.server import LOOPBACK, Server
from quire.web.site import Site

pytest.importorskip("quire._core")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(Site(subject_of(shop(), tmp_path, before=shop(200)))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: Server, path: str, method: str = "GET", host: str | None = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers; the path as it is."""
    connection = HTTPConnection(LOOPBACK, server.server_port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"{LOOPBACK}:{server.server_port}")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    answer = response.status, response.read(), dict(response.getheaders())
    connection.close()
    return answer


def test_it_listens_on_loopback_alone(server: Server) -> None:
    """On no other address of the machine."""
    assert server.server_address[0] == LOOPBACK
    assert server.url == f"http://{LOOPBACK}:{server.server_port}/{server.token}/"
    assert len(server.token) >= 32


@pytest.mark.parametrize("path", ["/", "/data/about", "/wrong/data/about", "//data/about", "/main.js", "/%00/"])
def test_without_the_token_nothing_is_told(server: Server, path: str) -> None:
    """Neither the page nor its parts nor data: one sentence that says what to do."""
    status, body, _ = ask(server, path)
    assert status == 403
    assert "open the address that quire view printed" in json.loads(body)["error"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.:{port}", ""]
)
def test_another_name_is_refused(server: Server, host: str) -> None:
    """A name that somebody points at this machine is not ours, token or not."""
    asked = host.format(port=server.server_port) or " "
    assert ask(server, f"/{server.token}/", host=asked)[0] == 403


def test_the_page_and_its_parts_are_there(server: Server) -> None:
    """With a policy that allows them alone; nothing may be kept, framed or read from elsewhere."""
    for name, kind in (("", "text/html"), ("main.js", "text/javascript"), ("page.css", "text/css")):
        status, body, headers = ask(server, f"/{server.token}/{name}")
        assert (status, headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
        assert body
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "name", ["server.py", "../server.py", "%2e%2e/server.py", "page.html", "data/", "data/secret", "x"]
)
def test_nothing_else_is_there(server: Server, name: str) -> None:
    """No file but the page's own."""
    assert ask(server, f"/{server.token}/{name}")[0] == 404


@pytest.mark.parametrize("name", ["about", "types", "pins", "retained", "difference", "object?at=Record%232"])
def test_each_answer_is_json(server: Server, name: str) -> None:
    """An object each."""
    status, body, headers = ask(server, f"/{server.token}/data/{name}")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert isinstance(json.loads(body), dict)


def test_columns_are_raw_bytes(server: Server) -> None:
    """As typed arrays have them; blocks of some pools with the lengths of their parts before them."""
    assert np.frombuffer(ask(server, f"/{server.token}/data/column/pool_live")[1], "<u4").tolist() == [
        100,
        100,
        100,
        255,
        9,
        0,
    ]
    body = ask(server, f"/{server.token}/data/blocks?from=1&to=3")[1]
    end, slot, kind, _ = struct.unpack("<4I", body[:16])
    assert np.frombuffer(body[16 : 16 + end], "<u4").tolist() == [100, 200]
    assert (slot, kind) == (400, 800)
    assert len(body) == 16 + end + slot + kind


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("object?at=0xzz", "is no address"),
        ("object", "quire types tells"),
        ("object?at=Nothing", "no type is called Nothing"),
        ("retained?at=0x1", "no object begins at 0x1"),
        ("blocks?from=-1&to=2", "from is no whole number"),
        ("samples?since=0", "there is no samples"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(server: Server, name: str, sentence: str) -> None:
    """With a status that says so."""
    status, body, _ = ask(server, f"/{server.token}/data/{name}")
    assert status == 404
    assert sentence in json.loads(body)["error"]


def test_an_address_with_too_much_in_it_is_refused(server: Server) -> None:
    """Rather than read."""
    assert ask(server, f"/{server.token}/data/object?{'at=1&' * 99}")[0] == 400


def test_only_the_page_may_change_something(tmp_path: Path) -> None:
    """Another snapshot is taken for our own origin alone; then the page is of that one, compared with the first."""
    first = subject_of(shop(), tmp_path)
    second = subject_of(shop(), tmp_path, before=shop(200))
    with Server(Site(first, retake=lambda: second)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        path = f"/{server.token}/data/snapshot"
        try:
            assert ask(server, path, "POST")[0] == 403
            assert ask(server, path, "POST", Origin="http://evil.example")[0] == 403
            assert json.loads(ask(server, f"/{server.token}/data/about")[1])["compared_with"] is None
            assert ask(server, path, "POST", Origin=server.url.removesuffix(f"/{server.token}/"))[0] == 200
            assert json.loads(ask(server, f"/{server.token}/data/about")[1])["compared_with"] == "before.quire"
        finally:
            server.shutdown()
            thread.join()


def test_a_page_of_an_older_snapshot_is_told_so(tmp_path: Path) -> None:
    """Whoever says the number of the one that is held gets an answer; who says the one before gets none of the new."""
    folder = tmp_path / "second"
    folder.mkdir()
    second = subject_of(shop(200), folder)
    site = Site(subject_of(shop(), tmp_path), Live(os.getpid()), lambda: second)
    names = ("types", "pins", "retained", "object", "column/pool_live", "blocks")
    queries = {"object": "at=Record%231&", "blocks": "from=0&to=1&"}

    def statuses(number: int) -> set[int]:
        return {site.get(f"data/{name}", f"{queries.get(name, '')}number={number}").status for name in names}

    assert json.loads(site.get("data/about", "").body)["live"]["number"] == 1
    assert (statuses(1), statuses(2)) == ({200}, {409})
    assert site.post("data/snapshot").status == 200
    assert json.loads(site.get("data/about", "").body)["live"]["number"] == 2
    assert (statuses(1), statuses(2)) == ({409}, {200})
    assert site.get("data/types", "").status == 200
    assert "load the page again" in json.loads(site.get("data/types", "number=1").body)["error"]


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """In a sentence."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        with pytest.raises(InvalidOption, match="give another --port"):
            Server(Site(subject_of(shop(), tmp_path)), taken.getsockname()[1])
