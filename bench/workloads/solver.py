"""A constraint solver: sudokus by propagation and search, each guess on a copy of all domains.

solver.py [ROUNDS]
"""

import itertools
import random
import sys

Domains = dict[tuple[int, int], frozenset[int]]

CELLS = list(itertools.product(range(9), range(9)))
PEERS = {
    (row, column): sorted(
        {(row, other) for other in range(9)}
        | {(other, column) for other in range(9)}
        | {(row // 3 * 3 + down, column // 3 * 3 + across) for down in range(3) for across in range(3)}
    )
    for row, column in CELLS
}
ALL = frozenset(range(1, 10))


def main(rounds: int) -> None:
    random.seed(1)
    total = 0
    for _ in range(rounds):
        solved = solve(start())
        holes = random.sample(CELLS, 52)
        total += sum(index * min(solved[cell]) for index, cell in enumerate(CELLS))
        again = solve(place_all({cell: solved[cell] for cell in CELLS if cell not in holes}))
        total += sum(index * min(again[cell]) for index, cell in enumerate(CELLS))
    print(total)


def start() -> Domains:
    """A first row at random, everything else open."""
    row = random.sample(sorted(ALL), 9)
    return place_all({(0, column): frozenset({value}) for column, value in enumerate(row)})


def place_all(given: Domains) -> Domains:
    domains = dict.fromkeys(CELLS, ALL)
    for cell, value in given.items():
        domains = narrow(domains, cell, value)
    return domains


def narrow(domains: Domains, cell: tuple[int, int], value: frozenset[int]) -> Domains | None:
    """A copy in which the cell has this value, and what follows from it; None if nothing is left for some cell."""
    domains = {**domains, cell: value}
    waiting = [cell]
    while waiting:
        known = waiting.pop()
        for peer in PEERS[known]:
            if peer == known or not domains[peer] & domains[known]:
                continue
            domains[peer] = domains[peer] - domains[known]
            if not domains[peer]:
                return None
            if len(domains[peer]) == 1:
                waiting.append(peer)
    return domains


def solve(domains: Domains | None) -> Domains | None:
    if domains is None:
        return None
    open_cells = [(len(domains[cell]), cell) for cell in CELLS if len(domains[cell]) > 1]
    if not open_cells:
        return domains
    _, cell = min(open_cells)
    guesses = (solve(narrow(domains, cell, frozenset({value}))) for value in sorted(domains[cell]))
    return next((found for found in guesses if found is not None), None)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
