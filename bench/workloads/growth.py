"""Large containers that grow: lists, byte arrays, dictionaries and sets that nobody sized beforehand.

growth.py [ROUNDS]
"""

import sys


def main(rounds: int) -> None:
    total = 0
    for number in range(rounds):
        total += one_by_one(150_000 + number)
        total += side_by_side(300, 400)
        total += len(bytes_by_pieces(2_000_000)) + tables(60_000)
    print(total)


def one_by_one(count: int) -> int:
    values = []
    for index in range(count):
        values.append(index * 3)
    doubled = [value * 2 for value in values]
    doubled += values
    del values[::2]
    return len(doubled) + sum(values[-1000:]) + len(sorted(doubled, reverse=True))


def side_by_side(lists: int, count: int) -> int:
    """Many lists grow in turn, so that none has room behind it."""
    rows = [[] for _ in range(lists)]
    for index in range(count):
        for row in rows:
            row.append(index)
    return sum(len(row) for row in rows)


def bytes_by_pieces(size: int) -> bytearray:
    buffer = bytearray()
    while len(buffer) < size:
        buffer += b"0123456789abcdef" * 20
    return buffer


def tables(count: int) -> int:
    squares = {}
    seen = set()
    for index in range(count):
        squares[index * 7] = index * index
        seen.add(index * 11)
    while len(squares) > count // 2:
        squares.popitem()
    return len(squares) + len(seen)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
