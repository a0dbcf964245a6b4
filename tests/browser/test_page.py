"""The page in a browser: every view, from the server and from a file, by keyboard, in both languages and themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heaps import Heap
from pages import HOSTILE, MAPPING, MAPPING_BYTES, POOL_BYTES, RUN, block_address, page_of, settle
from quire.report.snapshot import LARGE_STATES, SIZE_BYTES_MAX
from quire.web.one_file import one_file
from quire.web.site import Site

pytest.importorskip("quire._core")

Open = Callable[..., Any]
TITLES = {
    "overview": ("The heap", "힙"),
    "map": ("Map of the heap", "힙 지도"),
    "retained": ("What retains what", "무엇이 무엇을 보유하는가"),
    "types": ("Types", "타입"),
    "pins": ("Pins", "핀"),
    "object": ("Object", "객체"),
    "difference": ("Difference", "차이"),
}
"""Of each view, in English and in Korean."""
RECORD = hex(block_address(0, 4))
COLOURS = """() => {
    const canvas = document.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const counts = new Map();
    for (let at = 0; at < data.length; at += 4) {
        const colour = data[at] * 65536 + data[at + 1] * 256 + data[at + 2];
        counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    return [...counts];
}"""
"""Of the picture: each, and how many pixels have it."""


@pytest.fixture(params=["served", "report"])
def address(request: pytest.FixtureRequest) -> str:
    """The page from the server, and as a file."""
    found: str = request.getfixturevalue(request.param)
    return found


def go(page: Any, view: str) -> None:
    page.evaluate("view => { location.hash = '#/' + view; }", view)
    settle(page)


def chosen(page: Any) -> dict[str, str]:
    """What the panel says of the box that is chosen."""
    names = page.locator(".panel dt").all_inner_texts()
    return dict(zip(names, page.locator(".panel dd").all_inner_texts(), strict=True))


# --- every view -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en-GB", "ko-KR"])
def test_every_view_in_both_languages_and_themes_on_any_screen(
    address: str, open_page: Open, width: int, theme: str, language: str
) -> None:
    """With its title and its language, no wider than the screen, in the theme that the system asks for."""
    page = open_page(address, width=width, theme=theme, language=language)
    assert page.locator("html").get_attribute("lang") == language[:2]
    assert page.locator("html").get_attribute("data-theme") == theme
    for view, titles in TITLES.items():
        go(page, view)
        assert page.locator("h1").inner_text() == titles[language.startswith("ko")]
        assert page.locator("nav [aria-current=page]").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_language_and_theme_are_chosen_and_kept(served: str, open_page: Open) -> None:
    """At once, without losing the view; and they are there after a reload."""
    page = open_page(f"{served}#/types")
    page.get_by_label("Language").select_option("ko")
    assert page.locator("h1").inner_text() == "타입"
    page.get_by_label("색").select_option("dark")
    page.reload()
    settle(page)
    assert page.locator("h1").inner_text() == "타입"
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_link_may_say_language_and_theme(report: str, open_page: Open) -> None:
    """Whatever the browser's are."""
    page = open_page(f"{report}#/pins?language=ko&theme=dark")
    assert page.locator("h1").inner_text() == "핀"
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_view_is_a_link_and_back_goes_back(address: str, open_page: Open) -> None:
    """By the address alone; an unknown view is the first one."""
    page = open_page(f"{address}#/pins")
    assert page.locator("h1").inner_text() == "Pins"
    page.get_by_role("link", name="Types", exact=True).click()
    assert page.locator("h1").inner_text() == "Types"
    page.go_back()
    assert page.locator("h1").inner_text() == "Pins"
    go(page, "nothing")
    assert page.locator("h1").inner_text() == "The heap"


def test_the_tabs_are_reached_and_followed_by_keyboard(served: str, open_page: Open) -> None:
    """From the top: skip link, settings, views; a view that was followed begins with its title."""
    page = open_page(served)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the view"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.get_by_role("link", name="Map", exact=True).focus()
    page.keyboard.press("Enter")
    settle(page)
    assert page.evaluate("document.activeElement.textContent") == "Map of the heap"


def test_the_waterfall_tells_every_resident_byte(served: str, report: str, open_page: Open) -> None:
    """Of the process, where that is known: each row begins where the last one ends. Else of the heap's pools."""
    page = open_page(served, language="ko-KR")
    rows = page.locator("table.waterfall").first.locator("tr").all_inner_texts()
    assert [row.split("\t")[:2] for row in rows] == [
        ["산 블록", "3.0 MiB"], ["매핑된 파일", "5.0 MiB"], ["페이지 표에 없는 것", "-1.0 MiB"], ["상주", "7.0 MiB"],
    ]  # fmt: skip
    page = open_page(report)
    assert page.locator("table.waterfall").first.locator("tr.sum").inner_text().split() == ["Resident", "84.0", "KiB"]
    assert page.locator("table.waterfall").first.locator("tr").first.inner_text().startswith("live blocks")


# --- the map ----------------------------------------------------------------------------------------------------------


def test_the_map_is_walked_by_keyboard(address: str, open_page: Open) -> None:
    """From the heap to a block and back; each step is said, and is in the address."""
    page = open_page(f"{address}#/map")
    page.locator("canvas").focus()
    assert chosen(page)["Arenas"] == "2"
    steps = [
        ("ArrowDown", "arena "), ("Enter", "pool "), ("ArrowRight", "pool "), ("Enter", "pool "),
        ("Enter", "shop.Record"), ("ArrowRight", "free block"), ("Escape", "pool "), ("Escape", "arena "),
    ]  # fmt: skip
    for key, what in steps:
        page.keyboard.press(key)
        settle(page)
        assert chosen(page)["What"].startswith(what), key
        assert f"What: {what}" in page.locator("[aria-live]").inner_text()
    assert "at=a%3A0x" in page.evaluate("location.hash")
    page.keyboard.press("Home")
    assert chosen(page)["What"] == "heap"


def test_a_link_shows_the_same_block(address: str, open_page: Open) -> None:
    """Chosen and in sight, with its blocks asked for."""
    page = open_page(f"{address}#/map?colour=type&at=b:{block_address(0, 0) - 48:#x}:4")
    page.locator(".panel dt", has_text="Address").first.wait_for()  # before, the panel tells of its pool
    assert chosen(page)["Address"] == RECORD
    assert page.get_by_label("type", exact=True).is_checked()


@pytest.mark.parametrize("kind", ["served_large", "report_large"])
def test_runs_and_mappings_are_walked_by_keyboard(kind: str, request: pytest.FixtureRequest, open_page: Open) -> None:
    """An arena of runs stands among the others, its runs and holes one below the other; mappings stand beside."""
    page = open_page(f"{request.getfixturevalue(kind)}#/map?at=a:{RUN - POOL_BYTES:#x}")
    page.locator("canvas").focus()
    assert chosen(page)["Runs"] == "2 (200 KiB)"
    steps = [
        ("Enter", "bytes · 100 KiB"), ("ArrowDown", "hole between runs · 1.8 MiB"),
        ("ArrowDown", "foreign block · 100 KiB"),
        ("Escape", "arena "), ("ArrowRight", "mappings"), ("Enter", ""), ("Enter", "table of list · 12.0 MiB"),
    ]  # fmt: skip
    said = []
    for key, what in steps:
        page.keyboard.press(key)
        settle(page)
        said.append(chosen(page)["What"])
        assert said[-1].startswith(what), (key, said)
        assert f"What: {said[-1]}" in page.locator("[aria-live]").inner_text()
    assert f"at=m%3A{MAPPING:#x}" in page.evaluate("location.hash")
    page.keyboard.press("Home")
    facts = chosen(page)
    assert (facts["Arenas"], facts["Runs"], facts["Mappings"]) == ("3", "2 (200 KiB)", "1 (12.0 MiB)")


def test_a_run_and_a_mapping_open_their_objects(served_large: str, open_page: Open) -> None:
    """The object in a run, and the one whose table a mapping is; from a link, in both languages."""
    for key, language, words, button, its_type in (
        (f"r:{RUN:#x}", "en-GB", "run in use", "Open the object", "bytes"),
        (f"m:{MAPPING:#x}", "ko-KR", "사용 중인 매핑", "객체 열기", "list"),
    ):
        page = open_page(f"{served_large}#/map?at={key}", language=language)
        assert words in chosen(page).values()
        assert hex(int(key[2:], 16)) in chosen(page).values()
        page.locator(".panel a.button", has_text=button).click()
        settle(page)
        assert "#/object?at=block" in page.url
        assert its_type in page.locator("main").inner_text()


def test_a_heap_of_mappings_alone_has_a_map(tmp_path: Path, open_page: Open) -> None:
    """And rows that no heap has, one upon another or past an arena's end, are drawn as far as they can be."""
    heap = Heap()
    heap.object("bytes", address=MAPPING)
    heap.large(MAPPING, MAPPING_BYTES, "mapping")
    (tmp_path / "alone.html").write_text(one_file(page_of(heap, tmp_path)), encoding="utf-8")
    page = open_page(f"{(tmp_path / 'alone.html').as_uri()}#/map?at=m:{MAPPING:#x}")
    assert chosen(page)["What"] == "bytes · 12.0 MiB"
    for state in LARGE_STATES:
        for address in (0, MAPPING + 1, 2**64 - 1):
            for size_bytes in (0, 1, SIZE_BYTES_MAX):
                heap.large(address, size_bytes, state)
    (tmp_path / "absurd.html").write_text(one_file(page_of(heap, tmp_path)), encoding="utf-8")
    page = open_page(f"{(tmp_path / 'absurd.html').as_uri()}#/map?at=r:{MAPPING:#x}")
    page.locator("canvas").focus()
    for key in ("Enter", "ArrowDown", "Escape", "ArrowRight", "Enter", "Enter", "Home"):
        page.keyboard.press(key)
        settle(page)
    assert chosen(page)["Arenas"] == "3"


def test_large_blocks_have_their_colours(served_large: str, open_page: Open) -> None:
    """What is in use has the full colour, the top of the ramp, its type's; nothing of it is pinned."""
    page = open_page(f"{served_large}#/map?at=m:{MAPPING:#x}")
    for mode, colour in (("state", 0x22669F), ("size class", 0x123763), ("pinned", 0xE3ECF4)):
        page.get_by_label(mode, exact=True).check()
        settle(page)
        counts = sorted(((count, each) for each, count in page.evaluate(COLOURS)), reverse=True)
        assert counts[0][1] == colour, mode


def test_states_types_and_pins_have_their_colours(address: str, open_page: Open) -> None:
    """Each way to colour gives another picture, of more than one colour; a pool that is full, meshed or empty shows."""
    page = open_page(f"{address}#/map")
    pictures = []
    for mode in ("state", "size class", "type", "pinned"):
        page.get_by_label(mode, exact=True).check()
        settle(page)
        counts = {colour: count for colour, count in page.evaluate(COLOURS) if count > 300}
        assert len(counts) > 2
        pictures.append(frozenset(counts.items()))
    assert len(set(pictures)) == 4
    page.get_by_label("state", exact=True).check()
    settle(page)
    assert {0x22669F, 0x14967B, 0xDFE3E8} <= {colour for colour, _ in page.evaluate(COLOURS)}


def test_wheel_drag_and_double_click(served: str, open_page: Open) -> None:
    """Zoom about the pointer, move, go in; what lies under the pointer stays there."""
    page = open_page(f"{served}#/map")
    box = page.locator("canvas").bounding_box()
    x, y = box["x"] + 34, box["y"] + 44
    page.mouse.click(x, y)
    before = chosen(page)
    assert before["pool"] == hex(block_address(0, 0) - 48)
    page.mouse.move(x, y)
    for _ in range(12):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(20)
    page.mouse.click(x, y)
    assert chosen(page) == before  # the same block, though it is a hundred times as large
    zoomed = page.evaluate(COLOURS)
    page.mouse.down()
    page.mouse.move(x + 200, y + 120, steps=4)
    page.mouse.up()
    settle(page)
    assert page.evaluate(COLOURS) != zoomed
    page.locator("canvas").press("Home")
    settle(page)
    for what in ("pool ", "shop.Record"):  # one step each; the arena fills the view
        page.mouse.dblclick(x, y)
        settle(page)
        assert chosen(page)["What"].startswith(what)


# --- retained sizes ---------------------------------------------------------------------------------------------------


def test_the_tree_is_walked_and_its_objects_open(address: str, open_page: Open) -> None:
    """By keyboard into the largest, and from there to the object's own view with its way."""
    page = open_page(f"{address}#/retained")
    page.locator("canvas").focus()
    page.keyboard.press("ArrowDown")
    assert chosen(page)["What"] == "shop · module"
    while chosen(page)["What"] == "shop · module":  # into it; and once it fills the view, into its largest part
        page.keyboard.press("Enter")
        settle(page)
    assert chosen(page)["What"] == "shop.__dict__ · dict"
    page.keyboard.press("o")
    settle(page)
    assert page.locator(".way").inner_text() == "shop"
    assert page.locator(".object-head").inner_text() == "dict"
    page.get_by_role("link", name="Show what it retains").click()
    settle(page)
    assert chosen(page)["What"].startswith("shop.__dict__")


def test_many_of_a_type_are_one_rectangle(report: str, open_page: Open) -> None:
    """They are named with their number, in the list beside the picture, too."""
    page = open_page(f"{report}#/retained?at={recent_address(open_page, report)}")
    assert page.locator(".inside li").first.inner_text().replace("\n", " ").startswith("300 \u00d7 shop.Record")


def recent_address(open_page: Open, address: str) -> str:
    """Of the list of records, as the table of objects that retain most tells it."""
    page = open_page(f"{address}#/object")
    row = page.locator("tbody tr", has_text="._recent").first
    found: str = row.locator(".address").inner_text()
    return found


def test_the_server_is_asked_for_what_was_cut(served: str, open_page: Open) -> None:
    """A closer look at an object asks for its own tree."""
    found = recent_address(open_page, served)
    page = open_page(f"{served}#/retained")
    with page.expect_response(lambda response: f"retained?at={found}" in response.url) as answer:
        page.evaluate("at => { location.hash = '#/retained?at=' + at; }", found)
    assert answer.value.ok


# --- tables and objects -----------------------------------------------------------------------------------------------


def test_tables_sort_and_filter_by_keyboard(address: str, open_page: Open) -> None:
    """By any column, both ways, told to who cannot see it; the filter is in the address."""
    page = open_page(f"{address}#/types")
    first = page.locator("tbody th").first
    assert page.locator("th[aria-sort=descending]").inner_text().startswith(("Size", "↓"))
    page.get_by_role("button", name="Count").press("Enter")
    assert first.inner_text() == "shop.Record"
    page.get_by_role("button", name="Count").press("Enter")
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.get_by_label("Filter").fill("record")
    assert page.locator("tbody tr").count() == 1
    assert "filter=record" in page.evaluate("location.hash")
    page.get_by_label("modules").check()
    assert page.locator("tbody tr").count() == 0


def test_an_object_is_told_with_its_path(served: str, open_page: Open) -> None:
    """By its type and number, as on the command line; each step is a link."""
    page = open_page(f"{served}#/object")
    page.get_by_label("Address, or a type and a number").fill("Record#3")
    page.keyboard.press("Enter")
    settle(page)
    assert page.locator(".way").inner_text() == "shop.cache._recent[2]"
    assert page.locator(".steps li").count() == 5
    page.locator(".steps a").nth(3).click()
    settle(page)
    assert page.locator(".way").inner_text() == "shop.cache._recent"
    page.get_by_label("Address, or a type and a number").fill("Nothing#3")
    page.keyboard.press("Enter")
    page.locator("[role=alert]").wait_for()
    assert "no type is called Nothing" in page.locator("[role=alert]").inner_text()


def test_a_file_says_which_objects_it_has_not(report: str, open_page: Open) -> None:
    """In a sentence, with what to do; the page asks nobody."""
    page = open_page(f"{report}#/object?at=0x123")
    assert "is none of them. quire view shows any object." in page.locator("[role=status]").inner_text()
    assert page.locator("form").count() == 0


def test_what_changed_is_told(address: str, open_page: Open) -> None:
    """By type and place, the largest change first."""
    page = open_page(f"{address}#/difference")
    assert "before.quire" in page.locator(".lead").inner_text()
    row = page.locator("tbody tr", has_text="shop.Record").first.inner_text()
    assert "(100)" in row
    assert "+6.3 KiB" in row


def test_pins_lead_to_the_map(address: str, open_page: Open) -> None:
    """The arena of a row, coloured by what is pinned."""
    page = open_page(f"{address}#/pins")
    assert "shop.cache._recent[*]" in page.locator("tbody").first.inner_text()
    page.locator("tbody a").first.click()
    settle(page)
    assert page.get_by_label("pinned").is_checked()
    assert chosen(page)["What"].startswith("arena ")


# --- safety -----------------------------------------------------------------------------------------------------------


def test_a_hostile_name_is_shown_as_it_is(address: str, open_page: Open) -> None:
    """It is text in every view that has it, and does nothing."""
    page = open_page(f"{address}#/types")
    assert page.get_by_text(f"evil.{HOSTILE}").count() == 1
    for view in TITLES:
        go(page, view)
        assert page.locator("img").count() == 0
        assert page.title() != "broken"


def test_a_report_asks_no_network(report: str, open_page: Open) -> None:
    """It opens without one, and requests nothing but itself."""
    page = open_page(report, offline=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    for view in TITLES:
        go(page, view)
    assert [url for url in asked if url.split("#")[0] != report] == []


def test_a_page_of_an_older_snapshot_loads_the_new_one(served_live: tuple[str, Site], open_page: Open) -> None:
    """Once, at the view that was asked for; of the two nothing is mixed."""
    address, site = served_live
    page = open_page(f"{address}#/types")
    before = page.locator(".subject").inner_text()
    assert site.post("data/snapshot").status == 200
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
    with page.expect_request(f"{address}data/about"):
        page.evaluate("location.hash = '#/pins'")
    settle(page)
    assert page.url == f"{address}#/pins"
    assert page.locator(".subject").inner_text() != before
    assert page.locator("main .failed").count() == 0
    assert [name for name in asked if name.startswith("data/")] == [
        "data/pins?number=1",
        "data/about",
        "data/pins?number=2",
    ]


def test_motion_is_left_out_where_it_is_not_wanted(served: str, open_page: Open) -> None:
    """Going in is done with the next frame."""
    page = open_page(f"{served}#/map", reduced_motion="reduce")
    page.locator("canvas").press("ArrowDown")
    before = page.evaluate(COLOURS)
    page.locator("canvas").press("Enter")
    page.evaluate("new Promise(requestAnimationFrame)")
    page.evaluate("new Promise(requestAnimationFrame)")
    picture = page.evaluate(COLOURS)
    assert picture != before
    page.wait_for_timeout(500)
    assert page.evaluate(COLOURS) == picture
