"""How things are said to people: counts, times, names of customers, stages; and the words that every template may use,
those of `amounts`, `calendars` and `phrases` among them.

Everything here escapes what it is given and returns text, or `Markup` where the text is an element.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from flask import url_for

from commerce.sayings import Saying, say
from plugin.amounts import (
    NO_BREAK,
    decimal,
    digits,
    money,
    number,
    per_cent,
    share,
    signed,
)
from plugin.calendars import (
    by_day,
    date_text,
    day,
    instant,
    last_day,
    month,
    month_key,
    month_names,
    month_text,
    zone,
)
from plugin.languages import ENGLISH, current
from plugin.phrases import (
    conditions,
    described,
    expiry,
    for_whom,
    how_often,
    listed,
    perk,
    reward,
    tier_amount,
    tier_measure,
    tier_span,
)
from plugin.sentences import gettext, ngettext, told

STATIC = Path(__file__).parent / "static"


class Named(Protocol):
    """Whoever has the mirror's columns of a customer."""

    external_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    redacted_at: datetime | None


def length_of_time(seconds: float) -> str:
    """Two digits that matter: ``85 ms``, ``1.2 s``, ``40 s``, ``3 min``, ``5 h``, ``2 days``."""
    if seconds < 0.9995:
        return _together(gettext("%(num)s ms", num=round(seconds * 1000)))
    if seconds < 9.95:
        return _together(gettext("%(num)s s", num=decimal(seconds, 1)))
    if seconds < 90:
        return _together(gettext("%(num)s s", num=round(seconds)))
    if seconds < 5400:
        return _together(gettext("%(num)s min", num=round(seconds / 60)))
    if seconds < 129600:
        return _together(gettext("%(num)s h", num=round(seconds / 3600)))
    return ngettext("%(num)s day", "%(num)s days", round(seconds / 86400))


def _together(text: str) -> str:
    return text.replace(" ", NO_BREAK)


def counted(value: int, one: str, many: str) -> str:
    """``1 order``, ``2 orders``: catalogues have it as ``%(num)s order``, so that a language can count in its way."""
    return ngettext(f"%(num)s {one}", f"%(num)s {many}", value)


_EVERY: Mapping[int, Saying] = {
    2: say("every second"), 3: say("every third"), 4: say("every fourth"), 5: say("every fifth"),
    6: say("every sixth"), 7: say("every seventh"), 8: say("every eighth"), 9: say("every ninth"),
    10: say("every tenth"),
}  # fmt: skip


def every(value: int) -> str:
    """``each``, ``every third``, ``every 21st``: which of many, as it is said before a noun."""
    if value < 2:
        return gettext("each")
    return told(_EVERY[value]) if value in _EVERY else gettext("every %(nth)s", nth=_nth(value))


def _nth(value: int) -> str:
    """``21st``, as English has it; where a language has no endings for digits, the digits."""
    if current() is not ENGLISH:
        return number(value)
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{number(value)}{ending}"


def sentence_case(words: str) -> str:
    """A phrase of the ledger's as a line of its own: the first letter is large."""
    return words[:1].upper() + words[1:]


def name_of(customer: Named) -> str:
    """What to call a customer: by name, else by address, else by the store's number."""
    if customer.redacted_at is not None:
        return gettext("Erased customer %(number)s", number=customer.external_id)
    full = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    return full or customer.email or gettext("Customer %(number)s", number=customer.external_id)


STAGES: Mapping[str, Saying] = {
    "lead": say("Lead"),
    "acquired": say("Acquired"),
    "developing": say("Developing"),
    "retained": say("Retained"),
    "advocate": say("Advocate"),
    "at_risk": say("At risk"),
    "lapsed": say("Lapsed"),
}


def stage(key: str) -> str:
    """``at_risk`` as ``At risk``."""
    return told(STAGES[key]) if key in STAGES else key.replace("_", " ").capitalize()


ORIGINS: Mapping[str, Saying] = {
    "invitation": say("took up a friend's invitation"),
    "checkout": say("left a checkout"),
    "newsletter": say("subscribed to the newsletter"),
    "sign_up": say("signed up"),
    "hearsay": say("named by the store beside something else"),
}


def lead_origin(key: str) -> str:
    """How somebody who has not ordered came to be known."""
    return told(ORIGINS[key])


def masked(code: str) -> str:
    """A number that is money, as far as anybody but its owner has to see it."""
    return f"•••• {code[-4:]}"


def static(name: str, *, external: str = "") -> str:
    """The address of a file of ours, with a digest of what is in it: browsers may keep it for ever, and never show an
    old one.
    """
    return f"{external}{url_for('static', filename=name, v=_digest(name))}"


@cache
def _digest(name: str) -> str:
    return blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()


def words(timezone: str) -> Mapping[str, Any]:
    """What every template may say, for a shop in that zone."""
    there = zone(timezone)
    return {
        "by_day": partial(by_day, there),
        "conditions": conditions,
        "counted": counted,
        "date_text": date_text,
        "decimal": decimal,
        "digits": digits,
        "day": partial(day, there),
        "described": described,
        "every": every,
        "for_whom": for_whom,
        "expiry_words": expiry,
        "instant": partial(instant, there),
        "how_often": how_often,
        "last_day": partial(last_day, there),
        "lead_origin": lead_origin,
        "length_of_time": length_of_time,
        "listed": listed,
        "masked": masked,
        "money": money,
        "month": partial(month, there),
        "month_key": partial(month_key, there),
        "month_text": month_text,
        "month_names": month_names,
        "name_of": name_of,
        "number": number,
        "per_cent": per_cent,
        "perk": perk,
        "reward_words": reward,
        "sentence_case": sentence_case,
        "share": share,
        "signed": signed,
        "stage_name": stage,
        "static": static,
        "tier_amount": tier_amount,
        "tier_measure": tier_measure,
        "tier_span": tier_span,
    }
