"""The page of the API says every route, and no route that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from plugin.api.routes import API_PATH
from tests.plugin.conftest import House

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
TOLD = re.findall(r"^### `([A-Z]+) (\S+)`$", PAGE, re.MULTILINE)


def test_the_page_and_the_door_name_the_same_routes(house: House) -> None:
    there = {
        (method, rule.rule)
        for rule in house.app.url_map.iter_rules()
        if rule.rule.startswith(API_PATH)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(TOLD) == there
    assert len(TOLD) == len(there)


@pytest.mark.parametrize("method, route", TOLD)
def test_each_route_is_told_with_its_scope_and_an_answer(method: str, route: str) -> None:
    part = PAGE.split(f"### `{method} {route}`")[1].split("\n### ")[0]
    assert re.search(r"Scope `(read|write|shopper)`\.|With a shopper's token\.", part)
    examples = re.findall(r"```json\n(.*?)```", part, re.DOTALL)
    # A question where there is one, and an answer: JSON, all of it.
    assert len(examples) >= (2 if method == "POST" else 1)
    assert all(isinstance(json.loads(example), dict) for example in examples)
