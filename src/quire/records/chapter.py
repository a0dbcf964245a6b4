"""A chapter of the model, as it is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from quire.records.heap import Arena, HeapState, Pool
from quire.records.machine import PageTable, Turns
from quire.records.objects import CacheRecord, Collection, ObjectEvent, ObjectRecord, UsedBlock
from quire.records.programs import CodeRecord, FrameRecord, NameRecord, ProgramState, PycRecord
from quire.records.statistics import HeapStatistics


class Language(StrEnum):
    """What chapters are told in."""

    EN = "en"
    KO = "ko"


@dataclass(frozen=True, slots=True)
class Both:
    """One text in both languages."""

    en: str
    ko: str

    def told_in(self, language: Language) -> str:
        return self.en if language is Language.EN else self.ko


Cell = str | int | Both


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: numbers stand to the right, words to the left."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Text as it is, line by line."""

    lines: tuple[str | Both, ...]


Record = (
    HeapState
    | Arena
    | Pool
    | HeapStatistics
    | UsedBlock
    | ObjectRecord
    | ObjectEvent
    | CacheRecord
    | Collection
    | CodeRecord
    | PycRecord
    | NameRecord
    | FrameRecord
    | ProgramState
    | PageTable
    | Turns
    | Rows
    | Lines
)


Shown = Record | tuple[Record, ...]
"""What a step shows: a record, or several that belong into one picture, such as objects that refer to each other."""


class ProseKind(StrEnum):
    """SAMPLE is code to read that is not run here."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Prose:
    """A piece of a chapter's text: Markdown within the line, values filled in."""

    kind: ProseKind
    text: str
    mark: str = ""
    """Of an item: ``-`` or its number."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Something that a step shows, and what the chapter says of it."""

    caption: str
    kinds: tuple[str, ...]
    """What each of the records is, by its class's name."""
    what: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class StepTold:
    """A step of a chapter: its code as the reader sees it, and what it showed when it ran."""

    name: str
    code: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class ChapterTold:
    """A chapter in one language."""

    name: str
    language: Language
    title: str
    pieces: tuple[Prose | StepTold, ...]
