"""Replays: what is sent, when it is said to have happened, and which orders a cancellation takes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import Courier, Plan, Replay, World, open_history
from tests.sandbox.conftest import NOON, Clock, Mailbox
from tests.sandbox.places import ONLINE_RETAIL, needed

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
HISTORY = HEAD + (
    "1,A,Apple,5,2011-01-01 10:00:00,1.00,7,UK\n"
    "2,A,Apple,5,2011-01-05 10:00:00,1.20,7,UK\n"
    "2,B,Bread,2,2011-01-05 10:00:00,2.00,7,UK\n"
    "3,A,Apple,9,2011-01-06 10:00:00,1.00,,UK\n"
    "C4,A,Apple,-6,2011-01-10 10:00:00,1.20,7,UK\n"
    "C5,A,Apple,-9,2011-01-11 10:00:00,1.20,7,UK\n"
    "C6,Z,Nothing,-1,2011-01-11 11:00:00,1.20,7,UK\n"
    "C7,A,Apple,-1,2011-01-11 12:00:00,1.00,,UK\n"
    "8,B,Bread,1,2011-01-12 10:00:00,2.00,8,UK\n"
    "C9,B,Bread,-1,2011-01-12 18:00:00,2.00,8,UK\n"
)


@pytest.fixture
def history(tmp_path: Path) -> str:
    path = tmp_path / "lines.csv"
    path.write_text(HISTORY)
    return str(path)


def replay(world: World, source: str, plan: Plan | None = None) -> Replay:
    shop = world.shop()
    made = Replay(world, shop, open_history(source, shop.currency), plan or Plan(), source)
    made.run()
    world.courier.flush()
    return made


def test_a_cancellation_takes_back_the_latest_orders_first(world: World, history: str) -> None:
    run = replay(world, history)
    orders, lines = world.shop().orders, world.shop().lines
    assert [[lines.returned[place] for place in order.lines] for order in orders] == [[5], [5, 0], [0], [1]]
    assert [order.financial_status for order in orders] == ["refunded", "partially_refunded", "paid", "refunded"]
    # C4: five of order 2 at 1.20, one of order 1 at 1.00; C5: the four that are left; C9: order 8 the same day
    assert [[refund.amount for refund in order.refunds] for order in orders] == [[100, 400], [600], [], [200]]
    assert orders[3].cancelled_at is not None
    report = run.report()
    assert {name: report[name] for name in ("orders", "refunds", "cancelled_orders", "cancellations")} == {
        "orders": 4,
        "refunds": 4,
        "cancelled_orders": 1,
        "cancellations": 5,
    }
    # Z was never sold, and a guest has no earlier orders to look in; of C5 five pieces were not found
    assert (report["unmatched_cancellations"], report["unmatched_lines"]) == (2, 3)


def test_the_topics_come_in_the_order_of_their_causes(world: World, mailbox: Mailbox, history: str) -> None:
    replay(world, history)
    assert mailbox.topics == [
        *("customers/create", "orders/create", "orders/paid"),
        *("orders/create", "orders/paid"),
        *("orders/create", "orders/paid"),
        *("refunds/create", "orders/updated") * 3,
        *("customers/create", "orders/create", "orders/paid"),
        *("refunds/create", "orders/cancelled", "orders/updated"),
    ]


def test_the_history_ends_now_and_keeps_its_spacing(world: World, mailbox: Mailbox, history: str) -> None:
    replay(world, history)
    orders = world.shop().orders
    assert orders[3].refunds[0].created_at == NOON
    assert orders[1].created_at - orders[0].created_at == 4 * 86_400
    body = mailbox.bodies("orders/create")[0]
    assert body["created_at"] == "2026-11-10T16:00:00+00:00"
    assert body["updated_at"] == "2026-11-22T00:00:00+00:00"
    assert body["customer"]["email"] == "customer-7@example.com"
    assert body["customer"]["last_name"] == "7"
    assert mailbox.bodies("orders/create")[2]["customer"] is None


@pytest.mark.parametrize(
    "plan,topics",
    [
        (Plan(topics=frozenset({"orders/paid"})), {"orders/paid": 4}),
        (Plan(topics=frozenset()), {}),
        (
            Plan(topics=frozenset({"orders/create", "orders/paid", "orders/updated"}), chatty=True),
            {"orders/create": 4, "orders/paid": 4, "orders/updated": 8},
        ),
    ],
)
def test_the_topics_of_a_replay_are_chosen(world: World, history: str, plan: Plan, topics: dict[str, int]) -> None:
    replay(world, history, plan)
    assert dict(world.courier.topics) == topics
    world.place_order(email="a@example.com")
    assert world.courier.topics["orders/create"] == topics.get("orders/create", 0) + 1


def test_payment_later_is_pending_first(world: World, mailbox: Mailbox, history: str) -> None:
    replay(world, history, Plan(pay_later=True))
    assert {body["financial_status"] for body in mailbox.bodies("orders/create")} == {"pending"}
    assert {body["financial_status"] for body in mailbox.bodies("orders/paid")} == {"paid"}


def test_a_replay_keeps_to_its_speed(world: World, clock: Clock, history: str) -> None:
    shop = world.shop()
    run = Replay(world, shop, open_history(history, shop.currency), Plan(speed=86_400))
    assert run.step() == 4
    assert run.report()["orders"] == 1
    clock.at += 4
    assert run.step() == 1
    assert run.report()["orders"] == 2
    run.stop()
    assert run.step() is None
    assert run.report()["state"] == "stopped"


def test_what_the_app_does_meanwhile_is_told_as_ever(world: World, history: str) -> None:
    shop = world.shop()
    run = Replay(world, shop, open_history(history, shop.currency), Plan(speed=86_400, topics=frozenset()))
    run.step()
    shop.tag_customer(shop.customers[0], ["stage:new"], [])
    assert dict(world.courier.topics) == {"customer.tags_added": 1, "customers/update": 1}


def test_a_limit_ends_a_replay_early(world: World, history: str) -> None:
    report = replay(world, history, Plan(limit=2)).report()
    assert (report["orders"], report["orders_total"], report["state"]) == (2, 2, "finished")


def test_cdnow_is_replayed_whole(world: World, mailbox: Mailbox) -> None:
    report = replay(world, "cdnow").report()
    assert (report["orders"], report["state"], report["acknowledged"]) == (6_919, "finished", 2_357 + 2 * 6_919)
    shop = world.shop()
    assert (len(shop.customers), len(shop.orders)) == (2_357, 6_919)
    assert sum(order.total for order in shop.orders) == 24_409_194


def test_online_retail_is_replayed_whole_with_its_cancellations(clock: Clock) -> None:
    world = World(clock=clock, courier=Courier(send=Mailbox(), clock=clock))
    world.install()
    report = replay(world, str(needed(ONLINE_RETAIL)), Plan(topics=frozenset())).report()
    shop = world.shop()
    assert (report["orders"], report["cancellations"], report["error"]) == (22_064, 3_836, None)
    assert report["refunds"] == shop.refund_count
    given_back = sum(order.refunded for order in shop.orders)
    assert 0 < given_back == sum(part.subtotal for o in shop.orders for r in o.refunds for part in r.lines)
    assert all(lines <= sold for lines, sold in zip(shop.lines.returned, shop.lines.quantity, strict=True))
