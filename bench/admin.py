"""How long a merchant waits for each page, in a shop with a million customers; and what a browser makes of it.

`python -m bench.admin` (`make bench-admin`): a durable database server with a shop of 1,000,000 customers and more than
3,000,000 orders (`bench.crowd`), a real `serve` process, and pages opened one after the other as the store's admin
opens them. Every page that the app has for merchants is walked, by its routes, so a new one is measured without a word
here; those with numbers in their addresses are drawn by lot from the shop. Each is opened three times, and then thirty
times with other customers, names and places in lists; the 95th of a hundred waits is told, from the request to the last
byte, which has the server's time in it and the way there. Then Chromium opens the home page in the admin's frame.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any
from urllib.parse import quote

from flask import Flask
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import crowd, gaze
from bench.figures import BenchFailed, Row
from bench.ground import Ground, ground
from bench.merchant import Merchant, merchant, pages
from bench.sender import percentile
from engine.postgres import PostgresUnavailable
from plugin.admin import menu
from plugin.demo.machine import TroubleStarting

CUSTOMERS, REQUESTS, WARMING = 1_000_000, 30, 3
# What the pages promise.
MOST_MS = 150.0
# No page, but a file to be saved: it may take as long as it is long.
FILES = (".csv", ".zip")

Draw = Callable[[Random], str]
"""Makes an address of a page."""


# Some of each, the same for each run of the same size.
_SOME: Mapping[str, str] = {
    "emails": "SELECT email_key FROM customers WHERE shop_id = %s ORDER BY md5(customer_id || 'e') LIMIT 200",
    "names": "SELECT name_key FROM customers WHERE shop_id = %s ORDER BY md5(customer_id || 'n') LIMIT 200",
    "rewards": "SELECT code FROM redemptions WHERE shop_id = %s ORDER BY md5(redemption_id || 'r') LIMIT 200",
    "codes": "SELECT code FROM referral_codes WHERE shop_id = %s ORDER BY md5(customer_id || 'c') LIMIT 200",
    "orders": "SELECT name FROM orders WHERE shop_id = %s ORDER BY md5(order_id || 'o') LIMIT 200",
    "friends": "SELECT o.name FROM attributions a JOIN orders o USING (shop_id, order_id) WHERE shop_id = %s "
               "ORDER BY md5(order_id || 'a') LIMIT 200",
    "judged": "SELECT screening_id FROM screenings WHERE shop_id = %s AND band <> 'approve' "
              "ORDER BY md5(screening_id || 's') LIMIT 200",
    "segments": "SELECT segment_id FROM segments WHERE shop_id = %s",
    "stages": "SELECT DISTINCT stage FROM standings WHERE shop_id = %s ORDER BY 1",
    "deliveries": "SELECT delivery_id FROM deliveries WHERE shop_id = %s ORDER BY md5(delivery_id || 'd') LIMIT 200",
    "worths": "SELECT predicted_minor || '-' || customer_id FROM customer_values WHERE shop_id = %s "
              "ORDER BY md5(customer_id || 'w') LIMIT 200",
    "effects": "SELECT effect_id FROM effects WHERE shop_id = %s ORDER BY md5(effect_id || 'e') LIMIT 200",
}  # fmt: skip


def drawn(place: Ground, customers: int) -> Mapping[str, Draw]:
    """The pages whose addresses name something: each with a way to draw one."""
    with place.connect() as connection:
        some = {
            name: [row[0] for row in connection.execute(statement.encode(), [place.shop_id])]
            for name, statement in _SOME.items()
        }

    def begins(*kinds: str, least: int = 2, page: str = "/customers") -> Draw:
        """What somebody has typed so far of one of these."""
        known = [str(word) for kind in kinds for word in some[kind] if word]
        return lambda luck: f"{page}?q={quote(luck.choice(known)[: luck.randint(least, 16)])}"

    def any_of(pattern: str, *choices: Sequence[Any]) -> Draw:
        return lambda luck: pattern.format(*(luck.choice(list(given)) for given in choices))

    ids = range(1, customers + 1)
    return {
        "Customers / one": any_of("/customers/{}", ids),
        "Customers / a later page": any_of("/customers?after={}", ids),
        "Customers / of a stage": any_of("/customers?stage={}&after={}", some["stages"], ids),
        "Customers / by name": begins("names"),
        "Customers / by e-mail": begins("emails"),
        "Customers / by order": begins("orders"),
        "Customers / by code": begins("rewards", "codes", least=4),
        "Customers / as one types": begins("names", "emails", "orders", "codes", page="/customers/found"),
        "Customers / filtered": any_of(
            "/customers?{}&{}&after={}",
            ("points=some", "points=none", "tier=gold", "segment=1", "stage=lapsed"),
            ("ordered=30", "ordered=not365", "ordered=never", "points=some"),
            ids,
        ),
        "Segments / one": any_of("/segments/{}", some["segments"]),
        "Segments / its members": any_of("/segments/{}?after={}", some["segments"], ids),
        "Segments / edit": any_of("/segments/{}/edit", some["segments"]),
        "Lifecycle / Pipeline by days": any_of("/lifecycle?days={}", (7, 30, 90)),
        "Lifecycle / Value by group": any_of("/value/customers?group={}", ("champions", "loyal", "at_risk", "lost")),
        "Lifecycle / Value, a later page": any_of("/value/customers?after={}", some["worths"]),
        "Referral / an order": lambda luck: f"/referral?order={quote(luck.choice(some['friends']))}",
        "Referral / Review, decided": any_of(
            "/referral/review?band={}&before={}", ("approve", "decline"), range(1, max(2, customers // 20))
        ),
        "Referral / a ring": any_of("/referral/review/{}/ring", some["judged"]),
        "Referral / Figures by days": any_of("/referral/figures?days={}", (30, 90, 365)),
        "Activity / deliveries, later": any_of("/activity?after={}", some["deliveries"]),
        "Activity / deliveries, parked": any_of("/activity?state={}", ("parked", "waiting")),
        "Activity / effects": any_of("/activity?box=effects&after={}", some["effects"]),
        "Activity / effects, parked": any_of("/activity?box=effects&state={}", ("parked", "waiting")),
    }


def plain(app: Flask) -> Mapping[str, str]:
    """Every page of a merchant's whose address names nothing, by its name in the menu, or by its address."""
    found = dict[str, str]()
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        owned = getattr(view, "owner", None) == "merchant" and "GET" in (rule.methods or ())
        if owned and not rule.arguments and not rule.rule.endswith(FILES) and rule.endpoint not in _ELSEWHERE:
            found.setdefault(_called(rule.endpoint, rule.rule), rule.rule)
    return found


# Pages of other platforms' stores alone.
_ELSEWHERE = {page.endpoint for place in menu.PLACES for page in place.pages if page.needs}


def _called(endpoint: str, address: str) -> str:
    for place in menu.PLACES:
        for page in place.pages:
            if page.endpoint == endpoint:
                return str(place.name) if len(place.pages) == 1 else f"{place.name} / {page.name}"
    return address


def walk(staff: Merchant, draws: Mapping[str, Draw], requests: int, progress: Progress) -> dict[str, float]:
    """The 95th of a hundred waits for each page, in milliseconds."""
    bar, luck, found = progress.add_task("opening pages", total=len(draws)), Random(5), dict[str, float]()
    for name, draw in draws.items():
        for _ in range(WARMING):
            staff.open(draw(luck))
        found[name] = percentile([staff.open(draw(luck)) for _ in range(requests)], 95)
        progress.advance(bar)
    progress.remove_task(bar)
    return found


def measure(customers: int, requests: int, progress: Progress, *, browser: bool = True) -> dict[str, Any]:
    with ground() as place:
        sizes = crowd.write(place, customers, progress)
        print(f"  {sizes['customers']:,} customers, {sizes['orders']:,} orders, {sizes['megabytes']:,} MB", flush=True)
        addresses, draws = plain(pages(place)), drawn(place, customers)
        with merchant(place) as staff:
            draws = {name: _always(address) for name, address in _there(staff, addresses).items()} | dict(draws)
            waits = walk(staff, draws, requests, progress)
            for name, ms in waits.items():
                print(Row(name, requests, ms, "ms, p95" + (", too slow" if ms > MOST_MS else "")), flush=True)
            seen = gaze.look(staff, progress) if browser else {}
    return {"pages": {name: round(ms, 1) for name, ms in waits.items()}, **seen}


def _there(staff: Merchant, addresses: Mapping[str, str]) -> Mapping[str, str]:
    """Those that are pages for this merchant: some are only for people who signed in with us, some for other stores.

    Those of the menu have to be.
    """
    in_menu = {_called(page.endpoint, "") for place in menu.PLACES for page in place.pages}
    found = dict[str, str]()
    for name, address in addresses.items():
        status = 200 if name in in_menu else staff.ask(address)[0]
        if status == 200:
            found[name] = address
        else:
            print(f"  {name} is no page for this merchant ({status})", flush=True)
    return found


def _always(address: str) -> Draw:
    return lambda _luck: address


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.admin", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="of the shop (%(default)s)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each page (%(default)s)")
    chosen = parser.parse_args(arguments)
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            facts = measure(chosen.customers, chosen.requests, progress)
    except (BenchFailed, TroubleStarting, PostgresUnavailable) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    # A plain `kill` must stop what was started here, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
