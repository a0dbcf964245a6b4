"""How far a command is, on standard error if that is a terminal that can take a line back; nothing otherwise.

It is drawn before a step and not during it, so that it takes no time from what is measured.
"""

from __future__ import annotations

import time
from typing import Self

from rich import progress
from rich.console import Console

from quire.report.units import seconds


class Progress:
    """A line that goes when it is stopped."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = progress.Progress(
            progress.BarColumn(bar_width=24),
            progress.TextColumn("{task.description}"),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal or console.is_dumb_terminal,
        )
        self._task = self._bar.add_task("", total=None)
        self._planned = self._done = 0
        self._started = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._bar.stop()

    def plan(self, pairs: int) -> None:
        """From here on it is known how much there is to do."""
        self._planned = pairs
        self._started = time.monotonic()
        self._bar.update(self._task, total=pairs)

    def advance(self) -> None:
        """One more pair is done."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)

    def say(self, line: str) -> None:
        """A line that stays, also where standard error is no terminal."""
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def tell(self, text: str) -> None:
        """Say what runs now."""
        self._bar.update(self._task, description=text + self._left(), refresh=True)

    def _left(self) -> str:
        if not self._done:
            return ""
        each = (time.monotonic() - self._started) / self._done
        return f"; about {seconds(each * (self._planned - self._done))} left"
