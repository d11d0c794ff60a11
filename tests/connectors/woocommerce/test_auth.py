"""A key is taken for true when the store at which the merchant began takes it, once, in time, to read and to write."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.store import StoreError
from connectors.woocommerce.address import store_address
from connectors.woocommerce.auth import (
    STATE_LIVES,
    BadGrant,
    Granted,
    GrantElsewhere,
    GrantTooNarrow,
    GrantUnknown,
    PendingGrant,
    begin,
    denied,
    prove,
    read_callback,
    state_digest,
)
from connectors.woocommerce.client import WooStore
from connectors.woocommerce.signing import Key, Mode
from sandbox.woocommerce import ApiKey, approve
from sandbox.woocommerce.grant import GrantRefused
from tests.connectors.woocommerce.conftest import NOON, SAMPLES, Shop

RETURN = "https://app.example/woocommerce/back"
CALLBACK = "https://app.example/woocommerce/grant"


def start(shop: Shop, scheme: str = "https") -> tuple[str, PendingGrant]:
    address = store_address(shop.urls[scheme])
    return begin(address, app_name="Perennial", return_url=RETURN, callback_url=CALLBACK, now=shop.clock())


def granted(shop: Shop) -> tuple[Granted, PendingGrant]:
    url, pending = start(shop)
    return read_callback(approve(shop.store, url).body), pending


@pytest.mark.parametrize("scheme, mode", [("https", Mode.BASIC), ("http", Mode.OAUTH)])
def test_a_merchant_who_approves_has_a_connection_that_works(shop: Shop, scheme: str, mode: Mode) -> None:
    shop.store.keys = []
    url, pending = start(shop, scheme)
    grant = approve(shop.store, url)
    assert (grant.callback_url, grant.return_url.partition("?")[0]) == (CALLBACK, RETURN)
    assert not denied(urlsplit(grant.return_url).query)
    connection = prove(read_callback(grant.body), pending, shop.http(), now=shop.clock)
    assert (connection.mode, connection.facts.currency) == (mode, "USD")
    woo = WooStore(connection.address, connection.key, shop.http(), now=shop.clock, mode=connection.mode)
    assert woo.details().name == "Leaf & Kettle"


def test_the_store_is_asked_for_reading_and_writing_with_all_that_it_needs(shop: Shop) -> None:
    url, pending = start(shop)
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == shop.urls["https"]
    assert parts.path == "/wc-auth/v1/authorize"
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    state = query.pop("user_id")
    assert query == {
        "app_name": "Perennial",
        "scope": "read_write",
        "return_url": RETURN,
        "callback_url": CALLBACK,
    }
    assert pending == PendingGrant(state_digest(state), store_address(shop.urls["https"]), NOON + STATE_LIVES)
    assert state not in repr(pending)


def test_no_two_states_are_alike_and_each_has_two_hundred_and_fifty_six_bits(shop: Shop) -> None:
    states = {parse_qs(urlsplit(start(shop)[0]).query)["user_id"][0] for _ in range(200)}
    assert len(states) == 200
    assert {len(state) for state in states} == {43}


def test_a_store_in_a_folder_is_asked_there() -> None:
    url, _ = begin(
        store_address("http://shop.example/fa"), app_name="P", return_url=RETURN, callback_url=CALLBACK, now=NOON
    )
    assert url.startswith("http://shop.example/fa/wc-auth/v1/authorize?")


def test_the_sandbox_asks_for_what_the_store_asks_for(shop: Shop) -> None:
    url, _ = start(shop)
    for name in ("app_name", "scope", "user_id", "return_url", "callback_url"):
        with pytest.raises(GrantRefused, match=name):
            approve(shop.store, url.replace(f"{name}=", "other="))
    with pytest.raises(GrantRefused, match="SSL"):
        approve(shop.store, url.replace("callback_url=https", "callback_url=http"))


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="WHAT THE STORE POSTED IS ABSENT: the sandbox was not checked against it"
)
def test_the_sandbox_posts_what_a_real_store_posted(shop: Shop) -> None:
    observed = json.loads((SAMPLES / "wc-auth-callback.json").read_text("utf-8"))
    posted = json.loads(approve(shop.store, start(shop)[0]).body)
    told = observed.get("json", observed)
    assert {name: type(value) for name, value in posted.items()} == {name: type(value) for name, value in told.items()}


@pytest.mark.parametrize("later, works", [(STATE_LIVES - timedelta(seconds=1), True), (STATE_LIVES, False)])
def test_a_state_dies(shop: Shop, later: timedelta, works: bool) -> None:
    grant, pending = granted(shop)
    shop.clock.at += later
    if works:
        assert prove(grant, pending, shop.http(), now=shop.clock).mode is Mode.BASIC
    else:
        with pytest.raises(GrantUnknown):
            prove(grant, pending, shop.http(), now=shop.clock)


def test_a_state_that_was_taken_away_or_is_another_s_works_no_more_and_the_store_is_not_asked(shop: Shop) -> None:
    grant, pending = granted(shop)
    other = replace(pending, state_digest=state_digest("other"))
    for kept in (None, other):
        with pytest.raises(GrantUnknown) as refusal:
            prove(grant, kept, shop.http(), now=shop.clock)
        assert refusal.value.message.endswith("Start the connection again.")
    assert shop.store.asked == []


def test_a_key_of_another_store_is_not_believed(shop: Shop) -> None:
    """Somebody who learned the state posts a key of his own store: the merchant's store does not take it."""
    grant, pending = granted(shop)
    stranger = ApiKey()
    forged = replace(grant, key=Key(stranger.consumer_key, stranger.consumer_secret))
    with pytest.raises(StoreError, match="does not take our key"):
        prove(forged, pending, shop.http(), now=shop.clock)


@pytest.mark.parametrize("claimed", ["read_write", "read", "write", "everything"])
def test_a_key_that_may_not_write_is_too_narrow_whatever_the_post_says(shop: Shop, claimed: str) -> None:
    grant, pending = granted(shop)
    shop.store.keys[-1].rights = "read"
    with pytest.raises(GrantTooNarrow):
        prove(replace(grant, permissions=claimed), pending, shop.http(), now=shop.clock)


def test_proving_changes_nothing_in_the_store(shop: Shop) -> None:
    grant, pending = granted(shop)
    prove(grant, pending, shop.http(), now=shop.clock)
    assert (shop.store.coupons, shop.store.customers, shop.store.orders) == ({}, {}, {})


def test_a_store_that_says_it_lives_elsewhere_is_not_connected_at_this_address(shop: Shop) -> None:
    """An alias of the shop would do for asking; its deliveries would come from the other address, and be refused."""
    grant, pending = granted(shop)
    for home in ("https://the-real-shop.example", "nowhere at all"):
        shop.store.home = home
        with pytest.raises(GrantElsewhere):
            prove(grant, pending, shop.http(), now=shop.clock)


def test_a_firewall_that_turns_away_what_is_posted_is_no_narrow_key(shop: Shop) -> None:
    grant, pending = granted(shop)

    class Guarded(list[tuple[str, str, dict[str, str]]]):
        def append(self, asked: tuple[str, str, dict[str, str]]) -> None:
            super().append(asked)
            if asked[0] == "POST":
                shop.store.faults.page(403)

    shop.store.asked = Guarded()
    with pytest.raises(StoreError, match="firewall"):
        prove(grant, pending, shop.http(), now=shop.clock)


def test_a_store_that_fails_at_the_proof_is_told_as_that(shop: Shop) -> None:
    grant, pending = granted(shop)
    shop.store.faults.page(503)
    with pytest.raises(StoreError, match="maintenance"):
        prove(grant, pending, shop.http(), now=shop.clock)


GOOD: dict[str, Any] = {
    "key_id": 3,
    "user_id": "s" * 43,
    "consumer_key": "ck_" + "0a" * 20,
    "consumer_secret": "cs_" + "0b" * 20,
    "key_permissions": "read_write",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"user_id": "merchant-77"},
        {"user_id": "s" * 44},
        {"user_id": "é" * 43},
        {"user_id": 5},
        {"user_id": None},
        {"consumer_key": "ck_short"},
        {"consumer_key": "ck_" + "0a" * 20 + "\n"},
        {"consumer_key": "cs_" + "0a" * 20},
        {"consumer_secret": "cs_" + "0G" * 20},
        {"consumer_secret": ""},
        {"key_permissions": ["read_write"]},
        {"key_permissions": "x" * 21},
    ],
    ids=lambda changed: json.dumps(changed)[:50],
)
def test_what_is_not_a_grant_is_refused_and_not_repeated(changed: dict[str, Any]) -> None:
    with pytest.raises(BadGrant) as refusal:
        read_callback(json.dumps(GOOD | changed).encode())
    assert "cs_" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@given(st.one_of(st.binary(max_size=300), st.just(b" " * 5000), st.just(b"[" * 4000)))
def test_any_bytes_are_a_grant_or_refused(body: bytes) -> None:
    with pytest.raises(BadGrant):
        read_callback(body)


def test_a_grant_does_not_show_its_secret() -> None:
    found = read_callback(json.dumps(GOOD).encode())
    assert "0b0b" not in repr(found)
    assert "0a0a" not in repr(found)


@pytest.mark.parametrize(
    "query, was_denied",
    [("success=1&user_id=x", False), ("success=0&user_id=x", True), ("", True), ("success=1&success=0", True)],
)
def test_only_success_is_not_a_denial(query: str, was_denied: bool) -> None:
    assert denied(query) is was_denied
