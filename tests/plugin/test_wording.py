"""How values are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from commerce.rewards import Combines, Goods
from loyalty import Kind, Reward
from plugin import amounts, calendars, phrases, wording
from plugin.admin import charts


@pytest.mark.parametrize(
    "minor,currency,said",
    [
        (123450, "USD", "1,234.50 USD"),
        (-5, "USD", "−0.05 USD"),
        (1234567, "JPY", "1,234,567 JPY"),
        (1234567, "KWD", "1,234.567 KWD"),
        (0, "EUR", "0.00 EUR"),
    ],
)
def test_money_has_groups_its_own_digits_and_its_code(minor: int, currency: str, said: str) -> None:
    assert amounts.money(minor, currency).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    "seconds,said",
    [(0, "0 ms"), (0.085, "85 ms"), (0.9996, "1.0 s"), (1.24, "1.2 s"), (9.96, "10 s"), (89, "89 s"), (200, "3 min"),
     (5 * 3600, "5 h"), (3 * 86400, "3 days")],
)  # fmt: skip
def test_lengths_of_time_have_two_digits_that_matter(seconds: float, said: str) -> None:
    assert wording.length_of_time(seconds).replace("\u00a0", " ") == said


def test_instants_are_shown_on_the_shop_s_clock_and_carried_in_utc() -> None:
    at = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    said = calendars.instant(calendars.zone("Europe/Berlin"), at).replace("\u00a0", " ")
    assert said == '<time datetime="2026-12-31T23:30:00Z">1 Jan 2027, 00:30</time>'


def test_a_share_that_is_small_is_not_nothing() -> None:
    said = [amounts.share(part, 1000).replace("\u00a0", " ") for part in (0, 1, 500, 1000)]
    assert said == ["0 %", "<1 %", "50 %", "100 %"]
    assert amounts.share(0, 0).startswith("0")


@pytest.mark.parametrize(
    "many, said",
    [(0, "each"), (1, "each"), (2, "every second"), (3, "every third"), (10, "every tenth"), (11, "every 11th"),
     (12, "every 12th"), (21, "every 21st"), (22, "every 22nd"), (103, "every 103rd"), (111, "every 111th"),
     (1000, "every 1,000th")],
)  # fmt: skip
def test_which_of_many_is_said_as_english_says_it(many: int, said: str) -> None:
    assert wording.every(many) == said


def test_amounts_of_one_day_are_one_amount() -> None:
    at, there = datetime(2026, 11, 22, 12, tzinfo=UTC), calendars.zone("UTC")
    days = calendars.by_day(there, [(at, 5), (at + timedelta(hours=1), 6), (at + timedelta(days=1), 7)])
    assert [points for _, points in days] == [11, 7]


def test_everybody_has_a_name() -> None:
    def somebody(**known: object) -> object:
        blank = {"external_id": "7", "email": None, "first_name": None, "last_name": None, "redacted_at": None}
        return wording.name_of(SimpleNamespace(**(blank | known)))

    assert somebody(first_name="Ada", last_name="Lovelace", email="a@b.example") == "Ada Lovelace"
    assert somebody(email="a@b.example") == "a@b.example"
    assert somebody() == "Customer 7"
    assert somebody(redacted_at=datetime(2026, 1, 1, tzinfo=UTC)) == "Erased customer 7"


def test_a_bar_is_as_long_as_its_value_and_never_vanishes() -> None:
    assert 'class="value" width="50"' in charts.bar(5, 10)
    assert 'class="value" width="1"' in charts.bar(1, 10_000)
    assert 'class="value" width="0"' in charts.bar(0, 0)


def test_columns_stand_on_the_ground_and_say_what_they_show() -> None:
    drawn = charts.columns([0, 5, 10], 'over "time"')
    assert 'aria-label="over &#34;time&#34;"' in drawn
    assert '<rect class="value" x="16" y="0" width="6" height="48"/>' in drawn
    assert '<rect class="value" x="0" y="48" width="6" height="0"/>' in drawn


GOODS = Goods(products=("1",))


@pytest.mark.parametrize(
    "offered, said",
    [
        (Reward("k", "t", 1, 500), "5.00 USD off one order"),
        (Reward("k", "t", 1, kind=Kind.PERCENTAGE, percent=15), "15 % off one order"),
        (Reward("k", "t", 1, kind=Kind.FREE_SHIPPING), "Free shipping of one order"),
        (Reward("k", "t", 1, kind=Kind.FREE_SHIPPING, most_shipping_minor=900),
         "Free shipping of one order, where it costs up to 9.00 USD"),
        (Reward("k", "t", 1, 1800, kind=Kind.PRODUCT, goods=GOODS), "18.00 USD off certain products, once"),
        (Reward("k", "t", 1, kind=Kind.PRODUCT, percent=50, goods=GOODS), "50 % off certain products"),
        (Reward("k", "t", 1, 2000, kind=Kind.GIFT_CARD), "A gift card of 20.00 USD"),
        (Reward("k", "t", 1, 1500, kind=Kind.STORE_CREDIT), "15.00 USD of store credit"),
    ],
    ids=lambda one: one.kind if isinstance(one, Reward) else "",
)  # fmt: skip
def test_each_kind_of_reward_is_said_in_words(offered: Reward, said: str) -> None:
    assert phrases.reward(offered, "USD").replace("\u00a0", " ") == said


def test_what_a_reward_asks_for_is_said_in_phrases_and_its_name_is_not_repeated() -> None:
    combines = Combines(orders=True, shipping=True)
    offered = Reward("k", "5.00 USD off", 1, 500, 2000, 30, combines=combines, limit=2, limit_days=90)
    asks = [
        "on an order of 20.00 USD or more", "2 times for each customer in 90 days",
        "together with order and shipping discounts", "good for 30 days",
    ]  # fmt: skip
    assert phrases.described(offered, "USD").replace("\u00a0", " ") == ", ".join(asks)
    once = Reward("k", "Welcome", 1, 500, limit=1, minimum_quantity=2, code_days=1)
    assert phrases.described(once, "USD").replace("\u00a0", " ") == (
        "5.00 USD off one order, on an order of 2 pieces or more, once for each customer, good for 1 day"
    )
