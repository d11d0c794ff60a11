"""Whatever the store says, its merchant reads what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connectors.shopify import SCOPES, grants, graphql, tokens
from engine.shops import Shop
from plugin.trouble import _REASONS, advice, troubles
from tests.plugin.conftest import House


def test_every_reason_for_which_a_store_closes_has_an_advice() -> None:
    said = {
        *graphql._CLOSED.values(),
        "the shop is not active",
        grants.RENEWED_NO_MORE,
        grants.UNKNOWN_CLIENT,
        grants.NOT_OUR_ORGANISATION,
        tokens.NO_TOKEN,
        tokens.TOKEN_ENDED,
    }
    assert said == set(_REASONS)


def test_another_reason_is_told_as_it_is() -> None:
    found = advice("the moon is in the way")
    assert (found.title, found.advice) == (
        "Your store does not answer us.",
        "It said: the moon is in the way. We go on asking.",
    )


def test_a_shop_that_is_well_has_no_trouble(house: House, shop: Shop) -> None:
    now = house.clock()
    assert troubles(shop, now) == []
    assert troubles(replace(shop, scopes=None), now) == []
    past = replace(shop, closed_until=now - timedelta(seconds=1), closed_reason="the shop is locked")
    assert troubles(past, now) == []
    both = replace(past, closed_until=now + timedelta(seconds=1), scopes=SCOPES[1:])
    assert [trouble.title for trouble in troubles(both, now)] == [
        "Your store is locked.",
        "Perennial lacks a right in your store.",
    ]
