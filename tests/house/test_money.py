"""Money is whole minor units: no float comes near it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import functions, python_files, tree

MONEY = Path("commerce/money.py")
# An average of what many bought is a statistic, and no amount that anybody is owed.
STATISTICS = {Path("lifecycle/rules/groups.py"), Path("lifecycle/rules/values.py")}


def test_the_words_for_money_know_no_float() -> None:
    assert not list(floats(tree(MONEY)))


def test_no_function_that_handles_minor_units_uses_a_float() -> None:
    found = [
        f"{path}:{line} in {node.name}"
        for path, module in python_files()
        if path not in STATISTICS
        for node in functions(module)
        if mentions_minor(node)
        for line in floats(node)
    ]
    assert not found, "minor units are integers; use //, Decimal or Fraction"


@pytest.mark.parametrize(
    "line",
    ["float(order.total_minor)", "total_minor * 0.1", "total_minor / 100", "money.minor / rate"],
)
def test_the_test_finds_a_float(line: str) -> None:
    module = ast.parse(f"def owed() -> None:\n    return {line}")
    assert list(floats(module))


@pytest.mark.parametrize("line", ["total_minor // 100", "Decimal(minor).scaleb(-2)", "share * minor"])
def test_the_test_allows_whole_numbers_and_decimals(line: str) -> None:
    assert not list(floats(ast.parse(line)))


def mentions_minor(node: ast.AST) -> bool:
    return any(_is_minor(child) for child in ast.walk(node))


def floats(node: ast.AST) -> Iterator[int]:
    """The lines where a float is named, written, or made by dividing minor units."""
    for child in ast.walk(node):
        named = isinstance(child, ast.Name) and child.id == "float" and isinstance(child.ctx, ast.Load)
        written = isinstance(child, ast.Constant) and isinstance(child.value, float)
        divided = (
            isinstance(child, ast.BinOp)
            and isinstance(child.op, ast.Div)
            and (_is_minor(child.left) or _is_minor(child.right))
        )
        if named or written or divided:
            assert isinstance(child, ast.expr)
            yield child.lineno


def _is_minor(node: ast.AST) -> bool:
    name = {ast.Name: "id", ast.Attribute: "attr", ast.arg: "arg"}.get(type(node))
    return name is not None and str(getattr(node, name)).endswith("minor")
