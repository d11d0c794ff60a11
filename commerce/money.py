"""Money as whole minor units with a currency; the only place where amounts are parsed.

Platforms write amounts as decimal strings. They are checked against a strict pattern *before* any arithmetic: a
nine-byte string such as ``1e3000000`` would otherwise keep a core busy for minutes, and ``Decimal`` accepts
full-width digits, underscores and blanks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

# Digits after the decimal point, where it is not two. ISO 4217 for all but the last line: Iranian shops price in rials
# (IRR: ISO says two digits, nobody has used them for decades) or in units that no ISO list has, tomans (IRT), thousands
# of tomans (IRHT) and thousands of rials (IRHR), always whole.
EXPONENTS = (
    dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    )
    | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
    | dict.fromkeys(("IRR", "IRT", "IRHT", "IRHR"), 0)
)

# Units of one and the same money: how many rials each is.
RIALS = {"IRR": 1, "IRT": 10, "IRHR": 1_000, "IRHT": 10_000}

# Twelve digits before the point keep every sum of a shop far inside BIGINT.
_AMOUNT = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3,4}", re.ASCII)


class BadAmount(ValueError):
    """The text is not an amount of money that we accept."""


class MixedCurrencies(ValueError):
    """Two amounts of different currencies were combined."""


def exponent(currency: str) -> int:
    """Digits after the decimal point of `currency`: 2 unless the table says otherwise."""
    return EXPONENTS.get(currency, 2)


# A shop has few prices and many lines: the same few texts come again and again. What is refused is not kept.
@lru_cache(maxsize=8192)
def minor_units(amount: str, currency: str) -> int:
    """Whole minor units of a platform's decimal string: ``("12.50", "USD") -> 1250``.

    Digits beyond the currency's own are cut, never rounded up: a platform that says ``"10.999"`` dollars has not
    given us eleven. Raises `BadAmount` for anything but an optional minus, digits, and one point.
    """
    # Nearly every amount is digits, a point and two digits, of a currency with two. That form is known without the
    # pattern: in ASCII, `isdigit` holds for 0 to 9 only, and not for nothing.
    if amount[-3:-2] == "." and 4 <= len(amount) <= 15 and currency not in EXPONENTS and amount.isascii():
        digits_alone = amount[:-3] + amount[-2:]
        if digits_alone.isdigit():
            return int(digits_alone)
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        raise BadAmount(f"{amount[:32]!r} is not an amount; expected digits with at most one point, such as 12.50")
    sign, whole, fraction = match.groups()
    digits = exponent(currency)
    value = int(whole + ((fraction or "") + "000000")[:digits])
    return -value if sign else value


def exchanged(minor: int, given: str, wanted: str, rate: Fraction) -> int:
    """`minor` of `given` in minor units of `wanted`, where one of `given` is worth `rate` of `wanted`; exact, and cut
    towards zero.

    ``exchanged(1000, "EUR", "USD", Fraction("1.085")) == 1085``.
    """
    share = rate * Fraction(10) ** (exponent(wanted) - exponent(given))
    cut = abs(minor) * share.numerator // share.denominator
    return -cut if minor < 0 else cut


def unit_rate(given: str, wanted: str) -> Fraction | None:
    """What one of `given` is worth in `wanted` if both are units of the same money: a toman is ten rials; else None."""
    if given == wanted:
        return Fraction(1)
    if given in RIALS and wanted in RIALS:
        return Fraction(RIALS[given], RIALS[wanted])
    return None


def check_currency(code: str) -> str:
    """`code` itself if it has the form of a currency code, else `BadAmount`."""
    if _CURRENCY.fullmatch(code) is None:
        raise BadAmount(f"{code[:16]!r} is not a currency code; expected capital letters such as USD or IRT")
    return code


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in whole minor units of one currency, for example ``Money(1250, "USD")`` = 12.50 dollars."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, amount: str, currency: str) -> Money:
        return cls(minor_units(amount, check_currency(currency)), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency} cannot be combined")
        return other.minor

    def decimal(self) -> str:
        """The amount as the platforms write it: ``Money(1250, "USD").decimal() == "12.50"``."""
        digits = exponent(self.currency)
        if digits == 0:
            return str(self.minor)
        sign, value = ("-" if self.minor < 0 else ""), abs(self.minor)
        return f"{sign}{value // 10**digits}.{value % 10**digits:0{digits}d}"

    def __str__(self) -> str:
        return f"{self.decimal()} {self.currency}"
