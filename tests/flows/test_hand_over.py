"""Custom rewards from the shopper's click to the merchant's own system: told at least once, handed over once, and
points that go back when it says no.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.fernet import Fernet
from werkzeug.wrappers import Response

import loyalty
from app import OUTCOMES
from commerce.store import StorePort
from engine import reward_hooks
from engine.outbox import LONGEST_WAIT_SECONDS, MOST_ATTEMPTS, Outbox
from engine.shops import Seal
from loyalty import rules
from plugin.reward_hooks import Hooks
from sandbox.fulfilment import Fulfilment
from tests import people
from tests.ground import Clock, Desk, Superuser
from tests.serving import served

EFFECTS = "SELECT pushed_at IS NOT NULL, parked_at IS NOT NULL, attempts, reason FROM effects WHERE shop_id = %s " \
    "AND kind = 'hand_over' ORDER BY effect_id"  # fmt: skip


@dataclass
class Counter:
    """A shop that sells mugs, its own system beside it, and a worker between them."""

    desk: Desk
    clock: Clock
    seal: Seal
    system: Fulfilment
    worker: Outbox
    address: str

    def redeem(self, click: str = "click", reward: str = "mug") -> Any:
        return self.desk.redeem(1, click, reward)

    def push(self) -> int:
        return self.worker.push(self.desk.shop.shop_id)

    @property
    def points(self) -> tuple[int, int]:
        balance = self.desk.balance()
        return balance.spendable, balance.held


def _no_store(_shop_id: int) -> StorePort:
    raise AssertionError("a reward that the shop hands over is no matter of its store")


def cut_off() -> Response:
    """An answer of which only the beginning arrives."""
    return Response(iter([b"{"]), headers={"Content-Length": "1000"})


@pytest.fixture
def counter(desk: Desk, clock: Clock, above: Superuser) -> Iterator[Counter]:
    with desk.work() as work:
        mug = {"key": "mug", "title": "A mug", "points": 100, "kind": "custom", "webhook": True}
        loyalty.publish(work, rules.proposal("USD") | {"rewards": [mug, mug | {"key": "hug", "webhook": False}]})
    desk.settle(people.order(1, people.customer(1), 100_000))
    clock.forward(days=15)
    # What the settled order wants of the store is for the store's own tests.
    above.run("DELETE FROM effects WHERE shop_id = %s", desk.shop.shop_id)
    seal = Seal([Fernet.generate_key().decode()])
    system = Fulfilment("", clock.timestamp)
    worker = Outbox(desk.database, _no_store, OUTCOMES, hook=Hooks.of(desk.database, seal, allowed=None))
    with served(system) as url:
        with desk.work() as work:
            secret = reward_hooks.put(work, seal, f"{url}/rewards", "staff 42")
        assert secret is not None
        system.secret = secret
        yield Counter(desk, clock, seal, system, worker, f"{url}/rewards")


def test_a_reward_is_told_with_a_signature_and_handed_over_by_the_answer(counter: Counter, above: Superuser) -> None:
    bought = counter.redeem()
    assert counter.points == (900, 100)
    assert counter.push() == 1
    assert counter.system.done == {bought.code: {
        "id": bought.code, "event": "reward.redeemed", "reward": {"key": "mug", "title": "A mug"}, "points": 100,
        "customer": {"external_id": "1001"}, "redeemed_at": counter.clock().isoformat().replace("+00:00", "Z"),
    }}  # fmt: skip
    assert counter.points == (900, 0)
    assert counter.desk.balance().redemptions[0].outcome == "used"
    with counter.desk.work() as work:
        assert loyalty.to_hand_over(work) == []
    assert counter.push() == 0
    assert above.run(EFFECTS, counter.desk.shop.shop_id) == [(True, False, 1, None)]
    assert counter.desk.faults() == []


def test_a_reward_that_is_not_marked_for_it_is_told_to_nobody(counter: Counter) -> None:
    counter.redeem(reward="hug")
    assert counter.push() == 0
    assert counter.system.heard == []


def test_a_gift_is_told_like_a_reward_that_was_bought(counter: Counter) -> None:
    customer_id = counter.desk.customer_id()
    with counter.desk.work() as work:
        assert loyalty.give_reward(work, "mug", [(customer_id, "1001", "gift:1")])
        assert loyalty.give_reward(work, "mug", [(customer_id, "1001", "gift:1")])
    counter.push()
    assert [told["points"] for told in counter.system.done.values()] == [0]


@pytest.mark.parametrize(
    "body, reason",
    [
        (json.dumps({"reason": "There are no mugs left."}), "There are no mugs left."),
        ("", "the shop's system refused it (HTTP 422)"),
        ('{"reason": 7}', "the shop's system refused it (HTTP 422)"),
        ('{"reason": "a\\u0000b"}', "the shop's system refused it (HTTP 422)"),
        (json.dumps({"reason": "x" * 1000}), "x" * 200),
    ],
)
def test_a_system_that_says_no_gives_the_points_back_with_its_reason(counter: Counter, body: str, reason: str) -> None:
    counter.redeem()
    counter.system.instead.append(lambda: Response(body, 422))
    counter.push()
    assert counter.points == (1000, 0)
    row = counter.desk.balance().redemptions[0]
    assert (row.outcome, row.refusal) == ("the shop could not hand it over", reason)
    assert counter.push() == 0
    assert counter.desk.faults() == []


@pytest.mark.parametrize("status", [408, 429, 500, 503, 302])
def test_what_may_pass_is_tried_again_and_handed_over_once(counter: Counter, above: Superuser, status: int) -> None:
    counter.redeem()
    counter.system.instead.append(lambda: Response(status=status, headers={"Location": "http://127.0.0.1:1/"}))
    counter.push()
    assert counter.points == (900, 100), "nobody knows yet"
    assert counter.push() == 0, "not at once"
    counter.clock.forward(seconds=4)
    assert counter.push() == 1
    assert len(counter.system.heard) == 2
    assert len(counter.system.done) == 1
    assert counter.points == (900, 0)
    assert counter.desk.faults() == []


def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_is_handed_over_twice(counter: Counter) -> None:
    bought = counter.redeem()

    def lost() -> Response:
        counter.system.done[bought.code] = counter.system.heard[-1]
        return cut_off()

    counter.system.instead.append(lost)
    counter.push()
    assert counter.points == (900, 100)
    counter.clock.forward(seconds=4)
    counter.push()
    assert [told["id"] for told in counter.system.heard] == [bought.code] * 2
    assert counter.points == (900, 0)


def test_a_system_that_stays_away_leaves_the_reward_to_be_handed_over_by_hand(
    counter: Counter, above: Superuser
) -> None:
    bought = counter.redeem()
    for _ in range(MOST_ATTEMPTS):
        counter.system.instead.append(lambda: Response(status=500))
        assert counter.push() == 1
        counter.clock.forward(seconds=2 * LONGEST_WAIT_SECONDS)
    assert counter.push() == 0
    (row,) = above.run(EFFECTS, counter.desk.shop.shop_id)
    assert row == (False, True, MOST_ATTEMPTS, "your system did not take it (HTTP 500)")
    assert counter.points == (900, 100)
    with counter.desk.work() as work:
        assert [each.redemption_id for each in loyalty.to_hand_over(work)] == [bought.redemption_id]
        loyalty.handed_over(work, bought.redemption_id)
    assert counter.points == (900, 0)
    assert counter.desk.faults() == []


def test_what_is_handed_over_by_hand_is_told_no_more(counter: Counter) -> None:
    first, second = counter.redeem("one"), counter.redeem("two")
    with counter.desk.work() as work:
        loyalty.handed_over(work, first.redemption_id)
        loyalty.handed_over(work, second.redemption_id, "out of stock")
    assert counter.push() == 0
    assert counter.points == (900, 0)


def test_what_the_shop_settled_by_hand_stays_whatever_its_system_answers_late(counter: Counter) -> None:
    bought = counter.redeem()

    def late() -> Response:
        with counter.desk.work() as work:
            loyalty.handed_over(work, bought.redemption_id)
        return Response(status=422)

    counter.system.instead.append(late)
    counter.push()
    assert counter.points == (900, 0)
    assert counter.desk.balance().redemptions[0].outcome == "used"
    assert counter.desk.faults() == []


def test_without_an_address_rewards_wait_for_the_shop_itself(counter: Counter) -> None:
    waiting = counter.redeem("one")
    with counter.desk.work() as work:
        assert reward_hooks.remove(work)
        assert not reward_hooks.remove(work)
    later = counter.redeem("two")
    assert counter.push() == 0
    with counter.desk.work() as work:
        assert [r.redemption_id for r in loyalty.to_hand_over(work)] == [waiting.redemption_id, later.redemption_id]


def test_a_system_with_another_secret_refuses_and_a_new_secret_is_used_at_once(counter: Counter) -> None:
    with counter.desk.work() as work:
        assert reward_hooks.put(work, counter.seal, counter.address, "staff 42") is None, "the secret stays"
        fresh = reward_hooks.put(work, counter.seal, counter.address, "staff 42", renew=True)
    counter.redeem("one")
    counter.push()
    assert (counter.points, counter.system.heard) == ((1000, 0), [])
    assert fresh is not None
    counter.system.secret = fresh
    counter.redeem("two")
    counter.push()
    assert counter.points == (900, 0)


def test_a_silent_system_is_asked_once_a_round_and_holds_nobody_else_up(counter: Counter, above: Superuser) -> None:
    for click in range(3):
        counter.redeem(str(click))
    counter.system.instead.append(cut_off)
    counter.push()
    assert len(counter.system.heard) == 1
    assert [row[2:] for row in above.run(EFFECTS, counter.desk.shop.shop_id)] == [
        (1, "your system's answer was cut off or garbled"), (0, "your system was busy with others"),
        (0, "your system was busy with others"),
    ]  # fmt: skip
    counter.clock.forward(seconds=60)
    assert counter.push() == 3
    assert len(counter.system.done) == 3
    assert counter.points == (700, 0)


def test_nothing_is_told_to_a_machine_that_is_not_on_the_public_internet(counter: Counter, above: Superuser) -> None:
    bought = counter.redeem()
    with counter.desk.work() as work:
        reward_hooks.put(work, counter.seal, counter.address.replace("http:", "https:"), "staff 42")
    guarded = Outbox(counter.desk.database, _no_store, OUTCOMES, hook=Hooks.of(counter.desk.database, counter.seal))
    guarded.push(counter.desk.shop.shop_id)
    (row,) = above.run(EFFECTS, counter.desk.shop.shop_id)
    assert row[3] == "your system's address leads to a machine that is not on the public internet"
    assert counter.system.heard == []
    assert bought.code not in str(row)
