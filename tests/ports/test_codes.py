"""What points buy, in the store: each kind of reward is there as it was stated and works at the till, or is refused
with a reason. The same questions to every connector.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from commerce.rewards import Combines, GiveCredit, Goods, PutDiscount, PutGiftCard
from commerce.store import StoreError
from connectors.offerings import offering
from tests.ports.conftest import Answer
from tests.ports.labs import GOODS, SHIPPING, TEA, Lab, Sold, opened

CODE = "P-7KQH3MRXA4CDEF"


def discount(lab: Lab, code: str = CODE, **changed: Any) -> PutDiscount:
    now = lab.clock()
    whole = PutDiscount(
        code=code, title="Perennial: a reward", amount_minor=500, currency="USD", starts_at=now,
        ends_at=now + timedelta(days=30), customer_external_id=None, minimum_minor=0, active=True,
    )  # fmt: skip
    return replace(whole, **changed)


def issue(lab: Lab, effect: PutDiscount) -> None:
    assert lab.store().put_discounts([effect]) == [None]


def refused_at_the_till(lab: Lab, person: str | None = None, code: str = CODE) -> bool:
    try:
        lab.buy([code], person)
    except ValueError:
        return True
    return False


def lost(lab: Lab, *effects: PutDiscount) -> bool:
    """Whether the connector tells of these that nobody knows: to be asked for again."""
    try:
        answers = lab.store().put_discounts(effects)
    except StoreError as fault:
        return not fault.permanent
    return any(answer is not None and not answer.permanent for answer in answers)


@pytest.mark.asks("a code for an amount off an order, used once")
def test_a_code_for_an_amount_off_an_order_is_used_once(lab: Lab) -> None:
    sara = lab.person("sara@example.test")
    issue(lab, discount(lab, customer_external_id=sara))
    assert lab.buy([CODE.lower()], sara) == Sold(500, 0)
    assert refused_at_the_till(lab, sara)


@pytest.mark.asks("a code for a percentage off an order")
def test_a_code_for_a_percentage_off_an_order(lab: Lab) -> None:
    issue(lab, discount(lab, takes="percentage", percent=10, amount_minor=0))
    assert lab.buy([CODE], None) == Sold(GOODS // 10, 0)


@pytest.mark.asks("a code for free shipping")
def test_a_code_for_free_shipping(lab: Lab) -> None:
    issue(lab, discount(lab, takes="shipping", amount_minor=0))
    assert lab.buy([CODE], None) == Sold(0, SHIPPING)


@pytest.mark.asks("a code for one piece of certain products")
def test_a_code_for_one_piece_of_certain_products(lab: Lab) -> None:
    issue(lab, discount(lab, amount_minor=950, goods=Goods(products=(lab.goods(TEA),))))
    assert lab.buy([CODE], None) == Sold(950, 0)


@pytest.mark.asks("a code for a percentage off certain products")
def test_a_code_for_a_percentage_off_certain_products(lab: Lab) -> None:
    goods = Goods(products=(lab.goods(TEA),))
    issue(lab, discount(lab, takes="percentage", percent=50, amount_minor=0, goods=goods))
    assert lab.buy([CODE], None) == Sold(950, 0)


@pytest.mark.asks("a code for baskets from a least spend on")
def test_a_code_for_baskets_from_a_least_spend_on(lab: Lab) -> None:
    issue(lab, discount(lab, minimum_minor=GOODS + 1))
    issue(lab, discount(lab, "P-SMALLER", minimum_minor=GOODS))
    assert refused_at_the_till(lab)
    assert lab.buy(["P-SMALLER"], None) == Sold(500, 0)


@pytest.mark.asks("a code for baskets from a least number of pieces on")
def test_a_code_for_baskets_from_a_least_number_of_pieces_on(lab: Lab, told: Answer) -> None:
    effects = [discount(lab, minimum_quantity=4), discount(lab, "P-THREE", minimum_quantity=3)]
    answers = lab.store().put_discounts(effects)
    assert [answer is None for answer in answers] == [offering(lab.platform).least_pieces] * 2
    if not told.not_offered(answers[0]):
        assert refused_at_the_till(lab)
        assert lab.buy(["P-THREE"], None) == Sold(500, 0)


@pytest.mark.asks("free shipping up to a price of the shipping")
def test_free_shipping_up_to_a_price_of_the_shipping(lab: Lab, told: Answer) -> None:
    effect = discount(lab, takes="shipping", amount_minor=0, most_shipping_minor=SHIPPING - 1)
    (answer,) = lab.store().put_discounts([effect])
    assert (answer is None) == offering(lab.platform).shipping_prices
    if not told.not_offered(answer):
        assert refused_at_the_till(lab)


@pytest.mark.asks("codes that are used alone, and codes that are used with all others")
def test_codes_are_used_alone_or_with_all_others(lab: Lab) -> None:
    every = Combines(orders=True, products=True, shipping=True)
    issue(lab, discount(lab))
    issue(lab, discount(lab, "P-WITH-A", combines=every))
    shipping = discount(lab, "P-WITH-B", takes="shipping", amount_minor=0, combines=Combines(True, True))
    issue(lab, shipping)
    with pytest.raises(ValueError, match=r"[Cc]ombine|conjunction|together"):
        lab.buy([CODE, "P-WITH-B"], None)
    assert lab.buy(["P-WITH-A", "P-WITH-B"], None) == Sold(500, SHIPPING)


@pytest.mark.asks("a code that says with which classes of discounts it is used")
def test_a_code_that_says_with_which_classes_of_discounts_it_is_used(lab: Lab, told: Answer) -> None:
    (answer,) = lab.store().put_discounts([discount(lab, combines=Combines(shipping=True))])
    assert (answer is None) == offering(lab.platform).combines_by_class
    assert told.not_offered(answer) or answer is None


@pytest.mark.asks("a code that only its customer can use")
def test_a_code_that_only_its_customer_can_use(lab: Lab) -> None:
    sara, mallory = lab.person("sara@example.test"), lab.person("mallory@example.test")
    issue(lab, discount(lab, customer_external_id=sara))
    assert refused_at_the_till(lab, mallory)
    assert refused_at_the_till(lab, None)
    assert lab.buy([CODE], sara) == Sold(500, 0)


@pytest.mark.asks("a code that only a guest of that address can use")
def test_a_code_that_only_a_guest_of_that_address_can_use(lab: Lab, told: Answer) -> None:
    effect = discount(lab, customer_external_id="guest:0123", customer_email="guest@example.com")
    (answer,) = lab.store().put_discounts([effect])
    if told.not_offered(answer):
        return
    assert refused_at_the_till(lab, lab.person("mallory@example.test"))
    assert lab.buy([CODE], None) == Sold(500, 0)


@pytest.mark.asks("a code ends at its instant")
def test_a_code_ends_at_its_instant(lab: Lab) -> None:
    issue(lab, discount(lab, ends_at=lab.clock() + timedelta(hours=1)))
    issue(lab, discount(lab, "P-LATER", ends_at=lab.clock() + timedelta(hours=1, seconds=2)))
    lab.clock.forward(hours=1, seconds=1)
    assert refused_at_the_till(lab)
    assert lab.buy(["P-LATER"], None) == Sold(500, 0)


@pytest.mark.asks("a code that is asked for twice is one code")
def test_a_code_that_is_asked_for_twice_is_one_code(lab: Lab) -> None:
    sara = lab.person("sara@example.test")
    for _ in range(2):
        issue(lab, discount(lab, customer_external_id=sara))
    assert lab.buy([CODE], sara) == Sold(500, 0)
    assert refused_at_the_till(lab, sara)


@pytest.mark.asks("a code whose answer was lost is there when it is asked for again")
def test_a_code_whose_answer_was_lost_is_there_when_it_is_asked_for_again(lab: Lab) -> None:
    effects = [discount(lab), discount(lab, "P-SHIPPING", takes="shipping", amount_minor=0)]
    lab.lose_writes(99)
    assert lost(lab, *effects)
    lab.lose_writes(0)
    assert lab.store().put_discounts(effects) == [None, None]
    assert lab.buy([CODE], None) == Sold(500, 0)
    assert refused_at_the_till(lab)


@pytest.mark.asks("a code of the merchant's own is refused and left as it is")
def test_a_code_of_the_merchant_s_own_is_refused_and_left_as_it_is(lab: Lab) -> None:
    untouched = lab.own_code(CODE)
    for active in (True, False):
        (answer,) = lab.store().put_discounts([discount(lab, active=active)])
        assert answer is not None
        assert answer.permanent
        assert "belongs to another" in answer.reason
    assert untouched()


@pytest.mark.asks("a code that is taken back works no more, however often it is")
def test_a_code_that_is_taken_back_works_no_more(lab: Lab) -> None:
    issue(lab, discount(lab))
    for _ in range(2):
        issue(lab, discount(lab, active=False))
        assert refused_at_the_till(lab)


@pytest.mark.asks("a code is taken back though the answer to that was lost")
def test_a_code_is_taken_back_though_the_answer_was_lost(lab: Lab) -> None:
    issue(lab, discount(lab))
    lab.lose_writes(99)
    assert lost(lab, discount(lab, active=False))
    lab.lose_writes(0)
    issue(lab, discount(lab, active=False))
    assert refused_at_the_till(lab)


@pytest.mark.asks("a code that was never made can be taken back")
def test_a_code_that_was_never_made_can_be_taken_back(lab: Lab) -> None:
    issue(lab, discount(lab, active=False))
    assert refused_at_the_till(lab)


@pytest.mark.asks("a code that the merchant deleted can be taken back, and is made anew when it is stated")
def test_a_code_that_the_merchant_deleted(lab: Lab) -> None:
    issue(lab, discount(lab))
    lab.delete_code(CODE)
    issue(lab, discount(lab, active=False))
    issue(lab, discount(lab))
    assert lab.buy([CODE], None) == Sold(500, 0)


@pytest.mark.asks("each code of a batch has an answer of its own")
def test_each_code_of_a_batch_has_an_answer_of_its_own(lab: Lab) -> None:
    effects = [
        discount(lab),
        discount(lab, "P-NOTHING", amount_minor=0),
        discount(lab, "P-NOBODY", customer_external_id="999999"),
        discount(lab, "P-OTHER", takes="percentage", percent=10, amount_minor=0),
    ]
    answers = lab.store().put_discounts(effects)
    assert [answer is None for answer in answers] == [True, False, False, True]
    assert all(answer.permanent for answer in answers if answer)
    assert refused_at_the_till(lab, code="P-NOBODY")
    assert lab.buy(["P-OTHER"], None) == Sold(GOODS // 10, 0)


@pytest.mark.asks("money of no decimals, and of three, is written and read whole")
@pytest.mark.parametrize("currency, decimals", [("JPY", 0), ("KWD", 3)])
def test_money_of_no_decimals_and_of_three_is_written_and_read_whole(
    platform: str, currency: str, decimals: int
) -> None:
    with opened(platform, currency, decimals) as lab:
        (order,) = lab.store().orders([lab.order()])
        assert (order.currency, order.total_minor - order.goods_minor) == (currency, 7 * lab.unit)
        assert sum(line.net_minor for line in order.lines) == order.goods_minor
        assert order.goods_minor // lab.unit in (33, 34)  # a tea at 9.50 is 10 yen in one of them
        five = 5 * lab.unit + lab.unit // 8  # 5 yen, 5.125 dinars
        least = order.goods_minor
        issue(lab, discount(lab, amount_minor=five, currency=currency, minimum_minor=least))
        issue(lab, discount(lab, "P-MORE", amount_minor=five, currency=currency, minimum_minor=least + 1))
        assert refused_at_the_till(lab, code="P-MORE")
        assert lab.buy([CODE], None) == Sold(five, 0)


@pytest.mark.asks("a gift card")
def test_a_gift_card(lab: Lab, told: Answer) -> None:
    sara = lab.person("sara@example.test")
    card = PutGiftCard("ACDEFGHJKM3467", "Perennial: a card", 2000, "USD", date(2040, 1, 31), sara, active=True)
    for _ in range(2):
        (answer,) = lab.store().put_gift_cards([card])
        assert (answer is None) == offering(lab.platform).gift_cards
        if told.not_offered(answer):
            return
    (answer,) = lab.store().put_gift_cards([replace(card, active=False)])
    assert answer is None


@pytest.mark.asks("store credit, given once though it is asked for twice")
def test_store_credit_is_given_once_though_it_is_asked_for_twice(lab: Lab, told: Answer) -> None:
    sara = lab.person("sara@example.test")
    credit = GiveCredit("C-1", 1500, "USD", lab.clock() + timedelta(days=30), sara)
    for asked_before in (False, True):
        answer = lab.store().give_credit(credit, asked_before=asked_before)
        assert (answer is None) == offering(lab.platform).store_credit
        if told.not_offered(answer):
            return
