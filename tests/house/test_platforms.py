"""The page of platforms names tests that are there, its battery is all of the battery, and nothing above the connectors
asks which platform a shop stands on.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

from tests.house.sources import ROOT, functions, python_files, tree
from tests.ports.page import HOW_TO, rows

PAGE = ROOT / "docs" / "platforms.md"


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text("utf-8")))
    there = {
        node.name for path, module in python_files(tests=True) for node in functions(module) if "tests" in path.parts
    }
    assert len(named) > 50
    assert named <= there


def test_the_battery_of_the_page_is_the_battery_that_runs() -> None:
    written = {(row.asked, row.test) for row in rows(PAGE.read_text("utf-8"))}
    there = {
        (question, node.name)
        for path, module in python_files(tests=True)
        if path.parts[:2] == ("tests", "ports")
        for node in functions(module)
        if (question := _asked(node)) is not None
    }
    assert len(there) > 40
    assert written == there, HOW_TO


def test_every_test_of_the_battery_asks_a_question() -> None:
    silent = [
        f"{path}: {node.name}"
        for path, module in python_files(tests=True)
        if path.parts[:2] == ("tests", "ports")
        for node in functions(module)
        if node.name.startswith("test_") and _asked(node) is None
    ]
    assert not silent


def _asked(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """The question of `@pytest.mark.asks("...")`."""
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.asks":
            (question,) = mark.args
            assert isinstance(question, ast.Constant)
            return str(question.value)
    return None


# Above the connectors only these name a platform in their code; comments and docstrings may say what they like.
DOORS = {
    "engine/settings.py": "settings bear the names of what they are for",
    "loyalty/rules/sources.py": "programs that balances are brought from bear their names",
    "lifecycle/rules/groups.py": "groups of customers bear the name of who made them",
    "lifecycle/rules/values.py": "the groups that a shop begins with",
    "plugin/nights.py": "an example of a shop's address",
    "plugin/admin/extensions.py": "what of us runs inside a Shopify store is switched on there",
    "plugin/admin/look.py": "the links to the editor of a theme",
    "plugin/admin/menu.py": "an endpoint of a store that is connected by hand or by a plugin",
    "plugin/admin/pages.py": "the frame around the pages, and the extensions of Shopify",
    "plugin/admin/rewards.py": "permissions that only Shopify asks for",
    "plugin/cli.py": "settings by their names",
    "plugin/companion/": "the app's side of the WordPress plugin",
    "plugin/deeds.py": "endpoints of a store that is connected by a key",
    "plugin/demo/": "the demo is a Shopify store",
    "plugin/flow.py": "a door of Shopify's: Flow",
    "plugin/imports.py": "an example of a shop's address",
    "plugin/install.py": "how a store of a platform is connected",
    "plugin/platforms.py": "what each platform can do, so that pages need not know them apart",
    "plugin/session.py": "who is at the door, as each platform vouches for it",
    "plugin/signin_link.py": "an example of a shop's address",
    "plugin/standalone.py": "how a store of a platform is connected",
    "plugin/storefront/": "the shop's pages, as each platform shows ours in them",
    "plugin/trouble.py": "what a merchant can do in the store's own admin",
    "plugin/web.py": "the parts that the doors are built from",
    "plugin/webhooks.py": "how each platform signs its deliveries",
    "plugin/woocommerce/": "how a store of a platform is connected",
}
ABOVE = ("commerce", "engine", "lifecycle", "loyalty", "referral", "plugin")


def test_nothing_above_the_connectors_asks_which_platform_it_is() -> None:
    """What a platform can give is asked of `commerce.rewards.Offering`; all else, of the port."""
    naming = {str(path) for path, _ in python_files() if path.parts[0] in ABOVE and _names_a_platform(path)}
    unexplained = sorted(path for path in naming if not any(path.startswith(door) for door in DOORS))
    assert not unexplained


def _names_a_platform(path: Path) -> bool:
    text = (ROOT / path).read_text("utf-8")
    told = {line for start, end in _docstrings(tree(path)) for line in range(start, end + 1)}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return any(
        token.type in (tokenize.NAME, tokenize.STRING)
        and token.start[0] not in told
        and re.search("shopify|woocommerce", token.string, re.IGNORECASE)
        for token in tokens
    )


def _docstrings(module: ast.Module) -> list[tuple[int, int]]:
    """From line to line: strings that stand by themselves, which say something to people only."""
    return [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
