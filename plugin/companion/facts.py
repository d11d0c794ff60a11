"""What a store's companion is told of a shopper's account, as JSON: facts, and no markup.

The store says them: in the shop's language and direction, with its way of writing money and numbers. Only titles of
rewards, names of tiers and sentences of the ledger are texts of ours or the merchant's; ours are in the language of the
site that asks. Money is ``{"amount": "5.00", "currency": "USD"}``, instants are ISO 8601 in UTC, points are whole
numbers.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import loyalty
import referral
from commerce.money import Money
from plugin.calendars import day_text
from plugin.companion.amounts import money, utc
from plugin.companion.contests import ticket_facts
from plugin.companion.standing import ladder_facts, next_reward, steps_of, tier_facts
from plugin.languages import current
from plugin.sentences import gettext, told
from plugin.session import Shopper
from plugin.storefront.account import Account, Code, Offers
from plugin.storefront.look import WHITE, Look, ink_on
from plugin.storefront.purchase import key_to_buy

HISTORY = 20
# The soonest are what a shopper acts on.
EXPIRING = 3
# What the shop hands over itself: there is nothing to type at the till.
_NO_CODE = (loyalty.Kind.GIFT_CARD, loyalty.Kind.STORE_CREDIT, loyalty.Kind.CUSTOM)


def look_facts(look: Look) -> dict[str, Any]:
    """How the merchant wants the shopper's pages to look, in the reader's language; empty where they said nothing."""
    said = look.words.get(current().code)
    return {
        "order": list(look.order),
        "hidden": sorted(look.hidden),
        "off": sorted(look.off),
        "headline": look.headline,
        "intro": look.intro,
        "point": said.point if said else "",
        "points": said.points if said else "",
        "accent": look.accent,
        "on_accent": (ink_on(look.accent) or WHITE) if look.accent else "",
        "radius": -1 if look.radius is None else look.radius,
    }


def account_facts(shopper: Shopper, offered: Offers, mine: Account | None) -> dict[str, Any]:
    """Everything that the blocks say; without an account, what the program offers."""
    shown = mine.balance.rewards if mine else offered.points.rewards
    return {
        "logged_in": shopper.customer_external_id is not None,
        "known": mine is not None,
        "balance": _balance(mine.balance) if mine else None,
        "pending": [{"points": points, "at": utc(at)} for at, points in mine.pending] if mine else [],
        "expiring": [{"points": p, "at": utc(at)} for at, p in mine.balance.expiring[:EXPIRING]] if mine else [],
        "next_reward": next_reward(mine.balance) if mine else None,
        "tier": tier_facts(mine.standing) if mine else None,
        "tiers": ladder_facts(offered.points, mine.standing if mine else None),
        "earning": _earning(offered.points),
        "rewards": [_reward(reward, offered.points.currency, shopper, mine) for reward in shown],
        "codes": [code_facts(code) for code in mine.codes] if mine else [],
        "tickets": [ticket_facts(ticket, shopper) for ticket in mine.tickets] if mine else [],
        "history": [_movement(m) for m in mine.history[:HISTORY]] if mine else [],
        "referral": _referral(offered.referral, mine),
    }


def code_facts(code: Code) -> dict[str, Any]:
    """A code that was bought; one that works no more is not said again."""
    typed = code.state in ("ready", "making") and code.kind not in _NO_CODE
    return {
        "title": code.title,
        "kind": str(code.kind),
        "code": code.code if typed else "",
        "points": code.points,
        "state": code.state,
        "why": told(code.why),
        "ends_at": utc(code.ends_at),
    }


def offer_facts(offer: referral.Offer, there: ZoneInfo) -> dict[str, Any]:
    """What a friend is offered, and once it is taken up, their code; where that is points, there is no code that a
    store would know, and `says` how they come.
    """
    return {
        "title": offer.title,
        "minimum": money(offer.minimum_minor, offer.currency),
        "code": "" if offer.with_points else offer.code or "",
        "ends_at": utc(offer.ends_at) if offer.ends_at else "",
        "says": _by_themselves(offer, day_text(offer.ends_at, there)) if offer.with_points and offer.ends_at else "",
    }


def _by_themselves(offer: referral.Offer, day: str) -> str:
    how = gettext("They come by themselves, if you order with this address by %(day)s.", day=day)
    return f"{told(offer.title)}. {how}"


def _balance(balance: loyalty.Balance) -> dict[str, int]:
    return {name: getattr(balance, name) for name in ("points", "spendable", "pending", "held", "debt")}


def _earning(terms: loyalty.Terms) -> dict[str, Any]:
    per = money(terms.per_minor, terms.currency)
    return {"points": terms.points, "per": per, "hold_days": terms.hold_days, "asleep": terms.asleep}


def _reward(reward: loyalty.Reward, currency: str, shopper: Shopper, mine: Account | None) -> dict[str, Any]:
    """A reward; with the ticket of the button that buys it, where it can be bought."""
    spendable = mine.balance.spendable if mine else 0
    sold_out = mine is not None and reward.key in mine.balance.sold_out
    closed = told(mine.balance.closed.get(reward.key, "")) if mine else ""
    can_buy = mine is not None and spendable >= reward.points and not sold_out and not closed
    return {
        "key": reward.key,
        "title": reward.title,
        "points": reward.points,
        "missing": max(0, reward.points - spendable),
        "kind": str(reward.kind),
        "steps": [
            {"steps": many, "points": points, "worth": money(worth, currency)}
            for many, points, worth in steps_of(reward, mine.balance if mine else None)
        ],
        "minimum": money(reward.minimum_minor, currency),
        "sold_out": sold_out,
        "closed": closed,
        "request_key": key_to_buy(shopper, mine.codes) if mine and can_buy else "",
    }


def _movement(movement: Any) -> dict[str, Any]:
    return {"at": utc(movement.at), "sentence": told(movement.sentence), "points": movement.points}


def _friend(friend: referral.Friend) -> dict[str, str]:
    """A friend as their advocate sees them: how far they came, and of who they are one letter at most."""
    return {
        "initial": friend.initial,
        "since": utc(friend.since),
        "state": str(friend.state),
        "until": utc(friend.until) if friend.until else "",
        "reason": told(friend.reason),
    }


def _referral(terms: referral.Terms, mine: Account | None) -> dict[str, Any]:
    """`friend_gets` is an amount off, where that is what a friend gets; whatever it is, `friend_title` and
    `friend_says` are our words of it, and `take` is what stands on the button where that brings no code.
    """
    amount, points = terms.friend_gets is referral.FriendGets.AMOUNT, terms.friend_gets is referral.FriendGets.POINTS
    least = 0 if points else terms.friend_minimum_minor
    return {
        "code": mine.referral_code if mine else "",
        "friends": mine.friends if mine else 0,
        "invited": [_friend(friend) for friend in mine.invited] if mine else [],
        "points": terms.advocate_points,
        "ask_after_order": terms.ask_after_order,
        "friend_gets": money(terms.friend_amount_minor, terms.currency) if amount else None,
        "friend_title": told(terms.friend_title),
        "friend_says": _friend_says(told(terms.friend_title), Money(least, terms.currency)),
        "take": gettext("Take it up") if points else "",
        "minimum": money(least, terms.currency),
    }


def _friend_says(title: str, least: Money) -> str:
    title = title[:1].lower() + title[1:]
    if not least.minor:
        return gettext("Your friend gets %(title)s.", title=title)
    return gettext("Your friend gets %(title)s, on an order of %(least)s or more.", title=title, least=least)
