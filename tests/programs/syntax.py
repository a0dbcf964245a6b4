"""Python's own front end over the whole standard library: tokens, trees, source again, symbol tables, code, marshal."""

from __future__ import annotations

import ast
import dis
import hashlib
import io
import marshal
import os
import symtable
import sysconfig
import tokenize
from collections import Counter
from types import CodeType

LEFT_OUT = ("site-packages", "dist-packages", "test", "tests", "lib2to3", "idlelib")
KEPT_TREES = 250


def sources() -> list[str]:
    """The standard library's files, as they lie in alphabetical order."""
    found: list[str] = []
    for folder, folders, names in os.walk(sysconfig.get_path("stdlib")):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        found.extend(os.path.join(folder, name) for name in names if name.endswith(".py"))
    return sorted(found)


def read(path: str) -> str:
    with tokenize.open(path) as file:
        return file.read()


def count_tokens(text: str) -> Counter[int]:
    return Counter(token.exact_type for token in tokenize.generate_tokens(io.StringIO(text).readline))


class Renamer(ast.NodeTransformer):
    """A new tree from an old one: every local-looking name grows."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(f"{node.id}_", node.ctx), node)


def count_scopes(table: symtable.SymbolTable) -> int:
    return 1 + sum(count_scopes(child) for child in table.get_children())


def count_instructions(code: CodeType) -> int:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return sum(1 for _ in dis.get_instructions(code)) + sum(count_instructions(each) for each in inner)


def digest_of(path: str, text: str, tree: ast.Module) -> str:
    """What every stage makes of one file."""
    renamed = ast.unparse(Renamer().visit(ast.parse(text)))
    code = compile(tree, os.path.basename(path), "exec", dont_inherit=True)
    copied = marshal.loads(marshal.dumps(code))
    assert copied == code
    parts = (
        sorted(count_tokens(text).items()),
        sum(1 for _ in ast.walk(tree)),
        count_scopes(symtable.symtable(text, path, "exec")),
        count_instructions(copied),
        hashlib.sha256(renamed.encode()).hexdigest(),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def main() -> None:
    kept: list[ast.Module] = []
    for number, path in enumerate(sources()):
        text = read(path)
        tree = ast.parse(text, path)
        kept = [*kept[-KEPT_TREES:], tree]
        print(number, os.path.basename(path), len(text), digest_of(path, text, tree))
    print("kept", len(kept), sum(len(ast.dump(tree)) for tree in kept))


if __name__ == "__main__":
    main()
