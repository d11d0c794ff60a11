"""Exports as they come from the platform: grouped or not, whole or cut off, in parts, with lines that make no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import orjson
import pytest

from bench import exports
from commerce.history import Export, Portion, Subject
from commerce.orders import OrderSnapshot
from commerce.store import StoreError
from connectors.http import HttpSession, Limits, NoAnswer
from connectors.shopify import ShopifyStore, bulk
from sandbox.bulk import BulkFaults
from tests.connectors.conftest import SHOP, Platform
from tests.serving import served

BEGAN = datetime(2026, 11, 22, 8, tzinfo=UTC)
Read = Callable[..., list[Portion]]


class Files:
    """A host of files. `asked` are the parts that were asked for; `cut` is where it hangs up."""

    def __init__(self) -> None:
        self.content = b""
        self.asked: list[str] = []
        self.ranges = True
        self.cut: int | None = None
        self.status = "200 OK"

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        wanted = environ.get("HTTP_RANGE", "")
        self.asked.append(wanted)
        begin = int(wanted[6:-1]) if wanted and self.ranges else 0
        if begin >= len(self.content) and begin:
            start("416 Range Not Satisfiable", [("Content-Length", "0")])
            return []
        body = self.content[begin:]
        start("206 Partial Content" if begin else self.status, [("Content-Length", str(len(body)))])
        return [body[: self.cut]]


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def address(files: Files) -> Iterator[str]:
    with served(files) as url:
        yield url


@pytest.fixture
def read(files: Files, address: str) -> Read:
    """Reads what the host has, as an export."""
    http = HttpSession(platform_url=address)
    store = ShopifyStore(SHOP, lambda: "token", http, now=lambda: BEGAN)

    def portions(
        content: bytes, subject: Subject = "orders", *, position: int = 0, failure: str | None = None
    ) -> list[Portion]:
        files.content = content
        export = Export("1", BEGAN, True, failure, f"https://{SHOP}/file.jsonl", 0, 0)
        return list(store.portions(subject, export, position))

    return portions


def order(number: int) -> bytes:
    """An order without refunds, and its lines."""
    assert number % exports.REFUNDED_EACH
    return exports.order_lines(number, 10)


def orders(found: Sequence[Portion]) -> list[OrderSnapshot]:
    return [order for portion in found for order in portion.orders]


def names(found: Sequence[Portion]) -> list[str]:
    return [order.name for order in orders(found)]


def test_an_exported_order_bears_its_lines_and_the_instant_at_which_the_export_began(read: Read) -> None:
    (told,) = orders(read(order(4)))
    assert (told.name, told.observed_at, told.paid, len(told.lines)) == ("#1005", BEGAN, True, 4)
    assert told.goods_minor == sum(line.net_minor for line in told.lines)
    assert told.customer is not None
    assert (told.customer.email, told.customer.updated_at) == ("ada.6@example.com", None)


def test_it_is_read_in_portions_each_of_which_knows_where_the_next_begins(
    read: Read, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PORTION", 2)
    content = b"".join(map(order, range(1, 6)))
    found = read(content)
    assert [portion.read for portion in found] == [2, 2, 1]
    assert found[-1].position == len(content)
    for portion, rest in zip(found, (["#1004", "#1005", "#1006"], ["#1006"], []), strict=True):
        assert names(read(content, position=portion.position)) == rest
    assert files.asked == ["", *(f"bytes={portion.position}-" for portion in found)]


def test_a_host_that_knows_no_parts_is_read_from_the_beginning_and_skipped(read: Read, files: Files) -> None:
    files.ranges = False
    content = order(1) + order(2)
    assert names(read(content, position=len(order(1)))) == ["#1003"]
    assert names(read(content, position=len(content))) == []


@pytest.mark.parametrize("left", range(1, 400, 37))
def test_of_a_failed_export_the_last_order_is_left_out_wherever_it_was_cut_off(read: Read, left: int) -> None:
    content = order(1) + order(2) + order(3)
    found = read(content[: len(order(1) + order(2)) + left], failure="timeout")
    assert names(found) in (["#1002"], ["#1002", "#1003"])
    assert all(len(told.lines) == exports.LINES[int(told.name[1:]) - 1001] for told in orders(found))


def test_lines_that_are_not_behind_their_order_are_refused_and_never_guessed(read: Read) -> None:
    first, *lines = order(5).splitlines(keepends=True)
    with pytest.raises(StoreError, match="not behind their orders") as refused:
        read(first + order(1).splitlines(keepends=True)[0] + b"".join(lines))
    assert refused.value.permanent


def test_one_order_that_makes_no_sense_is_counted_and_left_out_with_its_lines(read: Read) -> None:
    bad = order(2).replace(b'"createdAt":"2023', b'"createdAt":"yesterday', 1)
    odd = order(3).replace(b'"amount":"', b'"amount":"-', 1)
    found = read(order(1) + bad + odd + order(4))
    assert names(found) == ["#1002", "#1005"]
    assert [portion.read for portion in found] == [4]


def test_a_title_that_quotes_the_mark_of_a_line_is_still_a_title(read: Read) -> None:
    told = orjson.loads(order(1).splitlines()[0]) | {"name": '"__parentId":"x"'}
    assert names(read(orjson.dumps(told) + b"\n")) == ['"__parentId":"x"']


def test_what_is_no_json_may_pass_and_is_asked_for_again(read: Read) -> None:
    with pytest.raises(StoreError, match="not JSON") as refused:
        read(order(1) + b"<html>\n")
    assert not refused.value.permanent


def test_a_connection_that_breaks_off_is_no_end_of_the_file(read: Read, files: Files) -> None:
    files.cut = 300
    with pytest.raises(StoreError, match="cannot be fetched") as refused:
        read(order(1) + order(2))
    assert not refused.value.permanent


def test_a_file_without_line_breaks_is_refused(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_LONGEST_LINE", 1000)
    with pytest.raises(StoreError, match="a line without end"):
        read(b'{"id":"' + b"x" * 200_000)


def test_customers_are_read_with_the_instant_of_their_change(read: Read) -> None:
    broken = b'{"id":"gid://shopify/Customer/1"}\n'
    (portion,) = read(exports.customer_line(1) + broken + exports.customer_line(2), "customers")
    assert [customer.external_id for customer in portion.customers] == ["7000000001", "7000000002"]
    assert portion.read == 3
    assert {customer.observed_at for customer in portion.customers} == {BEGAN}
    assert None not in {customer.updated_at for customer in portion.customers}


def test_a_file_that_is_not_there_says_which_status_and_no_address(files: Files, address: str) -> None:
    files.status = "403 Forbidden"
    with pytest.raises(NoAnswer, match=r"^its host answered HTTP 403$"):
        list(HttpSession(platform_url=address).fetch(f"https://{SHOP}/secret-token.jsonl"))


def test_a_file_may_be_larger_than_an_answer(files: Files, address: str) -> None:
    files.content = b"x" * 300_000
    http = HttpSession(platform_url=address, limits=Limits(max_bytes=1000))
    assert sum(map(len, http.fetch(f"https://{SHOP}/file"))) == 300_000


def refused_with(platform: Platform, **faults: Any) -> StoreError:
    platform.world.shop().bulk.faults = BulkFaults(**faults)
    with pytest.raises(StoreError) as refused:
        platform.store().begin_export("orders")
    return refused.value


def test_a_refusal_is_for_good_and_a_full_queue_may_pass(platform: Platform) -> None:
    denied = refused_with(platform, refused="query")
    assert (denied.permanent, denied.closed) == (True, False)
    unlisted = refused_with(platform, unlisted=True)
    assert (unlisted.permanent, unlisted.closed) == (False, True)
    platform.world.shop().bulk.faults = BulkFaults(stuck_after=0)
    store = platform.store()
    begun = [store.begin_export("customers") for _ in range(5)]
    with pytest.raises(StoreError, match="LIMIT_REACHED") as busy:
        store.begin_export("customers")
    assert not busy.value.permanent
    store.cancel_export(begun[0].reference)
    assert (store.find_export(begun[0].reference).ended, store.find_export(begun[0].reference).failure) == (
        True, "canceled",
    )  # fmt: skip


def test_an_export_that_the_store_never_knew_is_no_export(platform: Platform) -> None:
    with pytest.raises(StoreError, match="no longer knows") as refused:
        platform.store().find_export("1")
    assert refused.value.permanent


def test_orders_that_are_missing_are_told_from_those_that_are_there(platform: Platform) -> None:
    there = platform.world.place_order(email="guest@example.com")
    assert platform.store().orders_missing([str(there.id), "1"]) == ["1"]
    assert platform.store().orders_missing([]) == []
