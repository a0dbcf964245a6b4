"""Syntax trees: modules of the standard library are parsed, changed, unparsed and compiled, as linters do.

syntax.py [ROUNDS]
"""

import ast
import hashlib
import pathlib
import sys

MODULES = ["argparse.py", "ast.py", "dataclasses.py", "inspect.py", "pickle.py", "statistics.py", "textwrap.py"]


class Renamed(ast.NodeTransformer):
    """Gives every name a suffix, and drops docstrings."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(node.id + "_", node.ctx), node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        self.generic_visit(node)
        return ast.copy_location(ast.arg(node.arg + "_", node.annotation), node)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.Nonlocal:
        return ast.copy_location(ast.Nonlocal([name + "_" for name in node.names]), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node)]
        return node


def main(rounds: int) -> None:
    folder = pathlib.Path(ast.__file__).parent
    digest = hashlib.sha256()
    for number in range(rounds):
        source = (folder / MODULES[number % len(MODULES)]).read_text()
        tree = Renamed().visit(ast.parse(source))
        digest.update(str(sum(1 for _ in ast.walk(tree))).encode())
        text = ast.unparse(tree)
        digest.update(text.encode())
        digest.update(compile(text, "module", "exec").co_code)
    print(digest.hexdigest())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
