"""Answers of a snapshot for other programs: JSON with all of it, CSV with its rows. One way for all of them."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import get_args, get_type_hints

from quire.export.record_json import Format, to_text
from quire.report.answer_views import Answer

ANSWER_VERSION = 1


def answer_json(answer: Answer, command: str) -> str:
    """The record, under the format's name ``quire.COMMAND``."""
    its_format = Format(f"quire.{command}", ANSWER_VERSION, type(answer), f"quire {command}")
    return to_text(answer, its_format, version=its_format.version)


def answer_csv(answer: Answer) -> str:
    """The record's rows, with the names of their fields above; several values in a field are parted by blanks."""
    row_type = get_args(get_type_hints(type(answer))["rows"])[0]
    names = [field.name for field in fields(row_type)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in answer.rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, tuple) else value
