"""How values are said to people: numbers, money, instants, lengths of time, names of customers.

Everything here escapes what it is given and returns text, or `Markup` where the text is an element. Instants are
shown in the shop's own zone and carried in UTC; the words are English, the marks around digits are the same in
every language we may add.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import url_for
from markupsafe import Markup

from commerce.money import Money
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

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STATIC = Path(__file__).parent / "static"

# Keeps a number and its unit, or a sign and its number, on one line.
NO_BREAK = "\u00a0"
MINUS = "\u2212"


class Named(Protocol):
    """Whoever has the mirror's columns of a customer."""

    external_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    redacted_at: datetime | None


def number(value: int) -> str:
    """``-1234567`` as ``−1,234,567``, with a real minus."""
    return f"{value:,}".replace("-", MINUS)


def signed(value: int) -> str:
    return f"+{value:,}" if value > 0 else number(value)


def money(minor: int, currency: str) -> str:
    """``(123450, "USD")`` as ``1,234.50 USD``: the code, because a sign such as $ names a dozen currencies."""
    whole, point, fraction = Money(abs(minor), currency).decimal().partition(".")
    return f"{MINUS if minor < 0 else ''}{int(whole):,}{point}{fraction}{NO_BREAK}{currency}"


def length_of_time(seconds: float) -> str:
    """Two digits that matter: ``85 ms``, ``1.2 s``, ``40 s``, ``3 min``, ``5 h``, ``2 days``."""
    if seconds < 0.9995:
        return f"{round(seconds * 1000)}{NO_BREAK}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}{NO_BREAK}s"
    for unit, size, until in (("s", 1, 90), ("min", 60, 5400), ("h", 3600, 129600)):
        if seconds < until:
            return f"{round(seconds / size)}{NO_BREAK}{unit}"
    return f"{round(seconds / 86400)}{NO_BREAK}days"


def counted(value: int, one: str, many: str) -> str:
    """``1 order``, ``2 orders``."""
    return f"{number(value)}{NO_BREAK}{one if value == 1 else many}"


_NTH = ("", "", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def every(value: int) -> str:
    """``each``, ``every third``, ``every 21st``: which of many, as it is said before a noun."""
    if value < len(_NTH):
        return f"every {_NTH[value]}" if value > 1 else "each"
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"every {number(value)}{ending}"


def share(part: int, whole: int) -> str:
    """``38 %`` of the whole; what is there but small is said to be small, and not to be nothing."""
    percent = round(100 * part / whole) if whole else 0
    return f"{'<' if part and not percent else ''}{percent or (1 if part else 0)}{NO_BREAK}%"


@cache
def zone(name: str) -> ZoneInfo:
    """The zone that a store names; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def day_text(at: datetime, there: ZoneInfo) -> str:
    local = at.astimezone(there)
    return f"{local.day}{NO_BREAK}{MONTHS[local.month - 1]}{NO_BREAK}{local.year}"


def day(there: ZoneInfo, at: datetime) -> Markup:
    """The day on which an instant falls in the shop, as a ``<time>``."""
    return _time(at, day_text(at, there))


def instant(there: ZoneInfo, at: datetime, *, seconds: bool = False) -> Markup:
    """An instant on the shop's own clock, as a ``<time>``."""
    clock = at.astimezone(there).strftime("%H:%M:%S" if seconds else "%H:%M")
    return _time(at, f"{day_text(at, there)}, {clock}")


def _time(at: datetime, text: str) -> Markup:
    utc = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(utc, text)


def by_day(there: ZoneInfo, amounts: Sequence[tuple[datetime, int]]) -> list[tuple[Markup, int]]:
    """Amounts that come at instants, in order, as amounts that come on days."""
    together = groupby(amounts, key=lambda amount: amount[0].astimezone(there).date())
    days = [list(same) for _, same in together]
    return [(day(there, same[0][0]), sum(amount for _, amount in same)) for same in days]


def month(there: ZoneInfo, at: datetime) -> str:
    """The month of an instant in the shop: ``Mar 2026``."""
    local = at.astimezone(there)
    return f"{MONTHS[local.month - 1]}{NO_BREAK}{local.year}"


def month_key(there: ZoneInfo, at: datetime) -> str:
    """The month of an instant in the shop, such as ``2026-03``."""
    return at.astimezone(there).strftime("%Y-%m")


def end_of_day(typed: str, timezone: str) -> datetime | None:
    """The last instant of a day, such as ``2026-03-14``, in that zone; None for what is no day."""
    try:
        following = date.fromisoformat(typed) + timedelta(days=1)
        start = datetime.combine(following, datetime.min.time(), zone(timezone))
        return start.astimezone(UTC) - timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


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


def date_text(on: date) -> str:
    return f"{on.day}{NO_BREAK}{MONTHS[on.month - 1]}{NO_BREAK}{on.year}"


def month_text(first: date) -> str:
    return f"{MONTHS[first.month - 1]}{NO_BREAK}{first.year}"


def last_day(there: ZoneInfo, ends_at: datetime) -> Markup:
    """The last day of what ends at an instant, which is when the next day begins."""
    return day(there, ends_at - timedelta(microseconds=1))


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
            on = f"{policy.day}{NO_BREAK}{MONTHS[policy.month - 1]}"
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
        "months": MONTHS,
        "name_of": name_of,
        "number": number,
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
