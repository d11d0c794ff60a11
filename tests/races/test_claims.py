"""Many who claim at once, of one crowd, while what is waiting is looked at and settled: nobody waits for a deadlock."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

import referral
from referral import Evidence
from tests import people
from tests.ground import SECRET, START, Desk, Superuser

CROWD, ROUNDS = 4, 6


@pytest.mark.races
def test_a_crowd_that_claims_and_buys_at_once_is_all_held_in_the_end(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1), placed_at=START - timedelta(days=40)))
    anna = desk.customer_id(1)
    with desk.work() as work:
        code = referral.code_of(work, anna)
    begin = threading.Barrier(CROWD + 1)

    def claim_and_buy(hand: int) -> None:
        begin.wait(60)
        for number in range(ROUNDS):
            who = 100 + hand * ROUNDS + number
            with desk.work() as work:
                offer = referral.claim(
                    work, code, f"{who}@example.org", SECRET, evidence=Evidence(device="the shelf", ip="203.0.113.7")
                )
            # One batch of a shop is settled at a time, and claims go on meanwhile.
            if hand == 0:
                desk.settle(
                    people.order(
                        who, people.customer(who, last_name=f"N{who}"), 5000, discount_codes=(str(offer.code),)
                    )
                )

    def look() -> None:
        begin.wait(60)
        for _ in range(ROUNDS * 2):
            with desk.work() as work:
                referral.take_in_claims(work)
                referral.screen_due(work)
            with desk.work() as work:
                referral.settle_screened(work)
                referral.rescore_due(work)

    with ThreadPoolExecutor(CROWD + 1) as pool:
        done = [*(pool.submit(claim_and_buy, hand) for hand in range(CROWD)), pool.submit(look)]
        for each in done:
            each.result(60)
    with desk.work() as work:
        while referral.take_in_claims(work) or referral.screen_due(work) or referral.settle_screened(work):
            pass
    rows = above.run("SELECT band, count(*) FROM screenings WHERE shop_id = %s GROUP BY band", desk.shop.shop_id)
    assert rows == [("review", CROWD * ROUNDS)]
    booked = "SELECT coalesce(sum(points), 0) FROM entries WHERE shop_id = %s AND kind LIKE 'award%%'"
    assert above.one(booked, desk.shop.shop_id) == 0
    assert desk.faults() == []
