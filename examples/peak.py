"""A peak, and what is left of it: the usual way a long-running program comes to hold memory it does not use.

A night's orders are read from one large text, summed up and dropped, but for one in a hundred that needs another look.
Those few lie scattered over all the memory that the others have left. Run it with

    quire run examples/peak.py

and see how the memory goes back while it serves on, and at the end what is left of it. Plain Python holds on to it, as
does quire if it is told to: `quire run --give-back=off examples/peak.py`.
"""

import os
import random
import time

ORDERS = 250_000
KEPT_SHARE = 0.01


class Customer:
    def __init__(self, name: str) -> None:
        self.name = name
        self.mail = f"{name}@example.org"
        self.orders = 1


def write_order(number: int) -> str:
    """One line, as another system would send it."""
    articles = " ".join(f"article{number * 7 + i}:{i + 0.5}" for i in range(number % 6))
    return f"order-{number:09};customer.{number};{articles};{'remark ' * (number % 50)}"


def read_order(line: str) -> dict:
    """One order, as a parser leaves it: objects of many kinds and sizes."""
    order, customer, articles, remark = line.split(";")
    return {
        "id": order,
        "customer": Customer(customer),
        "items": [(name, float(price)) for name, price in (article.split(":") for article in articles.split())],
        "remark": remark,
    }


def say(text: str) -> None:
    with open("/proc/self/statm") as file:
        resident_bytes = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    print(f"{time.perf_counter() - STARTED:5.1f} s  {resident_bytes / 1024**2:4.0f} MiB  {text}", flush=True)


STARTED = time.perf_counter()
chance = random.Random(7)

text = "\n".join(write_order(number) for number in range(ORDERS))
say(f"received {len(text) / 1e6:,.0f} MB of text")

orders = [read_order(line) for line in text.splitlines()]
say(f"read {len(orders):,} orders")

by_value = sorted(orders, key=lambda order: sum(price for _, price in order["items"]))
say(f"the largest is {by_value[-1]['id']}")

orders = [order for order in orders if chance.random() < KEPT_SHARE]
del text, by_value
say(f"kept {len(orders):,} for another look, dropped the others")

for served in range(1, 81):
    batch = [read_order(write_order(number)) for number in range(ORDERS // 1000)]
    time.sleep(0.1)
    del batch
    if served % 20 == 0:
        say(f"served {served} smaller batches")
