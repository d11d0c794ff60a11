"""Where a customer stands, told to the store: the same questions to every connector."""

from __future__ import annotations

import pytest

from commerce.store import Announce, BulkStore, PutPixel, PutSegment, SetFields, SetTags, StoreError
from tests.ports.conftest import Answer
from tests.ports.labs import Lab

STAGES = ("stage:acquired", "stage:retained", "stage:at_risk")
NOBODY = "999999"


def stage(person: str, *tags: str) -> SetTags:
    return SetTags(person, "stage:", tags, STAGES)


def points(person: str, value: str | None) -> SetFields:
    return SetFields(person, "loyalty", {"points": value})


@pytest.mark.asks("a customer bears exactly the tags that are stated, however often")
def test_a_customer_bears_exactly_the_tags_that_are_stated(lab: Lab, told: Answer) -> None:
    store, sara = lab.store(), lab.person("sara@example.test")
    for tag in (STAGES[0], STAGES[1], STAGES[1]):
        assert store.set_tags([stage(sara, tag)]) == [None]
        assert lab.tags(sara) == {tag.partition(":")[2]}
    assert store.set_tags([stage(sara)]) == [None]
    assert lab.tags(sara) == set()
    if lab.platform == "woocommerce":
        told.remark("as the customer's field `lifecycle_stage`")


@pytest.mark.asks("what the merchant keeps with a customer is left alone")
def test_what_the_merchant_keeps_with_a_customer_is_left_alone(lab: Lab) -> None:
    store, sara = lab.store(), lab.person("sara@example.test")
    still_there = lab.remark(sara)
    assert store.set_tags([stage(sara, STAGES[0])]) == [None]
    assert store.set_tags([stage(sara)]) == [None]
    assert store.set_fields([points(sara, "5")]) == [None]
    assert still_there()


@pytest.mark.asks("fields of a customer hold what is stated, and go when nothing is")
def test_fields_of_a_customer_hold_what_is_stated(lab: Lab) -> None:
    store, sara = lab.store(), lab.person("sara@example.test")
    for value in ("120", "80", "80", None, None):
        assert store.set_fields([points(sara, value)]) == [None]
        assert lab.field(sara, "points") == value


@pytest.mark.asks("each customer of a batch has an answer of their own")
def test_each_customer_of_a_batch_has_an_answer_of_their_own(lab: Lab) -> None:
    sara, ali = lab.person("sara@example.test"), lab.person("ali@example.test")
    effects = [stage(sara, STAGES[0]), stage(NOBODY, STAGES[0]), stage(ali, STAGES[1])]
    first, nobody, last = lab.store().set_tags(effects)
    assert (first, last) == (None, None)
    assert nobody is not None
    assert nobody.permanent
    assert (lab.tags(sara), lab.tags(ali)) == ({"acquired"}, {"retained"})


@pytest.mark.asks("two domains may speak of one customer in one batch")
def test_two_domains_may_speak_of_one_customer_in_one_batch(lab: Lab) -> None:
    sara = lab.person("sara@example.test")
    both = [points(sara, "7"), SetFields(sara, "tiers", {"tier": "gold"})]
    assert lab.store().set_fields(both) == [None, None]
    assert (lab.field(sara, "points"), lab.field(sara, "tier")) == ("7", "gold")


@pytest.mark.asks("a hundred and twenty customers are one batch")
def test_a_hundred_and_twenty_customers_are_one_batch(lab: Lab) -> None:
    people = [lab.person(f"p{number}@example.test") for number in range(120)]
    before = len(lab.front.asked)
    assert lab.store().set_tags([stage(person, STAGES[2]) for person in people]) == [None] * 120
    assert {tag for person in people for tag in lab.tags(person)} == {"at_risk"}
    assert len(lab.front.asked) - before <= 20


@pytest.mark.asks("what the store took before it failed stands, and only the rest is asked for again")
def test_what_the_store_took_before_it_failed_is_not_lost(lab: Lab) -> None:
    people = [lab.person(f"p{number}@example.test") for number in range(120)]
    mixed = 0
    for questions in range(1, 9):
        tag = STAGES[questions % 2]
        lab.front.fail_after(questions)
        try:
            answers = lab.store().set_tags([stage(person, tag) for person in people])
        except StoreError as fault:
            answers = [fault] * len(people)
        lab.front.fail_after(None)
        assert all(fault.permanent is False for fault in answers if fault)
        assert all(
            lab.tags(person) == {tag.partition(":")[2]}
            for person, fault in zip(people, answers, strict=True)
            if not fault
        )
        mixed += 0 < answers.count(None) < len(people)
        assert lab.store().set_tags([stage(person, tag) for person in people]) == [None] * len(people)
    assert mixed


@pytest.mark.asks("an empty batch asks the store nothing")
def test_an_empty_batch_asks_the_store_nothing(lab: Lab) -> None:
    store, before = lab.store(), len(lab.front.asked)
    assert store.set_tags([]) == store.set_fields([]) == store.put_discounts([]) == []
    assert len(lab.front.asked) == before


@pytest.mark.asks("a segment of the customers who bear a tag")
def test_a_segment_of_the_customers_who_bear_a_tag(lab: Lab, told: Answer) -> None:
    wanted = PutSegment("Perennial: at risk", "stage:at_risk")
    for _ in range(2):
        (answer,) = lab.store().put_segments([wanted])
        if told.not_offered(answer):
            return
        assert answer is None


@pytest.mark.asks("a pixel on the shop's pages")
def test_a_pixel_on_the_shop_s_pages(lab: Lab, told: Answer) -> None:
    (answer,) = lab.store().put_pixels([PutPixel("demo", "https://perennial.example/pixel", lab.clock())])
    assert told.not_offered(answer) or answer is None


@pytest.mark.asks("the store's own automation hears what happened")
def test_the_store_s_own_automation_hears_what_happened(lab: Lab, told: Answer) -> None:
    sara = lab.person("sara@example.test")
    happened = Announce("points-earned", "event-1", sara, {"points": 5, "reason": "#1: 5 points"})
    (answer,) = lab.store().announce([happened])
    assert told.not_offered(answer) or answer is None


@pytest.mark.asks("thousands of customers in one run that the store works off by itself")
def test_thousands_of_customers_in_one_run(lab: Lab, told: Answer) -> None:
    store = lab.store()
    if isinstance(store, BulkStore):
        assert store.bulk_least(SetTags.kind)
        assert store.bulk_least("discount") is None
    else:
        told.said = "not offered: a hundred customers a call instead"
