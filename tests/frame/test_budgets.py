"""Sizes that keep a module readable in one sitting: the budgets of ARCHITECTURE.md."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.frame.tree import ROOT, modules

MODULE_LIMIT = 500
MODULE_MEDIAN = 120
FUNCTION_LIMIT = 60
FUNCTION_MEDIAN = 8


def lines_of(module: Path) -> int:
    return len(module.read_text(encoding="utf-8").splitlines())


def functions(module: Path) -> Iterator[tuple[str, int]]:
    """Name and length in lines, without the docstring, of each function of a module."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module.relative_to(ROOT)}:{node.lineno} {node.name}", _length(node)


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first, last = node.lineno, node.end_lineno or node.lineno
    says = node.body[0]
    if isinstance(says, ast.Expr) and isinstance(says.value, ast.Constant) and says.end_lineno:
        return last - first + 1 - (says.end_lineno - says.lineno + 1)
    return last - first + 1


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "tools"])
def test_no_module_is_longer_than_one_sitting(folder: str) -> None:
    assert not {
        str(module.relative_to(ROOT)): lines_of(module) for module in modules(folder) if lines_of(module) > MODULE_LIMIT
    }


def test_no_function_is_longer_than_a_screen() -> None:
    assert not [
        (name, length) for module in modules("src") for name, length in functions(module) if length > FUNCTION_LIMIT
    ]


def test_most_modules_and_functions_are_short() -> None:
    code = modules("src")

    assert median(lines_of(module) for module in code) <= MODULE_MEDIAN
    assert median(length for module in code for _, length in functions(module)) <= FUNCTION_MEDIAN
