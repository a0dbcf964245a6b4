"""``quire model``: what may be asked for, and what is printed."""

from __future__ import annotations

import pytest

from quire.cli import main, model
from quire.export.terminal import is_c_locale
from quire.records.chapter import Language


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main.main(["model", *arguments]) == 0
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that is printed where arguments are refused."""
    assert main.main(["model", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_without_a_chapter_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, with number, name and title, in either language."""
    english, korean = output(capsys, "--lang", "en"), output(capsys, "--lang=ko")
    for listed in (english, korean):
        for number, chapter in enumerate(model.CHAPTERS, start=1):
            assert sum(line.split()[:2] == [str(number), chapter.name] for line in listed.splitlines()) == 1
    assert english != korean


def test_what_to_type_next_is_in_the_same_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked for a language that is not the locale's is told to ask for it again."""
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    listed = output(capsys, "--lang", "ko")
    assert "quire model book --lang ko\n" in listed
    assert "quire model articles --lang ko\n" in listed
    assert "(quire model hardware --lang ko)" in output(capsys, "book", "--lang", "ko")
    assert "quire model book\n" in output(capsys, "--lang", "en")


@pytest.mark.parametrize("word", ["book", "1", "BOOK"])
def test_a_chapter_is_told_by_its_name_or_number(capsys: pytest.CaptureFixture[str], word: str) -> None:
    """A pipe gets plain text, 80 cells wide, and no colours."""
    told = output(capsys, word, "--lang", "en")
    assert told.splitlines()[0].endswith("1/10")
    assert "quire.model.chapters.book" in told
    assert "\x1b" not in told


def test_json_is_printed_instead(capsys: pytest.CaptureFixture[str]) -> None:
    """The document and nothing else."""
    import json

    document = json.loads(output(capsys, "book", "--json", "--lang", "ko"))
    assert (document["format"], document["name"], document["language"]) == ("quire.model", "book", "ko")


def test_the_articles_are_told_as_a_chapter(capsys: pytest.CaptureFixture[str]) -> None:
    """On the terminal and as JSON; the list of chapters names the command."""
    import json

    assert "quire model articles" in output(capsys, "--lang", "en")
    told = output(capsys, "articles", "--lang", "ko")
    assert told.startswith("두 글이 말하는 것과 CPython이 하는 것\n")
    assert "505-51251263" in told
    document = json.loads(output(capsys, "Articles", "--json", "--lang", "en"))
    assert (document["format"], document["name"]) == ("quire.model", "articles")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["pol"], "quire: there is no chapter pol; did you mean pools?\n"),
        (["0"], "quire: there is no chapter 0; there are book, hardware,"),
        (["11"], "quire: there is no chapter 11; there are book, hardware,"),
        (["book", "pools"], "quire: quire model tells one chapter at a time, not book and pools\n"),
        (["book", "--lang", "de"], "quire: --lang takes en or ko, not de\n"),
        (["book", "--lang"], "quire: --lang takes en or ko, not nothing\n"),
        (["--lnag=ko"], "quire: quire model takes no --lnag=ko; did you mean --lang?\n"),
        (["--json"], "quire: --json tells one chapter; name it: book, hardware,"),
    ],
)
def test_what_cannot_be_told_is_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    """The line says what to write instead; the exit code is 2."""
    assert refusal(capsys, *arguments).startswith(line)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "ko_KR.UTF-8"}, Language.KO),
        ({"LANG": "en_GB.UTF-8"}, Language.EN),
        ({"LANG": "de_DE.UTF-8"}, Language.EN),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, Language.EN),
        ({"LANG": "C", "LC_MESSAGES": "ko_KR.UTF-8"}, Language.KO),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "ko"}, Language.KO),
        ({"LANG": "Korean_Korea.949"}, Language.KO),
        ({"LANG": "kok_IN.UTF-8"}, Language.EN),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "ko"}, Language.KO),
        ({"LANG": "ko_KR.UTF-8", "LANGUAGE": "fr:en_US:ko"}, Language.EN),
        ({"LANG": "ko_KR.UTF-8", "LANGUAGE": "fr"}, Language.KO),
        ({"LANG": "C", "LANGUAGE": "ko"}, Language.EN),
    ],
)
def test_the_locale_says_the_language(environment: dict[str, str], language: Language) -> None:
    """As for any program's messages: LC_ALL before LC_MESSAGES before LANG, and LANGUAGE before them but in C."""
    assert model.language_of(environment) is language


@pytest.mark.parametrize(
    ("environment", "is_c"),
    [
        ({}, False),
        ({"LC_ALL": "C"}, True),
        ({"LC_ALL": "", "LANG": "POSIX"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({"LC_CTYPE": "C", "LANG": "ko_KR.UTF-8"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({"LANG": "ko_KR.UTF-8"}, False),
    ],
)
def test_the_c_locale_is_the_one_that_was_asked_for(environment: dict[str, str], is_c: bool) -> None:
    """Not the one that nobody has set, and not hidden by what Python makes of it."""
    assert is_c_locale(environment) is is_c


def test_in_the_c_locale_pictures_are_ascii(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line of every English chapter, but for the words of other languages that it quotes."""
    monkeypatch.setenv("LC_ALL", "C")
    for chapter in model.CHAPTERS:
        told = output(capsys, chapter.name, "--lang", "en")
        assert {letter for letter in told if not letter.isascii()} <= set("등대"), chapter.name


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """And the list of commands names this one."""
    told = output(capsys, "--help")
    assert all(option in told for option in ("--lang", "--json", "CHAPTER"))
    assert "quire model" in main.HELP
