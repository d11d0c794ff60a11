"""The block in the shop's pages: what it says to whom, at the speed of the gate in front, and nothing where we fail."""

from __future__ import annotations

import pytest
from a2wsgi import ASGIMiddleware, WSGIMiddleware
from werkzeug.test import Client

from engine.shops import Shop
from plugin.storefront.blocks import BlockDoor
from plugin.storefront.glance import Glances
from tests.plugin.conftest import House, Shopper, order, person


def gate(house: House, patience: float = 2.0) -> Client:
    behind = WSGIMiddleware(house.app)  # type: ignore[arg-type]  # its environ is a TypedDict
    door = BlockDoor(behind, house.installer.shopify.proxied, Glances(house.app), patience)
    return Client(ASGIMiddleware(door))  # type: ignore[arg-type]


@pytest.fixture
def crowd(house: House, shop: Shop) -> Shopper:
    return Shopper(gate(house), shop)


def test_smoke(house, shop, crowd):
    print(crowd.get("/block").text, crowd.get("/block").headers)
    now = house.clock.now
    house.settle(shop, order(1, person("7", now), now))
    house.clock.forward(days=20)
    print(Shopper(crowd.client, shop, "7").get("/block").text)
    print(Shopper(crowd.client, shop, "7").get("/block", lang="fa").text)
    print(Shopper(house.app.test_client(), shop, "7").get("/block").text)
    print(Shopper(crowd.client, shop, "8").get("/block").text)
    assert 0
