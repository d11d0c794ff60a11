"""The theme around a shop front, as far as apps' blocks go: their own Liquid files, where a merchant has put them, with
the objects and filters that the platform gives to them.

Prices are in hundredths, as Liquid has them in every currency. A block's text is in the visitor's language, or in the
extension's default one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from liquid import DictLoader, Environment
from markupsafe import Markup

from sandbox.checkout import Quote
from sandbox.customers import Customer
from sandbox.discounts import VARIANT_OFFSET
from sandbox.ids import gid
from sandbox.metafields import OWN_NAMESPACE, Metafield
from sandbox.products import Product
from sandbox.shop import Shop

SCHEMA = re.compile(r"\{%-?\s*schema\s*-?%\}(.*?)\{%-?\s*endschema\s*-?%\}", re.DOTALL)
HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
# Where a merchant would put blocks of these names, by page of the store; an app may have some of them, or none.
USUAL: Mapping[str, tuple[str, ...]] = {
    "products": ("points", "referral"),
    "product": ("earn",),
    "cart": ("earn", "cart"),
    "account": ("points", "rewards", "referral"),
}
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
READ: Mapping[str, Callable[[str], Any]] = {
    "number_integer": int,
    "number_decimal": float,
    "json": json.loads,
    "boolean": lambda text: text == "true",
}


@dataclass(frozen=True)
class Block:
    """One app block: its Liquid, what its schema asks the theme to load, and the settings as they come."""

    name: str
    source: str
    stylesheet: str | None
    script: str | None
    settings: Mapping[str, Any]


@dataclass
class Shown:
    """What a page of the store shows of the app: each block's HTML, and the files that the theme loads for them."""

    blocks: list[Markup] = field(default_factory=list)
    stylesheets: dict[str, None] = field(default_factory=dict)
    scripts: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class Visit:
    """Who looks at what, in which language: what Liquid's global objects are made of. `root` stands before each path
    of the store.
    """

    shop: Shop
    root: str
    locale: str
    customer: Customer | None = None
    product: Product | None = None
    quote: Quote | None = None


def place(shop: Shop, chosen: Mapping[str, Iterable[str]] | bool) -> None:
    """The merchant puts the app's blocks on pages of the store: these, the usual ones with the app's UI extensions, or
    none. Raises `ValueError` for a block that the app has not deployed.
    """
    folder = shop.app.extensions.theme
    there = {file.stem for file in (folder / "blocks").glob("*.liquid")} if folder else set[str]()
    everywhere = chosen is True
    if chosen is True:
        chosen = {page: [name for name in names if name in there] for page, names in USUAL.items()}
    placed = {page: tuple(names) for page, names in (chosen or {}).items()}
    if unknown := {name for names in placed.values() for name in names} - there:
        has = ", ".join(sorted(there)) or "none"
        raise ValueError(f"the app has no block {', '.join(sorted(unknown))}; it has {has}")
    shop.theme_blocks = placed
    shop.targets = frozenset(shop.app.extensions.targets) if everywhere else frozenset()


def direction(locale: str) -> str:
    return "rtl" if locale[:2] in RIGHT_TO_LEFT else "ltr"


def show(folder: Path, names: Iterable[str], visit: Visit) -> Shown:
    """The blocks `names` of the extension in `folder`, as this visitor sees them."""
    shown, objects = Shown(), _objects(visit)
    environment = _environment(folder, visit.locale, visit.shop.currency.code)
    for number, name in enumerate(names):
        block = _block(folder, name)
        settings = dict(block.settings)
        # Where the store stands under a path, its merchant has said so to the blocks.
        settings |= {key: visit.root + value for key, value in settings.items() if str(value).startswith("/apps/")}
        given = {"id": f"block-{number}", "settings": settings, "shopify_attributes": f'data-block="{name}-{number}"'}
        html = environment.from_string(block.source).render(**objects, block=given)
        if html.strip():
            shown.blocks.append(Markup(f'<div id="shopify-block-{number}" class="shopify-app-block">{html}</div>'))  # noqa: S704 - as the theme does
        # The platform loads a block's files with the block, whatever it shows.
        shown.stylesheets |= {block.stylesheet: None} if block.stylesheet else {}
        shown.scripts |= {block.script: None} if block.script else {}
    return shown


@lru_cache(maxsize=64)
def _block(folder: Path, name: str) -> Block:
    text = (folder / "blocks" / f"{name}.liquid").read_text("utf-8")
    found = SCHEMA.search(text)
    schema = json.loads(found[1]) if found else {}
    settings = {s["id"]: s["default"] for s in schema.get("settings", ()) if "default" in s}
    return Block(name, SCHEMA.sub("", text), schema.get("stylesheet"), schema.get("javascript"), settings)


@lru_cache(maxsize=64)
def _environment(folder: Path, locale: str, currency: str) -> Environment:
    snippets = {file.stem: file.read_text("utf-8") for file in (folder / "snippets").glob("*.liquid")}
    made = Environment(loader=DictLoader(snippets))
    words = _words(folder, locale)

    def told(key: object, **values: object) -> str:
        text = words.get(str(key), f"Translation missing: {locale}.{key}")
        return HOLE.sub(lambda hole: escape(str(values.get(hole[1], ""))), text)

    made.filters["t"] = made.filters["translate"] = told
    made.filters["money"] = lambda amount: _money(amount, currency)
    return made


def _money(hundredths: object, currency: str) -> str:
    whole = int(str(hundredths))
    return f"{whole // 100:,}.{whole % 100:02d} {currency}"


def _words(folder: Path, locale: str) -> dict[str, str]:
    (default,) = (folder / "locales").glob("*.default.json")
    own = folder / "locales" / f"{locale[:2]}.json"
    return _leaves(json.loads(default.read_text("utf-8"))) | (
        _leaves(json.loads(own.read_text("utf-8"))) if own.is_file() else {}
    )


def _leaves(node: Mapping[str, Any], path: str = "") -> dict[str, str]:
    found = dict[str, str]()
    for name, value in node.items():
        found |= _leaves(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": str(value)}
    return found


# ---- Liquid's global objects


def _objects(visit: Visit) -> dict[str, Any]:
    shop = visit.shop
    return {
        "app": {"metafields": _metafields(shop, gid("AppInstallation", shop.shop_id))},
        "shop": {"name": shop.name, "currency": shop.currency.code, "permanent_domain": shop.domain},
        "request": {"locale": {"iso_code": visit.locale, "primary": visit.locale == shop.locale}},
        "routes": {
            "root_url": f"{visit.root}/", "cart_url": f"{visit.root}/cart", "account_url": f"{visit.root}/account",
            "account_login_url": f"{visit.root}/account/login",
        },
        "customer": _customer(shop, visit.customer),
        "product": None if visit.product is None else _product(shop, visit.product),
        "cart": _cart(shop, visit.quote),
    }  # fmt: skip


def _hundredths(shop: Shop, minor: int) -> int:
    return int(minor * 100 // 10**shop.currency.exponent)


def _metafields(shop: Shop, owner: str) -> dict[str, dict[str, Any]]:
    found = dict[str, dict[str, Any]]()
    for each in shop.metafields.of(owner):
        # Liquid reads an app's own namespace as ``app``.
        name = "app" if each.namespace == OWN_NAMESPACE else each.namespace
        found.setdefault(name, {})[each.key] = {"value": _value(each), "type": each.type}
    return found


def _value(metafield: Metafield) -> Any:
    return READ.get(metafield.type, str)(metafield.value)


def _customer(shop: Shop, customer: Customer | None) -> dict[str, Any] | None:
    if customer is None:
        return None
    return {
        "id": customer.id, "email": customer.email, "first_name": customer.first_name, "name": customer.name,
        "last_name": customer.last_name, "orders_count": len(customer.orders), "tags": list(customer.tags),
        "metafields": _metafields(shop, gid("Customer", customer.id)),
    }  # fmt: skip


def _product(shop: Shop, product: Product) -> dict[str, Any]:
    price = _hundredths(shop, product.price)
    variant = {"id": product.id + VARIANT_OFFSET, "price": price, "sku": product.sku, "available": True}
    return {
        "id": product.id, "title": product.title, "handle": product.sku.lower(), "price": price,
        "gift_card?": product.gift_card, "selected_or_first_available_variant": variant, "variants": [variant],
    }  # fmt: skip


def _cart(shop: Shop, quote: Quote | None) -> dict[str, Any]:
    items = quote.items if quote is not None else ()
    return {
        "item_count": sum(item.quantity for item in items),
        "total_price": _hundredths(shop, quote.subtotal) if quote is not None else 0,
        "currency": {"iso_code": shop.currency.code},
        "items": [
            {
                "quantity": item.quantity,
                "price": _hundredths(shop, item.price),
                "final_line_price": _hundredths(shop, item.price * item.quantity),
                "product_id": item.product.id,
                "variant_id": item.product.id + VARIANT_OFFSET,
                "gift_card": item.product.gift_card,
                "product": _product(shop, item.product),
            }
            for item in items
        ],
    }
