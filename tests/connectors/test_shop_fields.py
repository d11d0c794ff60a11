"""Fields of a whole shop against the sandbox: what the blocks in its theme read."""

from __future__ import annotations

import json

from commerce.store import SetShopFields, StoreError
from connectors.shopify.writes.shop_fields import LONGEST
from sandbox.ids import gid
from tests.connectors.conftest import Platform

TOLD = SetShopFields("loyalty", {"program": '{"points": 2}'})


def kept(platform: Platform, key: str) -> str | None:
    there = platform.world.shop()
    found = there.metafields.get(gid("AppInstallation", there.shop_id), "perennial", key)
    return None if found is None else found.value


def test_a_field_of_the_shop_belongs_to_the_app_s_installation_and_is_json(platform: Platform) -> None:
    assert platform.store().set_shop_fields([TOLD]) == [None]
    assert json.loads(kept(platform, "program") or "") == {"points": 2}
    assert platform.store().set_shop_fields([TOLD]) == [None]
    assert platform.store().set_shop_fields([]) == []


def test_what_is_too_long_is_refused_for_good_and_holds_up_nobody(platform: Platform) -> None:
    long = SetShopFields("storefront", {"look": json.dumps("x" * LONGEST)})
    refused, taken = platform.store().set_shop_fields([long, TOLD])
    assert isinstance(refused, StoreError)
    assert refused.permanent
    assert (taken, kept(platform, "look")) == (None, None)
    assert kept(platform, "program") is not None


def test_what_the_store_refuses_is_told_to_each(platform: Platform) -> None:
    (refused,) = platform.store().set_shop_fields([SetShopFields("loyalty", {"program": "{not json"})])
    assert isinstance(refused, StoreError)
    assert "INVALID_VALUE" in refused.reason
    assert kept(platform, "program") is None


def test_what_the_store_refuses_of_one_domain_keeps_no_other_out(platform: Platform) -> None:
    bad = SetShopFields("storefront", {"look": "{not json"})
    outcomes = platform.store().set_shop_fields([bad, TOLD])
    assert [outcome is None for outcome in outcomes] == [False, True]
    assert kept(platform, "program") is not None
    assert kept(platform, "look") is None
