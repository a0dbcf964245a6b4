"""Numbers: bodies under gravity, fractions, decimals and long integers, each result an object of its own.

arithmetic.py [ROUNDS]
"""

import itertools
import math
import sys
from decimal import Decimal, getcontext
from fractions import Fraction


def main(rounds: int) -> None:
    bodies = [[math.sin(n) * 10, math.cos(n) * 10, n * 0.1, 0.0, 0.0, 0.0, 1.0 + n % 3] for n in range(12)]
    getcontext().prec = 60
    for _ in range(rounds):
        for _ in range(60):
            advance(bodies, 0.001)
        series = sum((Fraction(1, index * index) for index in range(1, 90)), Fraction())
        root = sum((Decimal(index).sqrt() for index in range(2, 1500)), Decimal())
        power = sum(pow(3, 500 + index) % (1 << 400) for index in range(1500))
    print(sum(map(sum, bodies)), series.denominator % 10**9, root, power % 10**9)


def advance(bodies: list[list[float]], step: float) -> None:
    for one, other in itertools.combinations(bodies, 2):
        across, up, deep = one[0] - other[0], one[1] - other[1], one[2] - other[2]
        pull = step / (across * across + up * up + deep * deep + 0.01) ** 1.5
        for axis, distance in enumerate((across, up, deep), 3):
            one[axis] -= distance * other[6] * pull
            other[axis] += distance * one[6] * pull
    for body in bodies:
        for axis in range(3):
            body[axis] += body[axis + 3] * step


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
