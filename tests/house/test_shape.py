"""The shape of the code: short functions, small files, honest names, nothing swallowed."""

from __future__ import annotations

import ast
import re
import statistics

from tests.house.sources import ROOT, functions, length, project_files, python_files

LONGEST_FUNCTION = 50
LONGEST_FILE = 400
P95 = 35
MEDIAN = 10
# A name that says where a thing was put, and not what it is.
SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "core", "misc", "manager"}


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}: {length(node)} lines"
        for path, module in python_files()
        for node in functions(module)
        if length(node) > LONGEST_FUNCTION
    ]
    assert not long, "is there a smaller idea inside?\n" + "\n".join(long)


def test_functions_are_short_on_the_whole() -> None:
    lengths = [length(node) for _, module in python_files() for node in functions(module)]
    assert statistics.median(lengths) <= MEDIAN
    assert statistics.quantiles(lengths, n=20)[-1] <= P95


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = [
        f"{path}: {count} lines"
        for path, _ in python_files()
        if (count := (ROOT / path).read_text().count("\n")) > LONGEST_FILE
    ]
    assert not long, "two nouns in one room?\n" + "\n".join(long)


def test_files_and_packages_have_names_that_say_something() -> None:
    empty = [
        str(path)
        for path, _ in python_files(tests=True)
        if SAY_NOTHING & {part.removesuffix(".py").lstrip("_") for part in path.parts}
    ]
    assert not empty


def test_no_package_shadows_the_standard_library_s_platform() -> None:
    assert not [path for path in project_files() if path.parts[0] in ("platform", "platform.py")]


def test_every_module_opens_with_a_paragraph() -> None:
    modules = [(path, module) for path, module in python_files(tests=True) if module.body]
    bare = [str(path) for path, module in modules if not ast.get_docstring(module)]
    assert not bare


def test_every_module_reads_annotations_lazily() -> None:
    missing = [
        str(path)
        for path, module in python_files(tests=True)
        if path.name != "__init__.py" and not any(_is_future_annotations(node) for node in module.body)
    ]
    assert not missing, "add `from __future__ import annotations`"


def test_no_error_is_swallowed() -> None:
    swallowed = [
        f"{path}:{node.lineno}"
        for path, module in python_files(tests=True)
        for node in ast.walk(module)
        if isinstance(node, ast.ExceptHandler) and _swallows(node)
    ]
    assert not swallowed, "name the exception, or do something with it"


def _is_future_annotations(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
    )


def _swallows(handler: ast.ExceptHandler) -> bool:
    catches_all = handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )
    return catches_all and all(isinstance(node, ast.Pass | ast.Continue) for node in handler.body)


def test_rows_that_are_claimed_are_chosen_once() -> None:
    """A subquery with a limit and a lock that the planner puts inside a loop chooses anew each time, past its limit."""
    loop = re.compile(r"FROM \(SELECT(?:(?!\"\"\"|\) ).)*?LIMIT(?:(?!\"\"\"|\) ).)*?SKIP LOCKED\)", re.DOTALL)
    ours = [path for path, _ in python_files() if "house" not in str(path)]
    assert [str(path) for path in ours if loop.search((ROOT / path).read_text("utf-8"))] == []
