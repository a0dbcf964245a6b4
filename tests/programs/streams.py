"""asyncio: thousands of tasks, and thousands of connections to a server in the same process, on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import random

TASKS = 20_000
CONNECTIONS = 1_500
OPEN_AT_ONCE = 300
MESSAGES = 12
PIPED = 30_000


def digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


# --- a server and its clients --------------------------------------------------------------------------------


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each line of JSON with its keys turned around; end with the stream."""
    while line := await reader.readline():
        question = json.loads(line)
        answer = {key[::-1]: [value] * question["times"] for key, value in question["values"].items()}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
    writer.close()


async def ask(port: int, client: int, room: asyncio.Semaphore) -> str:
    rng = random.Random(client)
    async with room:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = []
        for _ in range(MESSAGES):
            question = {"times": rng.randint(1, 20), "values": {f"key {each}": rng.random() for each in range(20)}}
            writer.write(json.dumps(question).encode() + b"\n")
            answers.append(json.loads(await reader.readline()))
        writer.close()
        await writer.wait_closed()
    return digest(answers)


async def converse() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
    port = server.sockets[0].getsockname()[1]
    room = asyncio.Semaphore(OPEN_AT_ONCE)
    async with server:
        answers = await asyncio.gather(*(ask(port, client, room) for client in range(CONNECTIONS)))
    print("connections", len(answers), digest(answers))


# --- tasks ---------------------------------------------------------------------------------------------------


async def sleeper(number: int, results: dict[int, int]) -> int:
    for step in range(number % 5):
        await asyncio.sleep(0.001 * (number % 7) * step)
        results[number] = results.get(number, 0) + step
    return number


async def many_tasks() -> None:
    results: dict[int, int] = {}
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sleeper(number, results)) for number in range(TASKS)]
    print("tasks", sum(task.result() for task in tasks), digest(sorted(results.items())))


async def forever() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)


async def cancelled_tasks() -> None:
    """Tasks that are stopped in the middle, each with a traceback that holds its frames."""
    tasks = [asyncio.create_task(forever()) for _ in range(TASKS)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    print("cancelled", sum(isinstance(result, asyncio.CancelledError) for result in results))


async def failing(number: int) -> None:
    await asyncio.sleep(0)
    raise ValueError(f"task {number}")


async def failed_tasks() -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(2_000):
                group.create_task(failing(number))
    except* ValueError as errors:
        print("failed", len(errors.exceptions), digest(sorted(map(str, errors.exceptions))))


# --- a pipeline ----------------------------------------------------------------------------------------------


async def stage(source: asyncio.Queue[object], target: asyncio.Queue[object]) -> None:
    while (item := await source.get()) is not None:
        await target.put((item, str(item)[:40]))
    await target.put(None)


async def produce(target: asyncio.Queue[object]) -> None:
    for number in range(PIPED):
        await target.put(number)
    await target.put(None)


async def pipeline() -> None:
    queues: list[asyncio.Queue[object]] = [asyncio.Queue(maxsize=100) for _ in range(6)]
    stages = [asyncio.create_task(stage(*pair)) for pair in itertools.pairwise(queues)]
    producer = asyncio.create_task(produce(queues[0]))
    received = []
    while (item := await queues[-1].get()) is not None:
        received.append(item)
    await asyncio.gather(producer, *stages)
    print("pipeline", len(received), digest(received[-100:]))


async def threads() -> None:
    """Work handed to threads and awaited."""
    hashed = await asyncio.gather(*(asyncio.to_thread(digest, "x" * number) for number in range(2_000)))
    print("threads", digest(hashed))


async def main() -> None:
    for work in (converse, many_tasks, cancelled_tasks, failed_tasks, pipeline, threads):
        await work()


if __name__ == "__main__":
    asyncio.run(main())
