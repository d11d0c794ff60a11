"""Telephone numbers as people write them, brought to E.164 for matching: ``۰۹۱۲ ۱۲۳ ۴۵۶۷`` and ``+98 912 1234567`` are
one number.

What is needed of each country stands in one table: its calling code, the digits that are dialled only inside it, and
how long its numbers are. A number that does not fit is no key: two people must not meet over half a number.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple


class Plan(NamedTuple):
    """A country's numbering: calling code, trunk prefix, digits of a whole national number, prefix to dial abroad."""

    code: str
    trunk: str
    shortest: int
    longest: int
    abroad: str = "00"


_NORTH_AMERICA = Plan("1", "1", 10, 10, "011")

# ISO 3166 country -> plan, from the ITU's national numbering plans (E.164). A country that is not here is reached only
# by a number that is written internationally.
PLANS: dict[str, Plan] = {
    "AE": Plan("971", "0", 8, 9),
    "AF": Plan("93", "0", 9, 9),
    "AM": Plan("374", "0", 8, 8),
    "AR": Plan("54", "0", 10, 11),
    "AT": Plan("43", "0", 7, 13),
    "AU": Plan("61", "0", 9, 9, "0011"),
    "AZ": Plan("994", "0", 9, 9),
    "BD": Plan("880", "0", 8, 10),
    "BE": Plan("32", "0", 8, 9),
    "BG": Plan("359", "0", 7, 9),
    "BH": Plan("973", "", 8, 8),
    "BR": Plan("55", "0", 10, 11),
    "BY": Plan("375", "80", 9, 9, "810"),
    "CA": _NORTH_AMERICA,
    "CH": Plan("41", "0", 9, 9),
    "CN": Plan("86", "0", 9, 11),
    "CY": Plan("357", "", 8, 8),
    "CZ": Plan("420", "", 9, 9),
    "DE": Plan("49", "0", 7, 13),
    "DK": Plan("45", "", 8, 8),
    "DZ": Plan("213", "0", 8, 9),
    "EE": Plan("372", "", 7, 8),
    "EG": Plan("20", "0", 8, 10),
    "ES": Plan("34", "", 9, 9),
    "FI": Plan("358", "0", 6, 12),
    "FR": Plan("33", "0", 9, 9),
    "GB": Plan("44", "0", 9, 10),
    "GE": Plan("995", "0", 9, 9),
    "GR": Plan("30", "", 10, 10),
    "HR": Plan("385", "0", 8, 9),
    "HU": Plan("36", "06", 8, 9),
    "IE": Plan("353", "0", 7, 9),
    "IL": Plan("972", "0", 8, 9),
    "IN": Plan("91", "0", 10, 10),
    "IQ": Plan("964", "0", 8, 10),
    "IR": Plan("98", "0", 10, 10),
    "IT": Plan("39", "", 8, 11),
    "JO": Plan("962", "0", 8, 9),
    "JP": Plan("81", "0", 9, 10, "010"),
    "KR": Plan("82", "0", 8, 10),
    "KW": Plan("965", "", 8, 8),
    "KZ": Plan("7", "8", 10, 10, "810"),
    "LB": Plan("961", "0", 7, 8),
    "LT": Plan("370", "0", 8, 8),
    "LV": Plan("371", "", 8, 8),
    "LY": Plan("218", "0", 8, 9),
    "MA": Plan("212", "0", 9, 9),
    "MD": Plan("373", "0", 8, 8),
    "MK": Plan("389", "0", 8, 8),
    "MX": Plan("52", "", 10, 10),
    "NL": Plan("31", "0", 9, 9),
    "NO": Plan("47", "", 8, 8),
    "NZ": Plan("64", "0", 8, 10),
    "OM": Plan("968", "", 8, 8),
    "PK": Plan("92", "0", 9, 10),
    "PL": Plan("48", "", 9, 9),
    "PT": Plan("351", "", 9, 9),
    "QA": Plan("974", "", 8, 8),
    "RO": Plan("40", "0", 9, 9),
    "RS": Plan("381", "0", 8, 9),
    "RU": Plan("7", "8", 10, 10, "810"),
    "SA": Plan("966", "0", 8, 9),
    "SE": Plan("46", "0", 7, 9),
    "SI": Plan("386", "0", 8, 8),
    "SK": Plan("421", "0", 9, 9),
    "SY": Plan("963", "0", 8, 9),
    "TJ": Plan("992", "", 9, 9),
    "TM": Plan("993", "8", 8, 8),
    "TN": Plan("216", "", 8, 8),
    "TR": Plan("90", "0", 10, 10),
    "UA": Plan("380", "0", 9, 9),
    "US": _NORTH_AMERICA,
    "UZ": Plan("998", "", 9, 9),
    "YE": Plan("967", "0", 8, 9),
    "ZA": Plan("27", "0", 9, 9),
}
_BY_CODE = {plan.code: plan for plan in PLANS.values()}
_LONGEST_TEXT = 64
# E.164: at most fifteen digits; nothing shorter than eight reaches one subscriber of the world.
_SHORTEST, _LONGEST = 8, 15
# An extension, or a second number: what follows is not the number.
_END = re.compile(r"[^\d+()\s./\-]")


def fold_digits(text: str) -> str:
    """`text` with the decimal digits of every script as 0 to 9: ``۰۹۱۲`` and ``٠٩١٢`` become ``0912``."""
    if text.isascii():
        return text
    return "".join(
        str(digit) if (digit := unicodedata.decimal(letter, None)) is not None else letter for letter in text
    )


def e164(text: str, country: str | None) -> str | None:
    """The number of `text` as ``+989121234567``, or None for what is no whole number. `country` (ISO 3166, two
    letters) is where a number without a calling code is dialled.
    """
    written = "".join(letter for letter in fold_digits(text[:_LONGEST_TEXT]) if unicodedata.category(letter) != "Cf")
    written = unicodedata.normalize("NFKC", written).strip().lower().removeprefix("tel:")
    written = _END.split(written.strip(), maxsplit=1)[0]
    digits = re.sub(r"\D", "", written, flags=re.ASCII)
    if len(digits) < _SHORTEST or len(set(digits)) == 1:
        return None
    plan = PLANS.get((country or "").upper())
    if written.startswith("+"):
        return _international(digits)
    if plan is None:
        return _international(digits[2:]) if digits.startswith("00") else None
    return _dialled(digits, plan)


def _dialled(digits: str, plan: Plan) -> str | None:
    """A number as it is dialled in the country of `plan`: abroad, with the trunk prefix, bare, or with the country's
    own code and no plus.
    """
    if digits.startswith(plan.abroad) and (found := _international(digits[len(plan.abroad) :])) is not None:
        return found
    bare = [digits[len(plan.trunk) :]] if plan.trunk and digits.startswith(plan.trunk) else []
    bare += [digits]
    for number in bare:
        if plan.shortest <= len(number) <= plan.longest and not (plan.trunk == "0" and number.startswith("0")):
            return f"+{plan.code}{number}"
    return _international(digits) if digits.startswith(plan.code) else None


def _international(digits: str) -> str | None:
    """Digits that begin with a calling code. A trunk prefix behind it, as in ``+98 (0) 912``, is left out."""
    plan = next((_BY_CODE[digits[:size]] for size in (3, 2, 1) if digits[:size] in _BY_CODE), None)
    if plan is None:
        whole = _SHORTEST <= len(digits) <= _LONGEST and not digits.startswith("0")
        return f"+{digits}" if whole else None
    number = digits[len(plan.code) :]
    if plan.trunk == "0":
        number = number.removeprefix("0")
    if not plan.shortest <= len(number) <= plan.longest:
        return None
    return f"+{plan.code}{number}"
