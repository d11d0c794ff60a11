"""The merchant's admin: install the app and open it embedded, look at everything, refund, cancel, cause
faults.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox import sales
from sandbox.customers import Customer
from sandbox.doors import doors, refused, shop, world
from sandbox.faults import BadFaults, Faults
from sandbox.launch import fresh_token, launch_url, link_url
from sandbox.money import BadAmount
from sandbox.orders import Order

pages = Blueprint("admin", __name__, url_prefix="/admin")
PAGE = 50


@pages.before_request
def same_site() -> None:
    """Another web page must not press the merchant's buttons. Scripts send no such header and may."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        abort(403)


def _show(template: str, title: str, **values: Any) -> str:
    return render_template(f"admin/{template}.html", title=title, **values)


def _here(path: str) -> Response:
    return redirect(request.script_root + "/admin" + path, 303)


def _slice(rows: Any) -> tuple[list[Any], int, int]:
    """A page of a list, newest first; the page's number and how many pages there are."""
    number = max(request.args.get("page", 1, int), 1)
    count = max((len(rows) + PAGE - 1) // PAGE, 1)
    start = (number - 1) * PAGE
    places = range(len(rows) - 1 - start, max(len(rows) - 1 - start - PAGE, -1), -1)
    return [rows[place] for place in places if place >= 0], number, count


@pages.get("/")
def home() -> str:
    return _show("home", "Home", replay=doors().replay)


# ---- the app


@pages.get("/install")
@pages.get("/oauth/install")
def consent() -> str:
    return _show("consent", f"Install {shop().app.name}", action="/admin/install")


@pages.post("/install")
def install() -> Response:
    with world().lock:
        if shop().installation is None:
            world().install(shop().domain)
        else:
            world().grant_scopes(shop().app.scopes, shop().domain)
    return _here(f"/apps/{shop().app.client_id}")


@pages.post("/scopes")
def scopes() -> Response:
    """The merchant takes rights back from the app, or gives them again."""
    world().grant_scopes(request.form.getlist("scope"), shop().domain)
    return _here("/")


@pages.post("/outages")
def outages() -> Response | tuple[str, int]:
    try:
        world().outages.set(dict(request.form))
    except BadFaults as error:
        return refused(sales.SaleRefused(str(error)))
    return _here("/deliveries")


@pages.post("/uninstall")
def uninstall() -> Response:
    world().uninstall(shop().domain)
    return _here("/")


@pages.get("/apps/<client_id>", strict_slashes=False)
@pages.get("/apps/<client_id>/<path:path>")
def app(client_id: str, path: str = "") -> str | Response:
    there = shop()
    if client_id not in (there.app.client_id, there.app.name.lower()):
        abort(404)
    # An app that asks for more than it was granted is not shown before the merchant has agreed.
    if there.installation is None or (there.app.embedded and set(there.app.scopes) - set(there.installation.scopes)):
        return _here("/install")
    if not there.app.embedded:
        return redirect(link_url(world(), there, "/" + path))
    return _show("app", there.app.name, url=launch_url(world(), there, "/" + path), wide=True)


@pages.post("/apps/<client_id>/id-token")
def token(client_id: str) -> dict[str, str]:
    there = shop()
    if client_id != there.app.client_id or there.installation is None:
        abort(404)
    return {"token": fresh_token(world(), there)}


@pages.post("/privacy")
def privacy() -> Response:
    number = request.form.get("customer_id", type=int)
    customer = shop().customers.by_id(number) if number else None
    world().send_privacy(request.form["topic"], shop().domain, customer)
    return _here("/deliveries")


# ---- orders


def _order(number: int) -> Order:
    found = shop().orders.by_id(number)
    if found is None:
        abort(404)
    return found


@pages.get("/orders")
def orders() -> str:
    rows, number, count = _slice(shop().orders)
    return _show("orders", "Orders", rows=rows, number=number, count=count)


@pages.get("/orders/<int:number>")
def order(number: int) -> str:
    there, found = shop(), _order(number)
    lines = [
        {
            "place": place,
            "product": there.catalog[there.lines.product[place]],
            "quantity": there.lines.quantity[place],
            "returned": there.lines.returned[place],
            "price": there.lines.price[place],
            "discount": there.lines.discount[place],
        }
        for place in found.lines
    ]
    return _show("order", f"Order {found.name}", order=found, lines=lines, reasons=sales.CANCEL_REASONS)


@pages.post("/orders/<int:number>/refund")
def refund(number: int) -> Response | tuple[str, int]:
    there, found = shop(), _order(number)
    counts = ((place, request.form.get(f"line-{place}", 0, int)) for place in found.lines)
    pieces = {place: count for place, count in counts if count}
    text = request.form.get("amount", "").strip()
    try:
        amount = there.currency.minor(text) if text else None
        with world().lock:
            sales.refund(there, found, pieces, amount=amount, note=request.form.get("note") or None)
    except BadAmount as error:
        return refused(sales.SaleRefused(str(error)))
    return _here(f"/orders/{number}")


@pages.post("/orders/<int:number>/cancel")
def cancel(number: int) -> Response:
    with world().lock:
        sales.cancel(shop(), _order(number), reason=request.form.get("reason", "customer"))
    return _here(f"/orders/{number}")


@pages.post("/orders/<int:number>/pay")
def pay(number: int) -> Response:
    with world().lock:
        sales.pay(shop(), _order(number))
    return _here(f"/orders/{number}")


# ---- people, segments, discounts


def _matches(customer: Customer, wanted: str) -> bool:
    texts = (customer.email or "", customer.name, str(customer.id), *customer.tags)
    return any(wanted in text.casefold() for text in texts)


@pages.get("/customers")
def customers() -> str:
    wanted = request.args.get("q", "").strip().casefold()
    everyone = shop().customers
    found: Any = [c for c in everyone if _matches(c, wanted)] if wanted else everyone
    rows, number, count = _slice(found)
    return _show("customers", "Customers", rows=rows, number=number, count=count, q=wanted)


@pages.get("/customers/<int:number>")
def customer(number: int) -> str:
    there = shop()
    found = there.customers.by_id(number)
    if found is None:
        abort(404)
    bought = [there.orders[place] for place in reversed(found.orders)]
    inside = there.segments_of(found)
    segments = [segment for segment in there.segments if segment.id in inside]
    codes = [discount for discount in there.discounts if found.id in discount.customers]
    return _show("customer", found.name, customer=found, orders=bought, segments=segments, codes=codes)


@pages.post("/customers/<int:number>/tags")
def tag(number: int) -> Response:
    """The merchant's own tags: the app hears of them like of any other."""
    there = shop()
    found = there.customers.by_id(number)
    if found is None:
        abort(404)
    with world().lock:
        there.tag_customer(found, [request.form.get("add", "")], [request.form.get("remove", "")])
    return _here(f"/customers/{number}")


@pages.get("/segments")
def segments() -> str:
    with world().lock:
        rows = [(segment, len(shop().members(segment))) for segment in shop().segments]
    return _show("segments", "Segments", rows=rows)


@pages.get("/discounts")
def discounts() -> str:
    now = world().clock()
    rows = [(discount, discount.status(now)) for discount in shop().discounts]
    rows.reverse()
    cards = list(shop().gift_cards)[::-1][:500]
    return _show("discounts", "Discounts", rows=rows[:500], total=len(rows), cards=cards)


# ---- deliveries and faults


@pages.get("/deliveries")
def deliveries() -> str:
    courier = world().courier
    recent = list(courier.recent)[::-1]
    return _show("deliveries", "Deliveries", rows=recent, courier=courier, faults=courier.fate.faults)


@pages.post("/deliveries/flush")
def flush() -> Response:
    world().courier.flush()
    return _here("/deliveries")


@pages.post("/faults")
def faults() -> Response | tuple[str, int]:
    try:
        world().courier.misbehave(Faults.of({k: v for k, v in request.form.items() if v.strip()}))
    except BadFaults as error:
        return refused(sales.SaleRefused(str(error)))
    return _here("/deliveries")
