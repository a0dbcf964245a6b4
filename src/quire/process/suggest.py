"""What somebody may have meant by a name that is unknown."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

_CLOSE: Final = 0.65
"""How alike two names must be, by difflib's measure, for one to be meant by the other: ``rnu`` for ``run`` is."""


def did_you_mean(wrong: str, names: Iterable[str], start: str = "") -> str:
    """The end of a sentence about an unknown name: a known one that is close, or all of them.

    All names begin with ``start``, which brings none of them closer.
    """
    from difflib import get_close_matches  # takes longer than all that `quire run` reads beside

    names = list(names)
    rest = [name.removeprefix(start) for name in names]
    nearest = get_close_matches(wrong.removeprefix(start), rest, n=1, cutoff=_CLOSE)
    return f"; did you mean {start}{nearest[0]}?" if nearest else f"; there are {', '.join(names)}"
