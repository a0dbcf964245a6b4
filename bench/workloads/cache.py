"""A cache with survivors: answers of all sizes are kept by use and dropped by age, as a service does for days.

cache.py [ROUNDS]
"""

import collections
import random
import sys


class Answer:
    def __init__(self, key: int, body: bytes) -> None:
        self.key = key
        self.body = body
        self.headers = {"length": len(body), "etag": f"{key:08x}", "hits": 0}


class Cache:
    """The most recently used answers, and for good one in fifty."""

    def __init__(self, count_max: int) -> None:
        self.count_max = count_max
        self.recent: collections.OrderedDict[int, Answer] = collections.OrderedDict()
        self.kept: dict[int, Answer] = {}

    def get(self, key: int) -> Answer:
        answer = self.recent.pop(key, None)
        if answer is None:
            answer = Answer(key, bytes(random.choice((40, 200, 600, 900, 3000, 12000)) + key % 97))
            if key % 50 == 0:
                self.kept[key] = answer
        answer.headers["hits"] += 1
        self.recent[key] = answer
        if len(self.recent) > self.count_max:
            self.recent.popitem(last=False)
        return answer


def main(rounds: int) -> None:
    random.seed(1)
    cache = Cache(8000)
    total = 0
    for _ in range(rounds):
        for _ in range(20000):
            total += len(cache.get(int(random.paretovariate(0.6)) % 100_000).body)
    print(total, len(cache.recent), len(cache.kept))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
