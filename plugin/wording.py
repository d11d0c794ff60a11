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
from loyalty import Kind, Reward

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
    others = zip(("order", "product", "shipping"), offered.combines, strict=True)
    if together := [name for name, allowed in others if allowed]:
        said.append(f"together with {' and '.join(together)} discounts")
    if offered.code_days:
        said.append(f"good for {counted(offered.code_days, 'day', 'days')}")
    return said


def described(offered: Reward, currency: str) -> str:
    """What a reward is and what it asks for, under a name that may say the first already."""
    what, asks = reward(offered, currency), conditions(offered, currency)
    named = what.replace(NO_BREAK, " ").casefold().startswith(offered.title.casefold())
    return ", ".join(asks if named else [what, *asks])


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
        "day": partial(day, there),
        "described": described,
        "instant": partial(instant, there),
        "length_of_time": length_of_time,
        "masked": masked,
        "money": money,
        "month": partial(month, there),
        "month_key": partial(month_key, there),
        "name_of": name_of,
        "number": number,
        "reward_words": reward,
        "sentence_case": sentence_case,
        "share": share,
        "signed": signed,
        "stage_name": stage,
        "static": static,
    }
