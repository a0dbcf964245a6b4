"""The chapters: prose and steps fit together, in both languages, on every Python, and on every terminal."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len

from quire.export.chapter import DOCS_PYTHON, documents, to_json
from quire.model.chapters import CHAPTERS, Chapter, tell, telling
from quire.model.chapters.telling import code_of, run, steps_of
from quire.model.errors import BrokenChapter
from quire.records.chapter import ChapterTold, Language, Prose, Rows, StepTold
from quire.report.cells import cells
from quire.report.chapter_view import draw_chapter
from quire.report.pictures.tables import cell_text, draw_table, number_columns
from quire.report.plain import Style

DOCS = Path(__file__).parents[2] / "docs" / "model"
CODE_LINES_MAX = 20
CODE_CELLS_MAX = 76
"""On a line of 80, behind the indent."""
OUTDATED = "is out of date; write the documents anew: nox -s docs"

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
each_language = pytest.mark.parametrize("language", Language)


@cache
def told(chapter: Chapter, language: Language) -> ChapterTold:
    return tell(chapter, language)


def steps_told(chapter: Chapter, language: Language) -> list[str]:
    return [piece.name for piece in told(chapter, language).pieces if isinstance(piece, StepTold)]


# --- the chapters ---------------------------------------------------------------------------------------------


@each_chapter
@each_language
def test_a_chapter_tells_each_of_its_steps_once_and_in_order(chapter: Chapter, language: Language) -> None:
    """The prose has every step of the file, in the file's order, with a caption for each thing shown."""
    assert steps_told(chapter, language) == list(steps_of(chapter))
    captions = [
        picture.caption
        for piece in told(chapter, language).pieces
        if isinstance(piece, StepTold)
        for picture in piece.pictures
    ]
    assert all(captions)


@each_chapter
def test_both_languages_name_the_same_values(chapter: Chapter) -> None:
    """What a step computes is told to readers of either language."""
    named = [set(re.findall(r"\{(\w+\.\w+)", chapter.prose(language))) for language in Language]
    assert named[0] == named[1]


@each_chapter
@each_language
def test_no_value_and_no_mark_is_left_in_the_prose(chapter: Chapter, language: Language) -> None:
    """Everything that looks like a value or a step became one."""
    prose = [piece.text for piece in told(chapter, language).pieces if isinstance(piece, Prose)]
    assert not [text for text in prose if re.search(r"\{\w+\.\w+|^:::|```", text)]


@each_chapter
def test_the_korean_prose_is_korean(chapter: Chapter) -> None:
    """Each paragraph has Hangul, and no English one has any but as an example."""
    for piece in told(chapter, Language.KO).pieces:
        if isinstance(piece, Prose) and piece.kind != "sample":
            assert re.search("[가-힣]", piece.text), piece.text


@each_chapter
def test_steps_show_the_same_each_time(chapter: Chapter) -> None:
    """A step is deterministic: run again it shows the same and returns the same."""
    for step in steps_of(chapter).values():
        assert run(step) == run(step)


@each_chapter
def test_steps_are_short(chapter: Chapter) -> None:
    """A step says in one line what it does, shows something, and its code is seen at one glance: no line is broken."""
    for name, step in steps_of(chapter).items():
        assert len((step.__doc__ or "").splitlines()) == 1, name
        lines = code_of(step).splitlines()
        assert len(lines) <= CODE_LINES_MAX, name
        assert [line for line in lines if cell_len(line) > CODE_CELLS_MAX] == [], name
        assert run(step).shown, name


REPORTED = (
    r"read ([\d,]+) orders",
    r"kept ([\d,]+) for",
    r"plainly it stays at\s+([\d.]+) MiB",
    r"([\d.]+) MiB +kept",
    r"([\d.]+) MiB +served 20",
    r"([\d.]+) MiB +served 40",
    r"([\d.]+) MiB of empty pools",
    r"([\d.]+) MiB of sparse\s+pools that share",
    r"([\d,]+) pools share",
    r"pools share ([\d.]+) MiB",
    r"at the end ([\d.]+) MiB resident",
    r"live blocks +[a-z ]+([\d.]+)",
    r"free blocks +[a-z, ]+([\d.]+)",
)
"""Where the README says of the example what chapter 10 says of it, in the chapter's order."""


@each_language
def test_the_example_that_was_measured_is_the_readmes(language: Language) -> None:
    """What chapter 10 says of the example is what the README's report says there, number for number."""
    (text,) = [text for text in paragraphs(CHAPTERS[-1], language) if "250,000" in text]
    told = re.findall(r"[\d.,]*\d(?=\s?MiB|건|개| orders| of them)", text)
    readme = (DOCS.parents[1] / "README.md").read_text(encoding="utf-8")
    assert told == [re.findall(each, readme)[0] for each in REPORTED]


def paragraphs(chapter: Chapter, language: Language) -> list[str]:
    return [piece.text for piece in told(chapter, language).pieces if isinstance(piece, Prose)]


# --- on a terminal --------------------------------------------------------------------------------------------


@each_chapter
@each_language
@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_every_line_fits_the_terminal(chapter: Chapter, language: Language, width: int) -> None:
    """Whatever the width, no line is longer, by the cells that Rich counts."""
    text = draw_chapter(told(chapter, language), "1/10", ["a foot"], Style(width))
    assert not [line for line in text.splitlines() if cell_len(line) > width]


@each_chapter
def test_without_unicode_the_english_chapter_is_ascii_but_for_its_own_words(chapter: Chapter) -> None:
    """Lines, boxes and arrows have plain characters in their places, as wide as before."""
    drawn = draw_chapter(told(chapter, Language.EN), "1/10", [], Style(80, is_unicode=True))
    plain = draw_chapter(told(chapter, Language.EN), "1/10", [], Style(80, is_unicode=False))
    assert not re.search("[─│┌┐└┘├┤╭╮╯◀▶→■▣□·…]", plain)
    assert [cells(line) for line in plain.splitlines()] == [cells(line) for line in drawn.splitlines()]


@each_chapter
@each_language
def test_letters_take_as_many_cells_as_rich_counts(chapter: Chapter, language: Language) -> None:
    """Our own count of cells, which needs no package, is Rich's."""
    text = draw_chapter(told(chapter, language), "1/10", [], Style(80))
    assert {letter for letter in text if letter.isprintable() and cells(letter) != cell_len(letter)} == set()


@each_chapter
@each_language
def test_the_columns_of_tables_stand_below_each_other(chapter: Chapter, language: Language) -> None:
    """In each table every number ends, and every word begins, at the cells where its column does."""
    for piece in told(chapter, language).pieces:
        for picture in piece.pictures if isinstance(piece, StepTold) else ():
            for table in picture.what:
                if isinstance(table, Rows):
                    check_columns(table, language)


def check_columns(table: Rows, language: Language) -> None:
    rows = [row for row in (table.header, *table.rows) if row is not table.header or any(row)]
    texts = [[cell_text(cell, language) for cell in row] for row in rows]
    lines = [line for line in draw_table(table, language, 1_000) if not line.startswith("─")]
    start = 0
    for column, is_number in zip(zip(*texts, strict=True), number_columns(table), strict=True):
        width = max(map(cell_len, column))
        for line, text in zip(lines, column, strict=True):
            at = start + width - cell_len(text) if is_number else start
            assert cell_slice(line, at, cell_len(text)) == text
            assert not cell_slice(line, start + width, 2).strip()
        start += width + 2


def cell_slice(line: str, start: int, count: int) -> str:
    """The letters on some cells of a line."""
    place, found = 0, ""
    for letter in line:
        if start <= place < start + count:
            found += letter
        place += cell_len(letter)
    return found


# --- as documents ---------------------------------------------------------------------------------------------


@each_chapter
@each_language
def test_json_names_what_each_record_is(chapter: Chapter, language: Language) -> None:
    """The JSON of a chapter has its states as records, each with its kind."""
    import json

    document = json.loads(to_json(told(chapter, language)))
    assert document["format"] == "quire.model"
    assert document["language"] == language
    steps = [piece for piece in document["pieces"] if "pictures" in piece]
    assert [step["name"] for step in steps] == list(steps_of(chapter))
    for step in steps:
        for picture in step["pictures"]:
            assert len(picture["kinds"]) == len(picture["what"]) > 0


def test_the_documents_are_those_that_the_chapters_make() -> None:
    """docs/model holds what the chapters tell: to the letter on the Python that wrote it, but for what differs
    between versions on others."""
    made = documents()
    there = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    assert there.keys() == made.keys(), OUTDATED
    is_its_python = sys.version_info[:2] == DOCS_PYTHON
    for name, text in made.items():
        as_made, as_found = (text, there[name]) if is_its_python else (timeless(text), timeless(there[name]))
        assert as_found == as_made, f"docs/model/{name} {OUTDATED}"


def test_links_of_the_documents_lead_to_files() -> None:
    """To other chapters, to the index, to the steps. In code there are none, whatever looks like one."""
    for path in DOCS.rglob("*.md"):
        prose = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+)\)", prose):
            assert target.startswith("https://") or (path.parent / target).is_file(), f"{path}: {target}"


def timeless(document: str) -> str:
    """The document without pictures, tables and numbers, which differ between versions of Python."""
    without_pictures = re.sub(r"^```text\n.*?^```$", "", document, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"0x[0-9a-f]+|\d[\d,]*", "0", re.sub(r"^\|.*$", "", without_pictures, flags=re.MULTILINE))


# --- chapters that do not fit ---------------------------------------------------------------------------------

STEPS = '''
from quire.model.chapters.telling import Telling
from quire.records.chapter import Both, Lines


def one() -> Telling:
    """Shows one line."""
    yield Lines((Both("a line", "한 줄"),))
    return {"count": 1_000}
'''


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which chapters of the package are looked for."""
    (tmp_path / "wrong.py").write_text(STEPS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(Chapter, "module", property(lambda chapter: chapter.name))
    monkeypatch.setattr(telling.resources, "files", lambda _package: tmp_path)
    monkeypatch.delitem(sys.modules, "wrong", raising=False)
    telling._title_and_rest.cache_clear()
    telling._ran.cache_clear()
    return tmp_path


@pytest.mark.parametrize(
    ("prose", "message"),
    [
        ("No title.\n", "does not begin with a title"),
        ("# A\n\n::: one\n1. Here.\n2. There.\n", "one shows 1 things and has 2 captions"),
        ("# A\n\n::: two\n", "tells two, which is no step of it"),
        ("# A\n\n{one.size} bytes.\n\n::: one\n1. Here.\n", r"names \{one.size\}, which no step returns"),
    ],
)
def test_prose_that_does_not_fit_its_steps_is_refused(broken: Path, prose: str, message: str) -> None:
    """The message says which chapter, and where."""
    (broken / "wrong.en.md").write_text(prose, encoding="utf-8")
    with pytest.raises(BrokenChapter, match=f"the chapter wrong .*{message}"):
        tell(Chapter("wrong"), Language.EN)


def test_a_language_without_prose_is_refused(broken: Path) -> None:
    """The message names the file that is missing."""
    with pytest.raises(BrokenChapter, match=r"the chapter wrong has no wrong\.ko\.md"):
        tell(Chapter("wrong"), Language.KO)


def test_a_chapter_is_told_in_the_order_of_its_prose(broken: Path) -> None:
    """Prose and steps come as written: values filled in with their format, lists item by item, samples whole."""
    (broken / "wrong.ko.md").write_text(
        "# 제목\n\n첫 문단,\n값 {one.count:,}.\n\n::: one\n1. 캡션이\n   이어진다.\n\n"
        "- 하나\n- 둘\n\n```python\na = 1\n\nb = {}\n```\n## 끝\n",
        encoding="utf-8",
    )
    told = tell(Chapter("wrong"), Language.KO)
    assert told.title == "제목"
    first, step, one, two, sample, heading = told.pieces
    assert isinstance(step, StepTold)
    assert first == Prose("paragraph", "첫 문단, 값 1,000.")
    assert step.code == 'yield Lines((Both("a line", "한 줄"),))\nreturn {"count": 1_000}'
    assert [picture.caption for picture in step.pictures] == ["캡션이 이어진다."]
    assert step.pictures[0].what[0].lines == ("한 줄",)
    assert (one, two) == (Prose("item", "하나", "-"), Prose("item", "둘", "-"))
    assert sample == Prose("sample", "a = 1\n\nb = {}")
    assert heading == Prose("heading", "끝")
