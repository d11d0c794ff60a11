"""The shop front: products, a cart, codes, a checkout, the app's pages under `/apps/…`. Plain forms, no
script needed.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request, send_from_directory, session
from werkzeug.wrappers import Response

from sandbox import proxy, sales, theme
from sandbox.checkout import Item, Quote, quote
from sandbox.customers import Customer
from sandbox.doors import fields, shop, world
from sandbox.orders import Order
from sandbox.products import Product
from sandbox.surfaces import Surface, surface
from sandbox.visits import Visit

pages = Blueprint("storefront", __name__)
PAGE = 48
ATTRIBUTE = re.compile(r"attributes\[([^\]]{1,64})\]")
# what names the visit's origin: the first landing counts until one of these comes along
ORIGIN = ("ref", "source", "r", "utm_source", "utm_campaign")
MOST_LINES = 100
# whole units of the shop's money
PARCEL = 5


def _visit() -> Visit:
    """This visitor's cart, account, codes and origin in this shop; the signed cookie says which is theirs."""
    there = shop()
    name, visit = there.visits.of(session.get(there.domain))
    if session.get(there.domain) != name:
        session[there.domain] = name
    return visit


@pages.before_request
def remember() -> None:
    """The landing address and cart attributes, from any page of the store."""
    if not request.path.startswith(("/store", "/discount")):
        return
    visit = _visit()
    if request.method == "GET" and (visit.landing_site is None or any(name in request.args for name in ORIGIN)):
        path = request.path.removeprefix("/store") or "/"
        visit.landing_site = f"{path}?{request.query_string.decode()}" if request.query_string else path
        visit.referring_site = request.referrer
    if theme.LANGUAGE.fullmatch(request.args.get("locale", "")):
        visit.locale = request.args["locale"]
    for name, value in (*request.args.items(), *request.form.items()):
        match = ATTRIBUTE.fullmatch(name)
        if match:
            visit.attributes[match[1]] = value[:255]


def _customer() -> Customer | None:
    number = _visit().customer
    return shop().customers.by_id(number) if number else None


def _items() -> list[Item]:
    found = ((shop().catalog.by_sku(sku), quantity) for sku, quantity in _visit().cart.items())
    return [Item(product, quantity, product.price) for product, quantity in found if product is not None]


def _quote(email: str | None = None) -> Quote:
    with world().lock:
        return quote(shop(), _items(), customer=_customer(), email=email, codes=_visit().codes, shipping=_shipping())


def _shipping() -> int:
    """What the delivery that the visitor chose costs: collecting is free."""
    return PARCEL * 10 ** shop().currency.exponent if _visit().delivery == "parcel" else 0


def _credit() -> int:
    me = _customer()
    account = shop().store_credit.of(me.id) if me is not None else None
    return account.balance(world().clock()) if account is not None else 0


def _show(template: str, title: str, status: int = 200, **values: Any) -> tuple[str, int]:
    visit, there = _visit(), shop()
    locale = visit.locale or there.locale
    known = {
        "me": _customer(), "credit": _credit(), "parcel": PARCEL * 10 ** there.currency.exponent,
        "pieces": sum(visit.cart.values()), "locale": locale, "direction": theme.direction(locale),
        "shown": _blocks(template, locale, values.get("product")),
        "surface": _surface(template, locale, values.get("order")),
    }  # fmt: skip
    return render_template(f"store/{template}.html", title=title, visit=visit, **known, **values), status


def _blocks(page: str, locale: str, product: Product | None) -> theme.Shown:
    """The app's blocks on this page, where it is installed and the merchant has placed some."""
    there = shop()
    folder, names = there.app.extensions.theme, there.theme_blocks.get(page, ())
    if folder is None or there.installation is None or not names:
        return theme.Shown()
    return theme.show(folder, names, theme.Visit(there, request.script_root, locale, _customer(), product, _quote()))


def _surface(page: str, locale: str, order: Order | None) -> Surface | None:
    page = "thanks" if page == "order" and "thanks" in request.args else page
    return surface(page, locale, _customer(), order=order, items=_items(), codes=_visit().codes)


@pages.get("/store/theme/<path:name>")
def theme_file(name: str) -> Response:
    """A stylesheet or a script of the app's blocks."""
    folder = shop().app.extensions.theme
    if folder is None:
        abort(404)
    return send_from_directory(folder / "assets", name, max_age=3600)


def _here(path: str) -> Response:
    return redirect(request.script_root + path, 303)


def _local(target: str) -> str:
    """Only a path of this store: a redirect elsewhere would make the link a phisher's."""
    return target if re.fullmatch(r"/(?![/\\])[^\\\x00-\x1f]*", target) else "/store/"


# ---- looking


@pages.get("/store/")
def products() -> tuple[str, int]:
    wanted = request.args.get("q", "").casefold().strip()
    found = [p for p in shop().catalog if not wanted or wanted in p.title.casefold() or wanted == p.sku.casefold()]
    number = max(request.args.get("page", 1, int), 1)
    rows = found[(number - 1) * PAGE : number * PAGE]
    return _show("products", shop().name, rows=rows, number=number, more=len(found) > number * PAGE, q=wanted)


@pages.get("/store/products/<path:sku>")
def product(sku: str) -> tuple[str, int]:
    found = shop().catalog.by_sku(sku)
    if found is None:
        abort(404)
    return _show("product", found.title, product=found)


@pages.get("/discount/<code>")
@pages.get("/store/discount/<code>")
def discount(code: str) -> Response:
    """The platform's shareable link: the code waits in the cart."""
    _add_code(code)
    return _here(_local(request.args.get("redirect", "/store/").removeprefix(request.script_root)))


# ---- the account


@pages.get("/store/login")
def login() -> tuple[str, int]:
    return _show("login", "Log in")


@pages.get("/account/login")
def account_login() -> Response:
    """The platform's own address of the log-in page, which apps link to."""
    back = request.args.get("return_url", "").removeprefix(request.script_root)
    return _here(f"/store/login?{urlencode({'next': back})}")


@pages.post("/store/login")
def log_in() -> Response | tuple[str, int]:
    email = request.form.get("email", "")
    found = shop().customers.by_email(email)
    if found is None:
        return _show("login", "Log in", 422, reason=f"Nobody with the e-mail {email!r} has an account here.")
    _visit().customer = found.id
    return _here(_local(request.form.get("next") or "/store/account"))


@pages.post("/store/register")
def register() -> Response | tuple[str, int]:
    email = request.form.get("email", "").strip()
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,190}", email):
        return _show("login", "Log in", 422, reason=f"{email!r} is not an e-mail address.")
    try:
        name = (request.form.get("first_name") or None, request.form.get("last_name") or None)
        made = world().add_customer(email, *name, shop().domain)
    except sales.SaleRefused as error:
        return _show("login", "Log in", 422, reason=str(error))
    _visit().customer = made.id
    return _here("/store/account")


@pages.post("/store/logout")
def log_out() -> Response:
    _visit().customer = None
    return _here("/store/")


@pages.get("/store/account")
def account() -> Response | tuple[str, int]:
    me = _customer()
    if me is None:
        return _here("/store/login")
    return _show("account", me.name, orders=[shop().orders[place] for place in reversed(me.orders)])


# ---- the cart


@pages.get("/cart")
def cart_address() -> Response:
    """The platform's own address of the cart, which apps link to."""
    return _here("/store/cart")


@pages.get("/store/cart")
def cart() -> tuple[str, int]:
    return _show("cart", "Cart", quote=_quote())


@pages.post("/store/cart/add")
def add() -> Response:
    sku, basket = request.form.get("sku", ""), _visit().cart
    if shop().catalog.by_sku(sku) is None or (sku not in basket and len(basket) >= MOST_LINES):
        abort(422)
    basket[sku] = min(basket.get(sku, 0) + max(request.form.get("quantity", 1, int), 1), 9_999)
    return _here("/store/cart")


@pages.post("/store/cart")
def change() -> Response:
    """Quantities, and a code if one was typed."""
    visit = _visit()
    basket = visit.cart
    for sku in list(basket):
        quantity = request.form.get(f"quantity-{sku}", basket[sku], int)
        if quantity > 0:
            basket[sku] = min(quantity, 9_999)
        else:
            del basket[sku]
    visit.delivery = request.form.get("delivery", visit.delivery)
    _add_code(request.form.get("code", ""))
    gone = request.form.get("remove_code")
    if gone:
        visit.codes = [code for code in visit.codes if code != gone]
    return _here("/store/cart")


def _add_code(code: str) -> None:
    visit = _visit()
    codes = visit.codes
    if code.strip() and len(code) <= 255 and code.casefold() not in {known.casefold() for known in codes}:
        visit.codes = [*codes, code.strip()][-5:]


@pages.post("/cart/update.js")
@pages.post("/store/cart/update.js")
def update_js() -> dict[str, Any]:
    """The theme's Ajax cart: attributes only."""
    visit = _visit()
    given = fields(request.get_data(), request.content_type or "").get("attributes")
    if isinstance(given, dict):
        visit.attributes.update({str(name)[:64]: str(value)[:255] for name, value in given.items()})
    for name, value in request.form.items():
        match = ATTRIBUTE.fullmatch(name)
        if match:
            visit.attributes[match[1]] = value[:255]
    return {"attributes": visit.attributes, "item_count": sum(visit.cart.values())}


# ---- the checkout


@pages.get("/store/checkout")
def checkout() -> Response | tuple[str, int]:
    return _show("checkout", "Checkout", quote=_quote()) if _items() else _here("/store/cart")


@pages.post("/store/checkout")
def buy() -> Response | tuple[str, int]:
    """A paid order. A code that is refused now stops the checkout: the shopper agreed to another price."""
    visit, me = _visit(), _customer()
    email = request.form.get("email", "").strip() or None
    if me is None and (email is None or "@" not in email):
        return _show("checkout", "Checkout", 422, quote=_quote(), reason="A guest needs an e-mail address.")
    there = shop()
    with world().lock:
        price = quote(there, _items(), customer=me, email=email, codes=visit.codes, shipping=_shipping())
        if price.refused or not price.items:
            reason = " ".join(price.refused.values()) or "The cart is empty."
            return _show("checkout", "Checkout", 422, quote=price, reason=reason)
        order = sales.place(there, price, _purchase(me, email))
    visit.bought()
    return _here(f"/store/orders/{order.token}?thanks=1")


def _purchase(me: Customer | None, email: str | None) -> sales.Purchase:
    visit = _visit()
    return sales.Purchase(
        customer=me,
        email=email if me is None else None,
        attributes=tuple(visit.attributes.items()),
        landing_site=visit.landing_site,
        referring_site=visit.referring_site,
        note=request.form.get("note") or None,
        gift_cards=tuple(filter(None, [request.form.get("gift_card", "").strip()])),
        store_credit=bool(request.form.get("store_credit")),
    )


@pages.get("/store/orders/<token>")
def order(token: str) -> tuple[str, int]:
    found = _by_token(token)
    if found is None:
        abort(404)
    there = shop()
    lines = [(there.catalog[there.lines.product[place]], place) for place in found.lines]
    return _show("order", f"Order {found.name}", order=found, lines=lines, table=there.lines)


def _by_token(token: str) -> Order | None:
    if not re.fullmatch(r"[0-9a-f]{32}", token):
        return None
    return shop().orders.by_id(int(token, 16))


# ---- the app's pages in the store


@pages.route("/apps/<subpath>", methods=["GET", "POST"], strict_slashes=False)
@pages.route("/apps/<subpath>/<path:rest>", methods=["GET", "POST"])
def app_proxy(subpath: str, rest: str = "") -> Response | tuple[str, int]:
    there, me = shop(), _customer()
    if subpath != there.app.proxy_subpath or there.installation is None:
        abort(404)
    world().stats["proxy_requests"] += 1
    prefix = f"{request.script_root}/apps/{subpath}"
    reply = proxy.forward(there.app, there.domain, prefix, rest, me.id if me else None, world().proxy_clock())
    if reply.liquid is None:
        return reply.response
    if proxy.LAYOUT_NONE.search(reply.liquid):
        return Response(proxy.LAYOUT_NONE.sub("", reply.liquid), reply.response.status_code, mimetype="text/html")
    return _show("proxied", there.app.name, reply.response.status_code, body=reply.liquid)
