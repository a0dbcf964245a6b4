"""The articles' claims, each run on this Python."""

from __future__ import annotations

import dataclasses
import re

import pytest

from quire.errors import UnsupportedRuntime
from quire.model import measured
from quire.model.articles import CLAIMS, Claim, Finding, Verdict
from quire.model.geometry import ARTICLE

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
    assert (claim.source, claim.since) > ("", "")
    assert callable(getattr(measured, claim.measure))
    assert claim.article in (1, 2)


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
