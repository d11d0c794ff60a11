"""The merchant makes segments: the editor without a script, the page of one, the members as a file."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

import lifecycle
from commerce.orders import OrderLine
from engine.shops import Shop
from plugin.spreadsheets import BOM, cell
from plugin.traits import BOOK, keep_segments
from tests.ground import START
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

FIELD = re.compile(
    r'<input(?=[^>]*\bname="(?P<name>[^"]+)")(?=[^>]*\bvalue="(?P<value>[^"]*)")[^>]*>'
    r'|<select name="(?P<select>[^"]+)"[^>]*>(?P<options>.*?)</select>',
    re.DOTALL,
)
CHOSEN = re.compile(r'<option value="([^"]*)" selected>')
FIRST = re.compile(r'<option value="([^"]*)"')


def fields(page: str) -> dict[str, str]:
    """What a browser would send of the editor: what is chosen, and of a single choice the first."""
    found: dict[str, str] = {}
    form = page[page.index("<form") :]
    for match in FIELD.finditer(form):
        if match["name"]:
            found[match["name"]] = unescape(match["value"])
        elif chosen := CHOSEN.findall(match["options"]):
            found[match["select"]] = unescape(chosen[0])
        elif "multiple" not in match[0].partition(">")[0]:
            found[match["select"]] = unescape(FIRST.findall(match["options"])[0])
    return found


def press(merchant: Merchant, page: str, do: str, **typed: str) -> Any:
    return merchant.fetch("/segments/new", "POST", **{**fields(page), **typed, "do": do})


def sell(house: House, shop: Shop, *buyers: int) -> None:
    for number, buyer in enumerate(buyers, 1):
        house.settle(shop, order(number, person(str(buyer), START), START - timedelta(days=number)))


def made(house: House, shop: Shop, name: str = "Some", **condition: Any) -> int:
    asked = {"trait": "orders", "op": "at_least", "values": [1]} | condition
    with house.database.work(shop.shop_id) as work:
        segment_id = lifecycle.segments.save(work, BOOK, name, {"form": 1, "match": "all", "parts": [asked]})
        lifecycle.segments.look(work, BOOK, segment_id)
    return segment_id


def kept(house: House, shop: Shop) -> Any:
    with house.database.work(shop.shop_id) as work:
        return lifecycle.segments.everyone(work)


def test_a_rule_is_built_by_buttons_counted_and_saved(house: House, shop: Shop, merchant: Merchant) -> None:
    sell(house, shop, 7, 7, 8)
    page = merchant.open("/segments/new").text
    assert mistakes(page) == []
    page = press(merchant, page, "add:r", **{"new-r": "orders", "name": "Twice"}).text
    assert mistakes(page) == []
    page = press(merchant, page, "add:r", **{"new-r": "group"}).text
    page = press(merchant, page, "add:r.1", **{"new-r.1": "stage"}).text
    page = press(merchant, page, "add:r.1", **{"new-r.1": "spent"}).text
    assert mistakes(page) == []
    typed = {"value-r.0": "2", "choice-r.1.0": "lapsed", "value-r.1.1": "99.50", "name": "Twice"}
    page = press(merchant, page, "count", **typed).text
    assert mistakes(page) == []
    assert "1 customer meets it. Nothing is saved yet." in flat(page)
    assert "Ada Lovelace" in page
    assert kept(house, shop) == []
    assert fields(page) | typed == fields(page)
    answer = press(merchant, page, "save")
    assert answer.status_code == 303
    (segment,) = kept(house, shop)
    assert segment.rule == {
        "form": 1, "match": "all", "parts": [
            {"trait": "orders", "op": "at_least", "values": [2]},
            {"match": "any", "parts": [
                {"trait": "stage", "op": "is", "values": ["lapsed"]},
                {"trait": "spent", "op": "at_least", "values": [9950]},
            ]},
        ],
    }  # fmt: skip
    page = merchant.open(f"/segments/{segment.segment_id}?saved=yes").text
    assert mistakes(page) == []
    assert "being gathered" in page
    keep_segments(house.database, shop)
    page = flat(merchant.open(f"/segments/{segment.segment_id}").text)
    assert "Number of orders is at least 2, and (stage is lapsed, or spent is at least 99.50 USD)." in page
    assert page.count("Ada Lovelace") == 2


def test_a_part_is_taken_out_and_the_others_keep_what_was_typed(merchant: Merchant) -> None:
    page = merchant.open("/segments/new").text
    for trait in ("orders", "spent", "last_order_at"):
        page = press(merchant, page, "add:r", **{"new-r": trait}).text
    page = press(merchant, page, "drop:r.1", **{"value-r.0": "4", "value-r.1": "5", "value-r.2": "six"}).text
    assert mistakes(page) == []
    found = fields(page)
    assert [found[name] for name in ("trait-r.0", "value-r.0", "trait-r.1", "value-r.1")] == [
        "orders", "4", "last_order_at", "six",
    ]  # fmt: skip
    assert "trait-r.2" not in found


def test_what_is_wrong_is_said_beside_its_condition_and_nothing_is_kept(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    page = merchant.open("/segments/new").text
    for trait in ("orders", "spent"):
        page = press(merchant, page, "add:r", **{"new-r": trait}).text
    answer = press(merchant, page, "save", **{"value-r.0": "many <b>", "value-r.1": "ten", "name": "Odd"})
    assert answer.status_code == 409
    assert mistakes(answer.text) == []
    text = flat(answer.text)
    assert text.index("number of orders: write a whole number from 0") > 0
    assert "spent: write an amount of money, such as 250.00." in text
    assert fields(answer.text)["value-r.0"] == "many <b>"
    assert "many &lt;b&gt;" in answer.text
    assert kept(house, shop) == []


def test_an_empty_rule_and_a_segment_without_a_name_are_refused(house: House, shop: Shop, merchant: Merchant) -> None:
    answer = press(merchant, merchant.open("/segments/new").text, "save", name="Everybody")
    assert (answer.status_code, "Add at least one condition" in answer.text) == (409, True)
    page = merchant.open("/segments/new?ready=advocates").text
    answer = press(merchant, page, "save", name="  ")
    assert (answer.status_code, "Give the segment a name" in answer.text) == (409, True)
    assert kept(house, shop) == []


@pytest.mark.parametrize("ready", lifecycle.segments.READY, ids=lambda ready: ready.key)
def test_what_is_ready_can_be_copied_as_it_is(house: House, shop: Shop, merchant: Merchant, ready: Any) -> None:
    page = merchant.open(f"/segments/new?ready={ready.key}").text
    assert mistakes(page) == []
    with house.database.work(shop.shop_id) as work:
        assert lifecycle.segments.count(work, BOOK, ready.body).many == 0
    # Several stages stand in one list; a browser sends them all.
    several = {f"more-{name[7:]}": "retained, advocate" for name in fields(page) if name == "choice-r.0"}
    answer = press(merchant, page, "save", **(several if ready.key == "loyal" else {}))
    assert answer.status_code == 303
    (segment,) = kept(house, shop)
    assert (segment.name, segment.rule) == (ready.name, ready.body)


def test_a_stale_form_does_not_overwrite_a_newer_version(house: House, shop: Shop, merchant: Merchant) -> None:
    segment_id = made(house, shop)
    page = merchant.open(f"/segments/{segment_id}/edit").text
    assert press(merchant, page, "save", **{"value-r.0": "2"}).status_code == 303
    answer = press(merchant, page, "save", **{"value-r.0": "9"})
    assert answer.status_code == 409
    assert fields(answer.text)["value-r.0"] == "9"
    (segment,) = kept(house, shop)
    assert (segment.version, segment.rule["parts"][0]["values"]) == (2, [2])


def test_a_segment_goes_into_the_store_and_out_and_ends(house: House, shop: Shop, merchant: Merchant) -> None:
    sell(house, shop, 7)
    segment_id = made(house, shop, "Buyers")
    for deed, words in (("want", "Take it out of your store"), ("look", "Everybody"), ("unwant", "Put it into")):
        answer = merchant.fetch(f"/segments/{segment_id}/{deed}", "POST")
        assert answer.status_code == 303
        page = merchant.open(f"/segments/{segment_id}?done={deed}").text
        assert mistakes(page) == []
        assert words in page
    assert merchant.fetch(f"/segments/{segment_id}/end", "POST").status_code == 303
    assert merchant.open(f"/segments/{segment_id}").status_code == 404
    assert merchant.fetch(f"/segments/{segment_id}/dance", "POST").status_code == 404
    assert kept(house, shop) == []


def test_the_list_shows_them_all(house: House, shop: Shop, merchant: Merchant) -> None:
    sell(house, shop, 7)
    made(house, shop, "<i>Buyers</i>")
    page = merchant.open("/segments").text
    assert mistakes(page) == []
    assert "&lt;i&gt;Buyers&lt;/i&gt;" in page
    assert flat(page).count("Number of orders is at least 1.") == 1


def test_a_segment_of_another_shop_is_not_there(house: House, shop: Shop, next_door: Shop, merchant: Merchant) -> None:
    theirs = made(house, next_door, "Theirs")
    for path in (f"/segments/{theirs}", f"/segments/{theirs}/edit", f"/segments/{theirs}/members.csv"):
        assert merchant.open(path).status_code == 404
    assert merchant.fetch(f"/segments/{theirs}/end", "POST").status_code == 404
    page = merchant.open("/segments/new?ready=advocates").text
    assert press(merchant, page, "save", segment=str(theirs), version="1", name="Mine").status_code == 409
    assert [s.name for s in kept(house, next_door)] == ["Theirs"]


# --- the file

ODD_NAMES = ('=HYPERLINK("http://evil.example")', "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", 'a "b", c', "زهرا")


def test_the_file_has_every_member_and_no_cell_is_a_formula(house: House, shop: Shop, merchant: Merchant) -> None:
    for number, name in enumerate(ODD_NAMES, 1):
        buyer = person(str(number), START, first_name=name, email=f"{'=' if number == 1 else 'a'}{number}@example.com")
        house.settle(shop, order(number, buyer, START))
    segment_id = made(house, shop, "Odd names")
    answer = merchant.fetch(f"/segments/{segment_id}/members.csv")
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8"), newline="")))
    assert [row["first_name"] for row in rows] == [cell(name) for name in ODD_NAMES]
    assert [row["first_name"][:1] for row in rows] == ["'"] * 7 + ["a", "ز"]
    assert rows[0]["email"] == "'=1@example.com"
    assert {row["orders"] for row in rows} == {"1"}
    assert not any(value.startswith(tuple("=+-@\t\r")) for row in rows for value in row.values())
    with_mark = merchant.fetch(f"/segments/{segment_id}/members.csv?bom=yes").data.decode("utf-8")
    assert with_mark == BOM + answer.data.decode("utf-8")


def test_a_long_file_is_whole(house: House, shop: Shop, merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    sell(house, shop, *range(1, 12))
    segment_id = made(house, shop)
    monkeypatch.setattr("plugin.admin.segments.FILE_PAGE", 3)
    rows = merchant.fetch(f"/segments/{segment_id}/members.csv").data.decode().splitlines()
    assert len(rows) == 12
    assert len(set(rows)) == 12


# --- what next


def test_proposals_stand_on_the_customer_s_page_and_the_segment_s(house: House, shop: Shop, merchant: Merchant) -> None:
    def line(number: int, name: str) -> OrderLine:
        return OrderLine(number, name.lower(), name, 1, 1000, False)

    for number in range(1, 61):
        basket = [line(1, "Pot")] if number > 20 else [line(1, "<Cup>"), line(2, "Saucer")][: 1 if number < 4 else 2]
        house.settle(shop, order(number, person(str(number), START), START, lines=tuple(basket)))
    segment_id = made(house, shop, "Buyers")
    empty = merchant.open(f"/customers/{house.customer_id(shop, '1')}").text
    assert "Nothing to propose yet" in empty
    with house.database.work(shop.shop_id) as work:
        assert lifecycle.products.study_due(work)
    page = merchant.open(f"/customers/{house.customer_id(shop, '1')}").text
    assert mistakes(page) == []
    text = flat(page)
    assert "Saucer" in text
    assert "Bought by 17 of 20 who bought &lt;Cup&gt;, and by nobody else" in text
    assert "In your segments:" in text
    page = merchant.open(f"/segments/{segment_id}").text
    assert mistakes(page) == []
    assert '<th scope="row"><bdi>Saucer</bdi></th><td class="n">3</td><td class="n">3</td>' in page
    editor = press(merchant, merchant.open("/segments/new").text, "add:r", **{"new-r": "bought_product"}).text
    assert mistakes(editor) == []
    assert '<option value="saucer">Saucer</option>' in editor
