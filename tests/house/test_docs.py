"""The documents say what is there: links lead somewhere, commands exist, words have their place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Histogram

from engine import metrics, settings
from tests.house.sources import ROOT, Function, documents, functions, tree

LINK = re.compile(r"\]\(([^)\s]+)\)")
MAKE = re.compile(r"`(?:[A-Z]+=\S+ )?make ([a-z][a-z-]*)|^ *(?:\$ )?make ([a-z][a-z-]*)", flags=re.MULTILINE)
PARTS = ["Context", "Decision", "Consequences", "Alternatives"]
# In the journey: a link to a file, and after it the functions to read there.
STEP = re.compile(r"\]\(\.\./([\w/]+\.py)\)((?:,?\s+`[\w.]+`)+)")
# What the page says in words where there is no default to print.
UNSET = {
    "DATABASE_URL": "an embedded server",
    "SMTP_URL": "no e-mails",
    "MAIL_FROM": "none",
    "SHOPIFY_CLIENT_ID": "must be set, unless `WOOCOMMERCE=yes` is all you serve",
    "SHOPIFY_CLIENT_SECRET": "must be set, unless `WOOCOMMERCE=yes` is all you serve",
    "SHOPIFY_OLD_CLIENT_SECRET": "none",
    "SHOPIFY_PLATFORM_URL": "the platform itself",
    "SHOPIFY_SHOP": "none",
    "WOOCOMMERCE_AUTHORITIES": "the usual ones",
    "WOOCOMMERCE_KEY": "asked for",
    "WOOCOMMERCE_SECRET": "asked for",
}
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", documents(), ids=str)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    text = (ROOT / page).read_text()
    targets = [target for target in LINK.findall(text) if not re.match(r"[a-z]+:", target)]
    lost = [target for target in targets if not _exists(page, target)]
    assert not lost


@pytest.mark.parametrize("page", documents(), ids=str)
def test_every_command_that_is_named_is_a_target(page: Path) -> None:
    named = {first or second for first, second in MAKE.findall((ROOT / page).read_text())}
    assert named <= targets()


def test_the_readme_shows_its_two_commands_on_the_first_screen() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    assert "make demo" in first_screen
    assert "make test" in first_screen


def test_every_target_has_a_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == targets()
    assert {
        "demo",
        "demo-check",
        "test",
        "check",
        "fix",
        "serve",
        "worker",
        "migrate",
        "bench",
        "docs",
    } <= targets()


def test_every_word_of_the_glossary_lives_where_it_says() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* .*\| `([^`]+)` \|$", (ROOT / "docs/glossary.md").read_text(), flags=re.M)
    assert len(rows) > 20
    assert not [(word, place) for word, place in rows if not (ROOT / place).exists()]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_every_decision_has_its_four_parts(page: Path) -> None:
    text = page.read_text()
    assert re.match(rf"# {int(page.stem[:4])}\. \S", text)
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == PARTS


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def _exists(page: Path, target: str) -> bool:
    """Whether a link's file is there, and its heading too where the link names one."""
    name, _, heading = target.partition("#")
    file = (ROOT / page).parent / name if name else ROOT / page
    if not file.exists():
        return False
    return not heading or file.suffix != ".md" or heading in _headings(file)


def _headings(file: Path) -> set[str]:
    """The anchors that a page's headings make: lower case, hyphens for spaces, punctuation dropped."""
    titles = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_step_of_the_journey_is_in_the_code() -> None:
    steps = STEP.findall((ROOT / "docs/journey.md").read_text())
    named = [(place, name) for place, names in steps for name in re.findall(r"`([\w.]+)`", names)]
    assert len(named) > 30
    assert not [(place, name) for place, name in named if name not in names_in(ROOT / place)]


def test_operations_lists_every_setting_and_its_default() -> None:
    rows = table("docs/operations.md", "variable")
    said = {variable: default.strip("`") for variable, default, _ in rows}
    known = {name: UNSET.get(name, default) for name, _, _, default in settings._VARIABLES}
    known = {name: "must be set" if default is settings._REQUIRED else default for name, default in known.items()}
    assert said == {name: str(default) for name, default in known.items()}


def test_operations_lists_every_metric() -> None:
    counted = {value._name for value in vars(metrics).values() if isinstance(value, Counter)}
    timed = {value._name for value in vars(metrics).values() if isinstance(value, Histogram)}
    known = {f"{name}_total" for name in counted} | timed | {f"perennial_{name}" for name in metrics._HELP}
    assert {name for name, _ in table("docs/operations.md", "metric")} == known


def test_the_readme_explains_every_key_of_the_check() -> None:
    figures = ast.unparse(next(f for f in functions(tree(Path("plugin/demo/report.py"))) if f.name == "figures"))
    returned = figures[figures.rindex("return {") :]
    assert {name for name, _ in table("README.md", "key")} == set(re.findall(r"'(\w+)': ", returned))


def table(page: str, head: str) -> list[list[str]]:
    """The rows of the table whose first heading is `head`; the code marks of the first column are taken off."""
    text = (ROOT / page).read_text()
    found = re.search(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, flags=re.MULTILINE)
    assert found is not None, f"{page} has no table of {head}"
    rows = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in found[1].splitlines()]
    return [[first.strip("`"), *rest] for first, *rest in rows]


def names_in(file: Path) -> set[str]:
    """What a module defines: its functions, classes and constants, and methods as `Class.method`."""
    names = set[str]()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, Function | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, Function)}
    return names
