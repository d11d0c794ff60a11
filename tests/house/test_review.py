"""The review list says what is there: each file exists, each test that it names is defined, each row has a state."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.sources import ROOT, functions, tree

PAGE = "docs/shopify-review.md"
# A link, and after it the tests in that file which are named.
NAMED = re.compile(r"\]\(\.\./(tests/[\w/]+\.py)\)((?: `test_\w+`(?:, )?)+)")
KINDS = ("dashboard", "deployment", "build")
# The platform's chapters that touch such an app, by the beginning of each row.
RULES = {
    *("1.1.1", "1.1.2", "1.1.4", "1.1.9", "1.1.15", "1.2.1", "1.3.1", "2.1.1", "2.2.2", "2.2.4", "2.2.5", "2.3.1"),
    *("2.3.2", "3.1.1", "3.2.1", "4.1", "4.2", "4.3", "5.1.1", "5.1.2", "3.1.1", "5.5"),
    *("compliance webhooks", "bad HMAC", "frame-ancestors", "expiring tokens", "IP allow-list", "bulk operations"),
    *("protected customer data, level 1", "protected customer data, level 2", "API version", "Lighthouse"),
    *("prerequisites", "admin speed", "storefront speed", "checkout speed", "e-mail and forms"),
}


def rows() -> list[list[str]]:
    lines = (ROOT / PAGE).read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return [row for row in cells if row[0] != "rule"]


def test_every_row_is_done_or_says_who_has_to_do_what() -> None:
    assert len(rows()) > 40
    for rule, _, satisfied, state in rows():
        if state == "done":
            assert "](" in satisfied or satisfied.startswith(("The app asks", "None are")), rule
        else:
            assert re.match(rf"open, ({'|'.join(KINDS)})", state), f"{rule}: {state}"


def test_every_rule_has_a_row() -> None:
    told = [row[0] for row in rows()]
    assert not [
        rule for rule in RULES if not any(name == rule or name.startswith((f"{rule} ", f"{rule},")) for name in told)
    ]


def test_every_test_that_is_named_is_there() -> None:
    named = [(place, name) for place, names in NAMED.findall((ROOT / PAGE).read_text("utf-8"))
             for name in re.findall(r"test_\w+", names)]  # fmt: skip
    written = set(re.findall(r"`(test_\w+)`", (ROOT / PAGE).read_text("utf-8")))
    assert len(named) > 15
    assert {name for _, name in named} == written, "a test is named after the link to its file"
    assert not [(place, name) for place, name in named if name not in {f.name for f in functions(tree(Path(place)))}]
