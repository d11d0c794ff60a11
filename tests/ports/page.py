"""The table of the battery in docs/platforms.md: what every connector is asked, and how each of them answers.

Nobody writes the table by hand. `python -m tests.ports` runs the battery and writes it; in every other run each test of
the battery compares its own cell with what it has just seen, so a page that says "yes" where a test does not is a test
that fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "platforms.md"
PLATFORMS: Mapping[str, str] = {"shopify": "Shopify", "woocommerce": "WooCommerce"}
HOW_TO = "run `.venv/bin/python -m tests.ports` to write the table anew"
_BEGIN, _END = "<!-- the battery: written by `python -m tests.ports` -->\n", "<!-- the end of the battery -->\n"
_ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \| `(test_\w+)` \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """One question of the battery, in plain words; the answers, by platform; and the test that asks it."""

    asked: str
    answers: Mapping[str, str]
    test: str


def rows(text: str) -> list[Row]:
    """The table as the page has it."""
    table = text.partition(_BEGIN)[2].partition(_END)[0]
    return [
        Row(asked, dict(zip(PLATFORMS, answers, strict=True)), test)
        for asked, *answers, test in _ROW.findall(table)
        if test
    ]


def answer(test: str, platform: str) -> str | None:
    """What the page says of one test on one platform; None where it says nothing."""
    return next((row.answers[platform] for row in rows(PAGE.read_text("utf-8")) if row.test == test), None)


def written(text: str, found: Sequence[Row]) -> str:
    """The page with this table in the place of the one that it had."""
    assert _BEGIN in text
    assert _END in text
    lines = [
        f"| what is asked of every connector | {' | '.join(PLATFORMS.values())} | test |",
        "|---" * (len(PLATFORMS) + 2) + "|",
        *(f"| {row.asked} | {' | '.join(row.answers[name] for name in PLATFORMS)} | `{row.test}` |" for row in found),
    ]
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    return before + _BEGIN + "\n" + "\n".join(lines) + "\n\n" + _END + after
