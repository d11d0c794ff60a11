"""UI extensions of the app around an order: its own modules, run in the page of the store where their target is.

The platform runs them apart, in a worker, and draws them with its components; here the page itself is the host
(`static/extension-host.js`). What it gives them are the same facts, and a token that says who is asking.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, request

from sandbox.checkout import Item
from sandbox.customers import Customer
from sandbox.discounts import VARIANT_OFFSET
from sandbox.doors import shop, world
from sandbox.ids import gid
from sandbox.orders import Order
from sandbox.shop import Shop

# Which target a page of the store is, where the merchant has placed what the app has for it.
TARGETS: Mapping[str, str] = {
    "order": "customer-account.order-status.block.render",
    "thanks": "purchase.thank-you.block.render",
    "checkout": "purchase.checkout.block.render",
}

modules = Blueprint("surfaces", __name__)


@dataclass(frozen=True)
class Surface:
    """An extension on a page: where its module is, and what it is told."""

    module: str
    facts: Mapping[str, Any]


def surface(
    page: str,
    locale: str,
    customer: Customer | None,
    *,
    order: Order | None = None,
    items: Sequence[Item] = (),
    codes: Sequence[str] = (),
) -> Surface | None:
    """What the app shows on this page; None where it has nothing for it, or the merchant has not placed it."""
    there, target = shop(), TARGETS.get(page, "")
    module = there.app.extensions.targets.get(target)
    if module is None or there.installation is None or target not in there.targets:
        return None
    folder = module.parent.parent
    own = folder / "locales" / f"{locale[:2]}.json"
    words = own if own.is_file() else next((folder / "locales").glob("*.default.json"))
    facts = {
        "token": world().extension_token(customer, there.domain),
        "locale": locale,
        "words": json.loads(words.read_text("utf-8")),
        "order": None if order is None else {"id": gid("Order", order.id)},
        "lines": [_line(there, item) for item in items],
        "codes": list(codes),
        "cart": f"{request.script_root}/store/cart",
        "account": f"{request.script_root}/store/account",
    }
    return Surface(f"{request.script_root}/store/extension/{module.name}", facts)


def _line(there: Shop, item: Item) -> dict[str, Any]:
    product = item.product
    total = {"amount": there.currency.text(item.price * item.quantity), "currencyCode": there.currency.code}
    return {
        "merchandise": {
            "id": gid("ProductVariant", product.id + VARIANT_OFFSET),
            "product": {"id": gid("Product", product.id), "vendor": there.name},
        },
        "quantity": item.quantity,
        "cost": {"totalAmount": total},
    }


@modules.get("/store/extension/<name>")
def module(name: str) -> Response:
    """A module of the app's, with the app's address filled in, as for each deployment."""
    there = shop()
    folders = {found.parent for found in there.app.extensions.targets.values()}
    file = next((folder / name for folder in folders if (folder / name).is_file() and name.endswith(".js")), None)
    if file is None:
        abort(404)
    text = file.read_text("utf-8").replace(there.app.extensions.address, there.app.app_url.rstrip("/"))
    return Response(text, mimetype="text/javascript")
