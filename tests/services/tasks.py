"""The tasks that Celery runs. BROKER is the socket of a redis-server."""

from __future__ import annotations

import os

import work
from celery import Celery

app = Celery("tasks", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.broker_connection_retry_on_startup = True


@app.task
def answer(number: int) -> list[str]:
    """The answer's digest, and who gave it."""
    return [work.digest(work.answer(number)), work.this_worker()]
