"""Friends of a WooCommerce store's customers: what their orders say of who placed them is compared, and never kept."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

import referral
from engine.work import Database
from plugin.companion.evidence import ask_for_first_order
from referral import Band, Verdict
from tests.flows.woo import TEA, Woo, open_woo, person
from tests.ground import Clock, Superuser

HOME = {"phone": "0912 345 6789", "address_1": "12 Oak Street", "postcode": "10117", "city": "Tehran"}
AWAY = {"phone": "0935 111 2233", "address_1": "7 Elm Road", "postcode": "20099", "city": "Shiraz"}
AT_HOME = {"customer_ip_address": "203.0.113.7", "customer_user_agent": "Anna's browser"}
ELSEWHERE = {"customer_ip_address": "198.51.100.20", "customer_user_agent": "Bo's browser"}
RAW = ("345 6789", "9123456789", "912345678", "Oak", "oak", "203.0.113", "Anna's")


@pytest.fixture
def woo(database: Database, clock: Clock) -> Iterator[Woo]:
    with open_woo(database, clock) as opened:
        yield opened


def _advocate(woo: Woo) -> str:
    """Anna has bought, and then asks for her invitation, as most advocates do: its code."""
    anna = woo.store.register("anna@example.test")
    woo.store.order(TEA, customer=anna, status="completed", billing=person("Anna", **HOME), **AT_HOME)
    woo.rest()
    customer_id = woo.customer(anna)
    assert customer_id is not None
    with woo.database.work(woo.shop.shop_id) as work:
        code = referral.code_of(work, customer_id)
        ask_for_first_order(work, customer_id)
    assert woo.look_again() == 1
    return code


def _friend(woo: Woo, code: str, name: str, said: dict[str, str], browser: dict[str, str]) -> int:
    who = woo.store.register(f"{name.lower()}@example.org")
    billing = person(name, last_name=f"{name}son", email=f"{name.lower()}@example.org", **said)
    meta = [{"id": 1, "key": "_perennial_ref", "value": code}]
    return woo.store.order(TEA, customer=who, status="completed", billing=billing, meta_data=meta, **browser)


def _found(above: Superuser, woo: Woo) -> dict[str, tuple[set[str], str]]:
    """By the store's number of the order: the signals, and the band."""
    rows: list[Any] = above.run(
        "SELECT o.external_id, s.found, s.band FROM screenings s JOIN orders o USING (shop_id, order_id) "
        "WHERE s.shop_id = %s",
        woo.shop.shop_id,
    )
    return {number: (set(found), band) for number, found, band in rows}


@pytest.mark.parametrize("chance", [None, *map(random.Random, (1, 2))], ids=["as told", "shuffled 1", "shuffled 2"])
def test_a_friend_at_the_advocate_s_address_phone_and_browser_is_seen_and_another_is_not(
    woo: Woo, above: Superuser, chance: random.Random | None
) -> None:
    code = _advocate(woo)
    if chance is not None:
        woo.road.doubled, woo.road.kept_back, woo.road.chance = 0.6, 0.5, chance
    same = _friend(woo, code, "Bo", {**HOME, "phone": "+98 (912) 345-6789", "address_1": "Oak Str. 12"}, AT_HOME)
    other = _friend(woo, code, "Cyd", AWAY, ELSEWHERE)
    woo.deliver(chance)
    woo.settle(limit=1 if chance else 200)
    woo.road.let_go()
    woo.settle()
    found = _found(above, woo)
    assert {"same_phone", "same_address", "same_browser"} <= found[str(same)][0]
    assert found[str(same)][1] == Band.REVIEW
    assert {"same_phone", "same_address", "same_browser", "same_network"}.isdisjoint(found[str(other)][0])
    assert found[str(other)][1] == Band.APPROVE
    with woo.database.work(woo.shop.shop_id) as work:
        assert {row.verdict for row in referral.latest(work, 10)} == {Verdict.FRIEND}


def test_nothing_of_a_phone_or_an_address_is_kept_but_digests(woo: Woo, above: Superuser) -> None:
    _friend(woo, _advocate(woo), "Bo", HOME, AT_HOME)
    woo.rest()
    tables = above.run(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'shop_id' AND table_schema = 'public' "
        "AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public')"
    )
    # A delivery is the store's own words as they came, packed, and dropped after its days.
    for (table,) in tables:
        if table != "deliveries":
            rows = str(above.run(f"SELECT t::text FROM {table} t WHERE shop_id = %s", woo.shop.shop_id))
            assert [part for part in RAW if part in rows] == [], table
    kinds = above.run("SELECT DISTINCT kind FROM advocate_traces WHERE shop_id = %s", woo.shop.shop_id)
    assert {kind for (kind,) in kinds} >= {"phone", "address", "browser", "network"}
