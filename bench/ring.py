"""What the score makes of a town with a ring in it: whom it catches, and whom it hurts.

Claims and orders go through the same services as a shop's, under a clock that runs with the town's days; what is asked
afterwards is only which referrals were approved, held and declined. Neither the town nor anything here knows a weight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

import referral
from bench.town import DAYS, Friend, Person, Town
from commerce.customers import CustomerSnapshot
from commerce.ids import CustomerId, ShopId
from commerce.orders import Buyer, OrderLine, OrderSnapshot, RefundSnapshot
from engine import mirror, planner
from engine.inbox import Reaction, settle_snapshots
from engine.work import Database
from referral import Evidence

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
BATCH = 100

_CODES = text("""
    SELECT c.external_id, c.customer_id FROM customers c WHERE c.shop_id = :shop_id AND c.external_id LIKE 'adv-%'
""")
_BANDS = text("""
    SELECT c.external_id, s.band, s.found FROM screenings s
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = s.friend_id WHERE s.shop_id = :shop_id
""")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many of each fell into which band: ``(tactic, band) -> many``."""

    ring: Counter[tuple[str, str]]
    honest: Counter[tuple[str, str]]

    @property
    def caught(self) -> float:
        """The share of the ring that is not paid: held for a person, or declined."""
        return 1 - _share(self.ring, "approve")

    @property
    def ring_declined(self) -> float:
        return _share(self.ring, "decline")

    @property
    def honest_declined(self) -> float:
        return _share(self.honest, "decline")

    @property
    def honest_held(self) -> float:
        return _share(self.honest, "review")


def _share(counted: Counter[tuple[str, str]], band: str) -> float:
    return sum(many for (_, found), many in counted.items() if found == band) / max(1, counted.total())


@dataclass(slots=True)
class Calendar:
    """The town's clock."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now


def play(
    database: Database, calendar: Calendar, shop_id: ShopId, drawn: Town, reactions: Sequence[Reaction]
) -> Verdicts:
    """Let the town invite, claim, buy and send back in a shop that has nobody yet; answers with what became of it."""
    codes = _settle_in(database, shop_id, drawn, reactions)
    for start in range(0, len(drawn.friends), BATCH):
        numbered = list(enumerate(drawn.friends[start : start + BATCH], start))
        claims = _claim(database, calendar, shop_id, codes, numbered)
        _buy(database, shop_id, numbered, claims, reactions)
        # As a worker does: the tables are young.
        planner.learn(database)
    calendar.now = BEGIN + timedelta(days=DAYS + 30)
    _come_back(database, calendar, shop_id, drawn, reactions)
    with database.work(shop_id) as work:
        while referral.take_in_claims(work) or referral.screen_due(work):
            pass
        while referral.settle_screened(work):
            pass
        return _verdicts(drawn, {row.external_id: row.band for row in work.rows(_BANDS)})


def _verdicts(drawn: Town, bands: dict[str, str]) -> Verdicts:
    ring, honest = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for number, friend in enumerate(drawn.friends):
        (ring if friend.ring else honest)[friend.tactic, bands.get(f"fr-{number}", "decline")] += 1
    return Verdicts(ring, honest)


def _settle_in(database: Database, shop_id: ShopId, drawn: Town, reactions: Sequence[Reaction]) -> dict[int, str]:
    """The advocates are customers of old, and have their codes; they have looked at their page, from home."""
    with database.work(shop_id) as work:
        people = [_customer(f"adv-{n}", who) for n, who in enumerate(drawn.advocates)]
        settle_snapshots(work, reactions, mirror.accept(work, (), (), people))
        ids: dict[str, CustomerId] = {row.external_id: row.customer_id for row in work.rows(_CODES)}
        codes = {n: referral.code_of(work, ids[f"adv-{n}"]) for n in range(len(drawn.advocates))}
        for n, who in enumerate(drawn.advocates):
            referral.note_advocate(
                work, ids[f"adv-{n}"], Evidence(device=who.device, ip=who.ip, user_agent=who.browser)
            )
    orders = [
        _order(f"old-{n}", f"adv-{n}", who, BEGIN - timedelta(days=9), 5000) for n, who in enumerate(drawn.advocates)
    ]
    for start in range(0, len(orders), BATCH):
        with database.work(shop_id) as work:
            settle_snapshots(work, reactions, mirror.accept(work, orders[start : start + BATCH]))
    return codes


def _claim(
    database: Database,
    calendar: Calendar,
    shop_id: ShopId,
    codes: dict[int, str],
    friends: Sequence[tuple[int, Friend]],
) -> dict[int, str]:
    claims = dict[int, str]()
    for number, friend in friends:
        calendar.now = BEGIN + timedelta(days=friend.day)
        with database.work(shop_id) as work:
            who = friend.who
            evidence = Evidence(device=who.device, ip=who.ip, user_agent=who.browser, referrer=friend.referrer)
            try:
                offer = referral.claim(work, codes[friend.advocate], who.email, database.secret(), evidence=evidence)
            except referral.NotTaken:
                # In a large town two people have one address: who bought before gets no code, and orders without.
                continue
            claims[number] = str(offer.code)
    with database.work(shop_id) as work:
        referral.take_in_claims(work)
        referral.screen_due(work)
    return claims


def _buy(
    database: Database, shop_id: ShopId, friends: Sequence[tuple[int, Friend]], claims: dict[int, str],
    reactions: Sequence[Reaction],
) -> None:  # fmt: skip
    orders = [
        _order(f"new-{n}", f"fr-{n}", f.who, BEGIN + timedelta(days=f.day, hours=2), 4000, claims.get(n))
        for n, f in friends
    ]
    with database.work(shop_id) as work:
        settle_snapshots(work, reactions, mirror.accept(work, orders))


def _come_back(
    database: Database, calendar: Calendar, shop_id: ShopId, drawn: Town, reactions: Sequence[Reaction]
) -> None:
    """A month later: who sent everything back, and who bought again."""
    again = [
        _order(f"again-{n}", f"fr-{n}", f.who, calendar.now - timedelta(days=5), 4000)
        for n, f in enumerate(drawn.friends) if f.back and not f.returns
    ]  # fmt: skip
    back = [
        RefundSnapshot(f"back-{n}", f"new-{n}", calendar.now - timedelta(days=10), 4000, 4000)
        for n, f in enumerate(drawn.friends) if f.returns
    ]  # fmt: skip
    for start in range(0, len(again), BATCH):
        with database.work(shop_id) as work:
            settle_snapshots(work, reactions, mirror.accept(work, again[start : start + BATCH]))
    with database.work(shop_id) as work:
        settle_snapshots(work, reactions, mirror.accept(work, (), back))


def _customer(external_id: str, who: Person) -> CustomerSnapshot:
    given, _, family = who.name.partition(" ")
    return CustomerSnapshot(
        external_id=external_id, email=who.email, first_name=given, last_name=family, created_at=BEGIN,
        updated_at=BEGIN, observed_at=BEGIN,
    )  # fmt: skip


def _order(
    external_id: str, buyer: str, who: Person, at: datetime, goods_minor: int, code: str | None = None
) -> OrderSnapshot:
    return OrderSnapshot(
        external_id=external_id, name=f"#{external_id}", customer=_customer(buyer, who), currency="USD", placed_at=at,
        updated_at=at, observed_at=at, paid=True, cancelled_at=None, test=False, goods_minor=goods_minor,
        total_minor=goods_minor, lines=(OrderLine(1, "1", "Mug", 1, goods_minor, False),), refunds=(),
        discount_codes=(code,) if code else (), referral_code=None,
        buyer=Buyer(phone=who.phone, address=who.address, ip=who.ip, user_agent=who.browser),
    )  # fmt: skip
