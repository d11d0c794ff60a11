"""An example shopper: an account as a shop's pages would show it, made of the shop's own program and of nobody's data.

The merchant sees by it how their pages look. What the program does not have is not there either.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import loyalty
import referral
from commerce.money import Money
from commerce.sayings import say
from plugin.storefront.account import Account, Code, Offers
from plugin.storefront.earning import Ways
from plugin.storefront.history import Movement
from plugin.storefront.qr import qr

CODE = "P-EXAMPLE7"
INVITATION = "ANNA-K7K7"


def values(program: Offers, terms: loyalty.Terms, site: str, shop: str, now: datetime) -> dict[str, Any]:
    """What the templates of the points page show of the example shopper. `terms`: the loyalty program's of now."""
    link = f"{site}/apps/perennial{referral.link_path(INVITATION)}"
    said = (link, shop, program.referral.friend_title)
    return {
        "a": account(terms, now), "program": program, "ways": Ways(terms.actions), "bought": None, "came_of": None,
        "refusal": None, "before": None, "invitation": link, "shares": referral.shares(*said), "language": "en",
        "qr": qr(link), "ticket": lambda: "", "with_code": lambda *_: "#", "log_in": lambda *_: "#", "prefix": "#",
        "site": "#",
    }  # fmt: skip


def account(terms: loyalty.Terms, now: datetime) -> Account:
    """Enough points for the cheapest reward, some that are pending, some that expire, and one reward that was had."""
    cheapest = min((reward.points for reward in terms.rewards), default=100)
    spendable, pending = cheapest + cheapest // 2, cheapest // 4 or 1
    soon = now + timedelta(days=30)
    expiring = [(soon, cheapest // 2 or 1)] if terms.expiry.policy is not loyalty.Policy.NONE else []
    bought = terms.rewards[0] if terms.rewards else None
    codes = [Code(1, bought.title, CODE, bought.points, soon, "ready", kind=bought.kind)] if bought else []
    return Account(
        at=now,
        balance=loyalty.Balance(spendable + pending, spendable, pending, 0, 0, terms.rewards, (), expiring=expiring),
        pending=[(now + timedelta(days=terms.hold_days or 1), pending)],
        codes=codes,
        history=_history(terms, now, spendable, bought),
        referral_code=INVITATION,
        friends=1,
        invited=[referral.Friend(referral.FriendState.REWARDED, now - timedelta(days=40), initial="M")],
        standing=_standing(terms, now),
    )


def _history(terms: loyalty.Terms, now: datetime, spendable: int, bought: loyalty.Reward | None) -> list[Movement]:
    came = spendable + (bought.points if bought else 0)
    worth = came * terms.per_minor // max(1, terms.points)
    rate = say("at %(points)s for each %(money)s", points=terms.points, money=Money(terms.per_minor, terms.currency))
    sentence = say(
        "%(points)s points for %(money)s of goods kept, %(rate)s",
        points=came, money=Money(worth, terms.currency), rate=rate,
    )  # fmt: skip
    receipt: Mapping[str, Any] = {"basis_minor": worth, "rate": rate}
    earned = Movement(
        now - timedelta(days=60), sentence, came, "earn", "#1001", terms.version, receipt, now - timedelta(days=30),
        [(None, spendable)],
    )  # fmt: skip
    if bought is None:
        return [earned]
    held = say("%(reward)s: %(cost)s points held for its code", reward=bought.title, cost=bought.points)
    spent = {"reward": bought.title, "cost": bought.points}
    return [
        Movement(now - timedelta(days=2), held, -bought.points, "hold", None, terms.version, spent), earned,
    ]  # fmt: skip


def _standing(terms: loyalty.Terms, now: datetime) -> loyalty.Standing | None:
    """On the lowest tier that shoppers see, half way to the next one."""
    seen = [level for level in terms.tiers.levels if not level.hidden]
    if not seen:
        return None
    here, higher = seen[0], seen[1] if len(seen) > 1 else None
    counted = (here.enter + higher.enter) // 2 if higher else here.enter
    return loyalty.Standing(
        terms.tiers, terms.currency, here, now - timedelta(days=90), None, False, counted, higher,
        higher.enter - counted if higher else 0, None, None, 0,
    )  # fmt: skip
