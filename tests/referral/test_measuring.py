"""What referral brings, in figures: each step counted once, and a difference with its interval."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import text

import referral
from referral.rules.measuring import Group, difference, student
from tests import people
from tests.ground import SECRET, START, Clock, Desk, Superuser

_MERGE = text("""
    UPDATE customers SET merged_into = :kept, gone_at = :now WHERE shop_id = :shop_id AND customer_id = :gone
""")


@pytest.mark.parametrize("freedom, table", [(7, 2.3646), (10, 2.2281), (30, 2.0423), (120, 1.9799), (1e9, 1.95996)])
def test_student_s_quantile_is_that_of_the_tables(freedom: float, table: float) -> None:
    assert student(freedom) == pytest.approx(table, abs=1e-3)


def test_welch_s_interval_is_that_of_a_worked_example() -> None:
    found = difference(Group(10, 20.4, 4.0), Group(12, 19.6, 9.0))
    assert found.minor == pytest.approx(0.8)
    # Standard error sqrt(0.4 + 0.75); 19.17 degrees of freedom, of which the quantile is 2.0917.
    assert found.low == pytest.approx(0.8 - 2.0917 * 1.0724, abs=2e-3)
    assert found.high == pytest.approx(0.8 + 2.0917 * 1.0724, abs=2e-3)
    assert not found.certain


def test_the_interval_holds_the_truth_in_nineteen_of_twenty_samples() -> None:
    draw, held = random.Random(5), 0
    for _ in range(400):
        groups = list[Group]()
        for many, mean, spread in ((12, 110.0, 60.0), (40, 100.0, 20.0)):
            sample = [draw.gauss(mean, spread) for _ in range(many)]
            middle = sum(sample) / many
            groups.append(Group(many, middle, sum((x - middle) ** 2 for x in sample) / (many - 1)))
        found = difference(*groups)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 10 <= found.high
    assert 0.92 < held / 400 < 0.98


def test_a_handful_says_nothing_and_equal_values_say_exactly_that() -> None:
    assert difference(Group(7, 9.0, 1.0), Group(900, 5.0, 1.0)).low is None
    assert difference(Group(9, 5.0, 0.0), Group(9, 5.0, 0.0)) == difference(Group(9, 1.0, 0.0), Group(9, 1.0, 0.0))


def test_each_step_is_counted_by_channel_and_a_channel_of_somebody_s_own_is_another(
    desk: Desk, above: Superuser
) -> None:
    desk.settle(people.order(1, people.customer(1), 10_000, placed_at=START - timedelta(days=40)))
    anna = desk.customer_id(1)
    with desk.work() as work:
        code = referral.code_of(work, anna)
        for channel in ("whatsapp", "WhatsApp ", "made-up-1", ""):
            referral.note_clicks(work, {(channel, code.lower()): 1})
        referral.note_clicks(work, {("made-up-2", "NOBODY-X7"): 1})
        referral.note_share(work, "whatsapp", code)
        good = referral.claim(work, code, "bo-2@example.com", SECRET, channel="whatsapp").code
        bad = referral.claim(work, code, "x@mailinator.com", SECRET, channel="made-up-3").code
        referral.claim(work, code, "never-buys@example.com", SECRET, channel="whatsapp")
    desk.settle(people.order(2, people.customer(2, last_name="B"), 5000, discount_codes=(str(good),)))
    desk.settle(people.order(3, people.customer(3, last_name="C"), 4000, discount_codes=(str(bad),)))
    desk.settle(refunds=[people.refund(people.order(2, None), 1, 1000)])
    with desk.work() as work:
        assert referral.take_in_claims(work)
        found = referral.figures(work)
    by_channel = {f.channel: (f.shares, f.clicks, f.claims, f.orders, f.rewards, f.held) for f in found.funnels}
    assert by_channel == {"": (0, 1, 0, 0, 0, 0), "other": (0, 2, 1, 1, 0, 1), "whatsapp": (1, 2, 2, 1, 1, 0)}
    assert (found.total.claims, found.total.kept_minor) == (3, 4000 + 4000)
    assert (found.buyers, found.referred, found.inviting) == (3, 2, 1)
    (row,) = found.advocates
    assert (row.advocate_id, row.shares, row.clicks) == (anna, 1, 4)
    assert (row.claims, row.orders, row.rewards, row.held) == (3, 2, 1, 1)
    # Points for one advocate (200, which buy 5.00 each 100) and 5.00 off for two friends.
    worth = 200 * 500 // 100
    assert (found.cost_minor, found.customers, found.cost_each) == (worth + 1000, 2, (worth + 1000) // 2)
    written = str(above.run("SELECT t::text FROM invitation_counts t WHERE shop_id = %s", desk.shop.shop_id))
    assert "made-up" not in written


def test_what_referred_customers_are_worth_is_compared_over_the_same_days(desk: Desk, clock: Clock) -> None:
    clock.forward(days=-200)
    placed = clock.now
    desk.settle(people.order(1, people.customer(1), 10_000, placed_at=placed))
    anna = desk.customer_id(1)
    with desk.work() as work:
        code = referral.code_of(work, anna)
    orders = []
    for n in range(2, 12):
        who = people.customer(n, last_name=f"F{n}")
        orders += [
            people.order(n, who, 5000, placed_at=placed, referral_code=code),
            people.order(100 + n, who, 1000 + n, placed_at=placed + timedelta(days=80)),
            people.order(200 + n, who, 90_000, placed_at=placed + timedelta(days=95)),
        ]
    for n in range(12, 22):
        orders.append(people.order(n, people.customer(n, last_name=f"G{n}"), 3000 + n, placed_at=placed))
    desk.settle(*orders)
    clock.forward(days=200)
    with desk.work() as work:
        found = referral.figures(work)
    assert (found.worth.many, found.others.many) == (10, 11)
    assert found.worth.mean == pytest.approx(6000 + sum(range(2, 12)) / 10)
    assert found.more.low is not None
    assert found.more.low < found.more.minor == pytest.approx(found.worth.mean - found.others.mean)


def test_what_a_customer_costs_elsewhere_is_the_merchant_s_word(desk: Desk) -> None:
    with desk.work() as work:
        assert referral.cac(work) is None
        referral.say_cac(work, 1250)
        assert referral.cac(work) == 1250
        referral.say_cac(work, None)
        assert referral.cac(work) is None


def test_who_shares_stands_among_the_advocates_before_anybody_claims_and_after_a_merge(desk: Desk) -> None:
    desk.settle(people.order(1, people.customer(1), 1000), people.order(2, people.customer(2, last_name="B"), 1000))
    anna, kept = desk.customer_id(1), desk.customer_id(2)
    with desk.work() as work:
        codes = [referral.code_of(work, anna), referral.code_of(work, kept)]
        for code in codes:
            referral.note_share(work, "sms", code)
        referral.note_clicks(work, {("sms", codes[0]): 5, ("x", codes[0]): 2})
    with desk.work() as work:
        told = [(row.advocate_id, row.shares, row.clicks, row.claims) for row in referral.figures(work).advocates]
    assert told == [(anna, 1, 7, 0), (kept, 1, 0, 0)]
    with desk.work() as work:
        work.run(_MERGE, gone=anna, kept=kept, now=work.now)
        referral.note_clicks(work, {("sms", codes[0]): 1})
        told = [(row.advocate_id, row.shares, row.clicks, row.claims) for row in referral.figures(work).advocates]
        by_channel = [(f.channel, f.shares, f.clicks) for f in referral.funnels(work, advocate_id=kept)]
    assert told == [(kept, 2, 8, 0)]
    assert by_channel == [("sms", 2, 6), ("x", 0, 2)]


@pytest.mark.parametrize(
    "agent",
    ["WhatsApp/2.23.20.0 A", "TelegramBot (like TwitterBot)", "facebookexternalhit/1.1", "Twitterbot/1.0",
     "Slackbot-LinkExpanding 1.0", "Mozilla/5.0 (compatible; Googlebot/2.1)", "Mozilla/5.0 HeadlessChrome/120.0",
     "SkypeUriPreview Preview/0.5", "curl/8.5.0", "python-requests/2.32", "meta-externalagent/1.1"],
)  # fmt: skip
def test_what_says_that_it_is_a_program_has_opened_nothing(agent: str) -> None:
    assert not referral.by_a_person({"User-Agent": agent}.get)


@pytest.mark.parametrize(
    "agent",
    ["Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile",
     "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
     "Mozilla/5.0 (iPhone) [FBAN/FBIOS;FBAV/450.0]", "Mozilla/5.0 (Linux; Android 11; CUBOT X30) Chrome/130.0", ""],
)  # fmt: skip
def test_people_s_browsers_are_people_s_whatever_they_are_built_into(agent: str) -> None:
    assert referral.by_a_person({"User-Agent": agent}.get)
    assert not referral.by_a_person({"User-Agent": agent, "Sec-Purpose": "prefetch;prerender"}.get)
    assert not referral.by_a_person({"User-Agent": agent, "X-Purpose": "preview"}.get)
