"""Text and CSV: a log is written, read back by rows, cleaned with expressions and put together as a page.

text.py [ROUNDS]
"""

import csv
import hashlib
import html
import io
import random
import re
import sys

WORD = re.compile(r"[a-z]+(?:-[a-z]+)?")
ADDRESS = re.compile(r"(?P<user>[\w.]+)@(?P<host>[\w.]+)")


def main(rounds: int) -> None:
    digest = hashlib.sha256()
    for number in range(rounds):
        random.seed(number)
        rows = read(write(6000))
        digest.update(page(rows).encode())
        digest.update(repr(sorted(words(rows))[:100]).encode())
    print(digest.hexdigest())


def write(count: int) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["when", "who", "what", "bytes"])
    for index in range(count):
        who = f"user.{random.randrange(500)}@host{index % 17}.example.org"
        what = " ".join(random.choices(["sent", "re-read", "<moved>", "lost & found", "kept", "made, twice"], k=6))
        writer.writerow([f"2026-01-{index % 28 + 1:02}", who, what, random.randrange(10**6)])
    return file.getvalue()


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def page(rows: list[dict[str, str]]) -> str:
    lines = []
    for row in rows:
        cells = [html.escape(value) for value in row.values()]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join(lines).replace("<tr><td>2026-01-01", '<tr class="first"><td>2026-01-01')


def words(rows: list[dict[str, str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        match = ADDRESS.match(row["who"])
        for word in [*WORD.findall(row["what"]), match["user"].upper(), match["host"].title()]:
            counts[word] = counts.get(word, 0) + 1
    return counts


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
