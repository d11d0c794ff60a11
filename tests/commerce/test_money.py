"""Amounts are read exactly, and only when they are written as amounts."""

from __future__ import annotations

import re
import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.money import (
    EXPONENTS,
    BadAmount,
    MixedCurrencies,
    Money,
    check_currency,
    exchanged,
    exponent,
    minor_units,
    unit_rate,
)

CURRENCIES = st.sampled_from(sorted([*EXPONENTS, "USD", "EUR", "INR", "IRX"]))
WRITTEN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)


@pytest.mark.parametrize(
    "amount, currency, minor",
    [
        ("12.50", "USD", 1250),
        ("0.00", "USD", 0),
        ("0.05", "EUR", 5),
        ("00.05", "EUR", 5),
        ("-12.50", "USD", -1250),
        ("-0.00", "USD", 0),
        ("12", "USD", 1200),
        ("12.5", "USD", 1250),
        ("10.999", "USD", 1099),
        ("-10.999", "USD", -1099),
        ("999999999999.99", "USD", 99_999_999_999_999),
        ("4800", "JPY", 4800),
        ("4800.00", "JPY", 4800),
        ("18.125", "KWD", 18125),
        ("18.12", "KWD", 18120),
        ("250000", "IRT", 250_000),
    ],
)
def test_an_amount_is_whole_minor_units(amount: str, currency: str, minor: int) -> None:
    assert minor_units(amount, currency) == minor


@pytest.mark.parametrize(
    "amount",
    [
        "",
        ".",
        ".50",
        "-.50",
        "5.",
        "1,50",
        "1 234.50",
        " 1.50",
        "1.50 ",
        "1.50\n",
        "+1.50",
        "--1.50",
        "1.5.0",
        "..50",
        "1e3000000",
        "sNaN",
        "Infinity",
        "1_0.50",
        "１２.50",
        "12.５0",
        "²3.50",
        "1234567890123",
        "1234567890123.50",
        "1.1234567",
    ],
)
def test_what_is_not_written_as_an_amount_is_refused_at_once(amount: str) -> None:
    started = time.process_time()
    for currency in ("USD", "JPY", "KWD"):
        with pytest.raises(BadAmount):
            minor_units(amount, currency)
    assert time.process_time() - started < 5, "an unbounded one takes minutes"


@given(amount=st.from_regex(WRITTEN, fullmatch=True), currency=CURRENCIES)
def test_every_written_amount_is_read_exactly(amount: str, currency: str) -> None:
    assert minor_units(amount, currency) == int(Decimal(amount).scaleb(exponent(currency)))


@given(amount=st.one_of(st.text(max_size=20), st.text("0123456789.-+eE_ ١", max_size=18)), currency=CURRENCIES)
def test_any_other_text_is_refused(amount: str, currency: str) -> None:
    if WRITTEN.fullmatch(amount):
        minor_units(amount, currency)
    else:
        with pytest.raises(BadAmount):
            minor_units(amount, currency)


@given(minor=st.integers(-(10**11), 10**11), currency=CURRENCIES)
def test_an_amount_written_and_read_again_is_the_same(minor: int, currency: str) -> None:
    whole = Money(minor, currency)
    assert Money.parse(whole.decimal(), currency) == whole


def test_money_of_two_currencies_does_not_mix() -> None:
    assert Money(5, "USD") + Money(7, "USD") - Money(2, "USD") == Money(10, "USD")
    with pytest.raises(MixedCurrencies):
        Money(5, "USD") + Money(5, "EUR")


@pytest.mark.parametrize("code", ["USD", "IRT", "IRHR"])
def test_a_currency_code_is_capital_letters(code: str) -> None:
    assert check_currency(code) == code


@pytest.mark.parametrize("code", ["", "us", "usd", "US", "USDOL", "US$", "ＵＳＤ", "USD\n"])
def test_another_currency_code_is_refused(code: str) -> None:
    with pytest.raises(BadAmount):
        check_currency(code)


@pytest.mark.parametrize(
    "minor, given, wanted, rate, worth",
    [
        (1000, "EUR", "USD", "1.085", 1085),
        (999, "EUR", "USD", "1.085", 1083),
        (-999, "EUR", "USD", "1.085", -1083),
        (1250, "USD", "IRT", "60000", 750_000),
        (750_000, "IRT", "USD", "1/60000", 1250),
        (1250, "USD", "KWD", "0.3", 3750),
        (3751, "KWD", "USD", "1", 375),
    ],
)
def test_money_is_exchanged_exactly_and_cut_towards_zero(
    minor: int, given: str, wanted: str, rate: str, worth: int
) -> None:
    assert exchanged(minor, given, wanted, Fraction(rate)) == worth


@pytest.mark.parametrize(
    "given, wanted, rials",
    [("IRT", "IRR", 10), ("IRHR", "IRR", 1000), ("IRHT", "IRR", 10_000), ("IRHT", "IRT", 1000)],
)
def test_the_units_of_iran_are_one_money(given: str, wanted: str, rials: int) -> None:
    rate = unit_rate(given, wanted)
    assert rate == rials
    assert exchanged(7, given, wanted, rate) == 7 * rials


def test_two_moneys_have_no_rate_of_their_own() -> None:
    assert unit_rate("USD", "EUR") is None
    assert unit_rate("IRT", "USD") is None
    assert unit_rate("USD", "USD") == 1


def test_a_rial_has_no_smaller_unit() -> None:
    assert minor_units("555000", "IRR") == 555_000
    assert str(Money(555_000, "IRR")) == "555000 IRR"
