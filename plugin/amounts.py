"""Numbers, money and shares, with the digits and marks that the reader's language has."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from babel.numbers import format_percent

from commerce.money import Money
from plugin.languages import Language, current

# Keeps a number and its unit, or a sign and its number, on one line.
NO_BREAK = "\u00a0"
MINUS = "\u2212"
# A sign stays in front of its number where lines run from right to left: so the CLDR has it for those languages.
LEFT_TO_RIGHT = "\u200e"
# What stands between these two goes from right to left by itself, whatever is around it.
ISOLATE, ISOLATED = "\u2067", "\u2069"

# What a locale's own numbering system writes instead of 0 to 9.
DIGITS = {"arab": "٠١٢٣٤٥٦٧٨٩", "arabext": "۰۱۲۳۴۵۶۷۸۹"}
# Currencies that a language has a word of its own for; of these the CLDR knows no toman.
TOMANS = {"IRT": "تومان", "IRHT": "هزار تومان", "IRR": "ریال", "IRHR": "هزار ریال"}


@cache
def _marks(language: Language) -> dict[int, str]:
    """From the digits and marks of English to those of a language."""
    system = language.locale.default_numbering_system
    symbols = language.locale.number_symbols.get(system) or language.locale.number_symbols["latn"]
    own = DIGITS.get(system, "0123456789")
    return {ord(","): symbols["group"], ord("."): symbols["decimal"]} | {
        ord(str(digit)): own[digit] for digit in range(10)
    }


@cache
def _percent_sign(language: Language) -> str:
    """The CLDR's sign of the language's own numbering system, which Babel's patterns leave out."""
    system = language.locale.default_numbering_system
    return str(language.locale.number_symbols.get(system, {}).get("percentSign", "%"))


def digits(text: str) -> str:
    """Text with the reader's own digits in it: for codes of time, which have no groups."""
    marks = _marks(current())
    return text.translate({key: own for key, own in marks.items() if chr(key).isdigit()})


def number(value: int) -> str:
    """``-1234567`` as ``−1,234,567``, with a real minus and the reader's digits and groups."""
    return f"{value:,}".translate(_marks(current())).replace("-", _sign(MINUS))


def decimal(value: float | Decimal, places: int) -> str:
    """A number with so many places after its mark."""
    return f"{value:,.{places}f}".translate(_marks(current())).replace("-", _sign(MINUS))


def signed(value: int) -> str:
    return f"{_sign('+')}{number(value)}" if value > 0 else number(value)


def _sign(sign: str) -> str:
    return f"{LEFT_TO_RIGHT}{sign}" if current().direction == "rtl" else sign


def money(minor: int, currency: str) -> str:
    """``(123450, "USD")`` as ``1,234.50 USD``: the code, because a sign such as $ names a dozen currencies. Where a
    language has a word for its own currency, the word.
    """
    whole, point, fraction = Money(abs(minor), currency).decimal().partition(".")
    said = f"{int(whole):,}{point}{fraction}".translate(_marks(current()))
    said = f"{_sign(MINUS) if minor < 0 else ''}{said}{NO_BREAK}{unit(currency)}"
    # A code of Latin letters would change places with the digits around it.
    return f"{ISOLATE}{said}{ISOLATED}" if current().direction == "rtl" and said.endswith(currency) else said


def unit(currency: str) -> str:
    """What a currency is called beside an amount: its code, or the reader's own word for it."""
    if current().code == "fa":
        return TOMANS.get(currency, currency)
    if current().code == "ro" and currency == "RON":
        return "lei"
    return currency


def share(part: int, whole: int) -> str:
    """``38 %`` of the whole; what is there but small is said to be small, and not to be nothing."""
    percent = round(100 * part / whole) if whole else 0
    return f"{'<' if part and not percent else ''}{per_cent(percent or (1 if part else 0))}"


def per_cent(value: float, places: int = 0) -> str:
    """``12.5 %``, as the reader's language writes it."""
    if current().code == "en":
        return f"{decimal(value, places)}{NO_BREAK}%"
    pattern = "#,##0" + ("." + "0" * places if places else "")
    whole = current().locale.percent_formats[None].pattern.replace("#,##0", pattern)
    said = str(format_percent(abs(value) / 100, whole, locale=current().locale, numbering_system="default"))
    return f"{_sign(MINUS) if value < 0 else ''}{digits(said).replace('%', _percent_sign(current()))}"
