"""A reward given to everybody of an audience: each has a code of their own, nobody two, and nothing costs points."""

from __future__ import annotations

import pytest

import lifecycle
import loyalty
from commerce.rewards import PutDiscount
from commerce.store import StoreError
from loyalty import rules
from loyalty.rules import Reward
from loyalty.service import giving
from loyalty.service.asking import asked
from tests import people
from tests.ground import Clock, Desk, Superuser

CODES = """
    SELECT c.external_id, r.points, r.code, e.body ->> 'customer_external_id' FROM redemptions r
    JOIN customers c USING (shop_id, customer_id)
    LEFT JOIN effects e ON e.shop_id = r.shop_id AND e.kind = 'discount' AND e.key = r.code
    WHERE r.shop_id = %s ORDER BY c.customer_id
"""


def give(desk: Desk) -> int:
    """Everything that is due; answers with the number of portions."""
    portions = 0
    while True:
        with desk.work() as work:
            if not loyalty.give_due(work, lifecycle.members):
                return portions
        portions += 1


def ask(desk: Desk, audience: str = "acquired", reward: str = "five-off") -> int:
    with desk.work() as work:
        return loyalty.ask_gift(work, reward, audience)


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """Five customers with an order each: all of them acquired."""
    desk.settle(*(people.order(n, people.customer(n), 1_000) for n in range(1, 6)))
    return desk


def test_everybody_gets_a_code_of_their_own_and_nobody_two(
    shop: Desk, above: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving, "PORTION", 2)
    ask(shop)
    assert give(shop) == 3
    found = above.run(CODES, shop.shop.shop_id)
    assert [(who, points, named) for who, points, _, named in found] == [
        (str(1000 + n), 0, str(1000 + n)) for n in range(1, 6)
    ]
    assert len({code for _, _, code, _ in found}) == 5
    with shop.work() as work:
        (gift,) = loyalty.gifts(work)
    assert (gift.given, gift.done_at is not None, gift.reward["key"]) == (5, True, "five-off")
    assert shop.faults() == []


def test_a_portion_that_was_cut_off_is_given_once(shop: Desk, above: Superuser) -> None:
    ask(shop)
    with shop.work() as work:
        loyalty.give_due(work, lifecycle.members)
        work.connection.rollback()
    assert above.run(CODES, shop.shop.shop_id) == []
    give(shop)
    give(shop)
    assert len(above.run(CODES, shop.shop.shop_id)) == 5


def test_other_stages_and_those_who_are_gone_are_given_nothing(shop: Desk, above: Superuser) -> None:
    above.run("UPDATE customers SET redacted_at = now() WHERE shop_id = %s AND external_id = '1002'", shop.shop.shop_id)
    ask(shop, "lapsed")
    ask(shop)
    give(shop)
    assert [row[0] for row in above.run(CODES, shop.shop.shop_id)] == ["1001", "1003", "1004", "1005"]


def test_a_gift_is_used_or_ends_and_costs_no_points_either_way(shop: Desk, above: Superuser, clock: Clock) -> None:
    ask(shop)
    give(shop)
    codes = {row[0]: row[2] for row in above.run(CODES, shop.shop.shop_id)}
    clock.forward(days=20)
    shop.settle(people.order(11, people.customer(1), 5_000, placed_at=clock(), discount_codes=(codes["1001"],)))
    assert shop.balance(1).redemptions[0].outcome == "used"
    clock.forward(days=20)
    shop.release()
    assert shop.balance(2).redemptions[0].outcome == "the code was not used"
    active = "SELECT body ->> 'active' FROM effects WHERE shop_id = %s AND key = %s"
    assert above.one(active, shop.shop.shop_id, codes["1001"]) == "true", "a code that was used is left alone"
    assert above.one(active, shop.shop.shop_id, codes["1002"]) == "false"
    assert [shop.balance(n).points for n in (1, 2)] == [60, 10]
    assert shop.faults() == []


def test_a_code_that_the_store_refuses_is_told_and_costs_nothing(shop: Desk) -> None:
    ask(shop)
    give(shop)
    row = shop.balance(1).redemptions[0]
    assert row.outcome is None
    with shop.work() as work:
        effect = asked(Reward.read(row.reward), "USD", row, "1001")
        assert isinstance(effect, PutDiscount)
        loyalty.code_settled(work, effect, StoreError("no", permanent=True))
    assert shop.balance(1).redemptions[0].outcome == "the store refused the code"
    assert shop.balance(1).points == 10


@pytest.mark.parametrize("kind", ["gift_card", "custom"])
def test_gift_cards_and_what_the_shop_hands_over_can_be_given_too(shop: Desk, above: Superuser, kind: str) -> None:
    worth = {"amount_minor": 500} if kind == "gift_card" else {}
    reward = {"key": "one", "title": "One", "points": 100, "kind": kind, "code_days": 30} | worth
    with shop.work() as work:
        loyalty.publish(work, rules.proposal("USD") | {"rewards": [reward]})
    ask(shop, reward="one")
    give(shop)
    asked = above.one("SELECT count(*) FROM effects WHERE shop_id = %s AND kind = 'gift_card'", shop.shop.shop_id)
    with shop.work() as work:
        waiting = len(loyalty.to_hand_over(work))
    assert (asked, waiting) == ((5, 0) if kind == "gift_card" else (0, 5))


def test_what_cannot_be_given_is_refused(shop: Desk) -> None:
    with pytest.raises(loyalty.RewardUnknown):
        ask(shop, reward="none")
    reward = {"key": "one", "title": "One", "points": 100, "kind": "store_credit", "amount_minor": 500}
    with shop.work() as work:
        loyalty.publish(work, rules.proposal("USD") | {"rewards": [reward]})
    with pytest.raises(loyalty.NotForGiving):
        ask(shop, reward="one")
