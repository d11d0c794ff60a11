"""Money of WooCommerce stores through the whole house: currencies that no list has, orders in other currencies than the
shop's, and stores that change their decimals.

The first terms give a point for each whole unit of the shop's currency.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import pytest

from commerce.money import EXPONENTS
from engine.work import Database
from sandbox.woocommerce import Line, check_out, noted
from sandbox.woocommerce.currencies import PLUGINS
from tests.flows.woo import Woo, guest, open_woo, orders, parked, person
from tests.ground import Clock, Superuser

ANN = person("Ann")
ANNS = guest("ann@example.test")


class Opens(Protocol):
    def __call__(self, **settings: Any) -> AbstractContextManager[Woo]: ...


@pytest.fixture
def opens(database: Database, clock: Clock, above: Superuser) -> Opens:
    @contextmanager
    def opened(**settings: Any) -> Iterator[Woo]:
        with open_woo(database, clock, **settings) as woo:
            yield woo
            assert woo.faults() == []
            assert parked(above, woo) == []

    return opened


def money(above: Superuser, woo: Woo, number: int) -> Any:
    """Goods, refunds and currency of an order in the mirror."""
    return orders(above, woo)[str(number)][3:]


@pytest.mark.parametrize("currency", ["IRR", "IRT", "IRHR", "IRHT"])
def test_the_units_of_iran_are_whole_and_earn(opens: Opens, above: Superuser, currency: str) -> None:
    assert EXPONENTS[currency] == 0
    with opens(currency=currency, decimals=0) as woo:
        number = check_out(woo.store, [Line("چای", "185000", 3)], billing=ANN, method="card")
        woo.store.refund(number, "55000")
        woo.rest()
        assert money(above, woo, number) == (555_000, 55_000, currency)
        assert woo.points(ANNS) == 500_000


@pytest.mark.parametrize(
    "currency, amount, tomans", [("IRR", "1850000", 185_000), ("IRHR", "1850", 185_000), ("IRHT", "185", 185_000)]
)
def test_another_unit_of_the_same_money_is_told_in_the_shop_s(
    opens: Opens, above: Superuser, currency: str, amount: str, tomans: int
) -> None:
    with opens(currency="IRT", decimals=0) as woo:
        number = check_out(woo.store, [Line("چای", amount)], billing=ANN, method="card", currency=currency)
        woo.rest()
        assert money(above, woo, number) == (tomans, 0, "IRT")
        assert woo.points(ANNS) == tomans


@pytest.mark.parametrize("plugin", PLUGINS)
def test_an_order_in_euros_earns_in_dollars_by_the_plugin_s_rate_and_so_is_refunded(
    opens: Opens, above: Superuser, plugin: str
) -> None:
    with opens(currency="USD") as woo:
        rate = noted(plugin, "EUR", "USD", "1.25")
        number = check_out(
            woo.store, [Line("Tea", "40.00", 2)], billing=ANN, method="card", currency="EUR", meta_data=rate
        )
        woo.rest()
        assert money(above, woo, number) == (10_000, 0, "USD")
        assert woo.points(ANNS) == 100
        refund = woo.store.refund(number, "40.00")
        woo.rest()
        assert money(above, woo, number) == (10_000, 5_000, "USD")
        assert woo.points(ANNS) == 50
        woo.store.delete_refund(number, refund)
        woo.rest()
        assert woo.points(ANNS) == 100
        # Told by the sweep, it is the same to the cent.
        woo.store.changed(number)
        woo.store.courier.waiting.clear()
        assert woo.reconcile() >= 1
        assert money(above, woo, number) == (10_000, 0, "USD")
        assert woo.points(ANNS) == 100


def test_dollars_in_a_shop_of_tomans_are_exchanged_across_the_decimals(opens: Opens, above: Superuser) -> None:
    with opens(currency="IRT", decimals=0) as woo:
        rate = noted("fox", "USD", "IRT", "50000")
        number = check_out(woo.store, [Line("Tea", "12")], billing=ANN, method="card", currency="USD", meta_data=rate)
        woo.store.refund(number, "2")
        woo.rest()
        assert money(above, woo, number) == (600_000, 100_000, "IRT")
        assert woo.points(ANNS) == 500_000


def test_an_order_in_another_currency_without_a_rate_stays_in_its_own_and_earns_nothing(
    opens: Opens, above: Superuser
) -> None:
    with opens(currency="USD") as woo:
        foreign = check_out(woo.store, [Line("Tea", "40.00")], billing=ANN, method="card", currency="EUR")
        own = check_out(woo.store, [Line("Tea", "40.00")], billing=ANN, method="card")
        woo.rest()
        assert money(above, woo, foreign) == (4_000, 0, "EUR")
        assert money(above, woo, own) == (4_000, 0, "USD")
        assert woo.points(ANNS) == 40


def test_a_store_set_to_fewer_decimals_moves_no_points_of_old_orders(opens: Opens, above: Superuser) -> None:
    with opens(currency="USD") as woo:
        lines = [Line("Tea", "47.55"), Line("Pot", "20.30", 2), Line("Jar", "0.40")]
        number = check_out(woo.store, lines, billing=ANN, method="card")
        first, second = woo.store.refund(number, "10.45"), woo.store.refund(number, "5.60")
        woo.rest()
        before = money(above, woo, number)
        assert before == (8_855, 1_605, "USD")
        woo.store.decimals = 0
        woo.store.set_status(number, "completed")
        woo.rest()
        assert money(above, woo, number) == before
        assert above.one(
            "SELECT sum(net_minor) FROM order_lines l WHERE l.shop_id = %s", woo.shop.shop_id
        ) == 8_855  # fmt: skip
        # What really happens is still taken in.
        woo.store.delete_refund(number, first)
        woo.rest()
        assert money(above, woo, number) == (8_855, 560, "USD")
        woo.store.delete_refund(number, second)
        woo.store.refund(number, "40")
        woo.rest()
        assert money(above, woo, number) == (8_855, 4_000, "USD")
        assert woo.points(ANNS) == 48


def test_a_whole_refund_written_rounded_takes_back_all_that_was_earned(opens: Opens, above: Superuser) -> None:
    with opens(currency="USD") as woo:
        number = check_out(woo.store, [Line("Tea", "47.45")], billing=ANN, method="card")
        woo.rest()
        assert woo.points(ANNS) == 47
        woo.store.decimals = 0
        woo.store.refund(number)
        woo.rest()
        # 47 dollars of 47 went back: that is all of it, and nobody has bought 45 cents' worth of tea.
        assert money(above, woo, number) == (4_745, 4_745, "USD")
        assert woo.points(ANNS) == 0
