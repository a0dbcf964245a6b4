"""Many threads that compress, hash, query and parse at once, and many more that live a moment each."""

from __future__ import annotations

import bz2
import hashlib
import json
import lzma
import queue
import random
import sqlite3
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

WORKERS = 12
TASKS = 240
SHORT_THREADS = 3_000
MESSAGES = 60_000

remembered = threading.local()


def sample(seed: int, lines: int) -> str:
    rng = random.Random(seed)
    return "\n".join(f"{number} {rng.random():.6f} {'abc' * rng.randint(0, 9)}" for number in range(lines))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


# --- what the pool is given ----------------------------------------------------------------------------------


def compressed(seed: int) -> str:
    """Three compressors, there and back; each lets other threads run meanwhile."""
    data = sample(seed, 4_000).encode()
    packed = zlib.compress(data, 6), bz2.compress(data, 5), lzma.compress(data, preset=1)
    unpacked = zlib.decompress(packed[0]), bz2.decompress(packed[1]), lzma.decompress(packed[2])
    assert all(each == data for each in unpacked)
    return f"{[len(each) for each in packed]} {digest(data)}"


def hashed(seed: int) -> str:
    data = sample(seed, 6_000).encode()
    return digest(
        b"".join(hashlib.new(name, data).digest() for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b"))
    )


def queried(seed: int) -> str:
    """A database of the thread's own."""
    rng = random.Random(seed)
    rows = [(number, f"item {rng.randint(0, 500)}", rng.random()) for number in range(5_000)]
    with sqlite3.connect(":memory:") as database:
        database.execute("create table items (number integer primary key, name text, price real)")
        database.executemany("insert into items values (?, ?, ?)", rows)
        found = database.execute(
            "select name, count(*), round(sum(price), 6) from items group by name order by 3 desc, 1 limit 20"
        ).fetchall()
    database.close()
    return digest(repr(found).encode())


def parsed(seed: int) -> str:
    rng = random.Random(seed)
    tree = [
        {"id": number, "tags": [str(rng.random()) for _ in range(8)], "next": {"n": None}} for number in range(2_000)
    ]
    text = json.dumps(tree)
    for _ in range(4):
        text = json.dumps(json.loads(text), sort_keys=True)
    return digest(text.encode())


def run_pool() -> None:
    works: list[Callable[[int], str]] = [compressed, hashed, queried, parsed]
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [(works[task % len(works)], pool.submit(works[task % len(works)], task)) for task in range(TASKS)]
        for task, (work, future) in enumerate(futures):
            print(task, work.__name__, future.result())


# --- threads of one's own ------------------------------------------------------------------------------------


def remember(number: int, results: list[int]) -> None:
    """Objects that die with the thread, and one that it leaves to others."""
    remembered.values = {str(value): [value] * 10 for value in range(number % 100)}
    results[number] = sum(len(values) for values in remembered.values.values())


def run_short_threads() -> None:
    results = [0] * SHORT_THREADS
    for first in range(0, SHORT_THREADS, 100):
        threads = [threading.Thread(target=remember, args=(number, results)) for number in range(first, first + 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("short threads", sum(results))


def consume(messages: queue.Queue[tuple[str, bytes] | None], totals: list[int]) -> None:
    """Free what another thread has allocated."""
    while (message := messages.get()) is not None:
        totals.append(len(message[0]) + len(message[1]))


def run_queue() -> None:
    messages: queue.Queue[tuple[str, bytes] | None] = queue.Queue(maxsize=500)
    totals: list[list[int]] = [[] for _ in range(4)]
    consumers = [threading.Thread(target=consume, args=(messages, each)) for each in totals]
    for consumer in consumers:
        consumer.start()
    for number in range(MESSAGES):
        messages.put((str(number) * (number % 50), bytes(number % 2_000)))
    for _ in consumers:
        messages.put(None)
    for consumer in consumers:
        consumer.join()
    print("messages", sum(len(each) for each in totals), sum(sum(each) for each in totals))


def main() -> None:
    run_pool()
    run_short_threads()
    run_queue()


if __name__ == "__main__":
    main()
