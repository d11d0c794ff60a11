"""The page of platforms names tests that are there."""

from __future__ import annotations

import re

from tests.house.sources import ROOT, functions, python_files

PAGE = ROOT / "docs" / "platforms.md"


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text("utf-8")))
    there = {
        node.name for path, module in python_files(tests=True) for node in functions(module) if "tests" in path.parts
    }
    assert len(named) > 50
    assert named <= there
