"""A shop with something on every page: two years of orders, friends, rewards, and what waits for somebody's word.

Made from a seed, so that a picture or a complaint of today is tomorrow's too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text

import campaigns
import lifecycle
import loyalty
import referral
from commerce.orders import OrderLine, OrderSnapshot, RefundSnapshot
from commerce.store import StoreCollection
from engine import collections, staff
from engine.shops import Shop
from engine.work import Database
from lifecycle import surveys
from plugin.rounds import rounds
from plugin.standalone import SESSION, open_session
from referral import Evidence
from tests.ground import Clock
from tests.plugin.conftest import House, Merchant, build, order, person
from tests.serving import served

CUSTOMERS, DAYS, SEED = 120, 720, 11
SECRET = b"s" * 32
GOODS = (
    ("p1", "Tulip bulbs", 2400), ("p2", "Watering can", 5900), ("p3", "Terracotta pot", 3200),
    ("p4", "گلدان سفالی", 4100),
    ("p5", "Seed box", 1800), ("p6", "Garden gloves", 1500),
)  # fmt: skip
PEOPLE = (
    ("Ada", "Lovelace"), ("سارا", "احمدی"), ("Ioana", "Popescu"), ("ليلى", "حداد"), ("Grace", "Hopper"),
    ("رضا", "کریمی"), ("Andrei", "Ionescu"), ("Mary", "Shelley"), ("نگار", "موسوی"), ("Emil", "Cioran"),
)  # fmt: skip

_PARK = text("""
    INSERT INTO deliveries (shop_id, dedupe_key, topic, received_at, parked_at, reason, body)
    VALUES (:shop_id, 'parked-one', 'orders/create', :now, :now, 'line 3 has no price', '')
""")
_PUSHED = text("""
    UPDATE effects SET pushed_at = :now WHERE shop_id = :shop_id AND pushed_at IS NULL AND parked_at IS NULL
      AND effect_id % 7 <> 0
""")
_ASKED = text("""
    INSERT INTO privacy_requests (shop_id, request_id, kind, customer_external_id, asked_at, done_at, outcome)
    VALUES (:shop_id, '11', 'customer_export', '1007', :now, :now, '{"email": "ada@example.com"}')
""")


def furnish(house: House, shop: Shop) -> None:
    """Fill a shop that was just opened; the clock ends where it began."""
    luck, now = random.Random(SEED), house.clock.now
    begin = now - timedelta(days=DAYS)
    house.clock.forward(days=-DAYS)
    orders = sorted(_orders(luck, begin), key=lambda each: each.placed_at)
    for month in range(24):
        since, until = (begin + timedelta(days=30 * (month + part)) for part in (0, 1))
        house.clock.now = until
        house.settle(shop, *(each for each in orders if since <= each.placed_at < until))
        _play(house, shop, month)
    house.clock.now = now
    house.settle(shop, refunds=tuple(RefundSnapshot(f"r{o.external_id}", o.external_id, now, 1500, 1500)
                                     for o in orders[-90::18]))  # fmt: skip
    merchant = Merchant(house.app.test_client(), shop)
    _say_terms(merchant)
    _bring_friends(house, shop, luck)
    _buy_rewards(house, shop)
    _collect(house, shop)
    _ask(house, shop, merchant)
    with house.database.work(shop.shop_id) as work:
        work.run(_PARK, now=work.now)
        work.run(_ASKED, now=work.now)
    for job in rounds("https://app.example"):
        if job.inside is not None:
            with house.database.work(shop.shop_id) as work:
                job.inside(work)
    lifecycle.score_everybody(house.database, shop.shop_id, lambda _done, _whole: None)
    with house.database.work(shop.shop_id) as work:
        work.run(_PUSHED, now=work.now)


def _orders(luck: random.Random, begin: datetime) -> list[OrderSnapshot]:
    """Orders of people who come once, come back, come often, or stay away: a long tail, as shops have it."""
    made, number = list[OrderSnapshot](), 5000
    for customer in range(CUSTOMERS):
        first, last = PEOPLE[customer % len(PEOPLE)]
        came = begin + timedelta(days=luck.randrange(DAYS - 20), hours=luck.randrange(24))
        somebody = person(
            str(1000 + customer), came, first_name=first, last_name=last, email=f"p{customer}@example.org"
        )
        at, left = came, 1 + int(luck.paretovariate(1.1))
        while left and (at - begin).days < DAYS - 1:
            product, title, price = luck.choice(GOODS)
            pieces = 1 + luck.randrange(3)
            number += 1
            made.append(
                order(
                    number,
                    somebody,
                    at,
                    price * pieces,
                    lines=(OrderLine(1, product, title, pieces, price * pieces, False),),
                )
            )
            at, left = at + timedelta(days=luck.expovariate(1 / 55), hours=3), min(left, 14) - 1
    return made


def _play(house: House, shop: Shop, month: int) -> None:
    """A play that is on since the first month, so that a result shows."""
    settings = {"on": True, "after_days": 0, "until_days": 0, "holdout_percent": 50, "window_days": 60}
    with house.database.work(shop.shop_id) as work:
        if month == 0:
            campaigns.state(work, "second-order", settings, 0)
        while campaigns.enrol_due(work):
            pass


def _say_terms(merchant: Merchant) -> None:
    page = merchant.fetch("/contests", "POST", title="Spring draw", kind="draw", minimum="20.00", most="2",
                          opens="2026-03-03T09:00", closes="2026-03-10T09:00", reward0="five-off", count0="3",
                          chance0="5", reward1="")  # fmt: skip
    assert page.status_code == 303, page.text
    read = merchant.fetch("/batches", "POST", kind="give", audience="all:", points="50", label="A late parcel")
    assert merchant.fetch(f"{read.location.partition('?')[0]}/book", "POST").status_code == 303
    assert (
        merchant.fetch("/batches", "POST", kind="give", audience="all:", points="20", label="Spring").status_code == 303
    )


def _bring_friends(house: House, shop: Shop, luck: random.Random) -> None:
    """Friends of three advocates, of whom two share a device, and one has a throw-away address."""
    for number in range(6):
        with house.database.work(shop.shop_id) as work:
            code = referral.code_of(work, house.customer_id(shop, str(1000 + number % 3)))  # type: ignore[arg-type]
            evidence = Evidence(
                device="the shelf" if number > 3 else f"d{number}", ip=f"198.51.100.{luck.randrange(250)}"
            )
            address = "x@mailinator.com" if number == 0 else f"friend{number}@example.net"
            offer = referral.claim(work, code, address, SECRET, evidence=evidence)
        friend = person(
            str(3000 + number), house.clock.now, first_name=f"Friend {number}", email=f"friend{number}@example.net"
        )
        house.settle(shop, order(9000 + number, friend, house.clock.now, 6400, discount_codes=(str(offer.code),)))


def _buy_rewards(house: House, shop: Shop) -> None:
    with house.database.work(shop.shop_id) as work:
        for number in (1000, 1001, 1002, 1003):
            customer_id = house.customer_id(shop, str(number))
            if loyalty.account(work, customer_id).spendable >= 500:  # type: ignore[arg-type]
                loyalty.redeem(work, customer_id, str(number), "five-off", f"click-{number}")  # type: ignore[arg-type]


def _collect(house: House, shop: Shop) -> None:
    """Three collections with rules, of which one is empty and one has been deleted since."""
    found = [StoreCollection("701", "Spring bulbs"), StoreCollection("702", "گلدان‌ها"), StoreCollection("703", "Sale")]
    with house.database.work(shop.shop_id) as work:
        collections.list_anew(work, [*found, StoreCollection("704", "Gift sets")])
        collections.take_in(work, "701", ["p1", "p5"])
        collections.take_in(work, "702", ["p3", "p4"])
        collections.take_in(work, "703", [])
        rules = [{"goods": {"collections": [one.external_id]}, "percent": percent, "title": one.title}
                 for one, percent in zip(found, (200, 50, 0), strict=True)]  # fmt: skip
        body = dict(loyalty.draft(work, dict))
        loyalty.publish(work, {**body, "earning": {**body.get("earning", {}), "goods": rules}})
        collections.list_anew(work, [*found[:2], StoreCollection("704", "Gift sets")])


def _ask(house: House, shop: Shop, merchant: Merchant) -> None:
    """A question that some answered, one of them badly."""
    asked = merchant.fetch(
        "/surveys",
        "POST",
        active="1",
        kind="nps",
        question="Would you recommend us?",
        after="7",
        again="90",
        seen="0",
    )
    assert asked.status_code == 303, asked.text
    at = house.clock.now
    for number in (1004, 1005, 1006):
        somebody = person(str(number), at, email=f"p{number - 1000}@example.org")
        house.settle(shop, replace(order(9100 + number, somebody, at), fulfilled_at=at))
    house.clock.forward(days=8)
    with house.database.work(shop.shop_id) as work:
        surveys.ask_due(work, "https://app.example")
        waiting = list(surveys.unanswered(work, 0))
    for (_, path), score in zip(waiting, ("9", "2", "10"), strict=False):
        words = "The parcel was late." if score == "2" else ""
        house.app.test_client().post(path, data={"score": score, "words": words})


def paths(house: House, shop: Shop) -> dict[str, str]:
    """Every page of the merchant's that shows something: its name, and its address in this shop."""
    found = dict[str, str]()
    for rule in house.app.url_map.iter_rules():
        view = house.app.view_functions[rule.endpoint]
        files = rule.endpoint.endswith(("_file", "journal", "links", ".found"))
        if (
            "GET" in (rule.methods or set())
            and getattr(view, "owner", "") == "merchant"
            and not rule.arguments
            and not files
        ):
            found[rule.endpoint.replace("admin.", "").replace(".", "-")] = str(rule)
    with house.database.work(shop.shop_id) as work:
        waiting = referral.review_list(work).items
    found.pop("woocommerce-store")  # which this platform's stores do not have
    found["play"] = "/campaigns/second-order"
    found["customer"] = f"/customers/{house.customer_id(shop, '1000')}"
    if waiting:
        found["ring"] = f"/referral/review/{waiting[0].row.screening_id}/ring"
    return found


@contextmanager
def serving(
    database: Database, clock: Clock, *, furnished: bool = True, mails: bool = False
) -> Iterator[tuple[House, Shop, str]]:
    """A house on a port of this machine, with a shop in it, and its address."""
    parts: list[House] = []

    def ours(environ: Any, start: Any) -> Any:
        return parts[0].app.wsgi_app(environ, start)

    with served(ours) as address:
        parts.append(build(database, clock, address, mails=mails))
        shop = parts[0].open_shop("Garden & گلستان")
        if furnished:
            furnish(parts[0], shop)
        yield parts[0], shop, address


def let_in(browser: Any, house: House, shop: Shop, address: str, **options: Any) -> Any:
    """A page of a browser that was signed in as the shop's staff, outside of any frame."""
    context = browser.new_context(**options)
    with house.database.work(shop.shop_id) as work:
        session = open_session(work, b"s" * 32, staff.arrive(work, "42"))
    context.add_cookies([{"name": SESSION, "value": session, "domain": urlsplit(address).hostname, "path": "/"}])
    return context.new_page()
