"""Pickle: sessions are stored, loaded and copied deeply, as caches and process pools do.

pickles.py [ROUNDS]
"""

import copy
import datetime
import hashlib
import pickle
import random
import sys
from dataclasses import dataclass, field


@dataclass
class Article:
    name: str
    price: float
    sizes: tuple[int, ...]


@dataclass
class Session:
    user: str
    began: datetime.datetime
    articles: list[Article] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)


def main(rounds: int) -> None:
    digest = hashlib.sha256()
    for number in range(rounds):
        random.seed(number)
        sessions = [make_session(index) for index in range(1500)]
        stored = [pickle.dumps(session) for session in sessions]
        loaded = pickle.loads(pickle.dumps([pickle.loads(each) for each in stored]))
        copies = copy.deepcopy(loaded[::10])
        digest.update(hashlib.sha256(b"".join(stored)).digest())
        digest.update(repr((loaded == sessions, len(copies), copies[-1])).encode())
    print(digest.hexdigest())


def make_session(index: int) -> Session:
    articles = [
        Article(f"article {random.randrange(1000)}", random.random() * 50, tuple(range(36, 36 + random.randrange(9))))
        for _ in range(random.randrange(12))
    ]
    settings = {"theme": "dark" if index % 2 else "light", "seen": {random.randrange(10**6) for _ in range(10)}}
    began = datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=index)
    return Session(f"user-{index}", began, articles, settings)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
