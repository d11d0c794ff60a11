"""What came in, what went out, what was set aside, and what the law asks for."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest
from sqlalchemy import text

from commerce.events import BadDelivery, Delivery, Event
from commerce.ids import DeliveryId
from commerce.store import (
    Announce,
    BulkLook,
    BulkRefused,
    BulkRun,
    PutDiscount,
    PutPixel,
    PutSegment,
    SetFields,
    SetShopFields,
    SetTags,
    StoreError,
)
from engine import outbox
from engine.bulk_runs import FLOOR
from engine.inbox import Inbox, pack
from engine.outbox import Outbox
from engine.shops import Shop
from plugin.admin.activity import why_parked
from tests.engine.test_bulk_runs import Bulk
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

_DELIVER = text("""
    INSERT INTO deliveries (shop_id, dedupe_key, topic, received_at, body)
    VALUES (:shop_id, :key, 'orders/create', :now, :body) RETURNING delivery_id
""")
_PARK_EFFECTS = text(
    "UPDATE effects SET parked_at = :now, reason = '<b>no such</b> one' WHERE shop_id = :shop_id RETURNING effect_id"
)
_STATE = text("SELECT settled_at, parked_at FROM deliveries WHERE shop_id = :shop_id AND delivery_id = :delivery_id")


class Translator:
    """Understands bodies from the day on which it is told to."""

    understands = False

    def __call__(self, delivery: Delivery, _shop: Shop) -> list[Event]:
        if not self.understands:
            raise BadDelivery("line 3 has no price")
        return []


@pytest.fixture
def translator() -> Translator:
    return Translator()


@pytest.fixture
def inbox(house: House, translator: Translator) -> Inbox:
    return Inbox(house.database, {"shopify": translator}, ())


@pytest.fixture
def parked(house: House, shop: Shop, inbox: Inbox) -> DeliveryId:
    """A delivery of the shop that could not be understood."""
    with house.database.work(shop.shop_id) as work:
        number = DeliveryId(work.run(_DELIVER, key="1", now=work.now, body=pack(b'{"secret": "body"}')).scalar_one())
    inbox.settle(shop.shop_id, "shopify")
    return number


def test_a_parked_delivery_is_shown_with_its_reason_and_never_its_body(merchant: Merchant, parked: DeliveryId) -> None:
    page = merchant.open("/activity?state=parked").text
    assert "It could not be understood: line 3 has no price" in page
    assert f"/parked/deliveries/{parked}/replay" in page
    assert "secret" not in page
    assert mistakes(page) == []
    home = merchant.open("/").text
    assert "1\u00a0delivery was set aside: it could not be settled." in home
    assert "secret" not in home


def test_a_replayed_delivery_waits_again_and_is_settled(
    house: House, shop: Shop, merchant: Merchant, inbox: Inbox, translator: Translator, parked: DeliveryId
) -> None:
    answer = merchant.fetch(f"/parked/deliveries/{parked}/replay", "POST")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/activity?")
    assert "Order placed" in merchant.fetch("/activity?state=waiting").text
    translator.understands = True
    assert inbox.settle(shop.shop_id, "shopify") == 1
    with house.database.work(shop.shop_id) as work:
        row = work.row(_STATE, delivery_id=parked)
    assert row is not None
    assert row.settled_at is not None
    assert row.parked_at is None


def test_replaying_twice_says_that_nothing_was_done(merchant: Merchant, parked: DeliveryId) -> None:
    path = f"/parked/deliveries/{parked}/replay"
    assert "replayed=yes" in merchant.fetch(path, "POST").headers["Location"]
    assert "replayed=no" in merchant.fetch(path, "POST").headers["Location"]


def test_another_shop_s_parked_delivery_cannot_be_replayed(
    house: House, shop: Shop, next_door: Shop, parked: DeliveryId
) -> None:
    stranger = Merchant(house.app.test_client(), next_door)
    assert "replayed=no" in stranger.fetch(f"/parked/deliveries/{parked}/replay", "POST").headers["Location"]
    with house.database.work(shop.shop_id) as work:
        row = work.row(_STATE, delivery_id=parked)
    assert row is not None
    assert row.parked_at is not None


@pytest.mark.parametrize("path", ["/parked/deliveries/{}/replay", "/parked/effects/{}/replay"])
def test_numbers_that_cannot_be_are_no_accident(merchant: Merchant, path: str) -> None:
    for number in (0, 2**63 - 1, 2**63, 10**30):
        assert merchant.fetch(path.format(number), "POST").status_code == 303


def test_effects_are_told_in_words(house: House, shop: Shop, merchant: Merchant) -> None:
    now = house.clock.now
    house.settle(shop, order(1, person("7", now), now))
    code = PutDiscount("P-AAAA", "t", 500, "USD", now, now + timedelta(days=1), "7", 0, active=True)
    dead = PutDiscount("P-BBBB", "t", 500, "USD", now, now + timedelta(days=1), "7", 0, active=False)
    with house.database.work(shop.shop_id) as work:
        outbox.put(
            work,
            [
                code, dead, PutSegment("Perennial: lead", "stage:lead"),
                PutSegment("Perennial: gold", "tier:gold", active=False), SetTags("404", "tier:", (), ("tier:gold",)),
                SetFields("404", "loyalty", {"points": "12", "tier": None}),
            ],
        )  # fmt: skip
    page = flat(merchant.open("/activity?box=effects&state=waiting").text)
    assert "<bdi>Ada Lovelace</bdi></a> is tagged stage:acquired" in page
    assert "<bdi>Customer 404</bdi> bears no tag of ours" in page
    assert "Code P-AAAA takes 5.00 USD off one order" in page
    assert "Code P-BBBB works no more" in page
    assert "<bdi>Customer 404</bdi> is shown with points 12, tier none" in page
    assert "There is no segment “Perennial: gold” of ours" in page
    assert "Segment “Perennial: lead” holds whoever is tagged stage:lead" in page


def test_a_merchant_reads_why_changes_go_one_by_one_and_which_go_together(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    effects = [SetTags(str(1000 + n), "tier:", (), ("tier:gold",)) for n in range(FLOOR)]
    with house.database.work(shop.shop_id) as work:
        outbox.put(work, effects)
    house.clock.forward(minutes=1)
    store = Bulk()
    pushes = Outbox(house.database, lambda _: store, {})
    pushes.push(shop.shop_id)
    page = flat(merchant.open("/activity?box=effects&state=waiting").text)
    assert page.count(f"one of {FLOOR} changes that your store works off together") == 50
    assert "one by one" not in page

    def refuse(run: BulkRun) -> BulkLook:
        raise BulkRefused("the store has not given us the permission to run bulk operations")

    store.look = refuse
    store.answer = lambda _: StoreError("busy", permanent=False)
    house.clock.forward(minutes=1)
    pushes.push(shop.shop_id)
    answer = merchant.open("/activity?box=effects&state=waiting").text
    page = flat(answer)
    assert "Your store does not let us write many changes at once: the store has not given us the permission" in page
    assert "works off together" not in page
    assert mistakes(answer) == []
    assert "does not let us" not in merchant.open("/activity?box=deliveries").text


def test_the_pixel_and_announcements_are_told_in_words_too(house: House, shop: Shop, merchant: Merchant) -> None:
    told = Announce("points-earned", "points-earned:1:order:1:v1", "7", {"points": 5})
    with house.database.work(shop.shop_id) as work:
        outbox.put(work, [PutPixel(shop.domain, "https://perennial.example/pixel", work.now), told])
        outbox.put(work, [SetShopFields(domain, {}) for domain in ("loyalty", "storefront")])
    page = flat(merchant.open("/activity?box=effects&state=waiting").text)
    assert "The shop's pages run our pixel" in html.unescape(page)
    assert "Your workflows hear of it: points earned" in page
    assert "The blocks in the theme show the program of now" in page
    assert "The blocks in the theme look as you have said" in page


def test_an_export_that_cannot_be_is_not_found(merchant: Merchant) -> None:
    assert merchant.open("/privacy/exports/%00").status_code == 404


def test_a_replayed_effect_is_due_again(house: House, shop: Shop, merchant: Merchant) -> None:
    with house.database.work(shop.shop_id) as work:
        effect_id = work.rows(_PARK_EFFECTS, now=work.now)[0].effect_id
    page = merchant.open("/activity?box=effects&state=parked").text
    assert "The store refused: &lt;b&gt;no such&lt;/b&gt; one" in page
    assert mistakes(page) == []
    before = merchant.open("/activity?box=effects&state=parked").text.count("<form")
    assert merchant.fetch(f"/parked/effects/{effect_id}/replay", "POST").status_code == 303
    assert merchant.open("/activity?box=effects&state=parked").text.count("<form") == before - 1


def test_pushed_effects_come_newest_first_page_by_page(house: House, shop: Shop, merchant: Merchant) -> None:
    with house.database.work(shop.shop_id) as work:
        outbox.put(work, [SetTags(str(n), "tier:", (), ()) for n in range(120)])
        work.run(
            text("UPDATE effects SET pushed_at = :now - effect_id * interval '1 second' WHERE shop_id = :shop_id"),
            now=work.now,
        )
    counts, path = [], "/activity?box=effects"
    while path:
        page = merchant.open(path).text
        counts.append(page.count('<tr><th scope="row">'))
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert counts == [50, 50, 27]  # and the seven segments of an installation


def test_reasons_are_words_for_people() -> None:
    assert why_parked(None) == "No reason was noted."
    assert "mistake of ours" in why_parked("IntegrityError while settling")


def test_an_export_is_a_file_for_the_merchant_alone(
    house: House, shop: Shop, next_door: Shop, merchant: Merchant
) -> None:
    with house.database.work(shop.shop_id) as work:
        work.run(
            text("""
                INSERT INTO privacy_requests
                    (shop_id, request_id, kind, customer_external_id, asked_at, done_at, outcome)
                VALUES (:shop_id, '11', 'customer_export', '7', :now, :now, '{"email": "ada@example.com"}'),
                       (:shop_id, '12', 'customer_erasure', '8', :old, NULL, NULL)
            """),
            now=work.now,
            old=work.now - timedelta(days=31),
        )
    page = merchant.open("/privacy").text
    assert mistakes(page) == []
    assert page.count("overdue") == 1
    export = merchant.fetch("/privacy/exports/11")
    assert export.json == {"email": "ada@example.com"}
    assert "attachment" in export.headers["Content-Disposition"]
    assert merchant.fetch("/privacy/exports/12").status_code == 404
    assert Merchant(house.app.test_client(), next_door).fetch("/privacy/exports/11").status_code == 404
