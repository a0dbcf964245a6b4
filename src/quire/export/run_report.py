"""A ``RunReport`` as JSON, and back. The format is written down in docs/run-report.md.

The text has the records' own fields under their own names; tuples are lists, and enumerations are lower-case
names. Both directions follow the records' types, so a field is named in one place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from quire.errors import InvalidOption
from quire.export import RUN_REPORT_VERSION
from quire.records import RunReport

FORMAT = "quire.run"


def to_json(report: RunReport) -> str:
    """The report as JSON text, with a line's end."""
    document = {"format": FORMAT, **_encode(report)}
    return json.dumps(document, indent=1) + "\n"


def from_json(text: str) -> RunReport:
    """The report that ``to_json`` wrote.

    Raises:
        InvalidOption: the text is not such a report, is damaged, or comes from a newer quire.
    """
    document = _parse(text)
    if document.get("format") != FORMAT:
        raise InvalidOption("not a report of quire run; such a file comes from quire run --json FILE")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise InvalidOption("damaged: its version is no number; run the program again for another")
    if version > RUN_REPORT_VERSION:
        raise InvalidOption(
            f"written by a newer quire (format {version}, this one reads {RUN_REPORT_VERSION}); update quire"
        )
    try:
        report: RunReport = _decode(RunReport, document, "report")
    except ValueError as error:
        raise InvalidOption(f"damaged: {error}; run the program again for another") from None
    return report


def _parse(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidOption("not JSON; a report comes from quire run --json FILE") from None
    return document if isinstance(document, dict) else {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


# --- records to plain values and back -------------------------------------------------------------------------


def _encode(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value.name.lower() if isinstance(value, Enum) else value


def _decode(kind: Any, value: Any, where: str) -> Any:
    """The value as the type asks for it.

    Raises:
        ValueError: it is something else; ``where`` says which field.
    """
    if is_dataclass(kind):
        return _decode_record(kind, value, where)
    if get_origin(kind) is tuple:
        return _decode_tuple(get_args(kind)[0], value, where)
    if issubclass(kind, Enum):
        return _decode_name(kind, value, where)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} is not of type {kind.__name__}")
    return value


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
