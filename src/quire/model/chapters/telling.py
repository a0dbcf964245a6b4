"""Telling a chapter: prose and steps in; paragraphs, code and what it showed out, in order.

    pools.en.md                                 pools.py
    A request of 42 bytes gets a block of       def one_request() -> Telling:
    {one_request.block_bytes}.                      ...
                                                    yield allocator.state()       shown, with caption 1
    ::: one_request    <- the step stands here      return {"block_bytes": 48}    what the prose may name
    1. After one request.    <- a caption
                        |                            |
                        +------------> tell <--------+
                                        |
                                        v
             Prose, StepTold, Prose, ...     and from pools.ko.md the same steps with the same values

The prose is Markdown of few forms: a title, headings, paragraphs, lists, and samples of code between fences. No number
that a step can compute is typed by hand: a value that a step returns stands in the prose as ``{step.value}``, with a
format where it needs one: ``{step.value:,}``.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module, resources
from itertools import groupby

from quire.model.errors import BrokenChapter
from quire.records.chapter import (
    Both,
    Cell,
    ChapterTold,
    Language,
    Lines,
    Picture,
    Prose,
    ProseKind,
    Record,
    Rows,
    Shown,
    StepTold,
)

Telling = Generator[Shown, None, dict[str, object]]
"""A step while it runs: it yields what it shows, and returns the values that the prose may name."""
Step = Callable[[], Telling]

_VALUE = re.compile(r"\{(\w+)\.(\w+)(?::([^{}]*))?\}")
_ITEM = re.compile(r"(-|\d+\.) +(.*)")
_STEP = re.compile(r"::: *(\w+) *")


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: what readers call it, and what its files are called if that differs."""

    name: str
    file: str = ""

    @property
    def module(self) -> str:
        """The full name of the module with its steps."""
        return f"{__package__}.{self.file or self.name}"

    def prose(self, language: Language) -> str:
        """Its text as it was written.

        Raises:
            BrokenChapter: it was not.
        """
        file = f"{self.file or self.name}.{language}.md"
        try:
            return resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
        except OSError:
            raise BrokenChapter(f"the chapter {self.name} has no {file}") from None

    def title(self, language: Language) -> str:
        """What its prose begins with."""
        return _title_and_rest(self, language)[0]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a step showed when it ran, in order, and its values."""

    shown: tuple[Shown, ...]
    values: dict[str, object]


def steps_of(chapter: Chapter) -> dict[str, Step]:
    """The chapter's steps by name, in the order in which they are written.

    Raises:
        BrokenChapter: nobody has written them.
    """
    try:
        module = import_module(chapter.module)
    except ModuleNotFoundError as error:
        if error.name != chapter.module:
            raise
        raise BrokenChapter(f"the chapter {chapter.name} has no steps") from None
    return {
        name: step
        for name, step in vars(module).items()
        if inspect.isgeneratorfunction(step) and step.__module__ == module.__name__ and not name.startswith("_")
    }


def run(step: Step) -> Ran:
    """Run a step to its end."""
    shown, telling = [], step()
    while True:
        try:
            shown.append(next(telling))
        except StopIteration as end:
            return Ran(tuple(shown), end.value)


def tell(chapter: Chapter, language: Language) -> ChapterTold:
    """The chapter in one language; its steps run when it is told for the first time.

    Raises:
        BrokenChapter: prose and steps do not fit together; the message says where.
    """
    title, rest = _title_and_rest(chapter, language)
    told = _Telling(chapter, language, steps_of(chapter), _ran(chapter))
    return ChapterTold(chapter.name, language, told.filled(title), tuple(told.pieces(rest)))


def code_of(step: Step) -> str:
    """The step's body as the reader sees it: without the lines of its signature and of its docstring."""
    _signature, _docstring, *body = textwrap.dedent(inspect.getsource(step)).splitlines()
    return textwrap.dedent("\n".join(body)).strip("\n")


# --- prose and steps together ---------------------------------------------------------------------------------


@cache
def _ran(chapter: Chapter) -> dict[str, Ran]:
    """What the steps showed: once for both languages."""
    return {name: run(step) for name, step in steps_of(chapter).items()}


@cache
def _title_and_rest(chapter: Chapter, language: Language) -> tuple[str, str]:
    first, _, rest = chapter.prose(language).partition("\n")
    if not first.startswith("# "):
        raise BrokenChapter(f"the chapter {chapter.name} ({language}) does not begin with a title")
    return first.removeprefix("# ").strip(), rest


class _Telling:
    """One chapter in one language, piece by piece."""

    def __init__(self, chapter: Chapter, language: Language, steps: dict[str, Step], ran: dict[str, Ran]) -> None:
        self._where = f"the chapter {chapter.name} ({language})"
        self._language = language
        self._steps = steps
        self._ran = ran

    def pieces(self, text: str) -> Iterator[Prose | StepTold]:
        """The text's pieces. A sample is one even where it has empty lines."""
        for place, part in enumerate(re.split(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)):
            if place % 2:
                yield Prose(ProseKind.SAMPLE, part.strip("\n"))
                continue
            for has_words, lines in groupby(part.splitlines(), key=lambda line: bool(line.strip())):
                if has_words:
                    yield from self._block(list(lines))

    def filled(self, text: str) -> str:
        """The text with the steps' values in it."""
        return _VALUE.sub(self._value, text)

    def _block(self, lines: list[str]) -> Iterator[Prose | StepTold]:
        """Lines between two empty ones."""
        step = _STEP.fullmatch(lines[0])
        if step:
            yield self._step(step[1], [self.filled(text) for _mark, text in _items(lines[1:])])
        elif lines[0].startswith("#"):
            yield Prose(ProseKind.HEADING, self.filled(" ".join(lines).lstrip("#").strip()))
        elif _ITEM.match(lines[0]):
            yield from (Prose(ProseKind.ITEM, self.filled(text), mark) for mark, text in _items(lines))
        else:
            yield Prose(ProseKind.PARAGRAPH, self.filled(" ".join(line.strip() for line in lines)))

    def _step(self, name: str, captions: list[str]) -> StepTold:
        if name not in self._steps:
            raise BrokenChapter(f"{self._where} tells {name}, which is no step of it")
        shown = self._ran[name].shown
        if len(captions) != len(shown):
            raise BrokenChapter(f"{self._where}: {name} shows {len(shown)} things and has {len(captions)} captions")
        pictures = (self._picture(*each) for each in zip(captions, shown, strict=True))
        return StepTold(name, code_of(self._steps[name]), tuple(pictures))

    def _picture(self, caption: str, shown: Shown) -> Picture:
        records = shown if isinstance(shown, tuple) else (shown,)
        kinds = tuple(type(each).__name__ for each in records)
        return Picture(caption, kinds, tuple(told_in(self._language, each) for each in records))

    def _value(self, found: re.Match[str]) -> str:
        step, name, form = found.groups()
        try:
            value = self._ran[step].values[name]
        except KeyError:
            raise BrokenChapter(f"{self._where} names {found[0]}, which no step returns") from None
        return format(value.told_in(self._language) if isinstance(value, Both) else value, form or "")


def _items(lines: list[str]) -> list[tuple[str, str]]:
    """A list's marks and texts; a line without a mark goes on with the item above."""
    items: list[tuple[str, str]] = []
    for line in lines:
        begun = _ITEM.match(line)
        if begun or not items:
            items.append((begun[1], begun[2]) if begun else ("", line.strip()))
        else:
            mark, text = items[-1]
            items[-1] = (mark, f"{text} {line.strip()}")
    return items


def told_in(language: Language, record: Record) -> Record:
    """What is shown, with every text in one language."""

    def told(cell: Cell) -> str | int:
        return cell.told_in(language) if isinstance(cell, Both) else cell

    match record:
        case Rows(header, rows):
            return Rows(tuple(map(told, header)), tuple(tuple(map(told, row)) for row in rows))
        case Lines(lines):
            return Lines(tuple(str(told(line)) for line in lines))
        case _:
            return record
