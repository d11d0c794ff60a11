"""The shopper's side in a shop with a million members: how soon the block is there, what the pages weigh, and what
Lighthouse makes of a shop front with the block in it.

`python -m bench.storefront` (`make bench-storefront`): a durable database server with a shop of 1,000,000 members
(`bench.crowd`), a real `serve` with two processes, and shoppers on kept-alive connections of their own, each somebody
else, through the platform's signed proxy: so many requests are in the house at every instant. The last line is one JSON
object; where a budget is missed, the program ends with 1.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import signal
import statistics
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import cpu, crowd, gauge
from bench.door import serving
from bench.figures import BenchFailed, Row, rounded
from bench.ground import ROOT, Ground, clock, ground
from bench.inviting import WARMING, ask
from bench.sender import percentile
from bench.store import DOMAIN, SECRET
from connectors.shopify import PROXY_PATH
from engine.postgres import PostgresUnavailable
from plugin.demo.machine import TroubleStarting
from sandbox.signing import proxy_signature

MEMBERS, SHOPPERS, REQUESTS, ROUNDS, LOOKS = 1_000_000, 64, 3_000, 5, 3
# What the pages promise.
MOST_BLOCK_MS, MOST_PAGE_KB, MOST_JS_KB = 30.0, 40.0, 10.0
SCRIPT = ROOT / "plugin" / "static" / "storefront.js"
# As the platform's own servers pack what they pass on.
PACKED = 6

_FILES = re.compile(r'<(?:link rel="stylesheet" href|script src)="([^"]+)"')
# Somebody who has something of everything: codes, movements, points to spend.
_RICH = """
    SELECT c.external_id FROM balances b JOIN customers c USING (shop_id, customer_id)
    WHERE b.shop_id = %s AND c.gone_at IS NULL ORDER BY b.held DESC, b.points DESC LIMIT 1
"""


def measure(members: int, requests: int, rounds: int, looks: int, progress: Progress) -> dict[str, Any]:
    with ground() as place:
        crowd.write(place, members, progress)
        with serving(place, PERENNIAL_WEB_PROCESSES="2") as (url, web):
            address = f"http://{urlsplit(url).netloc}"
            p95 = _block(address, web, members, requests, rounds)
            page_kb = _first_view(address, _somebody_rich(place))
        found = {"block_p95_ms": rounded(p95), "page_kb": rounded(page_kb), "js_kb": rounded(_script())}
        return {**found, "lighthouse": _lighthouse(place, looks, progress)}


def _block(address: str, web: int, members: int, requests: int, rounds: int) -> float:
    """The median of the rounds' 95ths of a hundred waits, in milliseconds."""
    chance, found = random.Random(7), list[float]()

    def make() -> bytes:
        # As `crowd` numbers them: every member has the same chance.
        return _asks(address, "/block", str(6_000_000_000 + chance.randint(1, members)))

    ask(address, make, SHOPPERS, min(WARMING, requests))
    before = cpu.of_families([web])
    for _ in range(rounds):
        waits, seconds = ask(address, make, SHOPPERS, requests)
        found.append(percentile(waits, 95) * 1000)
        print(Row(f"block, {SHOPPERS} at once, p50", requests, percentile(waits, 50) * 1000, "ms"))
        print(Row(f"block, {SHOPPERS} at once, p95", requests, found[-1], "ms"))
        print(Row(f"block, {SHOPPERS} at once", requests, requests / seconds, "requests/s"), flush=True)
    spent = cpu.between(before, cpu.of_families([web]), rounds * requests)
    print(Row("block, CPU of Python", rounds * requests, spent, "µs/request"), flush=True)
    return statistics.median(found)


def _asks(address: str, path: str, external_id: str) -> bytes:
    lines = (
        f"GET {_signed(path, external_id)} HTTP/1.1", f"Host: {urlsplit(address).netloc}",
        "Accept-Language: en-GB,en;q=0.9",
    )  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _signed(path: str, external_id: str) -> str:
    """The path and query with which the platform's proxy passes a shopper's request on."""
    given = {
        "shop": DOMAIN, "logged_in_customer_id": external_id, "path_prefix": "/apps/perennial",
        "timestamp": str(int(clock().timestamp())),
    }  # fmt: skip
    return f"{PROXY_PATH}{path}?{urlencode({**given, 'signature': proxy_signature(given.items(), SECRET)})}"


def _somebody_rich(place: Ground) -> str:
    with place.connect() as connection:
        found = connection.execute(_RICH.encode(), [place.shop_id]).fetchone()
    if found is None:
        raise BenchFailed("nobody of the crowd has points")
    return str(found[0])


def _first_view(address: str, external_id: str) -> float:
    """Kilobytes on the wire of the rewards page, its stylesheet and its script, with nothing in the cache."""
    page = _fetch(address, _signed("/", external_id))
    sizes = {"page": len(page[1])}
    for file in _FILES.findall(page[0].decode()):
        sizes[urlsplit(file).path] = len(_fetch(address, urljoin("/", urlsplit(file).path))[1])
    for name, size in sizes.items():
        print(Row(f"rewards page, {name}", 1, size / 1000, "kB"))
    return sum(sizes.values()) / 1000


def _fetch(address: str, path: str) -> tuple[bytes, bytes]:
    """What is there, and as it goes over the wire: pages inside a theme are packed by the platform."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    packed = answer.getheader("Content-Encoding") == "gzip"
    connection.close()
    if answer.status != 200:
        raise BenchFailed(f"{path.partition('?')[0]} was answered with {answer.status}")
    return (gzip.decompress(body), body) if packed else (body, gzip.compress(body, PACKED))


def _script() -> float | None:
    """Kilobytes of the optional script, packed."""
    return len(gzip.compress(SCRIPT.read_bytes(), 9)) / 1000 if SCRIPT.exists() else None


def _lighthouse(place: Ground, looks: int, progress: Progress) -> dict[str, float] | None:
    """The mean of the categories' points without the block and with it; a point lost is a quarter of one here."""
    if (why := gauge.missing()) or not looks:
        print(why or "Lighthouse was not asked.", file=sys.stderr)
        return None
    bar = progress.add_task("installing Lighthouse", total=2 * looks + 1)
    program = gauge.install()
    found = gauge.compare(place, program, looks, lambda said: progress.update(bar, description=said, advance=1))
    progress.remove_task(bar)
    means = dict[str, float]()
    for name, points in zip(("without", "with"), found, strict=True):
        print(f"  Lighthouse, {name} the block: " + ", ".join(f"{what} {many}" for what, many in points.items()))
        means[name] = round(statistics.mean(points.values()), 2)
    return means


def missed(facts: Mapping[str, Any]) -> list[str]:
    """The budgets that were missed, in sentences; what could not be measured misses none."""
    limits = (("block_p95_ms", MOST_BLOCK_MS), ("page_kb", MOST_PAGE_KB), ("js_kb", MOST_JS_KB))
    said = [
        f"{name} is {facts[name]}, and may be {most:g} at most"
        for name, most in limits
        if facts[name] is not None and facts[name] > most
    ]
    seen = facts["lighthouse"]
    if seen is not None and seen["with"] < seen["without"]:
        said.append(f"Lighthouse gives {seen['with']} with the block, and {seen['without']} without it")
    return said


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.storefront", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--members", type=int, default=MEMBERS, help="of the shop (%(default)s)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="in each round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of which the median is told (%(default)s)")
    parser.add_argument("--looks", type=int, default=LOOKS, help="of Lighthouse at each page; 0: none (%(default)s)")
    chosen = parser.parse_args(arguments)
    columns = (TextColumn("{task.description:44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            facts = measure(chosen.members, chosen.requests, chosen.rounds, chosen.looks, progress)
    except (BenchFailed, TroubleStarting, PostgresUnavailable) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    over = missed(facts)
    print(*over, sep="\n", end="\n" if over else "", file=sys.stderr)
    print(json.dumps(facts))
    return 1 if over else 0


if __name__ == "__main__":
    # A plain `kill` must stop what was started here, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
