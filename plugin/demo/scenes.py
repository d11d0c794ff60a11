"""A few people act in the demo's shop as anybody could by hand: they redeem points, use the codes, and bring friends.

Everything goes through the shop's own pages and the store's checkout; nothing is written behind their back.
"""

from __future__ import annotations

import html
import re
import threading
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import Any

from sqlalchemy import create_engine, text

from plugin.demo import machine
from plugin.demo.machine import TroubleStarting

ACTORS = 3
PATIENCE_SECONDS = 30.0

_WEALTHY = text("""
    SELECT c.email FROM balances b JOIN customers c USING (shop_id, customer_id)
    WHERE b.points - b.debt >= 200 AND c.email IS NOT NULL ORDER BY b.points DESC LIMIT :limit
""")
_READY = text("""
    SELECT r.code FROM redemptions r JOIN customers c USING (shop_id, customer_id)
    WHERE c.email = :email AND r.issued_at IS NOT NULL ORDER BY r.redemption_id DESC LIMIT 1
""")
_PUSHED = text("SELECT key FROM effects WHERE kind = 'discount' AND key = :code AND pushed_at IS NOT NULL")


class Visitor:
    """Somebody with a browser of their own on the shop's pages."""

    def __init__(self, shop_url: str) -> None:
        self._shop_url = shop_url
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def see(self, path: str, form: dict[str, str] | None = None) -> str:
        """Open a page, or send a form to it; answers with the page that follows."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        with self._browser.open(f"{self._shop_url}{path}", data, timeout=30) as response:
            return str(response.read().decode())


def play(store_url: str, domain: str, database_url: str) -> str:
    """Let the richest customers redeem, use their codes, and each bring a friend. Answers with a sentence."""
    shop_url, engine = f"{store_url}/shops/{domain}", create_engine(database_url)
    goods = _found(r"/store/products/([^\"?]+)", Visitor(shop_url).see("/store/"))
    with engine.connect() as connection:
        actors = [row.email for row in connection.execute(_WEALTHY, {"limit": ACTORS})]
    for number, email in enumerate(actors, 1):
        visitor = Visitor(shop_url)
        visitor.see("/store/login", {"email": email})
        page = visitor.see("/apps/perennial/")
        ticket, reward = (
            _found(r'name="request_key" value="([^"]+)"', page),
            _found(r'name="reward" value="([^"]+)"', page),
        )
        visitor.see("/apps/perennial/redeem", {"reward": reward, "request_key": ticket})
        _buy(store_url, domain, email, goods, str(_wait_for(engine, _READY, email=email)))
        _bring_friend(store_url, domain, engine, _found(r'value="[^"]*/r/([A-Z0-9-]+)', page), number, goods)
    engine.dispose()
    return f"{len(actors)} customers redeemed points and used their codes, and each brought a friend who ordered."


def _bring_friend(store_url: str, domain: str, engine: Any, invitation: str, number: int, goods: str) -> None:
    friend = f"friend-{number}@example.com"
    page = Visitor(f"{store_url}/shops/{domain}").see(f"/apps/perennial/r/{invitation}", {"contact": friend})
    code = _found(r"(FRIEND-[A-Z0-9]+)", page)
    _wait_for(engine, _PUSHED, code=code)
    machine.ask(f"{store_url}/sandbox/customers", {"email": friend, "first_name": "Friend", "last_name": str(number)})
    _buy(store_url, domain, friend, goods, code)


def _buy(store_url: str, domain: str, email: str, sku: str, code: str) -> None:
    order = {
        "shop": domain,
        "customer_id": email,
        "lines": [{"sku": html.unescape(sku), "quantity": 5}],
        "codes": [code],
    }
    machine.ask(f"{store_url}/sandbox/orders", order)


def _found(pattern: str, page: str) -> str:
    match = re.search(pattern, page)
    if match is None:
        raise TroubleStarting("A page of the shop does not show what the demo's actors look for; see the logs in var/")
    return html.unescape(urllib.parse.unquote(match.group(1)))


def _wait_for(engine: Any, question: Any, **values: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if (row := connection.execute(question, values).one_or_none()) is not None:
                return str(row[0])
        threading.Event().wait(0.2)
    raise TroubleStarting("The store did not make a discount code in time; see the logs in var/")
