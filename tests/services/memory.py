"""How much memory a process holds, as the kernel says."""

from __future__ import annotations

import re
from pathlib import Path


def resident(pid: int) -> tuple[int, int]:
    """Its resident bytes, and the same with what processes share counted in proportion."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = {name: int(kib) * 1024 for name, kib in re.findall(r"^(Rss|Pss): +(\d+) kB", text, re.MULTILINE)}
    return fields["Rss"], fields["Pss"]


def children(pid: int) -> list[int]:
    """The processes it has started and that live, and theirs."""
    own = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*own, *(grandchild for child in own for grandchild in children(child))]
