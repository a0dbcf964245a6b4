"""Documents in JSON: orders are read, priced, grouped by customer and written again, as a web service does.

documents.py [ROUNDS]
"""

import hashlib
import json
import random
import sys

CUSTOMERS = ["ada", "boole", "curie", "dirac", "euler", "fermat", "gauss", "hopper"]


def main(rounds: int) -> None:
    digest = hashlib.sha256()
    for number in range(rounds):
        random.seed(number)
        received = json.dumps([make_order(index) for index in range(1200)])
        summary = group([price(order) for order in json.loads(received)])
        digest.update(json.dumps(summary, indent=1, sort_keys=True).encode())
    print(digest.hexdigest())


def make_order(index: int) -> dict:
    return {
        "id": f"order-{index:06}",
        "customer": {"name": random.choice(CUSTOMERS), "tier": random.randrange(4), "since": 2000 + index % 20},
        "lines": [
            {"article": f"A{random.randrange(5000)}", "count": random.randint(1, 9), "price": random.random() * 100}
            for _ in range(random.randint(1, 8))
        ],
        "tags": random.sample(["new", "gift", "express", "fragile", "abroad", "insured"], random.randrange(4)),
        "note": None if index % 3 else "leave with the neighbour " * (index % 5),
    }


def price(order: dict) -> dict:
    lines = [{**line, "sum": round(line["count"] * line["price"], 2)} for line in order["lines"]]
    return {**order, "lines": lines, "total": round(sum(line["sum"] for line in lines), 2)}


def group(orders: list[dict]) -> dict[str, list[dict]]:
    groups: dict[str, list[dict]] = {}
    for order in sorted(orders, key=lambda order: (-order["total"], order["id"])):
        groups.setdefault(order["customer"]["name"], []).append(order)
    return groups


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
