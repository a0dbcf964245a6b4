"""An object graph with slots: formulas are built, derived, simplified and valued, as computer algebra does.

slots.py [ROUNDS]
"""

from __future__ import annotations

import random
import sys


class Number:
    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


class Variable:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Sum:
    __slots__ = ("left", "right")

    def __init__(self, left: Formula, right: Formula) -> None:
        self.left = left
        self.right = right


class Product(Sum):
    __slots__ = ()


Formula = Number | Variable | Sum | Product


def main(rounds: int) -> None:
    random.seed(1)
    total = size = 0
    for _ in range(rounds):
        formulas = [build(9) for _ in range(8)]
        for name in "xyx":
            formulas = [simplify(derive(formula, name)) for formula in formulas]
            size += sum(count(formula) for formula in formulas)
        total += sum(value(formula, {"x": 3, "y": 5, "z": 7}) for formula in formulas) % 10**9
    print(total, size)


def build(depth: int) -> Formula:
    if depth == 0:
        return Number(random.randrange(1, 10)) if random.random() < 0.3 else Variable(random.choice("xyz"))
    kind = Product if random.random() < 0.35 else Sum
    return kind(build(depth - 1), build(depth - 1))


def derive(formula: Formula, name: str) -> Formula:
    if type(formula) is Number:
        return Number(0)
    if type(formula) is Variable:
        return Number(1 if formula.name == name else 0)
    left, right = derive(formula.left, name), derive(formula.right, name)
    if type(formula) is Sum:
        return Sum(left, right)
    return Sum(Product(left, formula.right), Product(formula.left, right))


def simplify(formula: Formula) -> Formula:
    if not isinstance(formula, Sum):
        return formula
    left, right = simplify(formula.left), simplify(formula.right)
    if type(left) is Number and type(right) is Number:
        return Number(left.value + right.value if type(formula) is Sum else left.value * right.value)
    for one, other in ((left, right), (right, left)):
        if type(one) is Number and one.value == 0:
            return other if type(formula) is Sum else one
        if type(one) is Number and one.value == 1 and type(formula) is Product:
            return other
    return type(formula)(left, right)


def count(formula: Formula) -> int:
    return 1 + count(formula.left) + count(formula.right) if isinstance(formula, Sum) else 1


def value(formula: Formula, values: dict[str, int]) -> int:
    if type(formula) is Number:
        return formula.value
    if type(formula) is Variable:
        return values[formula.name]
    left, right = value(formula.left, values), value(formula.right, values)
    return left + right if type(formula) is Sum else left * right


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
