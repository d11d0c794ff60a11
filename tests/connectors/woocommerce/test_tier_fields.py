"""A tier in a store: its key for other plugins, and its name for shoppers, beside each other."""

from __future__ import annotations

import pytest

from commerce.store import SetFields, SetTags
from tests.connectors.woocommerce.conftest import Shop


@pytest.mark.parametrize("turned", [False, True])
def test_a_tier_s_key_and_name_stand_beside_each_other_whichever_is_written_last(shop: Shop, turned: bool) -> None:
    sara, store = shop.store.register("sara@example.test"), shop.woo()
    tags = SetTags(str(sara), "tier:", ("tier:gold",), ("tier:gold", "tier:silver"))
    name = SetFields(str(sara), "tiers", {"tier": "زرین"})
    if turned:
        assert store.set_fields([name]) == [None]
    assert store.set_tags([tags]) == [None]
    if not turned:
        assert store.set_fields([name]) == [None]
    assert (shop.store.meta(sara, "loyalty_tier"), shop.store.meta(sara, "loyalty_tier_name")) == ("gold", "زرین")


def test_a_hidden_tier_can_be_matched_and_is_shown_to_nobody(shop: Shop) -> None:
    sara, store = shop.store.register("sara@example.test"), shop.woo()
    assert store.set_tags([SetTags(str(sara), "tier:", ("tier:inner",), ("tier:inner",))]) == [None]
    assert store.set_fields([SetFields(str(sara), "tiers", {"tier": None})]) == [None]
    assert (shop.store.meta(sara, "loyalty_tier"), shop.store.meta(sara, "loyalty_tier_name")) == ("inner", None)
