"""The chapters: Python's memory told once, in two languages, by steps that run on the model.

    NAME.py      the steps of a chapter: plain functions on ``quire.model``; what they yield is shown below their code
    NAME.en.md   its prose, English
    NAME.ko.md   its prose, Korean
    telling      what a chapter is, what may be shown, and ``tell``, which puts the three together

The order is the articles': from the empty book to what quire does.
"""

from quire.model.chapters.telling import Chapter, tell
from quire.records.chapter import Both

TITLE = Both("Python's memory, told by a model", "모델로 읽는 파이썬의 메모리")
CHAPTERS = (
    Chapter("book"),
    Chapter("hardware"),
    Chapter("objects"),
    Chapter("lock"),
    Chapter("counting"),
    Chapter("cycles"),
    Chapter("stack"),
    Chapter("pools"),
    Chapter("return", file="going_back"),
    Chapter("quire", file="what_quire_does"),
)

__all__ = ["CHAPTERS", "TITLE", "Chapter", "tell"]
