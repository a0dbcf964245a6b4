"""A day's access logs: written, parsed by regular expressions, loaded into sqlite, joined, told as CSV and text."""

from __future__ import annotations

import csv
import datetime
import hashlib
import heapq
import itertools
import random
import re
import sqlite3
import statistics
import tempfile
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

LINES = 250_000
LINE = re.compile(
    r"(?P<host>\d+\.\d+\.\d+\.\d+) - (?P<user>\S+) \[(?P<time>[^\]]+)\] "
    r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/1\.1" (?P<status>\d{3}) (?P<size>\d+) "(?P<agent>[^"]*)"'
)
AGENTS = [f"Browser/{number}.0 (System {number % 7}; like {number % 3})" for number in range(40)]
Row = dict[str, str]


def write_log(path: Path) -> None:
    rng = random.Random(11)
    start = datetime.datetime(2024, 3, 1, tzinfo=datetime.UTC)
    with path.open("w") as file:
        for number in range(LINES):
            time = start + datetime.timedelta(seconds=number * 86_400 / LINES)
            host = f"10.{rng.getrandbits(2)}.{rng.getrandbits(6)}.{rng.getrandbits(8)}"
            page = f"/{'abcdef'[number % 6]}/{rng.getrandbits(9)}?session={rng.getrandbits(60):x}"
            status = 500 if rng.random() < 0.01 else 404 if rng.random() < 0.05 else 200
            file.write(
                f'{host} - user{rng.getrandbits(10)} [{time:%d/%b/%Y:%H:%M:%S}] "GET {page} HTTP/1.1" '
                f'{status} {rng.getrandbits(14)} "{AGENTS[number % 40]}"\n'
            )


def parse(path: Path) -> Iterator[Row]:
    with path.open() as file:
        for line in file:
            match = LINE.match(line)
            assert match is not None
            yield match.groupdict()


# --- tables --------------------------------------------------------------------------------------------------


def write_csv(rows: list[Row], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def load(database: sqlite3.Connection, rows: list[Row]) -> None:
    database.execute("create table visits (host, user, time, method, path, status integer, size integer, agent)")
    database.executemany(
        "insert into visits values (:host, :user, :time, :method, :path, cast(:status as integer), :size, :agent)", rows
    )
    database.execute("create index by_user on visits (user, status)")


class Spread:
    """An aggregate for sqlite, in Python."""

    def __init__(self) -> None:
        self.values: list[int] = []

    def step(self, value: int) -> None:
        self.values.append(value)

    def finalize(self) -> float:
        return round(statistics.pstdev(self.values), 3)


def ask(database: sqlite3.Connection) -> None:
    database.create_aggregate("spread", 1, Spread)  # type: ignore[arg-type]
    database.create_function("section", 1, lambda path: path.split("/")[1], deterministic=True)
    queries = [
        "select section(path), status, count(*), sum(size) from visits group by 1, 2 order by 1, 2",
        "select agent, spread(size) from visits group by agent order by 2 desc limit 5",
        "select a.user, count(distinct b.host) from visits a join visits b using (user) "
        "where a.status = 500 and b.status = 404 group by 1 order by 2 desc, 1 limit 5",
    ]
    for query in queries:
        for row in database.execute(query):
            print(*row)


# --- text ----------------------------------------------------------------------------------------------------


def sessions(rows: list[Row]) -> dict[str, list[Row]]:
    by_user: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_user[row["user"]].append(row)
    return by_user


def tell(by_user: dict[str, list[Row]]) -> str:
    """A letter to each user, wrapped."""
    letters = []
    for user, rows in sorted(by_user.items()):
        pages = Counter(re.sub(r"\?.*", "", row["path"]) for row in rows)
        best = heapq.nlargest(20, pages.items(), key=lambda pair: (pair[1], pair[0]))
        words = " ".join(f"{page} {count} times," for page, count in best)
        letters.append(textwrap.fill(f"Dear {user}, you have seen {words} and more.", 72))
    return "\n\n".join(letters)


def merge(rows: list[Row]) -> int:
    """Sort pieces apart and merge them, as a sort that does not fit in memory does."""
    pieces = [sorted(row["path"] + row["time"] for row in rows[first::10]) for first in range(10)]
    merged = heapq.merge(*pieces)
    return sum(1 for first, second in itertools.pairwise(merged) if first == second)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log, table = Path(folder, "access.log"), Path(folder, "access.csv")
        write_log(log)
        write_csv(list(parse(log)), table)
        print("csv", hashlib.sha256(table.read_bytes()).hexdigest()[:12])
        rows = read_csv(table)
        with sqlite3.connect(Path(folder, "access.db")) as database:
            load(database, rows)
            ask(database)
        database.close()
    print("letters", hashlib.sha256(tell(sessions(rows)).encode()).hexdigest()[:12])
    print("merged", merge(rows))


if __name__ == "__main__":
    main()
