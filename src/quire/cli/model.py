"""``quire model``: Python's memory told in chapters, by steps that run on the model."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from quire.cli.screen import style, write
from quire.errors import InvalidOption
from quire.export.chapter import to_json
from quire.model.articles import NAME as ARTICLES
from quire.model.articles import tell_claims
from quire.model.chapters import CHAPTERS, TITLE, Chapter, tell
from quire.process.suggest import did_you_mean
from quire.records.chapter import Both, ChapterTold, Language
from quire.report.chapter_view import draw_chapter, draw_list

HELP = """\
quire model [CHAPTER | articles] [--lang en|ko] [--json]

Tells how Python manages memory, chapter by chapter: each is told by steps that
run on a model of it, in plain Python, and draws what they show. Without a
chapter: which there are. A chapter is named by its name or its number.
"articles" tells what the two articles behind the chapters say and what CPython
does, and runs what shows it.

  --lang en|ko          in English or in Korean; by default as the locale says
  --json                the chapter as JSON, with the records its steps show
  --help                this text
"""

_WIDTH_MAX = 120
_LANGUAGES = {"ko": Language.KO, "korean": Language.KO, "en": Language.EN, "english": Language.EN}
_TO_READ = Both("To read one: quire model {again}", "읽으려면: quire model {again}")
_CLAIMS = Both(
    "What the articles behind it say, and what CPython does: quire model {again}",
    "바탕이 된 두 글이 말하는 것과 CPython이 하는 것: quire model {again}",
)
_CHANGE = Both(
    "The steps are functions of {module}: change a line, and see what becomes of it. They stand in {file}",
    "단계는 {module}의 함수다. 한 줄을 바꾸고 무엇이 달라지는지 보자. 파일: {file}",
)
_NEXT = Both("Next: {title} (quire model {again})", "다음 장: {title} (quire model {again})")


@dataclass(frozen=True, slots=True)
class _Asked:
    chapter: Chapter | str | None
    language: Language
    wants_json: bool


def run(arguments: list[str]) -> int:
    """Tell a chapter, or which there are; returns the exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(HELP, end="")
        return 0
    asked = _parse(arguments, os.environ)
    if asked.chapter is None:
        _show_list(asked.language)
    elif asked.wants_json:
        write(to_json(_told(asked.chapter, asked.language)))
    else:
        _show(asked.chapter, asked.language)
    return 0


def _told(chapter: Chapter | str, language: Language) -> ChapterTold:
    return tell(chapter, language) if isinstance(chapter, Chapter) else tell_claims(language)


# --- what is asked for ------------------------------------------------------------------------------------------


def _parse(arguments: list[str], environment: Mapping[str, str]) -> _Asked:
    words: list[str] = []
    language: Language | None = None
    wants_json = False
    left = iter(arguments)
    for argument in left:
        name, has_value, value = argument.partition("=")
        if name == "--lang":
            language = _language(value if has_value else next(left, ""))
        elif argument == "--json":
            wants_json = True
        elif argument.startswith("-"):
            raise InvalidOption(f"quire model takes no {argument}{did_you_mean(name, ('--lang', '--json'))}")
        else:
            words.append(argument)
    if len(words) > 1:
        raise InvalidOption(f"quire model tells one chapter at a time, not {' and '.join(words)}")
    if wants_json and not words:
        raise InvalidOption(f"--json tells one chapter; name it: {', '.join(each.name for each in CHAPTERS)}")
    return _Asked(_chapter(words[0]) if words else None, language or language_of(environment), wants_json)


def _language(name: str) -> Language:
    try:
        return Language(name)
    except ValueError:
        raise InvalidOption(f"--lang takes {' or '.join(Language)}, not {name or 'nothing'}") from None


def language_of(environment: Mapping[str, str]) -> Language:
    """The language of messages that the environment names: the first of ``LANGUAGE`` that is one of ours, unless the
    locale is C; else the locale's. English where that is none of ours."""
    names = [environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)]
    its_locale = names[0] if names else locale.getlocale()[0] or ""
    wanted = [] if its_locale in ("C", "POSIX") else environment.get("LANGUAGE", "").split(":")
    known = (_LANGUAGES.get(name.lower().partition("_")[0].partition(".")[0]) for name in (*wanted, its_locale))
    return next(filter(None, known), Language.EN)


def _chapter(word: str) -> Chapter | str:
    if word.lower() == ARTICLES:
        return ARTICLES
    names = [chapter.name for chapter in CHAPTERS]
    if word.isascii() and word.isdigit() and len(word) < 4 and 1 <= int(word) <= len(CHAPTERS):
        return CHAPTERS[int(word) - 1]
    if word.lower() not in names:
        hint = did_you_mean(word.lower(), (*names, ARTICLES)) or f"; there are {', '.join(names)}"
        raise InvalidOption(f"there is no chapter {word}{hint}")
    return CHAPTERS[names.index(word.lower())]


# --- showing it -------------------------------------------------------------------------------------------------


def _show_list(language: Language) -> None:
    rows = [(chapter.name, chapter.title(language)) for chapter in CHAPTERS]
    feet = [
        _TO_READ.told_in(language).format(again=_again(CHAPTERS[0].name, language)),
        _CLAIMS.told_in(language).format(again=_again(ARTICLES, language)),
    ]
    write(draw_list(rows, TITLE.told_in(language), feet, language, style(_WIDTH_MAX)))


def _show(chapter: Chapter | str, language: Language) -> None:
    told = _told(chapter, language)
    head, feet = _around(chapter, language) if isinstance(chapter, Chapter) else ("", [])
    write(draw_chapter(told, head, feet, style(_WIDTH_MAX)))


def _around(chapter: Chapter, language: Language) -> tuple[str, list[str]]:
    """A chapter's number, and what stands below it."""
    file = sys.modules[chapter.module].__file__
    feet = [_CHANGE.told_in(language).format(module=chapter.module, file=file)]
    for after in CHAPTERS[CHAPTERS.index(chapter) + 1 :][:1]:
        feet.append(_NEXT.told_in(language).format(title=after.title(language), again=_again(after.name, language)))
    return f"{CHAPTERS.index(chapter) + 1}/{len(CHAPTERS)}", feet


def _again(name: str, language: Language) -> str:
    """What to type for this chapter in the same language."""
    return name if language is language_of(os.environ) else f"{name} --lang {language}"
