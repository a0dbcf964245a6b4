"""Generators and asyncio: producers, workers and a collector hand messages on through queues and pipelines.

tasks.py [ROUNDS]
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator

WORKERS = 50


def main(rounds: int) -> None:
    total = 0
    for number in range(rounds):
        total += asyncio.run(serve(number))
        total += sum(len(batch) for batch in batches(pairs(numbers(20000)), 7))
    print(total)


async def serve(seed: int) -> int:
    requests: asyncio.Queue = asyncio.Queue(100)
    answers: asyncio.Queue = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(work(requests, answers)) for _ in range(WORKERS)]
        async for request in incoming(seed, 2500):
            await requests.put(request)
        await requests.join()
        for worker in workers:
            worker.cancel()
    total = 0
    while not answers.empty():
        total += answers.get_nowait()["size"]
    return total


async def incoming(seed: int, count: int) -> AsyncIterator[dict]:
    for index in range(count):
        if index % 10 == 0:
            await asyncio.sleep(0)
        yield {"id": index, "path": f"/articles/{(index * 37 + seed) % 500}", "headers": {"accept": "text/html"}}


async def work(requests: asyncio.Queue, answers: asyncio.Queue) -> None:
    while True:
        request = await requests.get()
        body = await asyncio.gather(look_up(request["path"], "title"), look_up(request["path"], "text"))
        answers.put_nowait({"id": request["id"], "size": len("".join(body)), "headers": {**request["headers"]}})
        requests.task_done()


async def look_up(path: str, part: str) -> str:
    await asyncio.sleep(0)
    return f"{part} of {path} " * 3


def numbers(count: int) -> Iterator[tuple[int, str]]:
    yield from ((index * index, f"{index:x}") for index in range(count))


def pairs(items: Iterator[tuple[int, str]]) -> Iterator[dict[str, int]]:
    for number, name in items:
        if number % 3:
            yield {name: number}


def batches(items: Iterator[dict], count: int) -> Iterator[list[dict]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == count:
            yield batch
            batch = []
    yield batch


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
