"""A browser for the page's tests: Playwright's Chromium, or the system's."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pages import MEMORY, settle, shop, subject_of, warehouse
from quire.web.data import PageData
from quire.web.live import Live
from quire.web.one_file import one_file
from quire.web.server import Server
from quire.web.site import Site

MISSING = "no Chromium for the page's tests: apt-get install chromium, or: playwright install --with-deps chromium"
SWITCHES = [
    "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One for all tests of a worker; skipped where there is none, unless QUIRE_REQUIRE_BROWSER is set."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is missing: pip install playwright")
    with sync_playwright() as playwright:
        path = _chromium(playwright.chromium.executable_path)
        switches = [*SWITCHES, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=path, args=switches)
        yield browser
        browser.close()


def _chromium(own: str) -> str:
    for path in (own, shutil.which("chromium"), shutil.which("chromium-browser"), shutil.which("google-chrome")):
        if path and os.path.exists(path):
            return path
    _missing(MISSING)
    return ""


def _missing(sentence: str) -> None:
    if os.environ.get("QUIRE_REQUIRE_BROWSER"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page of a file, compared with another."""
    subject = subject_of(shop(), tmp_path_factory.mktemp("served"), before=shop(200), memory=MEMORY)
    with _serving(Site(subject)) as url:
        yield url


@pytest.fixture(scope="session")
def served_large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page of a file with runs and mappings."""
    with _serving(Site(subject_of(warehouse(), tmp_path_factory.mktemp("served_large")))) as url:
        yield url


@pytest.fixture
def served_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    """The address of a page of a live process, and what serves it; the next snapshot is of another heap."""
    second = subject_of(warehouse(), tmp_path_factory.mktemp("second"))
    site = Site(subject_of(shop(), tmp_path_factory.mktemp("first")), Live(os.getpid()), lambda: second)
    with _serving(site) as url:
        yield url, site


@contextmanager
def _serving(site: Site) -> Iterator[str]:
    with Server(site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the same as one file."""
    folder: Path = tmp_path_factory.mktemp("report")
    path = folder / "heap.html"
    path.write_text(one_file(PageData(subject_of(shop(), folder, before=shop(200)))), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def report_large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the same as one file."""
    folder: Path = tmp_path_factory.mktemp("report_large")
    path = folder / "heap.html"
    path.write_text(one_file(PageData(subject_of(warehouse(), folder))), encoding="utf-8")
    return path.as_uri()


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Opens an address in a window of its own; at the end nothing may have gone wrong there."""
    wrong: list[str] = []
    contexts = []

    def opened(address: str, width: int = 1440, theme: str = "light", language: str = "en-GB", **more: Any) -> Any:
        height = 900 if width > 600 else 844
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, locale=language, **more
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(100_000)  # milliseconds; a machine may have much else to do
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if is_wrong(message) else None)
        page.goto(address)
        settle(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def is_wrong(message: Any) -> bool:
    """What the browser says of the page; but not that the server refused, nor that a test reads a picture's pixels."""
    is_expected = any(words in message.text for words in ("status of 404", "status of 409", "willReadFrequently"))
    return message.type in ("error", "warning") and not is_expected
