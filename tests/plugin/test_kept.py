"""Sentences that were kept in English, told again: by their patterns, with what was filled in read out of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest
from flask import Flask

from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from commerce.sayings import listed, run_on, said_by, say, sentences, together
from lifecycle.rules import sentence
from lifecycle.rules.reasons import ordered, silent
from loyalty import Terms
from loyalty.rules import owed
from plugin import kept
from plugin.amounts import NO_BREAK
from plugin.sentences import speak, told
from plugin.translations import collecting

AT = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
Reader = Callable[[str], AbstractContextManager[object]]


@pytest.fixture
def reader() -> Reader:
    app = Flask("reader")
    speak(app)

    def speaking(code: str) -> AbstractContextManager[object]:
        return app.test_request_context(f"/?lang={code}")

    return speaking


def order(kept_minor: int, **changed: object) -> Order:
    plain: dict[str, object] = {
        "order_id": OrderId(1), "external_id": "1001", "name": "#1001", "customer_id": CustomerId(7),
        "customer_external_id": "7", "currency": "USD", "placed_at": AT, "paid": True, "cancelled": False,
        "test": False, "goods_minor": kept_minor, "refunded_minor": 0, "discount_codes": (), "attributed": None,
        "version": 1,
    }  # fmt: skip
    return Order(*(plain | changed).values())  # type: ignore[arg-type]


def test_every_pattern_is_one_that_somebody_says() -> None:
    said = {message.id for message in collecting.collect() if message.id}
    assert [pattern for pattern in kept.PATTERNS if pattern not in said] == []


@pytest.mark.parametrize(
    "written, persian",
    [
        ("no points: a test order", "بدون امتیاز: سفارش آزمایشی"),
        ("#1001: no points: the order was cancelled", "#1001: بدون امتیاز: سفارش لغو شد"),
        ("welcome to Gold, and more", "به Gold, and more خوش آمدید"),
        ("code LOYAL-7KQH: the code was not used", "کد LOYAL-7KQH: کد استفاده نشد"),
        ("Five off: the shop took it back", "Five off: فروشگاه آن را پس گرفت"),
        ("Review: points are given 3 times a month", "Review: ماهی ۳ بار امتیاز دارد"),
        ("points expired", "امتیازها منقضی شدند"),
        ("a letter from us", "a letter from us"),
        ("welcome to ", "welcome to "),
    ],
)  # fmt: skip
def test_what_was_kept_is_told_in_the_reader_s_language(reader: Reader, written: str, persian: str) -> None:
    with reader("fa"):
        assert told(written).replace(NO_BREAK, " ") == persian
    with reader("en"):
        assert told(written) == written


def test_what_an_order_earned_is_known_again_by_the_words_that_the_rules_write(reader: Reader) -> None:
    terms = Terms.read(1, {"points": 2, "per_minor": 100, "currency": "USD", "hold_days": 0, "rewards": []})
    why = owed(order(123450), terms).sentence
    assert why == "2469 points for 1234.50 USD of goods kept, at 2 for each 1.00 USD"
    with reader("fa"):
        assert told(f"#1001: {why}") == f"#1001: {told(why)}"
        assert "۲٬۴۶۹ امتیاز" in told(f"#1001: {why}")


@pytest.mark.parametrize(
    "reason", [ordered(3), ordered(2, 190), silent(61, 20, 0), silent(90, 20, 45), silent(1, 0, 0)]
)
@pytest.mark.parametrize("code", ["fa", "ar", "ro"])
def test_why_a_stage_changed_is_told_alike_whether_it_was_kept_or_not(
    reader: Reader, code: str, reason: object
) -> None:
    said = sentence(reason)
    with reader(code):
        assert told(str(said)) == told(said) != str(said)


@pytest.mark.parametrize(
    "text", ["times " * 160, "a, " * 300, ": " * 400, "\u202e" * 900, "x" * 100_000, "%(num)s day"]
)
def test_whatever_people_wrote_stays_as_it_is(reader: Reader, text: str) -> None:
    with reader("fa"):
        assert told(text) == text


def test_sentences_are_joined_in_every_language(reader: Reader) -> None:
    both = sentences([say("it ends before it starts"), say("its bonus goes from 0 to %(most)s points", most=5000)])
    assert both == "It ends before it starts. Its bonus goes from 0 to 5000 points."
    names = together(["bronze", "silver", "gold"])
    assert (names, together(["gold"])) == ("bronze, silver and gold", "gold")
    assert run_on([say("Points"), listed(["a", "b"])]) == "Points a, b"
    with reader("fa"):
        assert told(both) == "پیش از آغاز پایان می‌یابد. پاداشش از ۰ تا ۵٬۰۰۰ امتیاز است."
        assert told(names) == "bronze، silver و gold"
    with reader("ro"):
        assert told(both) == "Se termină înainte să înceapă. Bonusul merge de la 0 la 5.000 puncte."


def test_an_error_says_what_it_was_raised_with() -> None:
    said = say("there is no such metric; use a name as it stands on the page")
    assert said_by(ValueError(said)) is said
    assert said_by(ValueError("plain")) == "plain"
    assert said_by(KeyError()) == ""
