"""The articles' claims, each run on this Python."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap

import pytest
from rich.cells import cell_len

from quire.errors import UnsupportedRuntime
from quire.model import articles, measured
from quire.model.articles import CLAIMS, Claim, Finding, Verdict, table, tell_claims
from quire.model.geometry import ARTICLE
from quire.records.chapter import Language, Prose, ProseKind, Rows, StepTold
from quire.report.chapter_view import draw_chapter
from quire.report.plain import Style

every_claim = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)


@every_claim
def test_cpython_does_what_the_table_says(claim: Claim) -> None:
    """Every value that the claim's program finds is the one that the table tells."""
    try:
        seen = claim.see()
    except UnsupportedRuntime as reason:
        pytest.skip(str(reason))
    assert [(s.finding.label.en, s.value) for s in seen] == [(s.finding.label.en, s.finding.expected) for s in seen]


@every_claim
def test_every_line_is_whole_in_both_languages(claim: Claim) -> None:
    """No text is missing, and the Korean one is Korean; there is a source, and a program that has answers."""
    texts = [claim.says, claim.does]
    assert all(text.en and re.search("[가-힣]", text.ko) for text in texts)
    assert all(finding.label.en and finding.label.ko for finding in claim.findings)
    assert claim.findings
    since = claim.since if isinstance(claim.since, str) else claim.since.en
    assert (claim.source, since) > ("", "")
    assert isinstance(claim.since, str) is (re.search("[a-z]{3}", since) is None)
    assert callable(getattr(measured, claim.measure))
    assert claim.article in (1, 2)


@pytest.mark.parametrize("language", Language)
def test_the_table_is_told_with_what_was_found(language: Language) -> None:
    """Each claim has its heading, its answer, the program that shows it, and the values it has just found; the table in
    the documents has the same lines."""
    told = tell_claims(language)
    headings = [piece.text for piece in told.pieces if isinstance(piece, Prose) and piece.kind is ProseKind.HEADING]
    assert [text.partition(": ")[2] for text in headings] == [claim.says.told_in(language) for claim in CLAIMS]
    shown = [piece for piece in told.pieces if isinstance(piece, StepTold)]
    for claim, step in zip(CLAIMS, shown, strict=True):
        assert step.code in textwrap.dedent(inspect.getsource(getattr(measured, claim.measure)).partition("\n")[2])
        (found,) = step.pictures[0].what
        assert isinstance(found, Rows)
        assert [row[1] for row in found.rows] == [row[2] for row in found.rows]
        assert len(found.rows) == len(claim.findings)
    assert [row[1] for row in table(language).rows] == [claim.says.told_in(language) for claim in CLAIMS]
    for width in (20, 80):
        assert max(map(cell_len, draw_chapter(told, "", [], Style(width)).splitlines())) <= width


def test_what_cannot_be_seen_on_a_python_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of the program, with the reason."""

    def refuse(*_: object) -> None:
        raise UnsupportedRuntime("no pymalloc here")

    monkeypatch.setattr(articles, "in_fresh_python", refuse)
    told = tell_claims(Language.EN)
    assert not [piece for piece in told.pieces if isinstance(piece, StepTold)]
    assert sum("no pymalloc here" in piece.text for piece in told.pieces) == len(CLAIMS)


def test_keys_are_unique() -> None:
    """A claim is named by its key."""
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS)


def test_the_four_open_questions_are_answered() -> None:
    """Each question of the first article has its line."""
    questions = [claim for claim in CLAIMS if claim.verdict is Verdict.ASKED]
    assert len(questions) == 4
    assert all(claim.says.en.endswith("?") for claim in questions)


def test_a_value_that_is_not_as_told_is_seen() -> None:
    """A table that told the articles' 8 bytes of today's CPython would be found out: 33 bytes get no block of 40."""
    claim = next(claim for claim in CLAIMS if claim.key == "forty-two")
    once = dataclasses.replace(claim, findings=(claim.findings[0], Finding(claim.findings[1].label, 40)))
    try:
        assert [seen.agrees for seen in once.see()] == [True, False]
    except UnsupportedRuntime as reason:
        pytest.skip(str(reason))


def test_what_held_once_holds_of_the_articles_geometry() -> None:
    """The model with the articles' sizes is what the claims that were once true describe."""
    assert (ARTICLE.classes, ARTICLE.alignment_bytes) == (64, 8)
    assert (ARTICLE.pool_bytes, ARTICLE.arena_bytes) == (4096, 256 * 1024)
    assert ARTICLE.block_bytes(ARTICLE.size_class(42)) == 48
    assert ARTICLE.block_bytes(ARTICLE.size_class(33)) == 40
