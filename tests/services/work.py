"""The work that each service does: an answer depends on its number alone, whichever process gives it.

One answer in a hundred makes many objects for a moment, as one request in many does in real services.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import pickle
import random
import re
import sqlite3
from collections import deque
from functools import cache

ANSWERS = 400
"""How many different ones there are."""
BUSY = range(ANSWERS, ANSWERS + 4)
"""Beside them, those that make a real peak."""


def answer(number: int) -> str:
    """A text of some thousand characters."""
    rng = random.Random(number)
    if number in BUSY:
        return _busy(number, rng)
    if number % 100 == 99:
        return _peak(number)
    return (_document, _rows, _table, _words, _objects)[number % 5](rng)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def worker(pid: int) -> str:
    """Which process this is, and how much is live in quire's heap in it; 0 where quire does not serve it."""
    import quire

    return f"{pid} {quire.stats().live_bytes if quire.installed() else 0}"


def this_worker() -> str:
    return worker(os.getpid())


# --- the kinds of work ---------------------------------------------------------------------------------------


def _peak(number: int) -> str:
    """About 8 MB."""
    table = {f"{number}-{each}": [each, str(each)] for each in range(30_000)}
    return digest("".join(table))


def _busy(number: int, rng: random.Random) -> str:
    """About 60 MB. One row in a hundred stays until later ones take its place, as in a cache."""
    rows = [(number, f"{number}-{each}", [each]) for each in range(240_000)]
    _recent.extend(rng.sample(rows, 2_400))
    return digest("".join(row[1] for row in rows))


_recent: deque[tuple[int, str, list[int]]] = deque(maxlen=12_000)


def _document(rng: random.Random) -> str:
    document = {f"key {each}": {"price": rng.random(), "tags": ["a", "b"] * rng.randint(0, 5)} for each in range(80)}
    return json.dumps(json.loads(json.dumps(document, indent=1)), sort_keys=True)


def _rows(rng: random.Random) -> str:
    database = sqlite3.connect(":memory:")
    database.execute("create table items (number integer primary key, name text, price real)")
    rows = [(number, f"item {rng.randint(0, 99)}", rng.random()) for number in range(250)]
    database.executemany("insert into items values (?, ?, ?)", rows)
    found = database.execute("select name, count(*), sum(price) from items group by name order by name").fetchall()
    database.close()
    return repr(found)


def _table(rng: random.Random) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([each, rng.random(), f"text, {each}"] for each in range(300))
    return "\n".join(row[2] for row in csv.reader(io.StringIO(written.getvalue())))


def _words(rng: random.Random) -> str:
    text = " ".join(str(rng.randint(0, 10**6)) for _ in range(1_000))
    return re.sub(r"\d(\d+)", lambda match: match[1][::-1], text)


def _objects(rng: random.Random) -> str:
    tree = {each: [(each, str(each)), {rng.randint(0, each + 1)}] for each in range(300)}
    return repr(sorted(map(str, pickle.loads(pickle.dumps(tree)).values())))
