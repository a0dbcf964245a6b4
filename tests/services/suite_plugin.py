"""A plugin of pytest that has each process of the test run leave a line about itself in WORKERS, a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from memory import resident
from work import this_worker


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    rss_bytes, pss_bytes = resident(os.getpid())
    Path(os.environ["WORKERS"], str(os.getpid())).write_text(f"{this_worker()} {rss_bytes} {pss_bytes}")
