"""Write docs/schema: JSON Schemas of what ``quire export --to json`` and the ``--json`` of a snapshot's commands write.

python docs/schema/write.py
"""

from __future__ import annotations

import json
from pathlib import Path

from quire.export.json_schema import FORMATS, schema_of

FOLDER = Path(__file__).parent


def main() -> None:
    for name, its_format in FORMATS.items():
        (FOLDER / f"{name}.json").write_text(text_of(schema_of(its_format)), encoding="utf-8")


def text_of(schema: dict[str, object]) -> str:
    return json.dumps(schema, indent=1) + "\n"


if __name__ == "__main__":
    main()
