"""A shop's money: whole minor units inside, the platform's decimal strings outside."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

ZERO_DECIMALS = frozenset(
    [
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
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


class BadAmount(ValueError):
    """The text is not an amount of money."""


class Currency:
    """An ISO 4217 currency and the way the platform writes its amounts (`12.34`, `1234`, `1.234`)."""

    __slots__ = ("_unit", "code", "exponent")

    def __init__(self, code: str) -> None:
        self.code = code.upper()
        self.exponent = 0 if self.code in ZERO_DECIMALS else 3 if self.code in THREE_DECIMALS else 2
        self._unit = int(10**self.exponent)

    def text(self, minor: int) -> str:
        """The amount as the platform writes it. Integers only: a float would lose cents."""
        if not self.exponent:
            return str(minor)
        sign = "-" if minor < 0 else ""
        whole, part = divmod(abs(minor), self._unit)
        return f"{sign}{whole}.{part:0{self.exponent}d}"

    def minor(self, amount: str | float | Decimal) -> int:
        """Minor units, rounded half up once: history files carry fractions of a cent."""
        try:
            value = Decimal(str(amount).strip())
        except InvalidOperation:
            raise BadAmount(f"{amount!r} is not an amount of money") from None
        if not value.is_finite() or abs(value) > 10**13:
            raise BadAmount(f"{amount!r} is not an amount of money")
        return int((value * self._unit).quantize(Decimal(1), rounding=ROUND_HALF_UP))
