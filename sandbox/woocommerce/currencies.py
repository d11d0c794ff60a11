"""Orders in another currency than the shop's: what each of the common plugins leaves in the order.

The store itself has one currency and notes no rate. `noted` gives the meta rows of an order whose `currency` is worth
`rate` of the shop's `base` (one euro is 1.10 dollars: ``rate="1.10"``), as that plugin writes it: most write the
inverse.
"""

from __future__ import annotations

from decimal import Decimal

from sandbox.woocommerce.shapes import Body

PLUGINS = ("woopayments", "fox", "curcy", "aelia")


def noted(plugin: str, currency: str, base: str, rate: str) -> list[Body]:
    inverse = str(1 / Decimal(rate))
    rows: dict[str, object]
    if plugin == "woopayments":
        rows = {
            "_wcpay_multi_currency_order_exchange_rate": inverse,
            "_wcpay_multi_currency_order_default_currency": base,
            "_wcpay_multi_currency_stripe_exchange_rate": rate,
        }
    elif plugin == "fox":
        rows = {"_woocs_order_rate": inverse, "_woocs_order_base_currency": base}
    elif plugin == "curcy":
        rows = {
            "wmc_order_info": {
                base: {"rate": "1", "is_main": 1, "decimals": "2", "pos": "left"},
                currency: {"rate": inverse, "is_main": 0, "decimals": "2", "pos": "left"},
            }
        }
    else:
        rows = {"_base_currency_exchange_rate": rate}
    return [{"id": number, "key": key, "value": value} for number, (key, value) in enumerate(rows.items(), 900)]
