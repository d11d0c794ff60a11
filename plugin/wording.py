"""How things are said to people: rewards and what they ask for, tiers, expiry, names of customers; and the words that
every template may use, those of `amounts` and `calendars` among them.

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

from loyalty import (
    Action,
    ActionKind,
    Activity,
    Benefit,
    Expiry,
    Kind,
    Ladder,
    Measure,
    Perk,
    Policy,
    Reward,
    Round,
    amount,
    span,
)
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
from plugin.sentences import gettext, ngettext

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


_NTH = ("", "", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def every(value: int) -> str:
    """``each``, ``every third``, ``every 21st``: which of many, as it is said before a noun."""
    if value < len(_NTH):
        return f"every {_NTH[value]}" if value > 1 else "each"
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"every {number(value)}{ending}"


def sentence_case(words: str) -> str:
    """A phrase of the ledger's as a line of its own: the first letter is large."""
    return words[:1].upper() + words[1:]


def name_of(customer: Named) -> str:
    """What to call a customer: by name, else by address, else by the store's number."""
    if customer.redacted_at is not None:
        return f"Erased customer {customer.external_id}"
    full = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    return full or customer.email or f"Customer {customer.external_id}"


def stage(key: str) -> str:
    """``at_risk`` as ``At risk``."""
    return key.replace("_", " ").capitalize()


ORIGINS: Mapping[str, str] = {
    "invitation": "took up a friend's invitation",
    "checkout": "left a checkout",
    "newsletter": "subscribed to the newsletter",
    "sign_up": "signed up",
    "hearsay": "named by the store beside something else",
}


def lead_origin(key: str) -> str:
    """How somebody who has not ordered came to be known."""
    return ORIGINS[key]


def reward(offered: Reward, currency: str) -> str:
    """What a reward is, whatever the merchant has called it."""
    amount, percent = money(offered.amount_minor, currency), f"{offered.percent}{NO_BREAK}%"
    match offered.kind:
        case Kind.AMOUNT:
            return f"{amount} off one order"
        case Kind.PERCENTAGE:
            return f"{percent} off one order"
        case Kind.FREE_SHIPPING:
            most = offered.most_shipping_minor
            return "Free shipping of one order" + (f", where it costs up to {money(most, currency)}" if most else "")
        case Kind.PRODUCT:
            return f"{percent} off certain products" if offered.percent else f"{amount} off certain products, once"
        case Kind.GIFT_CARD:
            return f"A gift card of {amount}"
        case Kind.STORE_CREDIT:
            return f"{amount} of store credit"
        case Kind.CUSTOM:
            return "Something that you hand over yourself"


def conditions(offered: Reward, currency: str) -> list[str]:
    """What a reward asks for and how long it lasts, a phrase each."""
    said = list[str]()
    if offered.minimum_minor:
        said.append(f"on an order of {money(offered.minimum_minor, currency)} or more")
    if offered.minimum_quantity:
        said.append(f"on an order of {counted(offered.minimum_quantity, 'piece', 'pieces')} or more")
    if offered.limit:
        often = "once" if offered.limit == 1 else f"{number(offered.limit)} times"
        days = f" in {counted(offered.limit_days, 'day', 'days')}" if offered.limit_days else ""
        said.append(f"{often} for each customer{days}")
    if offered.most_steps > 1:
        said.append(f"up to {money(offered.amount_minor * offered.most_steps, currency)} at once")
    if offered.most_share:
        said.append(f"for up to {offered.most_share}{NO_BREAK}% of an order")
    others = zip(("order", "product", "shipping"), offered.combines, strict=True)
    if together := [name for name, allowed in others if allowed]:
        said.append(f"together with {' and '.join(together)} discounts")
    if offered.alone:
        said.append("as the only reward of an order")
    if offered.code_days:
        said.append(f"good for {counted(offered.code_days, 'day', 'days')}")
    return said


def for_whom(offered: Reward, ladder: Ladder) -> str:
    """Whose a reward is, where it is not everybody's; the names of hidden tiers are said to nobody."""
    if not offered.tiers and not offered.from_tier:
        return ""
    names = [level.name for level in offered.levels(ladder)]
    return f"for members of {' and '.join(names)}" if names else "for members of a hidden tier"


def described(offered: Reward, currency: str) -> str:
    """What a reward is and what it asks for, under a name that may say the first already."""
    what, asks = reward(offered, currency), conditions(offered, currency)
    if offered.kind == Kind.CUSTOM:
        return ", ".join(["the shop hands it over", *asks])
    named = what.replace(NO_BREAK, " ").casefold().startswith(offered.title.casefold())
    return ", ".join(asks if named else [what, *asks])


PERKS: Mapping[Perk, str] = {
    Perk.FREE_DELIVERY: "Free delivery",
    Perk.FASTER_DELIVERY: "Faster delivery",
    Perk.EARLY_ACCESS: "Early access to new goods",
    Perk.EXCLUSIVE_OFFERS: "Offers for members only",
    Perk.LONGER_RETURNS: "A longer time for returns",
    Perk.OTHER: "Something else",
}

COUNTED: Mapping[Measure, str] = {
    Measure.SPEND: "spend, after discounts and returns, without tax and delivery",
    Measure.POINTS: "points earned, once they can be spent",
    Measure.ORDERS: "orders that are paid and kept",
    Measure.REFERRALS: "friends who were brought",
}


def perk(benefit: Benefit) -> str:
    """What a tier gives: in the merchant's own words, where there are any."""
    return benefit.text or PERKS[benefit.perk]


def tier_amount(ladder: Ladder, value: int, currency: str) -> str:
    """So much of what a ladder counts."""
    return money(value, currency) if ladder.measure is Measure.SPEND else amount(ladder.measure, value, currency)


def tier_measure(ladder: Ladder) -> str:
    return COUNTED[ladder.measure]


def expiry(policy: Expiry) -> str:
    """How points expire, as a sentence."""
    months = counted(policy.months, "month", "months")
    match policy.policy:
        case Policy.NONE:
            return "Points never expire."
        case Policy.LOT:
            end = "" if policy.round_up is Round.DAY else f", to the end of that {policy.round_up}"
            return f"Points expire {months} after they could first be spent{end}."
        case Policy.INACTIVITY:
            return f"Points expire all together after {months} without {_ACTIVITIES[policy.activity]}."
        case Policy.CALENDAR:
            on = f"{policy.day}{NO_BREAK}{month_names()[policy.month - 1]}"
            return f"Points expire on {on}, after {months} at least."
        case Policy.ANNIVERSARY:
            return f"Points expire on the day of the year on which their member came, after {months} at least."


_ACTIVITIES = {
    Activity.EARNING: "earning",
    Activity.EARNING_AND_REDEEMING: "earning or redeeming",
    Activity.PURCHASES: "a purchase",
}


def how_often(action: Action) -> str:
    """How often an action brings its points, in a few words."""
    if action.kind in (ActionKind.BIRTHDAY, ActionKind.ANNIVERSARY):
        return "once a year"
    if action.kind in (ActionKind.SIGN_UP, ActionKind.NEWSLETTER):
        return "once"
    if not action.limit:
        return "each time"
    often = "once" if action.limit == 1 else f"{number(action.limit)} times"
    return often if action.period == "ever" else f"{often} a {action.period}"


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
        "tier_span": span,
    }
