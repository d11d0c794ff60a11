"""The page of a question, and the merchant's page of what was answered."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest
from werkzeug.datastructures import MultiDict

from engine.shops import Shop
from lifecycle import surveys
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

FORM = {"active": "1", "kind": "nps", "question": "Would you <b>recommend</b> us?", "after": "7", "again": "90",
        "seen": "0"}  # fmt: skip


@pytest.fixture
def path(house: House, shop: Shop, merchant: Merchant) -> str:
    """The link of one question, asked as a merchant would have it asked."""
    assert merchant.fetch("/surveys", "POST", **FORM).status_code == 303
    at = house.clock.now
    sold = order(1, person("7", at, first_name="=Ada", email="ada@example.com"), at)
    house.settle(shop, replace(sold, fulfilled_at=at))
    house.clock.forward(days=8)
    with house.database.work(shop.shop_id) as work:
        assert surveys.ask_due(work, "https://app.example")
        ((_, path),) = surveys.unanswered(work, 0)
    return path


def test_a_question_is_asked_answered_and_changed(house: House, merchant: Merchant, path: str) -> None:
    client = house.app.test_client()
    asked = client.get(path + "?score=9")
    assert asked.status_code == 200
    assert mistakes(asked.text) == []
    assert "Would you &lt;b&gt;recommend&lt;/b&gt; us?" in asked.text
    assert 'value="9" required checked' in asked.text
    assert "No answers yet" in merchant.open("/surveys").text, "opening a link answers nothing"
    answer = client.post(path, data={"score": "3", "words": "<script>late</script>"})
    assert answer.status_code == 303
    thanked = client.get(answer.location).text
    assert "Thank you." in thanked
    assert "Somebody of the shop reads every answer" in thanked
    page = merchant.open("/surveys").text
    assert mistakes(page) == []
    assert "&lt;script&gt;late&lt;/script&gt;" in page
    assert "I have looked after it" in page
    client.post(path, data={"score": "10", "words": ""})
    page = flat(merchant.open("/surveys").text)
    assert "No bad answer waits for you" in page
    assert "<strong>100</strong>" in page
    assert "Fewer than ten answers" in page


def test_what_cannot_be_an_answer_stays_in_the_form_and_says_why(house: House, path: str) -> None:
    client = house.app.test_client()
    for score in ("", "11", "-1", "ten", "999"):
        refused = client.post(path, data={"score": score, "words": "kept <here>"})
        assert refused.status_code == 409
        assert "Choose a number" in refused.text
        assert "kept &lt;here&gt;" in refused.text


@pytest.mark.parametrize("wrong", ["/s/1/1/" + "0" * 32, "/s/99999999999999999999/1/" + "0" * 32, "/s/1/1/short"])
def test_a_link_that_is_not_whole_says_so_and_nothing_else(house: House, path: str, wrong: str) -> None:
    for answer in (house.app.test_client().get(wrong), house.app.test_client().post(wrong, data={"score": "3"})):
        assert answer.status_code == 404
        assert "This question is closed" in answer.text


def test_a_merchant_takes_the_links_as_a_file_that_no_spreadsheet_takes_for_formulas(
    merchant: Merchant, path: str
) -> None:
    rows = list(csv.DictReader(io.StringIO(merchant.open("/surveys/links.csv").text)))
    assert [(row["email"], row["first_name"]) for row in rows] == [("ada@example.com", "'=Ada")]
    assert rows[0]["link"].endswith(path)


@pytest.mark.parametrize(
    "changed, field, says",
    [
        ({"question": ""}, ["question"], "The question has 1 to 300 letters"),
        ({"question": "x" * 10_000}, ["question"], "The question has 1 to 300 letters"),
        ({"kind": "smileys"}, ["kind"], "Choose which question is asked"),
        ({"after": "soon"}, ["after"], "Days after the delivery: a whole number from 0 to 60"),
        ({"after": "61"}, ["after"], "Days after the delivery: a whole number from 0 to 60"),
        ({"again": "1"}, ["again"], "a whole number from 7 to 730"),
        ({"stages": "nowhere"}, [], "There is no stage nowhere"),
    ],
)
def test_what_is_no_survey_is_answered_in_words_and_stays_typed(
    merchant: Merchant, changed: dict[str, str], field: list[str], says: str
) -> None:
    answer = merchant.fetch("/surveys", "POST", **(FORM | {"question": "Typed?"} | changed))
    assert answer.status_code == 409
    assert says in answer.text
    assert re.findall(r'name="(\w+)"[^>]*aria-invalid="true" aria-describedby="refused"', answer.text) == field
    assert MultiDict(changed).get("question", "Typed?") in answer.text


def test_a_form_that_is_older_than_the_survey_overwrites_nothing(merchant: Merchant) -> None:
    assert merchant.fetch("/surveys", "POST", **FORM).status_code == 303
    late = merchant.fetch("/surveys", "POST", **(FORM | {"question": "Mine?"}))
    assert late.status_code == 409
    assert "Somebody else has published other rules in the meantime." in late.text
    assert "Mine?" in late.text
    assert "Would you &lt;b&gt;recommend&lt;/b&gt; us?" not in late.text
    assert 'name="seen" value="1"' in late.text
    assert merchant.fetch("/surveys", "POST", **(FORM | {"question": "Mine?", "seen": "1"})).status_code == 303


def test_nobody_looks_after_an_answer_of_another_shop(
    house: House, next_door: Shop, merchant: Merchant, path: str
) -> None:
    client = house.app.test_client()
    client.post(path, data={"score": "0"})
    with house.database.work(next_door.shop_id) as work:
        surveys.look_after(work, int(path.split("/")[3]))
    assert "I have looked after it" in merchant.open("/surveys").text
    merchant.fetch(f"/surveys/{path.split('/')[3]}/looked-after", "POST")
    assert "No bad answer waits for you" in merchant.open("/surveys").text
