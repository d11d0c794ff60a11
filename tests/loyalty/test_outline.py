"""What a shop's pages may say of its program without asking us."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty.rules import Terms, outline
from loyalty.rules.terms import proposal


def told(currency: str = "USD", **parts: Any) -> dict[str, Any]:
    return outline(Terms.read(1, proposal(currency) | parts))


@pytest.mark.parametrize(
    "currency, per_minor, per, unit",
    [("USD", 150, 150, 100), ("JPY", 100, 10_000, 1), ("KWD", 1000, 100, 1000), ("KWD", 1, 1, 1000)],
)
def test_amounts_are_in_hundredths_as_themes_write_prices(currency: str, per_minor: int, per: int, unit: int) -> None:
    found = told(currency, per_minor=per_minor)
    assert (found["per"], found["unit"]) == (per, unit)


def test_only_what_is_true_for_everybody_is_told() -> None:
    rewards = [
        {"key": "b", "title": "Ten off", "points": 200, "amount_minor": 1000},
        {"key": "a", "title": "Five off", "points": 100, "amount_minor": 500},
        {"key": "few", "title": "One of three", "points": 50, "amount_minor": 500, "stock": 3},
        {"key": "gold", "title": "For gold", "points": 10, "amount_minor": 500, "from_tier": "gold"},
    ]
    levels = [
        {"key": "gold", "name": "Gold", "enter": 50_000, "keep": 40_000},
        {"key": "secret", "name": "Secret", "enter": 90_000, "keep": 80_000, "hidden": True},
    ]
    found = told(rewards=rewards, tiers={"measure": "spend", "levels": levels})
    assert found["rewards"] == [{"title": "Five off", "points": 100}, {"title": "Ten off", "points": 200}]
    assert (found["measure"], found["tiers"]) == ("spend", [{"name": "Gold", "from": 50_000}])
