"""Chapters as documents: one as JSON, with the records that its steps showed; all of them as Markdown files."""

from __future__ import annotations

from quire.export.record_json import Format, to_text
from quire.model import articles
from quire.model.chapters import CHAPTERS, TITLE, tell
from quire.records.chapter import Both, ChapterTold, Language
from quire.report.chapter_markdown import chapter_markdown

CHAPTER_FORMAT = Format("quire.model", 1, ChapterTold, "quire model")
INDEX = "index.md"
DOCS_PYTHON = (3, 13)
"""The Python that docs/model is written with: some numbers and instructions differ between versions."""
_INDEX_TEXT = Both(
    "Each chapter is told by steps that run on the model, `src/quire/model`; here on Python {python}, and on another "
    "version some numbers differ. The same on your own terminal and Python:",
    "각 장은 모델(`src/quire/model`) 위에서 실제로 실행되는 단계로 이야기한다. 여기 적힌 것은 파이썬 {python}에서 "
    "실행한 결과이고, 다른 버전에서는 몇몇 수가 다르다. 터미널에서 자신의 파이썬으로 보려면:",
)
_CONTENTS = Both("all chapters", "모든 장")
_MEASURED = "quire.model.measured"
_STEPS = Both("The steps, to run and to change: {link}", "실행해 보고 고쳐 볼 단계들: {link}")


def to_json(told: ChapterTold) -> str:
    """The chapter as JSON text, with a line's end."""
    return to_text(told, CHAPTER_FORMAT, version=CHAPTER_FORMAT.version)


def documents() -> dict[str, str]:
    """All chapters in both languages, and the index: the files' places below ``docs/model``, and what is in them."""
    files = {INDEX: "\n".join(_index(language) for language in Language)}
    for language in Language:
        for place, chapter in enumerate(CHAPTERS):
            told = tell(chapter, language)
            files[f"{language}/{chapter.name}.md"] = chapter_markdown(told, place + 1, _links(place, language))
        claims, table = articles.tell_claims(language), articles.table(language)
        files[f"{language}/{claims.name}.md"] = chapter_markdown(claims, None, _foot(_MEASURED, [], language), table)
    return files


def _index(language: Language) -> str:
    command = "quire model pools" if language is Language.EN else "quire model pools --lang ko"
    text = _INDEX_TEXT.told_in(language).format(python=".".join(map(str, DOCS_PYTHON)))
    lines = [f"# {TITLE.told_in(language)}", "", text, "", f"    {command}", ""]
    lines += [
        f"{number}. [{chapter.title(language)}]({language}/{chapter.name}.md)"
        for number, chapter in enumerate(CHAPTERS, start=1)
    ]
    lines += ["", f"[{articles.TITLE.told_in(language)}]({language}/{articles.NAME}.md)"]
    return "\n".join(lines) + "\n"


def _links(place: int, language: Language) -> str:
    """To the steps; to the chapter before, to all of them, and to the next."""
    before, after = CHAPTERS[:place][-1:], CHAPTERS[place + 1 :][:1]
    links = [f"← [{chapter.title(language)}]({chapter.name}.md)" for chapter in before]
    links += [f"[{_CONTENTS.told_in(language)}](../{INDEX})"]
    links += [f"[{chapter.title(language)}]({chapter.name}.md) →" for chapter in after]
    return _foot(CHAPTERS[place].module, links, language)


def _foot(module: str, links: list[str], language: Language) -> str:
    file = module.replace(".", "/") + ".py"
    steps = _STEPS.told_in(language).format(link=f"[{file}](../../../src/{file})")
    return steps + "\n\n" + " · ".join(links or [f"[{_CONTENTS.told_in(language)}](../{INDEX})"])
