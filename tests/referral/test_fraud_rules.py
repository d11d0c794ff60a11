"""Signals and their sum: what is folded before it is compared, and which band follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral.rules.domains import is_coupon_site, is_disposable
from referral.rules.fraud import SIGNALS, Band, Evidence, Signal, Weights, judge_band, score
from referral.rules.traces import Kind, mailbox, network, registered, traces

FOUND = st.dictionaries(st.sampled_from([signal.value for signal in Signal]), st.integers(1, 600))


@pytest.mark.parametrize(
    "one, other",
    [
        ("anna.vos+shop@Gmail.com", "annavos@googlemail.com"),
        ("anna@mail.example.com", "ANNA@example.com"),
        ("bo+1@firm.example", "bo@firm.example"),
        ("bo@a.shop.co.uk", "bo@shop.co.uk"),
    ],
)
def test_aliases_lead_to_one_mailbox(one: str, other: str) -> None:
    assert mailbox(one) == mailbox(other) is not None


@pytest.mark.parametrize(
    "one, other",
    [
        ("anna.vos@web.de", "annavos@web.de"),
        ("anna@yahoo.de", "anna@yahoo.fr"),
        ("anna@one.co.uk", "anna@two.co.uk"),
        ("+anna@web.de", "+bo@web.de"),
    ],
)
def test_two_mailboxes_stay_two(one: str, other: str) -> None:
    assert mailbox(one) != mailbox(other)


def kinds_shared(one: Evidence, other: Evidence) -> set[Kind]:
    return {kind for kind, _ in set(traces(one, 1)) & set(traces(other, 1))}


@pytest.mark.parametrize(
    "one, other, shared",
    [
        (Evidence(email="mark.dillon1@web.de"), Evidence(email="mark-dillon_27@gmx.net"), {Kind.ALIKE, Kind.SERIES}),
        (Evidence(email="anna1@web.de"), Evidence(email="anna2@web.de"), set()),
        (Evidence(phone="0912 123 4567"), Evidence(phone="+98 ۹۱۲ ۱۲۳۴۵۶۷"), {Kind.PHONE}),
        (Evidence(phone="1111111111"), Evidence(phone="1111111111"), set()),
        (Evidence(name="Anna Vos"), Evidence(name="VOS  anna"), {Kind.NAME, Kind.NAME_ALIKE}),
        (Evidence(name="Anna Jansen"), Evidence(name="Anna Janssen"), {Kind.NAME_ALIKE}),
        (Evidence(name="Anna Vos"), Evidence(name="Bo Vos"), set()),
        (Evidence(address="12 Oak Street, 1011 AB"), Evidence(address="oak st. 12 1011 ab"), {Kind.ADDRESS}),
        (Evidence(address="Springfield"), Evidence(address="Springfield"), set()),
        (Evidence(ip="203.0.113.7"), Evidence(ip="203.0.113.90"), {Kind.NETWORK}),
        (Evidence(ip="203.0.113.7"), Evidence(ip="::ffff:203.0.113.7"), {Kind.NETWORK}),
        (Evidence(ip="2001:db8:1:2::9"), Evidence(ip="2001:db8:1:ffff::1"), {Kind.NETWORK}),
        (Evidence(ip="203.0.113.7", user_agent="A"), Evidence(ip="203.0.113.7", user_agent="B"), {Kind.NETWORK}),
        (Evidence(ip="10.0.0.7", user_agent="A"), Evidence(ip="10.0.0.7", user_agent="A"), set()),
        (Evidence(ip="127.0.0.0"), Evidence(ip="127.0.0.0"), set()),
        (Evidence(ip="::1"), Evidence(ip="::1"), set()),
        (Evidence(device="d"), Evidence(device="d"), {Kind.DEVICE}),
    ],
)
def test_what_people_write_differently_is_compared_alike(one: Evidence, other: Evidence, shared: set[Kind]) -> None:
    assert kinds_shared(one, other) == shared


@given(st.builds(Evidence, *[st.one_of(st.none(), st.text(max_size=60))] * 8))
def test_whatever_a_browser_says_is_traced_without_trouble(evidence: Evidence) -> None:
    assert all(what for _, what in traces(evidence))


def test_a_series_is_one_advocate_s_own() -> None:
    mine, theirs = (dict(traces(Evidence(email="mark.dillon1@web.de"), number)) for number in (1, 2))
    assert mine[Kind.ALIKE] == theirs[Kind.ALIKE]
    assert mine[Kind.SERIES] != theirs[Kind.SERIES]


def test_networks_are_those_that_one_household_is_given() -> None:
    assert network("203.0.113.7") == "203.0.113.0/24"
    assert network("2001:db8:1:2::9") == "2001:db8:1::/48"
    assert network("not an address") is None
    assert registered("a.b.example.com") == "example.com"


@pytest.mark.parametrize(
    "email, found",
    [("x@mailinator.com", True), ("x@eu.yopmail.com", True), ("x@my-tempmail.example", True), ("x@web.de", False),
     ("x@own.example", True), ("x@contemporary.example", False)],
)  # fmt: skip
def test_throw_away_mail_is_known_by_list_by_name_and_by_the_shop(email: str, found: bool) -> None:
    assert is_disposable(email, ("own.example",)) is found


@pytest.mark.parametrize(
    "referrer, found",
    [("https://www.retailmenot.com/view/x", True), ("https://best-coupon.example/", True), ("https://t.co/x", False),
     ("https://deals.own.example/", True), (None, False), ("http://[", False), ("coupon", False)],
)  # fmt: skip
def test_sites_that_trade_codes_are_known(referrer: str | None, found: bool) -> None:
    assert is_coupon_site(referrer, ("own.example",)) is found


@given(FOUND)
def test_the_score_is_the_sum_of_what_it_says(found: dict[str, int]) -> None:
    scored = score(found, Weights())
    assert scored.total == sum(finding.weight for finding in scored.findings)
    assert {f.signal for f in scored.findings} == {s for s in Signal if found.get(s, 0) >= SIGNALS[s].start}
    assert all("{" not in finding.sentence for finding in scored.findings)
    limits = [(100, Band.DECLINE), (40, Band.REVIEW), (0, Band.APPROVE)]
    assert scored.band is next(band for least, band in limits if scored.total >= least)


@given(FOUND, st.sampled_from([signal.value for signal in Signal]))
def test_one_more_signal_never_makes_a_referral_look_better(found: dict[str, int], code: str) -> None:
    assert score(found | {code: 600}, Weights()).total >= score(found, Weights()).total


def test_a_family_under_one_roof_is_never_declined_for_that_alone() -> None:
    roof = {Signal.SAME_ADDRESS: 1, Signal.SAME_DEVICE: 1, Signal.SAME_PHONE: 1, Signal.SAME_BROWSER: 1}
    assert score({s.value: n for s, n in roof.items()}, Weights()).band is Band.REVIEW
    assert score({Signal.SAME_ADDRESS.value: 1, Signal.SAME_BROWSER.value: 1}, Weights()).band is Band.APPROVE


def test_a_merchant_s_weights_and_limits_are_kept_and_wrong_ones_refused() -> None:
    wanted = Weights(3, {Signal.LOOP: 7}, {Signal.NETWORK_WEEK: 50}, 5, 9, ("a.example",), ("b.example",))
    assert Weights.read(3, wanted.body()) == wanted
    assert score({"loop": 1, "network_week": 49}, wanted).total == 7
    assert score({"loop": 1, "a code of the past": 9}, wanted).band is Band.REVIEW
    for wrong in ({"review_from": 0}, {"decline_from": 1}, {"weights": {"loop": -1}}, {"starts": {"loop": 0}}):
        with pytest.raises(ValueError, match=r"\w"):
            Weights(**wrong)


@pytest.mark.parametrize(
    "scored, ruling, blocked, held, after",
    [
        (Band.DECLINE, "approve", True, True, Band.APPROVE),
        (Band.APPROVE, "decline", False, False, Band.DECLINE),
        (Band.APPROVE, None, True, False, Band.DECLINE),
        (Band.APPROVE, None, False, True, Band.REVIEW),
        (Band.DECLINE, None, False, True, Band.DECLINE),
        (Band.APPROVE, None, False, False, Band.APPROVE),
    ],
)
def test_a_person_s_word_stands_above_a_block_and_a_block_above_the_score(
    scored: Band, ruling: str | None, blocked: bool, held: bool, after: Band
) -> None:
    assert judge_band(scored, ruling, blocked=blocked, held=held) is after
