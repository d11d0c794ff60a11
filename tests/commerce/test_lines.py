"""Lines that people type: what may stand in one, in any script, and what steers."""

from __future__ import annotations

import pytest

from commerce.lines import is_line, line_of
from loyalty.rules import Ladder, Reward

SILVER = "\u0646\u0642\u0631\u0647\u200c\u0627\u06cc"


@pytest.mark.parametrize("text", ["Silver", SILVER, "\u0a95\u0acd\u200d\u0ab7", "10\u00a0% off", ""])
def test_what_is_written_in_any_script_is_a_line(text: str) -> None:
    assert is_line(text)
    assert line_of(text) == text.replace("\u00a0", " ")


@pytest.mark.parametrize("steers", ["\n", "\r", "\t", "\u2028", "\u202e", "\u2067", "\u200f", "\x00", "\x1b", "\u00ad"])
def test_what_steers_is_no_part_of_a_line(steers: str) -> None:
    assert not is_line(f"Sil{steers}ver")
    assert is_line(line_of(f"Sil{steers}ver"))


def test_spaces_of_any_kind_are_one_space() -> None:
    assert line_of("  Sil\t\n\u2003 ver ") == "Sil ver"


def test_a_tier_and_a_reward_have_names_as_persian_writes_them() -> None:
    level = {"key": "silver", "name": SILVER, "enter": 1000, "keep": 0}
    ladder = Ladder.read({"levels": [level]})
    assert [mistake for mistake in ladder.mistakes() if "name" in mistake] == []
    reward = Reward.read({"key": "r", "title": SILVER, "points": 1, "amount_minor": 1})
    assert reward.mistakes() == []
