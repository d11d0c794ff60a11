"""How long a friend waits for an invitation: the landing page, and the claim that makes a code.

`python -m bench.inviting`: a real `serve` with two processes and a durable database server; shoppers on kept-alive
connections of their own, through the platform's signed proxy. Each asks, waits for the answer, and asks again: so many
requests are in the house at every instant. Each claim is somebody else's, from somewhere else.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from bench.door import serving
from bench.figures import BenchFailed, Row
from bench.ground import Ground, clock, ground
from bench.sender import percentile
from bench.store import DOMAIN, SECRET
from connectors.shopify import PROXY_PATH
from engine.postgres import PostgresUnavailable
from plugin.demo.machine import TroubleStarting
from sandbox.signing import proxy_signature
from sandbox.wire import Parcel, Wire

SHOPPERS = 64
REQUESTS = 3_000
# Asked and thrown away: a process answers its first requests more slowly than any after them.
WARMING = 400
ANSWER_SECONDS = 30.0
# As many codes as a shop of some years has; every friend comes by one of them.
ADVOCATES = 1_000

_ADVOCATES = """
    INSERT INTO customers (shop_id, external_id, observed_at)
    SELECT %(shop)s, (7000000 + n)::text, now() FROM generate_series(1, %(many)s) n
"""
_CODES = """
    INSERT INTO referral_codes (shop_id, customer_id, code, name_key, created_at)
    SELECT shop_id, customer_id, 'BENCH-' || customer_id, 'bench ' || customer_id, now() FROM customers
    WHERE shop_id = %(shop)s RETURNING code
"""


@dataclass(slots=True, eq=False)
class _Asked:
    request: bytes
    sent_at: float


def measure(shoppers: int = SHOPPERS, requests: int = REQUESTS) -> list[Row]:
    """Rows for the landing page and for the claim: the 50th and the 95th of a hundred waits, in milliseconds."""
    chance = random.Random(7)
    with ground() as place, serving(place, PERENNIAL_WEB_PROCESSES="2") as (url, _):
        codes = _advocates(place)
        address = f"http://{urlsplit(url).netloc}"
        ways: dict[str, Callable[[], bytes]] = {
            "landing": lambda: _landing(address, chance.choice(codes)),
            "claim": lambda: _claim(address, chance.choice(codes), chance),
        }
        rows = list[Row]()
        for what, make in ways.items():
            ask(address, make, shoppers, min(WARMING, requests))
            waits, seconds = ask(address, make, shoppers, requests)
            for share in (50, 95):
                wait = percentile(waits, share) * 1000
                rows.append(Row(f"referral, {what}, {shoppers} at once, p{share}", requests, wait, "ms"))
            rows.append(Row(f"referral, {what}, {shoppers} at once", requests, requests / seconds, "requests/s"))
        _check(place, requests + min(WARMING, requests))
    return rows


def _advocates(place: Ground) -> list[str]:
    given = {"shop": place.shop_id, "many": ADVOCATES}
    with place.connect() as connection:
        connection.execute(_ADVOCATES, given)
        codes = [str(row[0]) for row in connection.execute(_CODES, given)]
        connection.execute("ANALYZE")
    return codes


def _check(place: Ground, claims: int) -> None:
    with place.connect() as connection:
        kept = connection.execute("SELECT count(*) FROM claims").fetchone()
    if kept != (claims,):
        raise BenchFailed(f"{claims} claims were answered, and {kept} are kept")


def ask(address: str, make: Callable[[], bytes], shoppers: int, requests: int) -> tuple[list[float], float]:
    """Ask so often, with so many waiting at every instant: the waits, and the seconds that all of it took."""
    waits, wrong = list[float](), list[int]()

    def answered(parcel: Parcel, status: int) -> None:
        assert isinstance(parcel, _Asked)
        if status == 200:
            waits.append(time.perf_counter() - parcel.sent_at)
        else:
            wrong.append(status)

    wire, sent, began = Wire(address, shoppers, ANSWER_SECONDS, answered), 0, time.perf_counter()
    while sent < requests or wire.busy:
        while wire.free and sent < requests:
            wire.send(_Asked(make(), time.perf_counter()))
            sent += 1
        wire.poll(0.05)
    took = time.perf_counter() - began
    wire.close()
    if wrong:
        raise BenchFailed(f"{len(wrong)} of {requests} were not answered with a page, the first with {wrong[0]}")
    return waits, took


def _landing(address: str, code: str) -> bytes:
    return f"GET {_signed(code)} HTTP/1.1\r\nHost: {urlsplit(address).netloc}\r\n\r\n".encode()


def _claim(address: str, code: str, chance: random.Random) -> bytes:
    body = urlencode({"contact": f"friend-{chance.getrandbits(60):x}@example.com"})
    whence = f"2001:db8::{chance.getrandbits(60):x}"
    lines = (
        f"POST {_signed(code)} HTTP/1.1", f"Host: {urlsplit(address).netloc}", f"X-Forwarded-For: {whence}",
        "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}",
    )  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _signed(code: str) -> str:
    """The path and query with which the platform's proxy passes a stranger's request on."""
    given = {
        "shop": DOMAIN, "logged_in_customer_id": "", "path_prefix": "/apps/perennial", "ref": code,
        "timestamp": str(int(clock().timestamp())),
    }  # fmt: skip
    return f"{PROXY_PATH}/r/{code}?{urlencode({**given, 'signature': proxy_signature(given.items(), SECRET)})}"


def facts(rows: Sequence[Row]) -> dict[str, float | None]:
    """What a program wants of the rows."""
    found = {row.what: row.value for row in rows}
    p95 = {what: next(v for w, v in found.items() if what in w and w.endswith("p95")) for what in ("landing", "claim")}
    return {f"{what}_p95_ms": None if value is None else round(value, 1) for what, value in p95.items()}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.inviting", description="Measure invitations.")
    parser.add_argument("--shoppers", type=int, default=SHOPPERS, help="asking at every instant (%(default)s)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each kind (%(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        rows = measure(chosen.shoppers, chosen.requests)
    except (BenchFailed, TroubleStarting, PostgresUnavailable) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    print(*rows, sep="\n", flush=True)
    print(json.dumps(facts(rows)))
    return 0


if __name__ == "__main__":
    # A plain `kill` must stop what was started here, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
