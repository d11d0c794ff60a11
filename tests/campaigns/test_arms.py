"""Arms and budgets: drawn by a digest, in the share that was asked for, and never more than can be paid."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import READY, Arm, Play, Unsound, affordable, arm, drawn, month_of


def side(customer: int, run: int = 1, percent: int = 10, play: str = "welcome") -> Arm:
    return arm(hashlib.sha256(drawn(play, run, customer).encode()).digest(), percent)


@pytest.mark.parametrize("percent", [1, 10, 25, 50])
def test_the_share_that_is_held_out_is_the_one_that_was_asked_for(percent: int) -> None:
    people = 40_000
    held = sum(1 for customer in range(people) if side(customer, percent=percent) is Arm.HOLDOUT)
    expected = people * percent / 100
    # Four standard deviations.
    assert abs(held - expected) < 4 * (expected * (1 - percent / 100)) ** 0.5


def test_runs_and_plays_draw_apart_from_each_other() -> None:
    people = range(20_000)
    held = {c for c in people if side(c) is Arm.HOLDOUT}
    for other in (
        {c for c in people if side(c, run=2) is Arm.HOLDOUT},
        {c for c in people if side(c, play="x") is Arm.HOLDOUT},
    ):
        # A tenth of a tenth is in both, give and take four standard deviations.
        assert abs(len(held & other) - 200) < 57


@given(st.binary(min_size=8, max_size=32), st.integers(0, 50), st.integers(0, 50))
def test_an_arm_is_always_the_same_and_a_larger_holdout_only_adds(digest: bytes, less: int, more: int) -> None:
    less, more = sorted((less, more))
    assert arm(digest, less) is arm(digest, less)
    if arm(digest, less) is Arm.HOLDOUT:
        assert arm(digest, more) is Arm.HOLDOUT
    assert arm(digest, 0) is Arm.PLAY


@given(st.lists(st.sampled_from(list(Arm)), max_size=50), st.integers(0, 100), st.integers(0, 2000))
def test_no_more_are_enrolled_than_can_be_paid_and_none_fewer(arms: list[Arm], cost: int, room: int) -> None:
    fits = affordable(arms, cost, room)
    paid = cost * arms[:fits].count(Arm.PLAY)
    assert paid <= room
    if fits < len(arms):
        assert arms[fits] is Arm.PLAY
        assert paid + cost > room


def test_a_month_is_one_of_the_shop_s_calendar() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, following = month_of(datetime(2026, 3, 31, 22, 30, tzinfo=UTC), berlin)
    assert first == datetime(2026, 4, 1, tzinfo=berlin)
    assert following == datetime(2026, 5, 1, tzinfo=berlin)
    # March has an hour less there.
    first, following = month_of(datetime(2026, 3, 29, 12, tzinfo=UTC), berlin)
    assert (following.astimezone(UTC) - first.astimezone(UTC)).total_seconds() == (31 * 24 - 1) * 3600


def test_every_ready_play_is_off_and_sound_and_stays_itself() -> None:
    for play in READY:
        assert not play.on
        assert Play.read(play.key, play.body) == play
        assert Play.read(play.key, {**play.body, "of a later release": 1}) == play


@pytest.mark.parametrize(
    "wrong, field",
    [
        ({"audience": "everybody"}, "audience"),
        ({"audience": "segment:x"}, "audience"),
        ({"after_days": -1}, "after_days"),
        ({"after_days": 14}, "until_days"),
        ({"points": 100_001}, "points"),
        ({"reason": ""}, "reason"),
        ({"points": 0, "reason": "", "on": True}, "points"),
        ({"window_days": 0}, "window_days"),
        ({"cooldown_days": 59}, "cooldown_days"),
        ({"most_points": 0}, "most_points"),
        ({"holdout_percent": 51}, "holdout_percent"),
        ({"name": "x" * 61}, "name"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(Unsound) as refused:
        Play.read("welcome", {**READY[0].body, **wrong})
    assert refused.value.name == field
