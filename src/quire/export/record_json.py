"""A record as a JSON document, and back.

The text has the record's own fields under their own names; tuples are lists, enumerations are lower-case names, and
a mapping whose keys are no text is a list of pairs. Both directions follow the record's types, so a field is named in
one place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from quire.errors import InvalidOption

_NUMBER_MAX = 2**64


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of document: what it calls itself, which record it is, and which command writes it."""

    name: str
    version: int
    record: type
    command: str


def to_text(record: Any, its_format: Format, **more: Any) -> str:
    """The record as JSON text, with a line's end; ``more`` are records or plain values that stand beside its fields."""
    document = {"format": its_format.name, **_encode(record), **_encode(more)}
    return json.dumps(document, indent=1) + "\n"


def from_text(text: str, *formats: Format) -> Any:
    """The record that ``to_text`` wrote in one of the formats.

    Raises:
        InvalidOption: the text is not such a document, is damaged, or comes from a newer quire.
    """
    document = _parse(text, formats)
    found = next((each for each in formats if each.name == document.get("format")), None)
    if found is None:
        raise InvalidOption(
            f"not a report of {_commands(formats)}; such a file comes from {_commands(formats)} --json FILE"
        )
    _check_version(document, found)
    try:
        return _decode(found.record, document, "report")
    except ValueError as error:
        raise InvalidOption(f"damaged: {error}; run the program again for another") from None


def _commands(formats: tuple[Format, ...]) -> str:
    return " or ".join(each.command for each in formats)


def _check_version(document: dict[str, Any], its_format: Format) -> None:
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise InvalidOption("damaged: its version is no number; run the program again for another")
    if version > its_format.version:
        raise InvalidOption(
            f"written by a newer quire (format {version}, this one reads {its_format.version}); update quire"
        )


def _parse(text: str, formats: tuple[Format, ...]) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidOption(f"not JSON; a report comes from {_commands(formats)} --json FILE") from None
    return document if isinstance(document, dict) else {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


# --- records to plain values and back -------------------------------------------------------------------------


def _encode(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            return [[_encode(key), _encode(item)] for key, item in value.items()]
        return {name: _encode(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value.name.lower() if isinstance(value, Enum) else value


def _decode(kind: Any, value: Any, where: str) -> Any:
    """The value as the type asks for it.

    Raises:
        ValueError: it is something else; ``where`` says which field.
    """
    if get_origin(kind) is UnionType:  # of a type and None
        return None if value is None else _decode(get_args(kind)[0], value, where)
    if is_dataclass(kind):
        return _decode_record(kind, value, where)
    if get_origin(kind) is tuple:
        return _decode_tuple(get_args(kind)[0], value, where)
    if issubclass(kind, Enum):
        return _decode_name(kind, value, where)
    if type(value) is not kind and (kind, type(value)) != (float, int):
        raise ValueError(f"{where} is not of type {kind.__name__}")
    return _number(kind, value, where) if kind in (int, float) else value


def _number(kind: type, value: Any, where: str) -> Any:
    """Sizes, counts and times: none is below 0, nor anywhere near the limit."""
    if not 0 <= value <= _NUMBER_MAX:
        raise ValueError(f"{where} is {'below 0' if value < 0 else 'too large'}")
    return kind(value)


def _decode_record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} is not an object")
    types = get_type_hints(kind)
    there = [field for field in fields(kind) if field.name in value]
    missing = [field.name for field in fields(kind) if field not in there and field.default is MISSING]
    if missing:
        raise ValueError(f"{where} has no {missing[0]}")
    return kind(**{f.name: _decode(types[f.name], value[f.name], f"{where}.{f.name}") for f in there})


def _decode_tuple(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} is not a list")
    return tuple(_decode(kind, item, f"{where}[{index}]") for index, item in enumerate(value))


def _decode_name(kind: type[Enum], value: Any, where: str) -> Enum:
    for member in kind:
        if value == member.name.lower():
            return member
    raise ValueError(f"{where} is not one of {', '.join(member.name.lower() for member in kind)}")
