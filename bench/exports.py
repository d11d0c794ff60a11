"""A store that has written its exports already: the part of a platform that a backfill speaks to, in a process of its
own, so that what it costs is not counted. `python -m bench.exports FOLDER` prints its address.

Orders and customers are made up from their numbers, in the shape in which the platform writes them: three lines an
order on the average, discounts on some, refunds of a twentieth. The same number is the same order in every run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import orjson
from werkzeug.serving import WSGIRequestHandler, make_server

from connectors.shopify import SCOPES

FIRST_ORDER, FIRST_CUSTOMER, FIRST_REFUND, FIRST_LINE = 5_000_000_000, 7_000_000_000, 900_000_000, 14_000_000_000
ORDERS_A_CUSTOMER = 5
LINES = (1, 2, 3, 3, 4, 5)
REFUNDED_EACH = 20
TITLES = ("Teapot, blue", "Green tea, 100 g", "Mug", "Linen towel", "Candle: cedar and smoke", "Gift card")
CHUNK = 65_536
DAY = 86_400

_NEWLINE = orjson.OPT_APPEND_NEWLINE


def _instant(number: int) -> str:
    """Orders are twenty minutes apart, from January 2023 on: a hundred thousand are almost four years."""
    days, seconds = divmod(number * 1_200, DAY)
    year, day = 2023 + days // 365, days % 365
    month, date = day // 31 + 1, day % 28 + 1
    hour, rest = divmod(seconds, 3600)
    return f"{year}-{month:02}-{date:02}T{hour:02}:{rest // 60:02}:{number % 60:02}Z"


def _money(minor: int) -> dict[str, Any]:
    return {"shopMoney": {"amount": f"{minor // 100}.{minor % 100:02}"}}


def _price(number: int, line: int) -> int:
    return 500 + (number * 7 + line * 131) % 9_000


def _person(number: int) -> dict[str, Any]:
    return {
        "legacyResourceId": str(FIRST_CUSTOMER + number),
        "firstName": f"Ada {number}",
        "lastName": "Løvelace",
        "createdAt": _instant(number),
        "defaultEmailAddress": {"emailAddress": f"ada.{number}@example.com"},
    }


def order_lines(number: int, customers: int) -> bytes:
    """An order and the lines behind it, as an export holds them."""
    count, placed = LINES[number % len(LINES)], _instant(number)
    gid = f"gid://shopify/Order/{FIRST_ORDER + number}"
    discounted = number % 7 == 0
    goods = sum(_price(number, line) * (1 + line % 2) for line in range(count))
    refunded = number % REFUNDED_EACH == 0
    order: dict[str, object] = {
        "id": gid,
        "legacyResourceId": str(FIRST_ORDER + number),
        "name": f"#{number + 1001}",
        "currencyCode": "USD",
        "createdAt": placed,
        "processedAt": placed,
        "updatedAt": placed,
        "cancelledAt": None,
        "displayFinancialStatus": "PARTIALLY_REFUNDED" if refunded else "PAID",
        "test": False,
        "discountCodes": ["AUTUMN10"] if discounted else [],
        "landingPageUrl": "https://bench.myshopify.com/?utm_source=letter",
        "customAttributes": [{"key": "gift note", "value": "To Ben"}] if number % 11 == 0 else [],
        "totalPriceSet": _money(goods + 595),
        **_paid(goods + 595),
        # Not in turn: neighbouring orders of a store are of people from all of its years.
        "customer": _person(number * 7_919 % customers),
        "refunds": [{"id": f"gid://shopify/Refund/{FIRST_REFUND + number}"}] if refunded else [],
    }
    lines = [orjson.dumps(order, option=_NEWLINE)]
    for line in range(count):
        price = _price(number, line)
        allocated = [{"allocatedAmountSet": _money(price // 10)}] if discounted else []
        item = {
            "id": f"gid://shopify/LineItem/{FIRST_LINE + number * 8 + line}",
            "vendor": "Bench",
            "title": TITLES[(number + line) % 5],
            "quantity": 1 + line % 2,
            "isGiftCard": False,
            "product": {"legacyResourceId": str(8_000_000_000 + (number + line) % 400)},
            "originalUnitPriceSet": _money(price),
            "discountAllocations": allocated,
            "__parentId": gid,
        }
        lines.append(orjson.dumps(item, option=_NEWLINE))
    return b"".join(lines)


def _paid(total: int) -> dict[str, object]:
    """What an export tells of an order's money beside its total: no tax, some shipping, one payment."""
    return {
        "taxesIncluded": False,
        "sourceName": "web",
        "paymentGatewayNames": ["shopify_payments"],
        "displayFulfillmentStatus": "FULFILLED",
        "totalTaxSet": _money(0),
        "totalShippingPriceSet": _money(595),
        "shippingLine": {"taxLines": []},
        "transactions": [
            {"kind": "SALE", "status": "SUCCESS", "gateway": "shopify_payments", "amountSet": _money(total)}
        ],
    }


def customer_line(number: int) -> bytes:
    identity = {"id": f"gid://shopify/Customer/{FIRST_CUSTOMER + number}", "updatedAt": _instant(number)}
    return orjson.dumps(identity | _person(number), option=_NEWLINE)


def refund(gid: str) -> dict[str, Any]:
    """The first line of the order came back, whole."""
    number = int(gid.rpartition("/")[2]) - FIRST_REFUND
    amount = _price(number, 0)
    return {
        "id": gid,
        "legacyResourceId": str(FIRST_REFUND + number),
        "createdAt": _instant(number),
        "processedAt": _instant(number),
        "refundLineItems": {
            "pageInfo": {"hasNextPage": False, "endCursor": None},
            "nodes": [
                {
                    "quantity": 1,
                    "subtotalSet": _money(amount),
                    "lineItem": {"id": f"gid://shopify/LineItem/{FIRST_LINE + number * 8}", "isGiftCard": False},
                }
            ],
        },
        "refundShippingLines": {"nodes": []},
        "transactions": {"nodes": [{"kind": "REFUND", "status": "SUCCESS", "amountSet": _money(amount)}]},
    }


def write(folder: Path, orders: int) -> Iterator[int]:
    """Write both exports into `folder`; yields how many orders are written so far."""
    customers = max(1, orders // ORDERS_A_CUSTOMER)
    with (folder / "orders.jsonl").open("wb") as out:
        for number in range(orders):
            out.write(order_lines(number, customers))
            if number % 1000 == 999:
                yield number + 1
    with (folder / "customers.jsonl").open("wb") as out:
        out.writelines(customer_line(number) for number in range(customers))
    (folder / "counts.json").write_bytes(orjson.dumps({"orders": orders, "customers": customers}))


class Platform:
    """Answers as the platform would whose exports are whole: what is in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts = orjson.loads((folder / "counts.json").read_bytes())

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].rpartition("/")[2]
        if name.endswith(".jsonl"):
            return self._file(self._folder / name, environ.get("HTTP_RANGE", ""), start)
        asked = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        body = orjson.dumps({"data": self._answer(asked["query"], asked.get("variables") or {}), "extensions": {}})
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _file(self, path: Path, wanted: str, start: StartResponse) -> Iterator[bytes]:
        position = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        size = path.stat().st_size - position
        start("206 Partial Content" if wanted else "200 OK", [("Content-Length", str(size))])
        with path.open("rb") as file:
            file.seek(position)
            while chunk := file.read(CHUNK):
                yield chunk

    def _answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "HistoryExtent" in query:
            scopes = [{"handle": scope} for scope in SCOPES]
            counts = {f"{name}Count": {"count": count} for name, count in self._counts.items()}
            return {"currentAppInstallation": {"accessScopes": scopes}} | counts
        if "BeginExport" in query:
            subject = "orders" if "ExportOrders" in variables["query"] else "customers"
            return {"bulkOperationRunQuery": {"bulkOperation": self._operation(subject), "userErrors": []}}
        if "FindExport" in query:
            subject = "orders" if variables["id"].endswith("/1") else "customers"
            return {"bulkOperation": self._operation(subject)}
        assert "ReadRefunds" in query, query[:80]
        return {"nodes": [refund(gid) for gid in variables["ids"]]}

    def _operation(self, subject: str) -> dict[str, Any]:
        return {
            "id": f"gid://shopify/BulkOperation/{1 if subject == 'orders' else 2}",
            "status": "COMPLETED",
            "errorCode": None,
            "createdAt": "2026-11-22T08:00:00Z",
            "objectCount": str(self._counts[subject]),
            "rootObjectCount": str(self._counts[subject]),
            "url": f"https://bench.myshopify.com/{subject}.jsonl",
            "partialDataUrl": None,
        }


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        return


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, Platform(Path(sys.argv[1])), threaded=True, request_handler=_Quiet)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
