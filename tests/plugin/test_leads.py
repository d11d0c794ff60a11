"""Where people came from who have not ordered yet."""

from __future__ import annotations

import referral
from commerce.events import CheckoutChanged, CustomerFact
from plugin.admin import leads
from tests import people
from tests.ground import SECRET, START, Desk


def test_leads_say_where_they_came_from(desk: Desk) -> None:
    desk.settle(customers=[people.customer(number, updated_at=START) for number in (1, 2, 5)])
    desk.hear(
        CustomerFact("1002", "consent:email", "subscribed", START),
        CheckoutChanged("t1", "c1", people.customer(3), "USD", 4200, START, START, None),
        # A guest of whom the store says nothing is nobody yet.
        CheckoutChanged("t2", "c2", None, "USD", 4200, START, START, None),
    )
    desk.settle(people.order(1, people.customer(4)))
    advocate = desk.customer_id(4)
    with desk.work() as work:
        code = referral.code_of(work, advocate)
        referral.claim(work, code, str(people.customer(5).email), SECRET)
        # Somebody whom the store does not know: no customer is made of an address.
        referral.claim(work, code, "nobody@example.com", SECRET)
    people_met = [desk.customer_id(number) for number in (1, 2, 3, 4, 5)]
    with desk.work() as work:
        origins = [leads.origin(work, customer_id) for customer_id in people_met]
        assert origins == ["sign_up", "newsletter", "checkout", None, "invitation"]
        assert leads.origins(work) == {"checkout": 1, "invitation": 1, "newsletter": 1, "sign_up": 1}


def test_a_shop_without_leads_has_no_origins(desk: Desk) -> None:
    with desk.work() as work:
        assert leads.origins(work) == {}
