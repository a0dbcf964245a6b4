"""multiprocessing in each of its three ways: pools, executors, queues, managers, shared memory; and plain forks."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory
from typing import Any

WORKERS = 3
METHODS = ("fork", "spawn", "forkserver")
FORKS = 40
Context = Any
"""What multiprocessing.get_context gives; its type does not tell of Process."""

inherited: dict[str, list[int]] = {}


def digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


# --- what the workers do -------------------------------------------------------------------------------------


def count_words(seed: int) -> tuple[int, dict[str, int]]:
    rng = random.Random(seed)
    counts: dict[str, int] = {}
    for _ in range(40_000):
        word = f"w{rng.randint(0, 3_000)}"
        counts[word] = counts.get(word, 0) + 1
    return seed, counts


def make_tree(depth: int) -> Any:
    return [make_tree(depth - 1) for _ in range(3)] if depth else {"leaf": (1.5, "x" * 20)}


def fail(number: int) -> int:
    raise ValueError(f"no {number}")


def relay(questions: Any, answers: Any) -> None:
    for number in iter(questions.get, None):
        answers.put((number, "".join(str(number * each) for each in range(50))))


def fill_shared(name: str, worker: int) -> None:
    memory = shared_memory.SharedMemory(name)
    assert memory.buf is not None
    for place in range(worker, memory.size, WORKERS):
        memory.buf[place] = place * 7 % 256
    memory.close()


def note(shared: Any, number: int) -> None:
    shared[number] = [number] * number


# --- one way of starting them --------------------------------------------------------------------------------


def use_pool(context: Context) -> str:
    """Many tasks a worker, and workers that are replaced."""
    with context.Pool(WORKERS, maxtasksperchild=4) as pool:
        counted = pool.map(count_words, range(18), chunksize=1)
        unordered = sorted(pool.imap_unordered(count_words, range(6)), key=lambda pair: pair[0])
        tree = pool.apply(make_tree, (8,))
        try:
            pool.apply(fail, (3,))
        except ValueError as error:
            failure = str(error)
    return f"{digest(counted)} {digest(unordered)} {digest(tree)} {failure}"


def use_executor(context: Context) -> str:
    with ProcessPoolExecutor(WORKERS, context) as executor:
        return digest(list(executor.map(make_tree, [7] * 9)))


def use_queues(context: Context) -> str:
    questions, answers = context.Queue(), context.Queue()
    workers = [context.Process(target=relay, args=(questions, answers)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for number in [*range(400), *[None] * WORKERS]:
        questions.put(number)
    received = sorted(answers.get() for _ in range(400))
    codes = join(workers)
    return f"{digest(received)} {codes}"


def use_shared_memory(context: Context) -> str:
    memory = shared_memory.SharedMemory(create=True, size=200_000)
    workers = [context.Process(target=fill_shared, args=(memory.name, number)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    codes = join(workers)
    assert memory.buf is not None
    filled = hashlib.sha256(bytes(memory.buf[:200_000])).hexdigest()[:12]
    memory.close()
    memory.unlink()
    return f"{filled} {codes}"


def use_manager(context: Context) -> str:
    with context.Manager() as manager:
        shared = manager.dict()
        workers = [context.Process(target=note, args=(shared, number)) for number in range(6)]
        for worker in workers:
            worker.start()
        codes = join(workers)
        return f"{sorted(shared.items())} {codes}"


def join(workers: list[Any]) -> list[int | None]:
    for worker in workers:
        worker.join()
    return [worker.exitcode for worker in workers]


# --- plain forks ---------------------------------------------------------------------------------------------


def use_forks() -> str:
    """Children that inherit a large heap, free half of it and allocate anew, all at the same time."""
    inherited.update({str(number): list(range(number % 50)) for number in range(200_000)})
    pipes = [fork_one(number) for number in range(FORKS)]
    answers = [read_all(pipe) for pipe in pipes]
    codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in pipes]
    return f"{digest(answers)} {sum(codes)} {digest(inherited)}"


def fork_one(number: int) -> int:
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        answer = live_as_child(number)
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    return reader


def live_as_child(number: int) -> str:
    for key in list(inherited)[number % 2 :: 2]:
        del inherited[key]
    added = {f"{number}-{each}": [each] for each in range(5_000)}
    return f"{len(inherited)} {digest(sorted(added))} {sum(map(len, inherited.values()))}"


def read_all(pipe: int) -> str:
    with os.fdopen(pipe) as file:
        return file.read()


def main() -> None:
    uses: list[Callable[[Context], str]] = [use_pool, use_executor, use_queues, use_shared_memory, use_manager]
    for method in METHODS:
        context = multiprocessing.get_context(method)
        for use in uses:
            print(method, use.__name__, use(context), flush=True)
    print("forks", use_forks(), flush=True)
    sys.exit(7)


if __name__ == "__main__":
    # Whether a fork meets a thread of multiprocessing's own is a matter of time, and so is the warning about it.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*multi-threaded.*")
    main()
