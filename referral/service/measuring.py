"""What referral brings: from a share to a reward, by channel and by advocate; what referred customers are worth and
what they cost.

Shares and clicks are counters of a day, a channel and an advocate, raised when a page of ours leads to a messenger or
is opened by its link: no cookie, and nothing of who opened it. From the claim on, each referral is known by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import loyalty
from commerce.ids import CustomerId
from engine import terms
from engine.summaries import Summary, read
from engine.work import UnitOfWork
from referral.records import measures
from referral.rules.measuring import Difference, Group, difference

FIGURES_DOMAIN = "referral_figures"

# Where an invitation can be passed on. Whatever else an address says is counted as one, or anybody could fill a table.
CHANNELS = ("copy", "whatsapp", "telegram", "email", "sms", "x", "facebook", "qr", "name", "code", "purchase")
OTHER = "other"
# What a customer is worth is compared over so many days from the first order on, for those who had these days.
VALUE_DAYS = 90
# For how many days back the figures tell, on pages.
FIGURE_DAYS = (30, 90, 365)
SHOWN_ADVOCATES = 25
MOST_MINOR = 10**12


@dataclass(frozen=True, slots=True)
class Funnel:
    """One channel: how often each step was taken, and the goods that referred friends kept, in minor units."""

    channel: str
    shares: int = 0
    clicks: int = 0
    claims: int = 0
    orders: int = 0
    rewards: int = 0
    held: int = 0
    kept_minor: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What referral brought since a day."""

    funnels: Sequence[Funnel]
    advocates: Sequence[Any]
    buyers: int
    referred: int
    inviting: int
    """Customers who brought somebody: the size of the advocate stage's own deed."""
    worth: Group
    others: Group
    more: Difference
    cost_minor: int
    customers: int
    cac_minor: int | None
    at: datetime
    """As of when all of this is so."""

    @property
    def total(self) -> Funnel:
        summed = {name: sum(getattr(f, name) for f in self.funnels) for name in Funnel.__slots__ if name != "channel"}
        return Funnel("", **summed)

    @property
    def cost_each(self) -> int | None:
        """What one referred customer cost, in minor units; None where there was none."""
        return self.cost_minor // self.customers if self.customers else None


def channel_of(said: str | None) -> str:
    """The channel that an address or a form names."""
    name = (said or "").strip().lower()
    return name if name in CHANNELS else OTHER if name else ""


def note_clicks(work: UnitOfWork, opened: Mapping[tuple[str, str], int]) -> None:
    """Invitations were opened: how often, by the channel that each came by and the code that it bears."""
    _count(work, "click", opened)


def note_share(work: UnitOfWork, channel: str, code: str) -> None:
    """The invitation of this code was passed on by this channel."""
    _count(work, "share", {(channel, code): 1})


def _count(work: UnitOfWork, what: str, told: Mapping[tuple[str, str], int]) -> None:
    measures.count(
        work,
        [{"what": what, "channel": channel_of(channel), "code": code.upper(), "many": many}
         for (channel, code), many in told.items()],
    )  # fmt: skip


def figures(work: UnitOfWork, days: int = 90) -> Figures:
    """What referral brought in the last so many days."""
    brought, values = read(work, _brought(days)), read(work, VALUES)
    people, cost = brought.value["people"], brought.value["cost"]
    worth, others = (Group(**values.value.get(known, {})) for known in ("referred", "others"))
    return Figures(
        [Funnel(**funnel) for funnel in brought.value["funnels"]], _named(work, brought.value["advocates"]),
        people["buyers"], people["referred"], people["advocates"], worth, others, difference(worth, others),
        cost["given_minor"] + _worth_of_points(work, cost["points"]), cost["customers"], cac(work),
        min(brought.at, values.at),
    )  # fmt: skip


def _brought(days: int) -> Summary:
    """What the last so many days brought. Nobody's name is kept with it: who was erased is not found there."""

    def count(work: UnitOfWork) -> dict[str, Any]:
        since = work.now - timedelta(days=days)
        return {
            "funnels": [asdict(funnel) for funnel in funnels(work, days)],
            "advocates": [dict(row._mapping) for row in measures.by_advocate(work, since, SHOWN_ADVOCATES)],
            "people": dict(measures.people(work, since)._mapping),
            "cost": dict(measures.cost(work, since)._mapping),
        }

    return Summary(f"referral.figures:{days}", count)


def _values(work: UnitOfWork) -> dict[str, Any]:
    span = timedelta(days=VALUE_DAYS)
    # Two years of first orders: a group that had its days already, and is large enough to compare.
    found = measures.values(work, work.now - timedelta(days=730), work.now - span, span)
    return {
        "referred" if known else "others": {"many": row.many, "mean": row.mean, "variance": row.variance}
        for known, row in found.items()
    }


VALUES = Summary("referral.values", _values)
SUMMARIES = (VALUES, *(_brought(days) for days in FIGURE_DAYS))


def _named(work: UnitOfWork, advocates: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    """These advocates as they are called now; whoever is not there any more is left out."""
    known = measures.mirrored(work, [advocate["advocate_id"] for advocate in advocates])
    return [
        SimpleNamespace(**known[advocate["advocate_id"]]._mapping, **advocate)
        for advocate in advocates
        if advocate["advocate_id"] in known
    ]


def funnels(work: UnitOfWork, days: int = 90, advocate_id: CustomerId | None = None) -> list[Funnel]:
    """Each channel's steps in the last so many days; of one advocate, where one is named."""
    since = work.now - timedelta(days=days)
    found = {row.channel: dict(row._mapping) for row in measures.by_channel(work, since, advocate_id)}
    for row in measures.counted(work, since, advocate_id):
        found.setdefault(row.channel, {}).update(row._mapping)
    return [Funnel(**found[channel]) for channel in sorted(found)]


def cac(work: UnitOfWork) -> int | None:
    """What a new customer costs the merchant elsewhere, as the merchant said, in minor units."""
    said = terms.versions(work, FIGURES_DOMAIN)
    return said[-1].body["cac_minor"] if said else None


def say_cac(work: UnitOfWork, minor: int | None) -> None:
    """Note what a new customer costs elsewhere."""
    terms.publish(work, FIGURES_DOMAIN, {"cac_minor": None if minor is None else min(max(0, minor), MOST_MINOR)})


def _worth_of_points(work: UnitOfWork, points: int) -> int:
    """What points can buy at most, as an amount off: the dearest way in which they can come back, rounded up."""
    rewards = [r for r in loyalty.current_terms(work).rewards if r.kind == loyalty.Kind.AMOUNT and r.points > 0]
    return max((-(-points * reward.amount_minor // reward.points) for reward in rewards), default=0)
