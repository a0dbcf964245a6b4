"""Rows of a database: SQLite in memory is filled, asked and changed; its rows become objects.

rows.py [ROUNDS]
"""

import random
import sqlite3
import sys
from typing import NamedTuple


class Reading(NamedTuple):
    station: str
    hour: int
    celsius: float
    remark: str | None


def main(rounds: int) -> None:
    random.seed(1)
    database = sqlite3.connect(":memory:")
    database.execute("create table readings (station text, hour integer, celsius real, remark text)")
    database.execute("create index by_station on readings (station, hour)")
    total = 0.0
    for number in range(rounds):
        database.executemany("insert into readings values (?, ?, ?, ?)", (make(number, hour) for hour in range(5000)))
        readings = [Reading(*row) for row in database.execute("select * from readings order by celsius, station, hour")]
        total += sum(reading.celsius for reading in readings if reading.remark)
        by_station: dict[str, list[Reading]] = {}
        for reading in readings:
            by_station.setdefault(reading.station, []).append(reading)
        total += sum(max(found, key=lambda reading: reading.celsius).hour for found in by_station.values())
        database.execute("delete from readings where hour % 3 = ?", (number % 3,))
    database.row_factory = sqlite3.Row
    rows = database.execute("select station, avg(celsius) as mean from readings group by station").fetchall()
    print(round(total, 3), len(rows), round(sum(row["mean"] for row in rows), 6))


def make(number: int, hour: int) -> Reading:
    remark = "checked by hand" if random.random() < 0.2 else None
    return Reading(f"station {random.randrange(200)}", number * 5000 + hour, random.gauss(10, 8), remark)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
