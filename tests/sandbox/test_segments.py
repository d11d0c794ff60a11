"""The segment language, as far as the sandbox computes it."""

from __future__ import annotations

import pytest

from sandbox import World
from sandbox.segments import BadQuery, compile_query
from tests.sandbox.conftest import Clock


@pytest.mark.parametrize(
    "query,members",
    [
        ("customer_tags CONTAINS 'GOLD'", "a"),
        ("customer_tags CONTAINS 'gol'", ""),
        ("customer_tags NOT CONTAINS 'gold'", "bc"),
        ("customer_tags IS NULL", "c"),
        ("customer_tags IS NOT NULL", "ab"),
        ("number_of_orders >= 1", "ab"),
        ("number_of_orders = 0 OR customer_tags CONTAINS 'gold'", "ac"),
        ("number_of_orders > 0 AND NOT_A_WORD = 1", None),
        ("(customer_tags CONTAINS 'gold' OR customer_tags CONTAINS 'it\\'s') AND amount_spent > 20", "a"),
        ("amount_spent BETWEEN 9 AND 10", "b"),
        ("last_order_date < -30d", ""),
        ("last_order_date >= '2026-11-01'", "ab"),
        ("last_order_date IS NULL", "c"),
        ("rfm_group = 'LOYAL'", ""),
        ("rfm_group = 'LOYAL' OR number_of_orders = 0", "c"),
        ("", None),
        ("customer_tags", None),
        ("customer_tags CONTAINS 'a' customer_tags", None),
        ("(customer_tags CONTAINS 'a'", None),
    ],
)
def test_a_query_selects_or_is_refused(world: World, clock: Clock, query: str, members: str | None) -> None:
    for name, tags, lines in (("a", ["Gold"], ("MUG", 2)), ("b", ["it's"], ("TEA", 1)), ("c", [], None)):
        customer = world.add_customer(f"{name}@example.com")
        world.shop().tag_customer(customer, tags, [])
        if lines is not None:
            world.place_order([lines], customer=customer)
    if members is None:
        with pytest.raises(BadQuery):
            compile_query(query)
        return
    test, shop = compile_query(query), world.shop()
    found = [customer.email[0] for customer in shop.customers if customer.email and test(shop.standing(customer))]
    assert "".join(found) == members
