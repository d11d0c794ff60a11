"""The documents say what is there: links lead somewhere, commands exist, words have their place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT, documents

LINK = re.compile(r"\]\(([^)\s]+)\)")
MAKE = re.compile(r"`(?:[A-Z]+=\S+ )?make ([a-z][a-z-]*)|^ *(?:\$ )?make ([a-z][a-z-]*)", flags=re.MULTILINE)
PARTS = ["Context", "Decision", "Consequences", "Alternatives"]
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
    rows = re.findall(
        r"^\| \*\*(.+?)\*\* .*\| `([^`]+)` \|$", (ROOT / "docs/glossary.md").read_text(), flags=re.M
    )
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
