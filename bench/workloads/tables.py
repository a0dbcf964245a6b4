"""Dictionaries and sorting: words are counted, indexed, joined and sorted by several keys.

tables.py [ROUNDS]
"""

import collections
import hashlib
import itertools
import operator
import random
import sys

SYLLABLES = ["ka", "to", "mi", "ren", "sol", "va", "qui", "lor", "esh", "bo", "dun", "ti"]


def main(rounds: int) -> None:
    digest = hashlib.sha256()
    for number in range(rounds):
        random.seed(number)
        words = ["".join(random.choices(SYLLABLES, k=random.randint(2, 4))) for _ in range(25000)]
        digest.update(repr(frequent(words)).encode())
        digest.update(repr(neighbours(words)).encode())
        digest.update(repr(join(words)).encode())
    print(digest.hexdigest())


def frequent(words: list[str]) -> list[tuple[str, int]]:
    counts = collections.Counter(words)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:50]


def neighbours(words: list[str]) -> list[tuple[str, list[str]]]:
    """The words with the most different successors."""
    index: dict[str, set[str]] = collections.defaultdict(set)
    for word, following in itertools.pairwise(words):
        index[word].add(following)
    rows = [(word, sorted(found)) for word, found in index.items()]
    rows.sort(key=lambda row: (len(row[1]), row[0]), reverse=True)
    return rows[:20]


def join(words: list[str]) -> list[tuple]:
    """Two tables with a common column, joined and sorted."""
    left = [{"word": word, "place": place, "length": len(word)} for place, word in enumerate(words)]
    right = {word: {"hash": hashlib.md5(word.encode()).hexdigest(), "first": word[:2]} for word in set(words)}
    joined = [{**row, **right[row["word"]]} for row in left]
    joined.sort(key=operator.itemgetter("first", "hash", "place"))
    return [(first, len(list(rows))) for first, rows in itertools.groupby(joined, operator.itemgetter("first"))]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
