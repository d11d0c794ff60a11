"""Where members stand, as a pure walk over what was counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.rules import Choice, Fact, Ladder, Measure, facts_of, mistakes, next_move, proposal, reason, tier_at, walk
from loyalty.rules import with_choices as chosen
from loyalty.rules.terms import Terms

UTC_ZONE = ZoneInfo("UTC")
SILVER = {"key": "silver", "name": "Silver", "enter": 20_000, "keep": 10_000}
GOLD = {"key": "gold", "name": "Gold", "enter": 50_000, "keep": 30_000}
NAMES = {"silver": "Silver", "gold": "Gold", None: "-"}


def ladder(**changed: Any) -> Ladder:
    return Ladder.read({"levels": [SILVER, GOLD]} | changed)


def on(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def way(facts: Sequence[Fact], **changed: Any) -> list[tuple[str, str | None, str]]:
    """Day, tier and reason of each move."""
    agreed = ladder(**changed)
    moves = walk(agreed, facts, UTC_ZONE)
    return [(f"{m.at:%Y-%m-%d %H}", m.after, reason(m, agreed, "USD")) for m in moves]


def test_a_tier_is_entered_when_it_is_reached_and_lost_a_step_at_the_end_of_each_term() -> None:
    assert way([Fact(on(2026, 1, 31), 30_000), Fact(on(2026, 2, 10), 21_000)]) == [
        ("2026-01-31 12", "silver", "spent 300.00 USD of 200.00 USD in the last 12 months"),
        ("2026-02-10 12", "gold", "spent 510.00 USD of 500.00 USD in the last 12 months"),
        ("2027-02-11 00", "silver", "spent 0.00 USD of the 300.00 USD that keep Gold, in the last 12 months"),
        ("2028-02-11 00", None, "spent 0.00 USD of the 100.00 USD that keep Silver, in the last 12 months"),
    ]


def test_keeping_asks_for_less_than_entering() -> None:
    facts = [Fact(on(2026, 2, 10), 50_000), Fact(on(2026, 12, 1), 30_000)]
    assert [step[:2] for step in way(facts)] == [
        ("2026-02-10 12", "gold"), ("2028-02-11 00", "silver"), ("2029-02-11 00", None),
    ]  # fmt: skip


def test_by_balance_somebody_falls_to_where_it_leads() -> None:
    facts = [Fact(on(2026, 2, 10), 50_000), Fact(on(2026, 12, 1), 9_000)]
    assert [step[:2] for step in way(facts, downgrade="balance")] == [
        ("2026-02-10 12", "gold"),
        ("2027-02-11 00", None),
    ]
    facts = [Fact(on(2026, 2, 10), 50_000), Fact(on(2026, 12, 1), 12_000)]
    assert [step[:2] for step in way(facts, downgrade="balance")] == [
        ("2026-02-10 12", "gold"), ("2027-02-11 00", "silver"), ("2028-02-11 00", None),
    ]  # fmt: skip


def test_where_nobody_is_lowered_only_a_return_lowers() -> None:
    facts = [Fact(on(2026, 2, 10), 50_000)]
    assert [step[:2] for step in way(facts, downgrade="never")] == [("2026-02-10 12", "gold")]
    back = [*facts, Fact(on(2026, 5, 1), -45_000, of=on(2026, 2, 10))]
    assert way(back, downgrade="never")[1:] == [
        ("2026-05-01 12", None, "a return left 50.00 USD of the 300.00 USD that keep Gold"),
    ]


def test_the_days_of_grace_are_days_in_which_it_can_still_be_kept() -> None:
    entered = Fact(on(2026, 2, 10), 50_000)
    assert way([entered], grace_days=14)[1][0] == "2027-02-25 00"
    saved = [entered, Fact(on(2027, 2, 20), 30_000)]
    # It counts for the term that had ended, and for the one in which it was bought.
    assert [step[:2] for step in way(saved, grace_days=14)][:2] == [
        ("2026-02-10 12", "gold"), ("2029-02-25 00", "silver"),
    ]  # fmt: skip
    late = [entered, Fact(on(2027, 2, 25), 30_000)]
    assert [step[1] for step in way(late, grace_days=14)][:2] == ["gold", "silver"]


def test_a_calendar_year_keeps_a_tier_to_the_end_of_the_next() -> None:
    facts = [Fact(on(2026, 11, 30), 30_000), Fact(on(2027, 1, 2), 19_000), Fact(on(2027, 6, 1), 1_500)]
    assert way(facts, window="calendar_year") == [
        ("2026-11-30 12", "silver", "spent 300.00 USD of 200.00 USD in the calendar year"),
        ("2029-01-01 00", None, "spent 0.00 USD of the 100.00 USD that keep Silver, in the calendar year"),
    ]


def test_the_year_begins_on_the_shop_s_own_clock() -> None:
    agreed, auckland = ladder(window="calendar_year"), ZoneInfo("Pacific/Auckland")
    late = datetime(2026, 12, 31, 11, 30, tzinfo=UTC)  # half past midnight of 1 January 2027 there
    moves = walk(agreed, [Fact(on(2026, 12, 1), 15_000), Fact(late, 15_000)], auckland)
    assert moves == [], "two years, each with too little"
    assert walk(agreed, [Fact(late, 20_000)], auckland)[1].at == datetime(2028, 12, 31, 11, tzinfo=UTC)


def test_for_life_nothing_but_a_return_lowers() -> None:
    facts = [Fact(on(2020, 1, 1), 20_000), Fact(on(2026, 1, 1), 30_000)]
    assert [step[1] for step in way(facts, window="lifetime")] == ["silver", "gold"]
    back = [*facts, Fact(on(2027, 1, 1), -20_000, of=on(2020, 1, 1)), Fact(on(2027, 2, 1), -1, of=on(2020, 1, 1))]
    assert [step[1] for step in way(back, window="lifetime")] == ["silver", "gold", "silver"]


def test_the_return_of_an_older_purchase_takes_nothing_off_a_window_that_it_is_not_in() -> None:
    facts = [
        Fact(on(2024, 1, 1), 40_000), Fact(on(2026, 2, 10), 50_000), Fact(on(2026, 3, 1), -40_000, of=on(2024, 1, 1)),
    ]  # fmt: skip
    assert [step[:2] for step in way(facts)][-3:] == [
        ("2026-02-10 12", "gold"), ("2027-02-11 00", "silver"), ("2028-02-11 00", None),
    ]  # fmt: skip


def test_whoever_fell_a_step_falls_no_further_by_a_return_that_decides_nothing() -> None:
    facts = [
        Fact(on(2026, 2, 10), 50_000),
        Fact(on(2026, 6, 1), 5_000),
        Fact(on(2027, 3, 1), -1_000, of=on(2026, 6, 1)),
    ]
    assert [step[:2] for step in way(facts)] == [
        ("2026-02-10 12", "gold"), ("2027-02-11 00", "silver"), ("2028-02-11 00", None),
    ]  # fmt: skip


def test_a_tier_that_asks_nothing_to_be_kept_is_kept() -> None:
    levels = [SILVER | {"keep": 0}]
    assert [step[1] for step in way([Fact(on(2026, 1, 1), 20_000)], levels=levels)] == ["silver"]


def test_orders_count_once_and_not_when_everything_went_back() -> None:
    at = on(2026, 1, 1)
    days = [at + timedelta(days=n) for n in range(9)]
    assert facts_of(Measure.ORDERS, at, 5000, [(days[1], 1000)], None) == [Fact(at, 1)]
    assert facts_of(Measure.ORDERS, at, 5000, [(days[1], 1000), (days[2], 4000)], None) == [
        Fact(at, 1), Fact(days[2], -1, at),
    ]  # fmt: skip
    assert facts_of(Measure.SPEND, at, 5000, [(days[1], 9000)], days[2]) == [Fact(at, 5000), Fact(days[1], -5000, at)]
    assert facts_of(Measure.SPEND, at, 5000, [(days[1], 1000)], days[2]) == [
        Fact(at, 5000), Fact(days[1], -1000, at), Fact(days[2], -4000, at),
    ]  # fmt: skip
    assert facts_of(Measure.SPEND, at, 0, [], None) == []


# --- the shop's own word


def test_the_shop_s_word_wins_up_and_down_until_its_day_and_then_what_was_counted_says() -> None:
    moves = walk(ladder(), [Fact(on(2026, 2, 10), 20_000)], UTC_ZONE)
    up = Choice(on(2026, 3, 1), "gold", on(2026, 4, 1), "a friend of the house")
    assert [(m.at, m.after, m.cause) for m in chosen(moves, [up])][:3] == [
        (on(2026, 2, 10), "silver", "reached"), (on(2026, 3, 1), "gold", "chosen"),
        (on(2026, 4, 1), "silver", "choice_ended"),
    ]  # fmt: skip
    down = Choice(on(2026, 3, 1), None, None, "abuse")
    assert [m.after for m in chosen(moves, [down])] == ["silver", None]
    back = Choice(on(2026, 5, 1), None, None, "cleared", ended=True)
    assert [(m.at, m.after) for m in chosen(moves, [down, back])][1:3] == [
        (on(2026, 3, 1), None), (on(2026, 5, 1), "silver"),
    ]  # fmt: skip


# --- whatever happens

FACTS = st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 60_000), st.integers(0, 400)), max_size=10)
LADDERS = st.fixed_dictionaries(
    {
        "window": st.sampled_from(["lifetime", "calendar_year", "rolling"]),
        "months": st.integers(1, 24),
        "grace_days": st.sampled_from([0, 14, 365]),
        "downgrade": st.sampled_from(["one_step", "balance", "never"]),
    }
)


def history(bought: Sequence[tuple[int, int, int]]) -> list[Fact]:
    """Purchases by their day; with days until it is returned, if any."""
    facts = list[Fact]()
    for day, amount, after in bought:
        at = on(2023, 1, 1) + timedelta(days=day, seconds=amount)
        facts.append(Fact(at, amount))
        if after:
            facts.append(Fact(at + timedelta(days=after), -amount, at))
    return facts


@given(bought=FACTS, terms=LADDERS, at=st.integers(0, 2500), order=st.randoms())
def test_the_same_purchases_lead_to_the_same_tiers_in_whatever_order_they_are_told(
    bought: list[tuple[int, int, int]], terms: dict[str, Any], at: int, order: Any
) -> None:
    facts, agreed = history(bought), ladder(**terms)
    moves = walk(agreed, facts, UTC_ZONE)
    order.shuffle(facts)
    assert walk(agreed, facts, UTC_ZONE) == moves
    assert all(one.at <= two.at and one.after == two.before for one, two in pairwise(moves))


@given(bought=FACTS, terms=LADDERS, at=st.integers(0, 2500))
def test_what_happens_later_changes_nothing_before_it(
    bought: list[tuple[int, int, int]], terms: dict[str, Any], at: int
) -> None:
    instant = on(2023, 1, 1) + timedelta(days=at)
    facts, agreed = history(bought), ladder(**terms)
    known = [fact for fact in facts if fact.at <= instant]
    then, later = walk(agreed, known, UTC_ZONE), walk(agreed, facts, UTC_ZONE)
    assert [m for m in then if m.at <= instant] == [m for m in later if m.at <= instant]
    assert tier_at(then, instant) == tier_at(later, instant)
    if ahead := next_move(then, instant):
        assert ahead.cause == "term_ended", "without a purchase only the end of a term moves anybody"


@pytest.mark.parametrize(
    "tiers, said",
    [
        ({"levels": [GOLD, SILVER]}, ["tier 'Silver' has to ask for more than 'Gold' below it",
                                      "keeping 'Silver' has to ask for no less than keeping 'Gold' below it"]),
        ({"levels": [SILVER | {"keep": 30_000}]}, ["keeping tier 'Silver' asks for no more than entering it"]),
        ({"levels": [SILVER, GOLD | {"name": "silver"}]},
         ["two tiers have the name 'silver': give each one of its own"]),
        ({"levels": [SILVER, GOLD | {"key": "silver"}]}, ["two tiers have the key 'silver': give each one of its own"]),
        ({"levels": [SILVER | {"enter": 0, "keep": 0}]}, ["tier 'Silver' asks for more than nothing"]),
        ({"levels": [SILVER | {"name": " "}]}, ["tier ' ': its name has from 1 to 40 letters"]),
        ({"levels": [SILVER | {"key": "si:lver"}]},
         ["tier 'Silver': its key is made of up to 40 letters, digits and hyphens"]),
        ({"months": 0}, ["tiers count the last 1 to 120 months"]),
        ({"grace_days": 900}, ["the grace before a tier is lost is 0 to 365 days"]),
        ({"levels": [SILVER | {"benefits": [{"perk": "other"}]}]}, ["tier 'Silver': say what the other benefit is"]),
        ({"levels": [{"key": f"t{n}", "name": f"T{n}", "enter": n + 1} for n in range(21)]},
         ["a program has at most 20 tiers"]),
    ],
)  # fmt: skip
def test_tiers_that_cannot_be_are_refused_in_words(tiers: dict[str, Any], said: list[str]) -> None:
    assert mistakes(Terms.read(1, proposal("USD") | {"tiers": tiers})) == said


@pytest.mark.parametrize(
    "tiers",
    [
        {"measure": "luck"}, {"levels": "gold"}, {"levels": [{"name": "Gold", "enter": 1}]}, {"levels": ["gold"]},
        {"levels": [GOLD | {"enter": 1.5}]}, {"levels": [GOLD | {"enter": True}]}, {"levels": [GOLD | {"shine": 1}]},
        {"levels": [GOLD | {"benefits": [{"perk": "jet"}]}]}, {"levels": [GOLD | {"benefits": ["jet"]}]}, {"colour": 1},
    ],
)  # fmt: skip
def test_what_is_no_ladder_is_refused(tiers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"tier|benefit"):
        Terms.read(1, proposal("USD") | {"tiers": tiers})
