"""The main promise: deliveries may come shuffled, twice, or not at all, and the house ends where a clean run ends.

A seeded shop is busy for months: orders, later payments, refunds, cancellations, redemptions and referrals. Its
history is told twice: once in order, settled delivery by delivery; once shuffled, doubled, with some lost, settled in
odd batches, and healed by reconciliation. Codes are random, so they go by the name of the redemption that made them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

import loyalty
import referral
from engine.shops import Shop
from engine.work import Database
from sandbox import Faults, World
from sandbox.customers import Customer
from tests.flows.conftest import Loop, open_loop
from tests.ground import Clock, Superuser
from tests.people import Shopkeeper

PEOPLE = 18
PHASES = 3
DEEDS_A_PHASE = 60
SECRET = b"s" * 32

Facts = Mapping[str, Any]

POINTS = """
    SELECT c.external_id, coalesce(o.external_id, ''), coalesce(r.request_key, ''), e.kind IN ('award', 'award_back'),
           sum(e.points)
    FROM entries e JOIN customers c USING (shop_id, customer_id) LEFT JOIN orders o USING (shop_id, order_id)
    LEFT JOIN redemptions r USING (shop_id, redemption_id)
    WHERE e.shop_id = %s AND e.account = 'points' AND e.kind <> 'repay' GROUP BY 1, 2, 3, 4 HAVING sum(e.points) <> 0
"""
BALANCES = """
    SELECT c.external_id, b.points, b.held FROM balances b JOIN customers c USING (shop_id, customer_id)
    WHERE b.shop_id = %s
"""
STANDINGS = """
    SELECT c.external_id, s.stage, s.since, s.next_review_at, s.orders, s.referrals, s.first_order_at, s.last_order_at
    FROM standings s JOIN customers c USING (shop_id, customer_id) WHERE s.shop_id = %s
"""
HISTORY = """
    SELECT c.external_id, h.effective_at, h.to_stage, h.from_stage, h.reason
    FROM stage_changes h JOIN customers c USING (shop_id, customer_id) WHERE h.shop_id = %s
"""
VERDICTS = """
    SELECT o.external_id, a.verdict, c.external_id, f.external_id
    FROM attributions a JOIN orders o USING (shop_id, order_id)
    JOIN customers c ON c.shop_id = a.shop_id AND c.customer_id = a.advocate_id
    LEFT JOIN customers f ON f.shop_id = a.shop_id AND f.customer_id = a.friend_id WHERE a.shop_id = %s
"""
ORDERS = """
    SELECT o.external_id, c.external_id, o.paid, o.cancelled_at, o.test, o.goods_minor, o.total_minor, o.refunded_minor,
           o.refund_count, o.updated_at,
           (SELECT sum(l.net_minor) FROM order_lines l WHERE l.shop_id = o.shop_id AND l.order_id = o.order_id)
    FROM orders o LEFT JOIN customers c USING (shop_id, customer_id) WHERE o.shop_id = %s
"""
REDEMPTIONS = """
    SELECT request_key, points, outcome, issued_at IS NOT NULL, refused_at IS NOT NULL FROM redemptions
    WHERE shop_id = %s
"""
TIERS = """
    SELECT c.external_id, m.tier, m.next_at, m.next_tier FROM member_tiers m
    JOIN customers c USING (shop_id, customer_id) WHERE m.shop_id = %s AND m.tier IS NOT NULL
"""
LADDER = {
    "levels": [
        {"key": "silver", "name": "Silver", "enter": 10_000, "keep": 5_000, "entry_points": 25},
        {"key": "gold", "name": "Gold", "enter": 30_000, "keep": 20_000, "entry_points": 100},
    ]
}
PEOPLE_KNOWN = "SELECT external_id, email, first_name, last_name FROM customers WHERE shop_id = %s"
TOLD = {
    "points of": POINTS,
    "balance of": BALANCES,
    "standing of": STANDINGS,
    "stage change of": HISTORY,
    "tier of": TIERS,
    "verdict on": VERDICTS,
    "order": ORDERS,
    "redemption": REDEMPTIONS,
    "customer": PEOPLE_KNOWN,
}
# How many of a row's first columns name the thing that it speaks of.
NAMED_BY = {"points of": 4, "stage change of": 3}


@dataclass
class Story:
    """One telling of a seed's history, and the codes that were made in it, by name."""

    loop: Loop
    above: Superuser
    seed: int
    faults: Faults | None
    keeper: Shopkeeper = field(init=False)
    codes: dict[str, str] = field(default_factory=dict)
    links: dict[int, str] = field(default_factory=dict)
    healed: int = 0

    def __post_init__(self) -> None:
        self.keeper = Shopkeeper(self.loop.world, lambda seconds: self.loop.clock.forward(seconds=seconds), self.seed)
        # What befalls the deliveries is drawn apart: the history must not depend on it.
        self.fate = random.Random(self.seed)
        self.begun = self.loop.clock()

    def tell(self) -> Facts:
        with self.loop.database.work(self.loop.shop.shop_id) as work:
            loyalty.change(work, tiers=LADDER)
        self.loop.clock.forward(seconds=1)
        self.keeper.meet(PEOPLE)
        for phase in range(PHASES):
            self._busy_days(phase)
            self._rest_until(day=phase * 30 + 25)
            self._visit_us(phase)
            self._rest_until(day=phase * 30 + 30)
        self._grow_old()
        return self._facts()

    # --- what happens

    def _busy_days(self, phase: int) -> None:
        """The shopkeeper's deeds, the codes of the phase before, and friends who follow links, all mixed."""
        keeper, world = self.keeper, self.loop.world
        if self.faults:
            world.courier.misbehave(self.faults)
        for name, code in sorted(self.codes.items()):
            if name.startswith(f"{phase - 1}/") and keeper.draw.random() < 0.7:
                buyer = None if "friend" in name else self._person(name)
                self._use(code, buyer)
                keeper.work_for(3)
        for advocate, link in sorted(self.links.items()):
            if keeper.draw.random() < 0.5:
                friend = world.add_customer(f"friend-{phase}-{advocate}@example.com", "Friend", str(phase))
                earlier = keeper.sell(friend) if keeper.draw.random() < 0.4 else None
                brought = keeper.sell(friend, landing_site=f"/?ref={link}")
                keeper.people.append(friend)
                keeper.work_for(2)
                if earlier is not None and earlier.cancelled_at is None:
                    world.cancel(earlier)
                elif keeper.draw.random() < 0.4 and brought.cancelled_at is None:
                    world.cancel(brought)
        keeper.work_for(DEEDS_A_PHASE)

    def _use(self, code: str, buyer: Customer | None) -> None:
        who = buyer or self.loop.world.add_customer(f"{len(self.keeper.orders)}@new.example", "New", "Friend")
        used = self.keeper.sell(who, codes=[code])
        if self.keeper.draw.random() < 0.3:
            self.keeper.work_for(1)
            if used.cancelled_at is None:
                self.loop.world.cancel(used)

    def _visit_us(self, phase: int) -> None:
        """Shoppers on our own pages: they buy rewards, and invite friends who claim."""
        for number, person in enumerate(self.keeper.people):
            balance, me = self.loop.points(person.id), self.loop.customer_id(person.id)
            with self.loop.database.work(self.loop.shop.shop_id) as work:
                if balance.spendable >= 100 and number % 2 == phase % 2:
                    name = f"{phase}/{person.id}"
                    self.codes[name] = loyalty.redeem(work, me, str(person.id), "five-off", name).code
                if number % 6 == phase:
                    self.links[number] = referral.code_of(work, me)
                    offer = referral.claim(work, self.links[number], f"claim-{number}@example.com", SECRET)
                    assert offer.code is not None
                    self.codes[f"{phase}/friend of {number}"] = offer.code

    def _person(self, name: str) -> Customer:
        found = self.loop.world.shop().customers.by_id(int(name.partition("/")[2]))
        assert found is not None
        return found

    def _grow_old(self) -> None:
        """Codes die unused, and silence moves people on; the app looks in often enough to keep its token."""
        for day in range(PHASES * 30 + 40, PHASES * 30 + 190, 40):
            self._rest_until(day)
            self.loop.review()
            self.loop.release()
            self.loop.come_to_rest()

    # --- how it is told

    def _rest_until(self, day: int) -> None:
        """Tell everything, heal what was lost, and go on at the same instant in every telling."""
        if self.faults:
            self._tell_badly()
        self.loop.come_to_rest()
        if self.faults:
            self.healed += self.loop.reconcile()
            self.loop.come_to_rest()
        assert self.loop.reconcile() == 0, "reconciliation still finds gaps"
        self._review_tiers()
        next_instant = self.begun + timedelta(days=day)
        assert self.loop.clock() < next_instant, "the days were too short for the deeds"
        self.loop.clock.now = next_instant

    def _review_tiers(self) -> None:
        with self.loop.database.work(self.loop.shop.shop_id) as work:
            loyalty.walk_members(work)
            while loyalty.review_tiers(work):
                pass

    def _tell_badly(self) -> None:
        """Let out what the courier held back, in its drawn order; settle and push at odd moments, in odd batches."""
        self.loop.world.courier.misbehave(Faults(seed=self.seed))
        self.loop.after_each = self._meddle
        self.loop.deliver()
        self.loop.after_each = lambda: None

    def _meddle(self) -> None:
        if self.fate.random() < 0.03:
            self.loop.inbox.settle_round(self.fate.choice((1, 7, 20, 200)))
        if self.fate.random() < 0.01:
            self.loop.outbox.push_round()

    # --- where it ended

    def _facts(self) -> Facts:
        shop_id, facts = self.loop.shop.shop_id, dict[str, Any]()
        for what, statement in TOLD.items():
            names = NAMED_BY.get(what, 1)
            for row in self.above.run(statement, shop_id):
                facts[f"{what} {' '.join(map(str, row[:names]))}"] = row[names:]
        with self.loop.database.work(shop_id) as work:
            assert loyalty.verify(work) == []
        for person in self.keeper.people:
            facts[f"spendable of {person.id}"] = self.loop.points(person.id).spendable
        return facts | _in_the_store(self.loop.world, {code: name for name, code in self.codes.items()})


def _in_the_store(world: World, names: Mapping[str, str]) -> dict[str, Any]:
    store = world.shop()
    facts: dict[str, Any] = {f"tags of {c.id}": sorted(c.tags) for c in store.customers}
    for code in store.discounts:
        status = code.status(world.clock())
        facts[f"code {names[code.code]}"] = (
            code.amount,
            code.usage,
            code.usage_limit,
            code.customers,
            code.minimum_subtotal,
            status,
        )
    return facts | {f"segment {segment.name}": segment.query for segment in store.segments}


def told(database: Database, above: Superuser, at: Clock, seed: int, faults: Faults | None) -> tuple[Facts, int]:
    """The facts at the end of a telling that is over before `at`, and how many gaps reconciliation had to heal."""
    database.clock = clock = Clock(at() - timedelta(days=300))
    with open_loop(database, clock) as loop:
        loop.install_long_ago()
        story = Story(loop, above, seed, faults)
        facts = story.tell()
        return facts, story.healed


def first_difference(expected: Facts, found: Facts) -> str | None:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            return f"{name}: {expected.get(name)} in the clean run, {found.get(name)} in the other"
    return None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_shuffled_doubled_and_dropped_deliveries_end_where_clean_ones_do(
    database: Database, above: Superuser, clock: Clock, neighbour: Shop, seed: int
) -> None:
    clean, needless = told(database, above, clock, seed, None)
    assert any(name.startswith("tier of") for name in clean), "nobody reached a tier: the story says nothing of them"
    above.clear_except(neighbour.shop_id)
    shuffled, healed = told(database, above, clock, seed, Faults(duplicate=0.2, reorder=10_000, seed=seed))
    assert first_difference(clean, shuffled) is None
    assert (needless, healed) == (0, 0), "where nothing is lost, there is nothing to heal"
    above.clear_except(neighbour.shop_id)
    lossy, healed = told(database, above, clock, seed, Faults(duplicate=0.2, drop=0.15, reorder=10_000, seed=seed))
    assert first_difference(clean, lossy) is None
    assert healed > 0, "nothing was lost: the test shows too little"
    kinds = {name.split()[0] for name in clean}
    assert kinds >= {
        "points",
        "balance",
        "standing",
        "stage",
        "verdict",
        "order",
        "redemption",
        "tags",
        "code",
        "segment",
    }
