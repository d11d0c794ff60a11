"""One customer's way through the loop: an order in the store, points here, tags and codes back in the store."""

from __future__ import annotations

from tests.flows.conftest import Loop


def test_an_order_brings_points_and_a_tag(loop: Loop) -> None:
    anna = loop.world.add_customer("anna@example.com", "Anna", "Vos")
    loop.world.place_order([("POT", 2), ("TEA", 1)], customer=anna, shipping=595)
    loop.come_to_rest()
    balance = loop.points(anna.id)
    assert (balance.points, balance.spendable, balance.pending, balance.held, balance.debt) == (105, 0, 105, 0, 0)
    assert anna.tags == ("stage:acquired",)
