"""A code object: what is known before it runs, then its instructions.

greet: variables name, words; words for values: 2; a call takes 104 bytes
  line  instruction   argument
  ────────────────────────────
  2     LOAD_CONST    'Hello'
        LOAD_FAST     name
"""

from __future__ import annotations

from collections.abc import Iterator

from quire.records.chapter import Both, Language, Rows
from quire.records.programs import CodeRecord
from quire.report.cells import wrapped
from quire.report.pictures.tables import draw_table

_HEAD = Both(
    "{name}: variables {variables}; words for values: {stack}; a call takes {size} bytes",
    "{name}: 변수 {variables}; 값 스택 {stack}워드; 호출마다 {size}바이트",
)
_NONE = Both("none", "없음")
_HEADER = (Both("line", "줄"), Both("instruction", "명령"), Both("argument", "인자"))


def draw_code(code: CodeRecord, language: Language, width: int) -> Iterator[str]:
    """The code object, and those inside of it below."""
    variables = ", ".join(code.variables) or _NONE.told_in(language)
    head = _HEAD.told_in(language)
    yield from wrapped(
        head.format(name=code.name, variables=variables, stack=code.stack_words, size=code.frame_bytes), width
    )
    rows = []
    line = None
    for each in code.instructions:
        rows.append(("" if each.line in (line, None) else f"{each.line}", each.name, each.argument))
        line = each.line
    yield from ("  " + text for text in draw_table(Rows(_HEADER, tuple(rows)), language, width - 2))
    for inner in code.inner:
        yield ""
        yield from draw_code(inner, language, width)
