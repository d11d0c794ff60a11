"""What an order in another currency is worth in the shop's own, by the rate that the shop's multi-currency plugin wrote
into the order.

WooCommerce has one currency for the shop and lets each order have its own, without a rate. The common plugins leave
one in the order's meta, each in its own way and direction. Where none did, the order stays in its own currency:
amounts of two currencies are never added, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import msgspec
from msgspec import Raw, Struct

from commerce.money import BadAmount, check_currency, exchanged, exponent, minor_units, unit_rate

# A rate as PHP writes it, which may be 1.66E-5. Two digits of exponent: more would only cost time.
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_SMALLEST, _LARGEST = Fraction(1, 10**9), Fraction(10**9)
# The store writes as many decimals as it is set to, and minor units end before the seventh.
_DECIMALS = re.compile(r"(-?[0-9]{1,12}\.[0-9]{6})[0-9]{1,20}", re.ASCII)

# Of these plugins' meta: WooPayments, FOX (once WOOCS), CURCY, Aelia.
KEYS = frozenset(
    {
        "_wcpay_multi_currency_order_default_currency",
        "_wcpay_multi_currency_order_exchange_rate",
        "_wcpay_multi_currency_stripe_exchange_rate",
        "_woocs_order_base_currency",
        "_woocs_order_rate",
        "wmc_order_info",
        "_base_currency_exchange_rate",
    }
)
Meta = Mapping[str, Raw]


class _CurcyRate(Struct):
    rate: Raw = Raw(b"")
    is_main: object = None


@dataclass(frozen=True, slots=True)
class Tender:
    """The currency of an order, and the one that its amounts are told in: one of `currency` is `rate` of `told_in`."""

    currency: str
    told_in: str
    rate: Fraction

    def minor(self, amount: str) -> int:
        """Minor units of `told_in`; raises `BadAmount`."""
        cut = _DECIMALS.fullmatch(amount) if "." in amount[:-7] else None
        given = minor_units(amount if cut is None else cut[1], self.currency)
        return given if self.currency == self.told_in else exchanged(given, self.currency, self.told_in, self.rate)

    def step(self, amount: str) -> int:
        """What `amount`, and every other of its order, is a whole multiple of, in minor units of `told_in`: more than
        one where the store writes fewer decimals than the currency has.
        """
        digits = exponent(self.currency) - len(amount.partition(".")[2])
        return max(1, exchanged(10**digits, self.currency, self.told_in, self.rate)) if digits > 0 else 1


def tender(currency: str, meta: Meta, base: str | None) -> Tender:
    """How the amounts of an order in `currency` are to be read. `base` is the shop's own currency, where that is
    known.
    """
    check_currency(currency)
    if base in (None, currency) and not meta.keys() & KEYS:
        return Tender(currency, currency, Fraction(1))  # nearly every order
    for find in (_unit, _woopayments, _fox, _curcy, _aelia):
        found = find(currency, meta, base)
        if found is not None and found.told_in != currency and (base is None or found.told_in == base):
            return found
    return Tender(currency, currency, Fraction(1))


def _unit(currency: str, _meta: Meta, base: str | None) -> Tender | None:
    """Another unit of the same money."""
    rate = None if base is None else unit_rate(currency, base)
    return None if base is None or rate is None else Tender(currency, base, rate)


def _woopayments(currency: str, meta: Meta, _base: str | None) -> Tender | None:
    """The rate at which the payment was really exchanged goes before the one at which prices were shown."""
    told_in = _code(meta.get("_wcpay_multi_currency_order_default_currency"))
    charged = _rate(meta.get("_wcpay_multi_currency_stripe_exchange_rate"))
    shown = _rate(meta.get("_wcpay_multi_currency_order_exchange_rate"))
    if told_in is None or (charged is None and shown is None):
        return None
    return Tender(currency, told_in, charged if charged is not None else 1 / (shown or Fraction(1)))


def _fox(currency: str, meta: Meta, _base: str | None) -> Tender | None:
    told_in, rate = _code(meta.get("_woocs_order_base_currency")), _rate(meta.get("_woocs_order_rate"))
    return None if told_in is None or rate is None else Tender(currency, told_in, 1 / rate)


def _curcy(currency: str, meta: Meta, _base: str | None) -> Tender | None:
    """A table of all the shop's currencies at the time of the order, one of them the main one."""
    try:
        table = msgspec.json.decode(meta.get("wmc_order_info", b"null"), type=dict[str, _CurcyRate] | None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    main = next((code for code, row in (table or {}).items() if str(row.is_main) in ("1", "True")), None)
    rate = _rate(table[currency].rate) if table and currency in table else None
    if main is None or rate is None or not _is_code(main):
        return None
    return Tender(currency, main, 1 / rate)


def _aelia(currency: str, meta: Meta, base: str | None) -> Tender | None:
    """It names a rate and not the currency: of use only where the shop's own is known."""
    rate = _rate(meta.get("_base_currency_exchange_rate"))
    return None if base is None or rate is None else Tender(currency, base, rate)


def _text(raw: Raw | None) -> str:
    """A meta value as text, whether the plugin saved a number or a string."""
    if raw is None or len(bytes(raw)) > 64:
        return ""
    try:
        found = msgspec.json.decode(raw, type=object) if bytes(raw).startswith(b'"') else bytes(raw).decode("ascii")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(found).strip()


def _rate(raw: Raw | None) -> Fraction | None:
    text = _text(raw)
    if _RATE.fullmatch(text) is None:
        return None
    rate = Fraction(Decimal(text))
    return rate if _SMALLEST <= rate <= _LARGEST else None


def _code(raw: Raw | None) -> str | None:
    text = _text(raw)
    return text if _is_code(text) else None


def _is_code(text: str) -> bool:
    try:
        check_currency(text)
    except BadAmount:
        return False
    return True
