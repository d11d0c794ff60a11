"""The outbox: what things in the store shall be, pushed until the store agrees or a person has to look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from commerce.customers import CustomerSnapshot
from commerce.ids import EffectId, ShopId
from commerce.orders import OrderSnapshot, OrderStamp
from commerce.store import (
    Announce,
    Effect,
    GiveCredit,
    PutDiscount,
    PutGiftCard,
    PutPixel,
    PutSegment,
    SetFields,
    SetShopFields,
    SetTags,
    ShopDetails,
    StoreError,
    TakeCredit,
)
from engine import outbox, shops
from engine.outbox import LEASE, MOST_ATTEMPTS, TAGS_REST_SECONDS, Outbox
from engine.shops import Shop
from engine.work import Database, UnitOfWork, in_transaction
from tests.ground import START, Clock, Superuser

ROWS = """
    SELECT key, version, attempts, pushed_at IS NOT NULL, parked_at IS NOT NULL, reason FROM effects
    WHERE shop_id = %s ORDER BY effect_id
"""
Answer = StoreError | None


def tags(customer: int = 1, stage: str = "lead") -> SetTags:
    return SetTags(str(1000 + customer), "stage:", (f"stage:{stage}",), ("stage:lead", "stage:acquired"))


def segment(stage: str = "lead") -> PutSegment:
    return PutSegment(f"Perennial: {stage}", f"stage:{stage}")


def discount(code: str = "P-ABC", *, active: bool = True) -> PutDiscount:
    return PutDiscount(code, "5.00 off", 500, "USD", START, START + timedelta(days=30), "1001", 0, active)


@dataclass
class Store:
    """A store that answers what the test tells it to, and remembers what it was asked. It reads nothing."""

    asked: list[Effect] = field(default_factory=list)
    looked: list[bool] = field(default_factory=list)
    answer: Callable[[Effect], Answer] = lambda _: None

    def details(self) -> ShopDetails:
        raise AssertionError("the outbox reads nothing from a store")

    def set_tags(self, effects: Sequence[SetTags]) -> list[Answer]:
        return self._take(effects)

    def set_fields(self, effects: Sequence[SetFields]) -> list[Answer]:
        return self._take(effects)

    def put_segments(self, effects: Sequence[PutSegment]) -> list[Answer]:
        return self._take(effects)

    def put_discounts(self, effects: Sequence[PutDiscount]) -> list[Answer]:
        return self._take(effects)

    def put_gift_cards(self, effects: Sequence[PutGiftCard]) -> list[Answer]:
        return self._take(effects)

    def give_credit(self, effect: GiveCredit, *, asked_before: bool) -> Answer:
        self.looked.append(asked_before)
        return self._take([effect])[0]

    def take_credit(self, effect: TakeCredit, *, asked_before: bool) -> Answer:
        self.looked.append(asked_before)
        return self._take([effect])[0]

    def set_shop_fields(self, effects: Sequence[SetShopFields]) -> list[Answer]:
        return self._take(effects)

    def put_pixels(self, effects: Sequence[PutPixel]) -> list[Answer]:
        return self._take(effects)

    def announce(self, effects: Sequence[Announce]) -> list[Answer]:
        return self._take(effects)

    def orders_changed(self, since: datetime) -> Iterator[list[OrderStamp]]:
        raise AssertionError("the outbox reads nothing from a store")

    def orders(self, external_ids: Sequence[str]) -> list[OrderSnapshot]:
        raise AssertionError("the outbox reads nothing from a store")

    def customers_changed(self, since: datetime) -> Iterator[list[CustomerSnapshot]]:
        raise AssertionError("the outbox reads nothing from a store")

    def _take(self, effects: Sequence[Effect]) -> list[Answer]:
        assert not in_transaction(), "the store is spoken to inside a transaction"
        self.asked += effects
        return [self.answer(effect) for effect in effects]


@dataclass
class Post:
    """An outbox, the store behind it, and what the domains were told."""

    database: Database
    shop: Shop
    above: Superuser
    clock: Clock
    store: Store = field(default_factory=Store)
    told: list[tuple[str, str | None]] = field(default_factory=list)
    connecting: StoreError | None = None

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.database, self._connect, {"discount": self._hear})

    def put(self, *effects: Effect) -> None:
        with self.database.work(self.shop.shop_id) as work:
            outbox.put(work, effects)

    def push(self, **after: float) -> int:
        self.clock.forward(**after)
        return self.outbox.push_round()

    def rows(self) -> list[tuple[Any, ...]]:
        return self.above.run(ROWS, self.shop.shop_id)

    def due_in(self) -> timedelta:
        due: datetime = self.above.one("SELECT due_at FROM effects WHERE shop_id = %s", self.shop.shop_id)
        return due - self.clock()

    def _connect(self, shop_id: ShopId) -> Store:
        assert shop_id == self.shop.shop_id
        if self.connecting:
            raise self.connecting
        return self.store

    def _hear(self, work: UnitOfWork, effect: PutDiscount, error: StoreError | None) -> None:
        assert in_transaction()
        self.told.append((effect.code, error.reason if error else None))


@pytest.fixture
def post(database: Database, shop: Shop, above: Superuser, clock: Clock) -> Post:
    return Post(database, shop, above, clock)


def busy(retry_after: float | None = None, **more: Any) -> StoreError:
    return StoreError("busy", permanent=False, retry_after=retry_after, **more)


def test_an_effect_is_pushed_once(post: Post) -> None:
    post.put(segment(), discount())
    assert post.push() == 2
    assert post.store.asked == [segment(), discount()]
    assert post.rows() == [("P-ABC", 1, 1, True, False, None), ("stage:lead", 1, 1, True, False, None)]
    assert post.told == [("P-ABC", None)]
    assert post.push(days=1) == 0


def test_tags_rest_a_moment_and_codes_do_not(post: Post) -> None:
    post.put(tags(), discount())
    assert post.push() == 1
    assert post.store.asked == [discount()]
    assert post.push(seconds=TAGS_REST_SECONDS) == 1
    assert post.store.asked[1:] == [tags()]


def test_many_changes_of_mind_are_one_push_of_the_last(post: Post) -> None:
    for stage in ("lead", "acquired", "lead", "acquired", "lead"):
        post.put(tags(stage=stage))
    assert [row[:2] for row in post.rows()] == [("stage:1001", 5)]
    assert post.push(minutes=1) == 1
    assert post.store.asked == [tags(stage="lead")]


def test_a_stream_of_changes_does_not_put_off_the_push_for_ever(post: Post) -> None:
    for step in range(10):
        post.put(tags(stage="lead" if step % 2 else "acquired"))
        post.clock.forward(seconds=TAGS_REST_SECONDS / 5)
    assert post.push() == 1


def test_saying_the_same_again_is_not_a_change(post: Post) -> None:
    post.put(tags())
    post.push(minutes=1)
    post.put(tags())
    assert post.rows() == [("stage:1001", 1, 1, True, False, None)]
    assert post.push(minutes=1) == 0


def test_what_changed_while_it_was_pushed_stays_due(post: Post) -> None:
    def change_meanwhile(effect: Effect) -> Answer:
        if len(post.store.asked) == 1:
            post.put(tags(stage="acquired"))
        return None

    post.store.answer = change_meanwhile
    post.put(tags(stage="lead"))
    assert post.push(minutes=1) == 1
    assert post.rows() == [("stage:1001", 2, 0, False, False, None)]
    assert post.push(minutes=2) == 1
    assert post.store.asked == [tags(stage="lead"), tags(stage="acquired")]
    assert post.rows()[0][3] is True


def test_an_unanswered_push_is_repeated_after_its_lease(post: Post) -> None:
    class Lost(Exception):
        """The process dies with the answer."""

    def lose(effect: Effect) -> Answer:
        raise Lost

    post.store.answer = lose
    post.put(discount())
    with pytest.raises(Lost):
        post.push()
    assert post.told == []
    assert post.push(seconds=1) == 0
    post.store.answer = lambda _: None
    assert post.push(seconds=LEASE.total_seconds()) == 1
    assert post.store.asked == [discount(), discount()]
    assert post.told == [("P-ABC", None)]


def test_each_failure_waits_twice_as_long_as_the_one_before(post: Post) -> None:
    post.store.answer = lambda _: busy()
    post.put(discount())
    for attempt in range(1, MOST_ATTEMPTS):
        assert post.push() == 1
        wait = post.due_in().total_seconds()
        assert 2**attempt <= wait <= 2**attempt * 1.5
        assert post.push(seconds=wait - 0.001) == 0
        post.clock.forward(seconds=0.001)
    assert post.rows() == [("P-ABC", 1, MOST_ATTEMPTS - 1, False, False, "busy")]
    assert post.told == []


def test_after_the_last_attempt_it_is_parked_and_its_domain_is_told(post: Post) -> None:
    post.store.answer = lambda _: busy()
    post.put(discount())
    for _ in range(MOST_ATTEMPTS):
        assert post.push(hours=2) == 1
    assert post.rows() == [("P-ABC", 1, MOST_ATTEMPTS, False, True, "busy")]
    assert post.told == [("P-ABC", "busy")]
    assert post.push(days=9) == 0


def test_a_final_no_is_parked_at_once(post: Post) -> None:
    post.store.answer = lambda effect: StoreError("never", permanent=True) if effect.kind == "discount" else None
    post.put(discount(), segment())
    assert post.push() == 2
    assert post.rows() == [("P-ABC", 1, 1, False, True, "never"), ("stage:lead", 1, 1, True, False, None)]
    assert post.told == [("P-ABC", "never")]


def test_a_parked_effect_can_be_replayed_by_a_person(post: Post) -> None:
    post.store.answer = lambda _: StoreError("never", permanent=True)
    post.put(discount())
    post.push()
    effect_id = EffectId(post.above.one("SELECT effect_id FROM effects WHERE shop_id = %s", post.shop.shop_id))
    with post.database.work(post.shop.shop_id) as work:
        assert outbox.replay(work, effect_id)
        assert not outbox.replay(work, effect_id)
    post.store.answer = lambda _: None
    assert post.push() == 1
    assert post.rows() == [("P-ABC", 1, 1, True, False, None)]


def test_a_parked_effect_that_is_wanted_otherwise_is_tried_again(post: Post) -> None:
    post.store.answer = lambda _: StoreError("never", permanent=True)
    post.put(discount())
    post.push()
    post.store.answer = lambda _: None
    post.put(discount(active=False))
    assert post.push() == 1
    assert post.rows() == [("P-ABC", 2, 1, True, False, None)]


def test_being_told_to_wait_is_waited_for_and_counts_as_no_attempt(post: Post) -> None:
    post.store.answer = lambda _: busy(retry_after=7)
    post.put(discount())
    for _ in range(MOST_ATTEMPTS * 3):
        assert post.push() == 1
        assert post.due_in() == timedelta(seconds=7)
        assert post.push(seconds=6.9) == 0
        post.clock.forward(seconds=0.1)
    assert post.rows() == [("P-ABC", 1, 0, False, False, "busy")]


def test_a_closed_store_is_not_asked_for_each_effect(post: Post) -> None:
    post.store.answer = lambda _: busy(closed=True)
    post.put(segment("lead"), segment("acquired"))
    assert post.push() == 2
    assert [row[2] for row in post.rows()] == [0, 0]
    post.put(discount())
    assert post.push(minutes=9) == 0, "the shop is closed, also for what is new"
    post.store.answer = lambda _: None
    assert post.push(minutes=2) == 3


def test_a_store_that_cannot_be_reached_closes_its_shop(post: Post) -> None:
    post.connecting = StoreError("the token is dead", permanent=False, closed=True, retry_after=120)
    post.put(discount())
    assert post.push() == 1
    row = post.above.run("SELECT closed_until, closed_reason FROM shops WHERE shop_id = %s", post.shop.shop_id)
    assert row == [(START + timedelta(seconds=120), "the token is dead")]
    post.connecting = None
    assert post.push(seconds=119) == 0
    assert post.push(seconds=1) == 1


def test_a_removed_app_is_not_asked_and_its_effects_wait(post: Post) -> None:
    post.put(discount())
    with post.database.work(post.shop.shop_id) as work:
        shops.uninstall(work, post.clock())
    assert post.push() == 0
    with post.database.machine() as connection:
        shops.install(connection, "shopify", post.shop.domain, post.clock())
    assert post.push() == 1


def test_one_bad_effect_does_not_hold_up_the_others(post: Post) -> None:
    post.store.answer = lambda effect: busy() if effect.key == "stage:1003" else None
    post.put(*(tags(number) for number in range(1, 6)))
    assert post.push(minutes=1) == 5
    assert [row[3] for row in post.rows()] == [True, True, False, True, True]


def test_nothing_is_pushed_of_a_unit_of_work_that_failed(post: Post) -> None:
    class Mistake(Exception):
        """Something went wrong after the effect was put."""

    def fail() -> None:
        with post.database.work(post.shop.shop_id) as work:
            outbox.put(work, [discount()])
            raise Mistake

    with pytest.raises(Mistake):
        fail()
    assert post.rows() == []
    assert post.push() == 0


# --- what is asked for once


def credit(code: str = "C-ABC") -> GiveCredit:
    return GiveCredit(code, 1500, "USD", START + timedelta(days=365), "1001")


def test_a_question_that_is_asked_once_is_noted_before_it_is_asked(post: Post) -> None:
    noted: list[list[tuple[Any, ...]]] = []

    def answer(_effect: Effect) -> Answer:
        noted.append(post.above.run("SELECT asked_at FROM effects WHERE shop_id = %s", post.shop.shop_id))
        return None

    post.store.answer = answer
    post.put(credit())
    assert post.push() == 1
    assert noted == [[(START,)]]
    assert (post.store.asked, post.store.looked) == ([credit()], [False])
    assert post.push(days=1) == 0


def test_a_question_whose_answer_was_lost_is_asked_again_with_a_look_first_and_not_at_once(post: Post) -> None:
    post.store.answer = lambda _: StoreError("no answer", permanent=False)
    post.put(credit())
    assert post.push() == 1
    assert post.due_in() >= LEASE
    assert post.push(seconds=LEASE.total_seconds() - 1) == 0
    assert post.push(hours=1) == 1
    assert post.store.looked == [False, True]


def test_a_store_that_raises_is_a_lost_answer_too(post: Post) -> None:
    def raises(_effect: Effect) -> Answer:
        raise StoreError("no answer", permanent=False)

    post.store.answer = raises
    post.put(credit(), discount())
    assert post.push() == 2
    assert [row[0] for row in post.rows() if row[5] == "no answer"] == ["C-ABC", "P-ABC"]


def test_whoever_has_lost_the_lease_does_not_ask(post: Post) -> None:
    """A worker that stood still for longer than its lease finds that another has taken over."""

    def stand_still(_effect: Effect) -> Answer:
        post.clock.forward(seconds=LEASE.total_seconds() + 1)
        other = Outbox(post.database, lambda _: other_store, {})
        assert other.push_round() == 2
        return None

    other_store = Store()
    post.store.answer = stand_still
    post.put(discount(), credit())
    assert post.push() == 2
    assert other_store.asked == [discount(), credit()]
    assert post.store.asked == [discount()]
    assert ("C-ABC", 1, 2, True, False, None) in post.rows()


def test_what_was_asked_is_not_asked_differently_after_it_was_parked_and_replayed(post: Post) -> None:
    post.store.answer = lambda _: StoreError("no", permanent=True)
    post.put(credit())
    post.push()
    effect_id = EffectId(post.above.one("SELECT effect_id FROM effects WHERE shop_id = %s", post.shop.shop_id))
    with post.database.work(post.shop.shop_id) as work:
        assert outbox.replay(work, effect_id)
    post.push()
    assert post.store.looked == [False, True]
