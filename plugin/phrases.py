"""How a program's terms are said to people: what rewards are and ask for, what tiers count and give, how points expire,
how often an action brings its points. Each phrase is whole in every language; none is glued from words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from commerce.sayings import Saying, say
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
    span,
)
from plugin.amounts import NO_BREAK, digits, money, per_cent
from plugin.calendars import month_names
from plugin.languages import current
from plugin.sentences import gettext, ngettext, told


def listed(items: Sequence[str]) -> str:
    """Things one after the other, with the reader's own comma between them."""
    return ("، " if current().direction == "rtl" else ", ").join(items)


def both(names: Sequence[str]) -> str:
    """``Gold and Silver``."""
    return reduce(lambda first, second: gettext("%(first)s and %(second)s", first=first, second=second), names)


# --- rewards


def reward(offered: Reward, currency: str) -> str:
    """What a reward is, whatever the merchant has called it."""
    amount, percent = money(offered.amount_minor, currency), per_cent(offered.percent)
    match offered.kind:
        case Kind.AMOUNT:
            return gettext("%(amount)s off one order", amount=amount)
        case Kind.PERCENTAGE:
            return gettext("%(percent)s off one order", percent=percent)
        case Kind.FREE_SHIPPING:
            if not offered.most_shipping_minor:
                return gettext("Free shipping of one order")
            most = money(offered.most_shipping_minor, currency)
            return gettext("Free shipping of one order, where it costs up to %(most)s", most=most)
        case Kind.PRODUCT:
            if offered.percent:
                return gettext("%(percent)s off certain products", percent=percent)
            return gettext("%(amount)s off certain products, once", amount=amount)
        case Kind.GIFT_CARD:
            return gettext("A gift card of %(amount)s", amount=amount)
        case Kind.STORE_CREDIT:
            return gettext("%(amount)s of store credit", amount=amount)
        case Kind.CUSTOM:
            return gettext("Something that you hand over yourself")


# With which discounts a reward's code works: of orders, of products, of shipping.
_TOGETHER: Mapping[tuple[bool, bool, bool], Saying] = {
    (True, False, False): say("together with order discounts"),
    (False, True, False): say("together with product discounts"),
    (False, False, True): say("together with shipping discounts"),
    (True, True, False): say("together with order and product discounts"),
    (True, False, True): say("together with order and shipping discounts"),
    (False, True, True): say("together with product and shipping discounts"),
    (True, True, True): say("together with order and product and shipping discounts"),
}


def conditions(offered: Reward, currency: str) -> list[str]:
    """What a reward asks for and how long it lasts, a phrase each."""
    said = list[str]()
    if offered.minimum_minor:
        said.append(gettext("on an order of %(amount)s or more", amount=money(offered.minimum_minor, currency)))
    if offered.minimum_quantity:
        said.append(
            ngettext(
                "on an order of %(num)s piece or more", "on an order of %(num)s pieces or more",
                offered.minimum_quantity,
            )
        )  # fmt: skip
    if offered.limit:
        said.append(_limit(offered))
    if offered.most_steps > 1:
        said.append(
            gettext("up to %(amount)s at once", amount=money(offered.amount_minor * offered.most_steps, currency))
        )
    if offered.most_share:
        said.append(gettext("for up to %(share)s of an order", share=per_cent(offered.most_share)))
    classes = offered.combines
    if together := _TOGETHER.get((classes.orders, classes.products, classes.shipping)):
        said.append(told(together))
    if offered.alone:
        said.append(gettext("as the only reward of an order"))
    if offered.code_days:
        said.append(ngettext("good for %(num)s day", "good for %(num)s days", offered.code_days))
    return said


def _limit(offered: Reward) -> str:
    often = (
        gettext("once for each customer")
        if offered.limit == 1
        else ngettext("%(num)s time for each customer", "%(num)s times for each customer", offered.limit)
    )
    if not offered.limit_days:
        return often
    return ngettext("%(often)s in %(num)s day", "%(often)s in %(num)s days", offered.limit_days, often=often)


def for_whom(offered: Reward, ladder: Ladder) -> str:
    """Whose a reward is, where it is not everybody's; the names of hidden tiers are said to nobody."""
    if not offered.tiers and not offered.from_tier:
        return ""
    names = [level.name for level in offered.levels(ladder)]
    return gettext("for members of %(tiers)s", tiers=both(names)) if names else gettext("for members of a hidden tier")


def described(offered: Reward, currency: str) -> str:
    """What a reward is and what it asks for, under a name that may say the first already."""
    what, asks = reward(offered, currency), conditions(offered, currency)
    if offered.kind == Kind.CUSTOM:
        return listed([gettext("the shop hands it over"), *asks])
    named = what.replace(NO_BREAK, " ").casefold().startswith(offered.title.casefold())
    return listed(asks if named else [what, *asks])


# --- tiers

PERKS: Mapping[Perk, Saying] = {
    Perk.FREE_DELIVERY: say("Free delivery"),
    Perk.FASTER_DELIVERY: say("Faster delivery"),
    Perk.EARLY_ACCESS: say("Early access to new goods"),
    Perk.EXCLUSIVE_OFFERS: say("Offers for members only"),
    Perk.LONGER_RETURNS: say("A longer time for returns"),
    Perk.OTHER: say("Something else"),
}

COUNTED: Mapping[Measure, Saying] = {
    Measure.SPEND: say("spend, after discounts and returns, without tax and delivery"),
    Measure.POINTS: say("points earned, once they can be spent"),
    Measure.ORDERS: say("orders that are paid and kept"),
    Measure.REFERRALS: say("friends who were brought"),
}


def perk(benefit: Benefit) -> str:
    """What a tier gives: in the merchant's own words, where there are any."""
    return benefit.text or told(PERKS[benefit.perk])


def tier_amount(ladder: Ladder, value: int, currency: str) -> str:
    """So much of what a ladder counts."""
    match ladder.measure:
        case Measure.SPEND:
            return money(value, currency)
        case Measure.POINTS:
            return ngettext("%(num)s point", "%(num)s points", value)
        case Measure.ORDERS:
            return ngettext("%(num)s order", "%(num)s orders", value)
        case Measure.REFERRALS:
            return ngettext("%(num)s referral", "%(num)s referrals", value)


def tier_measure(ladder: Ladder) -> str:
    return told(COUNTED[ladder.measure])


def tier_span(ladder: Ladder) -> str:
    """The time over which a ladder counts."""
    return told(span(ladder))


# --- expiry


def expiry(policy: Expiry) -> str:
    """How points expire, as a sentence."""
    months = policy.months
    match policy.policy:
        case Policy.NONE:
            return gettext("Points never expire.")
        case Policy.LOT:
            return _lot(policy.round_up, months)
        case Policy.INACTIVITY:
            return _inactivity(policy.activity, months)
        case Policy.CALENDAR:
            on = digits(f"{policy.day}{NO_BREAK}{month_names()[policy.month - 1]}")
            return ngettext(
                "Points expire on %(day)s, after %(num)s month at least.",
                "Points expire on %(day)s, after %(num)s months at least.", months, day=on,
            )  # fmt: skip
        case Policy.ANNIVERSARY:
            return ngettext(
                "Points expire on the day of the year on which their member came, after %(num)s month at least.",
                "Points expire on the day of the year on which their member came, after %(num)s months at least.",
                months,
            )


def _lot(end: Round, months: int) -> str:
    match end:
        case Round.DAY:
            return ngettext(
                "Points expire %(num)s month after they could first be spent.",
                "Points expire %(num)s months after they could first be spent.", months,
            )  # fmt: skip
        case Round.MONTH:
            return ngettext(
                "Points expire %(num)s month after they could first be spent, to the end of that month.",
                "Points expire %(num)s months after they could first be spent, to the end of that month.", months,
            )  # fmt: skip
        case Round.QUARTER:
            return ngettext(
                "Points expire %(num)s month after they could first be spent, to the end of that quarter.",
                "Points expire %(num)s months after they could first be spent, to the end of that quarter.", months,
            )  # fmt: skip
        case Round.YEAR:
            return ngettext(
                "Points expire %(num)s month after they could first be spent, to the end of that year.",
                "Points expire %(num)s months after they could first be spent, to the end of that year.", months,
            )  # fmt: skip


def _inactivity(activity: Activity, months: int) -> str:
    match activity:
        case Activity.EARNING:
            return ngettext(
                "Points expire all together after %(num)s month without earning.",
                "Points expire all together after %(num)s months without earning.", months,
            )  # fmt: skip
        case Activity.EARNING_AND_REDEEMING:
            return ngettext(
                "Points expire all together after %(num)s month without earning or redeeming.",
                "Points expire all together after %(num)s months without earning or redeeming.", months,
            )  # fmt: skip
        case Activity.PURCHASES:
            return ngettext(
                "Points expire all together after %(num)s month without a purchase.",
                "Points expire all together after %(num)s months without a purchase.", months,
            )  # fmt: skip


# --- actions

_YEARLY, _ONCE = (ActionKind.BIRTHDAY, ActionKind.ANNIVERSARY), (ActionKind.SIGN_UP, ActionKind.NEWSLETTER)
_ONCE_IN: Mapping[str, Saying] = {
    "day": say("once a day"), "week": say("once a week"), "month": say("once a month"), "year": say("once a year"),
    "ever": say("once"),
}  # fmt: skip


def how_often(action: Action) -> str:
    """How often an action brings its points, in a few words."""
    if action.kind in _YEARLY:
        return told(_ONCE_IN["year"])
    if action.kind in _ONCE:
        return told(_ONCE_IN["ever"])
    if not action.limit:
        return gettext("each time")
    return told(_ONCE_IN[action.period]) if action.limit == 1 else _times(action.limit, action.period)


def _times(limit: int, period: str) -> str:
    match period:
        case "day":
            return ngettext("%(num)s time a day", "%(num)s times a day", limit)
        case "week":
            return ngettext("%(num)s time a week", "%(num)s times a week", limit)
        case "month":
            return ngettext("%(num)s time a month", "%(num)s times a month", limit)
        case "year":
            return ngettext("%(num)s time a year", "%(num)s times a year", limit)
    return ngettext("%(num)s time", "%(num)s times", limit)
