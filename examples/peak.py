"""A peak, and what is left of it: the usual way a long-running program comes to hold memory it does not use.

A night's orders are read, summed up and dropped, but for one in a hundred that needs another look. Those few lie
scattered over all the memory that the others have left. Run it with

    quire run examples/peak.py

and see at the end how little of the memory is in use, and what holds the rest.
"""

import random
import time

ORDERS = 250_000
KEPT_SHARE = 0.01


class Customer:
    def __init__(self, number: int) -> None:
        self.name = f"customer {number}"
        self.mail = f"customer.{number}@example.org"
        self.points = number % 1000


def read_order(number: int) -> dict:
    """One order, as a parser would leave it: objects of many kinds and sizes."""
    return {
        "id": f"order-{number:09}",
        "customer": Customer(number),
        "items": [(f"article {number * 7 + i}", i + 0.5) for i in range(number % 6)],
        "position": (number / 7, number / 11),
        "note": "x" * (number % 700),
    }


def say(text: str) -> None:
    print(f"{time.perf_counter() - STARTED:5.1f} s  {text}", flush=True)


STARTED = time.perf_counter()
chance = random.Random(7)

orders = [read_order(number) for number in range(ORDERS)]
say(f"read {len(orders):,} orders")

value = sum(price for order in orders for _, price in order["items"])
say(f"they are worth {value:,.0f}")

orders = [order for order in orders if chance.random() < KEPT_SHARE]
say(f"kept {len(orders):,} for another look, dropped the others")

for _ in range(10):
    batch = [read_order(number) for number in range(ORDERS // 100)]
    time.sleep(0.1)
    del batch
say("served ten smaller batches")
