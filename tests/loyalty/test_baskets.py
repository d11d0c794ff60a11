"""What pieces that are not bought yet would earn: the same as the order that they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

import loyalty
from commerce.events import CustomerFact
from commerce.orders import OrderLine, OrderSnapshot
from commerce.store import StoreCollection
from engine import collections
from loyalty import Piece, WouldEarn
from loyalty.rules import proposal
from tests import people
from tests.ground import START, Clock, Desk, Superuser, open_shop, statements

MUG = Piece("31", "311", 2, 5_000, vendor="Kettle")
LADDER = {
    "measure": "spend", "window": "rolling", "months": 12,
    "levels": [{"key": "silver", "name": "Silver", "enter": 10_000, "keep": 1}],
}  # fmt: skip
_GUEST = text("SELECT customer_id FROM customers WHERE shop_id = :shop_id AND external_id = 'guest:0123'")
DOUBLE = {"key": "double", "title": "Double weekend", "percent": 200}


def publish(
    desk: Desk,
    *,
    promotions: Sequence[dict[str, Any]] = (),
    stacking: str | None = None,
    ladder: dict[str, Any] | None = None,
    **earning: Any,
) -> None:
    body = {**proposal("USD"), "earning": earning, "promotions": list(promotions), "stacking": stacking}
    with desk.work() as work:
        loyalty.publish(work, body | ({"tiers": ladder} if ladder else {}))


def would_earn(desk: Desk, *pieces: Piece, buyer: int | None = None) -> WouldEarn:
    customer_id = desk.customer_id(buyer) if buyer is not None else None
    with desk.work() as work:
        return loyalty.would_earn(work, customer_id, pieces)


def placed(desk: Desk, number: int, pieces: Sequence[Piece], buyer: int = 1) -> OrderSnapshot:
    """The order that these pieces become, placed now."""
    at = desk.database.clock()
    lines = tuple(
        OrderLine(n, p.product_id, "x", p.quantity, p.amount_minor, p.gift_card, f"{n}", p.variant_id, p.vendor)
        for n, p in enumerate(pieces, 1)
    )
    goods = sum(p.amount_minor for p in pieces if not p.gift_card)
    return people.order(
        number, people.customer(buyer), goods, placed_at=at, lines=lines, list_minor=goods, tax_minor=goods // 10,
        fulfilled_at=at,
    )  # fmt: skip


def earned(desk: Desk, number: int, buyer: int = 1) -> int | None:
    customer_id = desk.customer_id(buyer)
    with desk.work() as work:
        return loyalty.earned(work, customer_id, str(5000 + number))


def test_plain_terms_count_the_money_of_everything_but_gift_cards(desk: Desk) -> None:
    publish(desk)
    card = Piece("99", None, 1, 2_500, gift_card=True)
    assert would_earn(desk, MUG, replace(MUG, amount_minor=1_299), card) == WouldEarn(62, True)
    assert would_earn(desk, card) == WouldEarn(0, True)
    assert would_earn(desk) == WouldEarn(0, True)


def test_nothing_is_written_and_a_program_that_sleeps_promises_nothing(desk: Desk, above: Superuser) -> None:
    desk.settle(customers=[people.customer(1, updated_at=START)])
    with desk.work() as work:
        loyalty.publish(work, {**proposal("USD"), "asleep": False})
    before = above.rows_of(desk.shop.shop_id)
    assert would_earn(desk, MUG, buyer=1) == WouldEarn(50, True)
    assert above.rows_of(desk.shop.shop_id) == before


def test_a_member_s_tier_and_cap_count_and_a_stranger_is_told_what_is_the_same_for_all(
    desk: Desk, clock: Clock
) -> None:
    caps = [{"points": 400, "period": "month"}]
    publish(desk, ladder=LADDER, per_order=10, caps=caps, tiers={"silver": 150})
    desk.settle(placed(desk, 1, [replace(MUG, amount_minor=20_000)]))
    clock.forward(minutes=1)
    assert would_earn(desk, MUG) == WouldEarn(60, False)
    assert would_earn(desk, MUG, buyer=1) == WouldEarn(85, True)
    assert would_earn(desk, replace(MUG, amount_minor=90_000), buyer=1) == WouldEarn(190, True)


def test_who_has_not_joined_earns_nothing_and_a_stranger_sees_what_members_do(desk: Desk, clock: Clock) -> None:
    publish(desk, members="opted_in")
    desk.settle(customers=[people.customer(1, updated_at=START), people.customer(2, updated_at=START)])
    with desk.work() as work:
        loyalty.join(work, "1002")
    clock.forward(minutes=1)
    assert would_earn(desk, MUG, buyer=1) == WouldEarn(0, True)
    assert would_earn(desk, MUG, buyer=2) == WouldEarn(50, True)
    assert would_earn(desk, MUG) == WouldEarn(50, True)


def test_a_guest_s_account_and_a_disabled_one_earn_nothing_where_accounts_are_asked_for(desk: Desk) -> None:
    publish(desk, members="accounts")
    desk.settle(customers=[people.customer(1, updated_at=START)])
    assert would_earn(desk, MUG, buyer=1) == WouldEarn(50, True)
    desk.hear(CustomerFact("1001", "account", "disabled", START))
    assert would_earn(desk, MUG, buyer=1) == WouldEarn(0, True)
    guest = replace(people.customer(2), external_id="guest:0123")
    desk.settle(people.order(7, guest))
    with desk.work() as work:
        [row] = work.rows(_GUEST)
        assert loyalty.would_earn(work, row.customer_id, [MUG]) == WouldEarn(0, True)


@pytest.mark.parametrize(
    "earning, piece",
    [
        ({"tax": True}, MUG),
        ({"tax": False}, MUG),
        ({"shipping": True}, MUG),
        ({"discounts": True}, MUG),
        ({"goods": [{"goods": {"vendors": ["Kettle"]}, "percent": 0}]}, replace(MUG, vendor=None)),
        ({"goods": [{"goods": {"variants": ["999"]}, "percent": 0}]}, replace(MUG, variant_id=None)),
    ],
)
def test_what_nobody_knows_before_the_checkout_makes_it_inexact(
    desk: Desk, earning: dict[str, Any], piece: Piece
) -> None:
    publish(desk, **earning)
    assert would_earn(desk, piece) == WouldEarn(50, False)


def test_a_promotion_by_the_way_of_paying_is_not_promised(desk: Desk) -> None:
    publish(desk, promotions=[{**DOUBLE, "gateways": ["wallet"]}])
    assert would_earn(desk, MUG) == WouldEarn(50, False)


def test_only_promotions_that_run_now_count(desk: Desk, clock: Clock) -> None:
    ends = (START + timedelta(hours=1)).isoformat()
    publish(desk, promotions=[{**DOUBLE, "ends_at": ends}])
    assert would_earn(desk, MUG) == WouldEarn(100, True)
    clock.forward(hours=1)
    assert would_earn(desk, MUG) == WouldEarn(50, True)


def test_a_promotion_that_is_over_makes_nothing_inexact_for_strangers(desk: Desk, clock: Clock) -> None:
    ends = (START + timedelta(hours=1)).isoformat()
    publish(desk, promotions=[{**DOUBLE, "ends_at": ends, "first_order": True}])
    assert would_earn(desk, MUG) == WouldEarn(50, False)
    clock.forward(hours=1)
    assert would_earn(desk, MUG) == WouldEarn(50, True)


def test_a_page_of_goods_is_reckoned_each_alone_and_in_as_many_statements_as_one(desk: Desk, clock: Clock) -> None:
    with desk.work() as work:
        collections.list_anew(work, [StoreCollection("7", "Tea")])
        collections.take_in(work, "7", ["32"])
    tea = {"key": "tea", "title": "Tea", "percent": 150, "most_orders": 1, "goods": {"collections": ["7"]}}
    caps = [{"points": 400, "period": "month"}]
    publish(
        desk, promotions=[tea], ladder=LADDER, caps=caps, tiers={"silver": 150}, milestones=[{"order": 2, "points": 5}]
    )
    desk.settle(placed(desk, 1, [replace(MUG, amount_minor=20_000)]))
    clock.forward(minutes=1)
    goods = [MUG, replace(MUG, product_id="32"), replace(MUG, gift_card=True), replace(MUG, amount_minor=90_000)]
    who = desk.customer_id(1)
    with desk.work() as work, statements(desk) as one:
        loyalty.would_earn_each(work, who, [goods[:1]])
    with desk.work() as work, statements(desk) as page:
        found = loyalty.would_earn_each(work, who, [[piece] for piece in goods])
    assert page == one
    assert found == [would_earn(desk, piece, buyer=1) for piece in goods]
    assert [each.points for each in found] == [80, 117, 0, 200]


# --- the same as what settling the order earns

EARNING: tuple[dict[str, Any], ...] = (
    {},
    {"goods": [{"goods": {"products": ["31"]}, "percent": 0}, {"goods": {"vendors": ["Leaf"]}, "percent": 333}]},
    {"goods": [{"goods": {"variants": ["b"]}, "fixed": 7}, {"goods": {"collections": ["7"]}, "percent": 250}]},
    {"per_item": 3, "per_order": 11, "milestones": [{"order": 2, "points": 5}], "rounding": "up"},
    {"tiers": {"silver": 175}, "minimum_minor": 3_000, "rounding": "nearest", "trigger": "fulfilled"},
    {"caps": [{"points": 120, "period": "day"}, {"points": 300, "period": "month"}], "tiers": {"silver": 300}},
    {"members": "accounts", "goods": [{"goods": {"collections": ["7"]}, "percent": 0}]},
)
PROMOTIONS: tuple[list[dict[str, Any]], ...] = (
    [],
    [DOUBLE, {"key": "tea", "title": "Tea", "percent": 150, "bonus": 9, "goods": {"collections": ["7"]}}],
    [
        {"key": "first", "title": "Welcome", "bonus": 40, "first_order": True},
        {"key": "twice", "title": "Twice", "percent": 130, "most_orders": 2, "minimum_minor": 2_000},
        {"key": "silver", "title": "For silver", "percent": 120, "tiers": ["silver"], "weekdays": ["monday"]},
    ],
)


def basket(luck: Random) -> list[Piece]:
    """What somebody may think of buying, from nothing to 99.99 apiece."""
    return [
        Piece(
            luck.choice(["31", "32", "33"]), luck.choice(["a", "b"]), luck.randint(1, 4),
            luck.choice([0, 1, luck.randint(2, 99), *(luck.randint(100, 9_999) for _ in range(7))]),
            luck.random() < 0.15, luck.choice(["Kettle", "Leaf"]),
        )
        for _ in range(luck.randint(1, 4))
    ]  # fmt: skip


@pytest.mark.parametrize("promotions", range(len(PROMOTIONS)))
@pytest.mark.parametrize("earning", range(len(EARNING)))
def test_pieces_would_earn_what_settling_their_order_earns(desk: Desk, earning: int, promotions: int) -> None:
    """Any baskets, one after another, of a member who climbs, fills caps, and uses promotions up on the way."""
    for stacking in ("best", "add", "multiply") if promotions else ("best",):
        luck, clock = Random(f"{earning}-{promotions}-{stacking}"), Clock(START)
        desk.database.clock = clock
        fresh = Desk(desk.database, open_shop(desk.database, f"{stacking}-{desk.shop.domain}"))
        with fresh.work() as work:
            collections.list_anew(work, [StoreCollection("7", "Tea")])
            collections.take_in(work, "7", ["32"])
        publish(fresh, promotions=PROMOTIONS[promotions], stacking=stacking, ladder=LADDER, **EARNING[earning])
        fresh.settle(customers=[people.customer(1, updated_at=START)])
        for number in range(1, 5):
            clock.forward(hours=5)
            pieces = basket(luck)
            found = would_earn(fresh, *pieces, buyer=1)
            fresh.settle(placed(fresh, number, pieces))
            assert found == WouldEarn(earned(fresh, number) or 0, True)
        assert fresh.faults() == []
