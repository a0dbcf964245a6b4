"""JSON Schema of the documents that quire writes, made of the records' types as record_json.py writes them.

``docs/schema`` has them as files; ``docs/schema/write.py`` writes those.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from quire.export.answers import ANSWER_VERSION
from quire.export.heap_json import HEAP_FORMAT
from quire.export.record_json import Format
from quire.report.answers import (
    Cycles,
    Differences,
    Paths,
    Pins,
    References,
    Retained,
    Types,
    Waterfall,
)

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: Final = {int: "integer", float: "number", str: "string", bool: "boolean"}
_ANSWERS: Final = {
    "waterfall": Waterfall, "types": Types, "pins": Pins, "path": Paths, "referrers": References,
    "referents": References, "retained": Retained, "cycles": Cycles, "diff": Differences,
}  # fmt: skip
FORMATS: Final = {
    "heap": HEAP_FORMAT,
    **{name: Format(f"quire.{name}", ANSWER_VERSION, kind, f"quire {name}") for name, kind in _ANSWERS.items()},
}
"""By the names of their files."""


def schema_of(its_format: Format) -> dict[str, Any]:
    """The schema of one kind of document."""
    schema = _of_record(its_format.record)
    schema["properties"] |= {"format": {"const": its_format.name}, "version": {"const": its_format.version}}
    schema["required"] = sorted({*schema["required"], "format", "version"})
    return {"$schema": _DRAFT, "title": f"{its_format.name}, written by {its_format.command}", **schema}


def _of(kind: Any) -> dict[str, Any]:
    if get_origin(kind) is UnionType:  # of a type and None
        return {"anyOf": [_of(get_args(kind)[0]), {"type": "null"}]}
    if is_dataclass(kind):
        return _of_record(kind)
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _of(get_args(kind)[0])}
    return {"type": _PLAIN[kind]}


def _of_record(kind: Any) -> dict[str, Any]:
    types = get_type_hints(kind)
    return {
        "type": "object",
        "properties": {field.name: _of(types[field.name]) for field in fields(kind)},
        "required": [field.name for field in fields(kind) if not _may_be_missing(field)],
        "additionalProperties": False,
    }


def _may_be_missing(field: Any) -> bool:
    return bool(field.default == ())
