"""Finding customers: by stage, by how an address or a name begins, a page at a time, and quickly."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import TextClause, text

import loyalty
import referral
from commerce.ids import CustomerId
from engine.shops import Shop
from plugin.admin import customers
from tests.ground import Superuser
from tests.plugin.conftest import House, Merchant, order, person

_MANY = text("""
    INSERT INTO customers (shop_id, external_id, email, first_name, last_name, observed_at)
    SELECT :shop_id, n::text, 'c' || n || '@example.com', 'First' || n % 50, 'Last' || n, :now
    FROM generate_series(1, :n) n
""")

# A code of each kind for everybody: what a planner prefers is only told by tables with something in them.
_CODES = (
    text("""
        INSERT INTO referral_codes (shop_id, customer_id, code, created_at)
        SELECT :shop_id, customer_id, 'R' || customer_id, :now FROM customers WHERE shop_id = :shop_id
    """),
    text("""
        INSERT INTO redemptions (shop_id, customer_id, request_key, reward, points, code, created_at, expires_at,
                                 terms_version)
        SELECT :shop_id, customer_id, 'click', '{}', 1, 'P' || customer_id, :now, :now, 1 FROM customers
        WHERE shop_id = :shop_id
    """),
    text("""
        INSERT INTO claims (shop_id, advocate_id, friend_digest, code, claimed_at, ends_at, terms_version)
        SELECT :shop_id, customer_id, decode(md5(customer_id::text), 'hex'), 'F' || customer_id, :now, :now, 1
        FROM customers WHERE shop_id = :shop_id
    """),
)


def _names(page: str) -> list[str]:
    return re.findall(r"/customers/[0-9]+\?[^>]*><bdi>([^<]*)</bdi>", page)


@pytest.fixture
def people(house: House, shop: Shop, next_door: Shop) -> None:
    at = house.clock.now
    for where in (shop, next_door):
        named = (("7", "Ada", "Lovelace"), ("8", "Alan", "Turing"), ("9", "Ägidius", "Ünal"))
        for number, first, last in named:
            who = person(number, at, first_name=first, last_name=last, email=f"{first}@Example.com")
            house.settle(where, order(int(number), who, at))


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    "typed,found",
    [
        ("", ["Ägidius Ünal", "Alan Turing", "Ada Lovelace"]),
        ("A", ["Alan Turing", "Ada Lovelace"]),
        ("ada@ex", ["Ada Lovelace"]),
        ("ALAN  tur", ["Alan Turing"]),
        ("love", ["Ada Lovelace"]),
        ("ÄG", ["Ägidius Ünal"]),
        ("ün", ["Ägidius Ünal"]),
        ("8", ["Alan Turing"]),
        ("ada%", []),
        ("_da", []),
        ("' OR 1=1 --", []),
        ("a\0da", ["Ada Lovelace"]),
    ],
)
def test_customers_are_found_by_how_they_begin(merchant: Merchant, typed: str, found: list[str]) -> None:
    answer = merchant.client.get(
        "/customers", query_string={"q": typed}, headers={"Authorization": f"Bearer {merchant.token()}"}
    )
    assert answer.status_code == 200
    assert _names(answer.text) == found


def test_customers_are_found_by_stage(house: House, shop: Shop, merchant: Merchant) -> None:
    now = house.clock.now
    house.settle(shop, order(1, person("7", now), now))
    house.settle(shop, order(2, person("8", now, first_name="Bob"), now - timedelta(days=300)))
    assert _names(merchant.open("/customers?stage=lapsed").text) == ["Bob Lovelace"]
    assert _names(merchant.open("/customers?stage=lapsed&q=ada").text) == ["Bob Lovelace"]  # ada8@example.com
    assert _names(merchant.open("/customers?stage=acquired").text) == ["Ada Lovelace"]
    assert _names(merchant.open("/customers?stage=retained").text) == []
    assert len(_names(merchant.open("/customers?stage=nonsense").text)) == 2


def test_pages_follow_each_other_without_gap_or_repetition(house: House, shop: Shop, merchant: Merchant) -> None:
    with house.database.work(shop.shop_id) as work:
        work.run(_MANY, n=120, now=work.now)
    seen: list[str] = []
    path = "/customers?q=first"
    for expected in (50, 50, 20):
        page = merchant.open(path).text
        names = _names(page)
        assert len(names) == expected
        seen += names
        following = re.search(r'rel="next" href="([^"]*)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert path == ""
    assert len(set(seen)) == 120


@pytest.mark.parametrize(
    "statement,indexes",
    [
        (
            customers._FOUND,
            (
                "customers_by_email",
                "customers_by_name",
                "customers_by_last_name",
                "orders_by_name",
                "referral_codes_by_code",
                "redemptions_by_code",
                "claims_by_code",
            ),
        ),
        (customers._SEARCH, ("customers_by_email", "orders_by_name", "redemptions_by_code", "referral_codes_by_code")),
        (customers._AT_STAGE, ("standings_of_stage",)),
        (customers._ALL, ("customers_pkey",)),
        (customers._THESE, ("customers_pkey",)),
    ],
)
def test_the_app_s_role_finds_them_by_an_index(
    house: House, shop: Shop, above: Superuser, statement: TextClause, indexes: tuple[str, ...]
) -> None:
    at = house.clock.now
    house.settle(shop, *(order(n, person(f"b{n}", at), at - timedelta(days=1)) for n in range(1, 301)))
    with house.database.work(shop.shop_id) as work:
        work.run(_MANY, n=5000, now=work.now)
        work.run(
            text("""
                INSERT INTO standings (shop_id, customer_id, stage, known_since, last_since)
                SELECT :shop_id, customer_id, (ARRAY['lead', 'lapsed', 'acquired'])[1 + customer_id % 3], :now, :now
                FROM customers WHERE shop_id = :shop_id ON CONFLICT DO NOTHING
            """),
            now=work.now,
        )
        for put in _CODES:
            work.run(put, now=work.now)
    above.run("ANALYZE customers, standings, orders, referral_codes, redemptions, claims")
    given: dict[str, object] = {
        **customers.beginnings("c77"),
        **dict.fromkeys(("high", "after", "upper", "above"), "c77"),
        "stage": "lead",
        "before": 10**9,
        "limit": 51,
        "customer_ids": list(range(50)),
        "bearer": 0,
    }
    with house.database.work(shop.shop_id) as work:
        # Tables with nothing in them are read whole, whatever could be: whether an index may serve is asked.
        work.run(text("SELECT set_config('enable_seqscan', 'off', true), CAST(:shop_id AS bigint)"))
        names = set(statement._bindparams) - {"shop_id"}
        explained = work.rows(text(f"EXPLAIN {statement}"), **{name: given[name] for name in names})
    plan = "\n".join(row[0] for row in explained)
    # Used for what was asked, and not only to walk through all of it in order.
    for index in indexes:
        assert re.search(rf"{index} on .*\n +Index Cond: \(\(shop_id = .*\) AND ", plan), (index, plan)
    assert "Seq Scan" not in plan


def test_customers_are_found_by_an_order_and_by_a_code(house: House, shop: Shop, next_door: Shop) -> None:
    now = house.clock.now
    for where in (shop, next_door):
        ada, bob = person("7", now, first_name="Ada"), person("8", now, first_name="Bob")
        house.settle(where, order(1050, ada, now - timedelta(days=30), 20_000), order(77, bob, now))
    ada_id, bob_id = house.customer_id(shop, "7"), house.customer_id(shop, "8")
    with house.database.work(shop.shop_id) as work:
        bought = loyalty.redeem(work, CustomerId(ada_id), "7", "five-off", "click-1")
        invites = referral.code_of(work, CustomerId(ada_id))
        claimed = referral.claim(work, invites, "person8@example.com", b"s" * 32).code

    def found(typed: str) -> set[int]:
        with house.database.work(shop.shop_id) as work:
            return {row.customer_id for row in customers.page(work, typed=typed).customers}

    assert (found("#1050"), found("105"), found("#105"), found("1051")) == ({ada_id}, {ada_id}, {ada_id}, set())
    assert (found("77"), found("#7")) == ({bob_id}, {bob_id})
    for code, whose in ((str(bought.code), ada_id), (invites, ada_id), (str(claimed), ada_id)):
        assert found(code) == found(code[:8]) == found(code.lower()) == {whose}, code
    assert found(bought.code[:3]) == set()


def test_a_merchant_reads_why_an_order_earned_nothing_and_the_points_of_another_day(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    at = house.clock.now
    ada = person("7", at)
    house.settle(shop, order(1, ada, at, 5000), order(2, ada, at, paid=False))
    house.clock.forward(days=3)
    house.settle(shop, order(3, ada, house.clock.now, 7000))
    path = f"/customers/{house.customer_id(shop, '7')}"
    page = merchant.open(path).text
    assert "No points: the order is not paid" in page
    assert "50 points for 50.00 USD of goods kept" in page
    that_day = merchant.open(f"{path}?on={at:%Y-%m-%d}").text
    assert re.search(
        r"At the end of <time[^>]*>2\u00a0Mar\u00a02026</time>: 50\u00a0points, of which 0 could", that_day
    )
    assert "120\u00a0points, of which 0" in merchant.open(f"{path}?on={house.clock.now:%Y-%m-%d}").text
    assert "At the end of" not in merchant.open(path).text


@pytest.mark.parametrize("odd", ["2026-02-30", "yesterday", "9999-12-31", "0001-01-01", "\0", "٢٠٢٦-٠٣-٠٢"])
def test_a_day_that_is_none_is_said_to_be_none(house: House, shop: Shop, merchant: Merchant, odd: str) -> None:
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now))
    page = merchant.client.get(
        f"/customers/{house.customer_id(shop, '7')}", query_string={"on": odd},
        headers={"Authorization": f"Bearer {merchant.token()}"},
    )  # fmt: skip
    assert page.status_code == 200
    assert ("That is no day" in page.text) == (odd != "0001-01-01")
