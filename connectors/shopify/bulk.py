"""Exports on Shopify: bulk operations, their state, and their result as a stream of orders or customers.

The result is a file of JSON lines, one object each; a line item names its order by ``__parentId``. We ask for objects
*grouped*, children right behind their parents. The platform needs longer for that, but only so can a file of any size
be read in one pass with a few orders in memory; ungrouped, an order is complete only at the end of the file. A child
that is not behind its parent all the same is an error, never a guess: the history is then read by pages.

A bulk operation cannot reach into the refunds of an order (connections inside lists are refused). It names them; those
few are asked for by themselves, a few at a time.

Fetched parts begin where an order begins, by byte: a reader that stopped asks the file's host for the rest of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from commerce.customers import CustomerSnapshot
from commerce.events import CustomerFact
from commerce.history import Export, Extent, Portion, Subject
from commerce.orders import OrderSnapshot
from commerce.store import StoreError
from connectors.http import HttpSession, NoAnswer
from connectors.shopify import answers, reads
from connectors.shopify.graphql import Denied, Graph, operation
from connectors.shopify.manifest import covers
from connectors.shopify.writes import gid

# Settled in one transaction, like a batch of deliveries.
PORTION = 500

# An order of this size does not exist; a file without line breaks may.
_LONGEST_LINE = 16 * 1024 * 1024

_CHILD = b'"__parentId":'
_ENDED = frozenset({"COMPLETED", "FAILED", "CANCELED", "EXPIRED"})

_log = logging.getLogger(__name__)


class _Operation(Struct, rename="camel"):
    id: str
    status: str
    created_at: answers.Instant
    object_count: str | int = 0
    root_object_count: str | int = 0
    error_code: str | None = None
    url: str | None = None
    partial_data_url: str | None = None


class _UserError(Struct):
    code: str | None = None


class _Begun(Struct, rename="camel"):
    bulk_operation: _Operation | None
    user_errors: list[_UserError]


class _BeginData(Struct, rename="camel"):
    bulk_operation_run_query: _Begun | None


class _FindData(Struct, rename="camel"):
    bulk_operation: _Operation | None


class _Scope(Struct):
    handle: str


class _Installation(Struct, rename="camel"):
    access_scopes: list[_Scope]


class _Count(Struct):
    count: int


class _ExtentData(Struct, rename="camel"):
    current_app_installation: _Installation
    orders_count: _Count | None = None
    customers_count: _Count | None = None


# --- the operation


def extent(graph: Graph) -> Extent:
    """How much history the store would show us: without `read_all_orders`, the orders of the last 60 days."""
    found = graph.ask(operation("history_extent"), {}, _ExtentData).data
    scopes = [scope.handle for scope in found.current_app_installation.access_scopes]
    return Extent(
        not covers(scopes, ("read_all_orders",)),
        found.orders_count.count if found.orders_count else None,
        found.customers_count.count if found.customers_count else None,
    )


def begin(graph: Graph, subject: Subject) -> Export:
    """Have the store begin to write. A refusal is a permanent `StoreError`; a full queue may pass."""
    text = operation(f"export_{subject}").text
    try:
        begun = graph.read(operation("begin_export"), {"query": text}, _BeginData).bulk_operation_run_query
    except Denied as fault:
        # There is another way to read a history: it need not wait until somebody allows this one.
        raise StoreError(fault.reason, permanent=True) from None
    if begun is None or begun.bulk_operation is None:
        codes = {fault.code or "" for fault in begun.user_errors} if begun else set[str]()
        busy = codes and codes <= {"OPERATION_IN_PROGRESS", "LIMIT_REACHED"}
        code = min(codes, default="")[:60] or "no reason"
        raise StoreError(f"the store does not begin an export: {code}", permanent=not busy)
    return _export(begun.bulk_operation)


def find(graph: Graph, reference: str) -> Export:
    """How far an export has come. One that the store no longer knows has failed."""
    found = graph.read(operation("find_export"), {"id": gid("BulkOperation", reference)}, _FindData).bulk_operation
    if found is None:
        raise StoreError("the store no longer knows the export", permanent=True)
    return _export(found)


def cancel(graph: Graph, reference: str) -> None:
    graph.ask(operation("cancel_export"), {"id": gid("BulkOperation", reference)}, msgspec.Raw)


def _export(found: _Operation) -> Export:
    failure = None
    if found.status in _ENDED and found.status != "COMPLETED":
        failure = (found.error_code or found.status)[:60].lower().replace("_", " ")
    return Export(
        found.id.rpartition("/")[2],
        found.created_at.astimezone(UTC),
        found.status in _ENDED,
        failure,
        found.url if failure is None else found.partial_data_url or found.url,
        int(found.object_count),
        int(found.root_object_count),
    )


# --- its result


class _ExportedLine(answers.Line, kw_only=True):
    parent_id: str = msgspec.field(name="__parentId")


_ORDER = msgspec.json.Decoder(answers.OrderFacts)
_LINE = msgspec.json.Decoder(_ExportedLine)
_CUSTOMER = msgspec.json.Decoder(answers.Customer)


@dataclass(slots=True)
class _Group:
    """An order and the lines behind it; `order` is None for one that makes no sense."""

    order: answers.OrderFacts | None
    lines: list[answers.Line] = field(default_factory=list)


def portions(graph: Graph, http: HttpSession, subject: Subject, export: Export, position: int) -> Iterator[Portion]:
    """What the export holds from byte `position` on, a portion at a time."""
    assert export.address is not None
    lines = _lines(_fetched(http, export.address, position), position)
    if subject == "customers":
        return _customer_portions(lines, export)
    return _order_portions(lines, export, lambda groups: _orders(graph, groups, export.began_at))


def _order_portions(
    lines: Iterator[tuple[int, int, bytes]], export: Export, understood: Callable[[list[_Group]], list[OrderSnapshot]]
) -> Iterator[Portion]:
    groups: list[_Group] = []
    end = 0
    for begin, line_end, line in lines:
        end = line_end
        try:
            if _CHILD in line:
                _add(groups, line)
                continue
            if len(groups) == PORTION:
                yield Portion(understood(groups), (), begin, len(groups))
                groups = []
            groups.append(_Group(_root(line)))
        except msgspec.DecodeError:
            if export.failure is not None:
                break
            raise StoreError("the export is not JSON", permanent=False) from None
    if export.failure is not None:
        groups = groups[:-1]
    if groups:
        yield Portion(understood(groups), (), end, len(groups))


def _root(line: bytes) -> answers.OrderFacts | None:
    try:
        return _ORDER.decode(line)
    except msgspec.ValidationError:
        _log.warning("an order of an export is left out: it lacks what an order has")
        return None


def _add(groups: Sequence[_Group], line: bytes) -> None:
    """Put a line item to the order before it, whose it must be."""
    group = groups[-1] if groups else _Group(None)
    if group.order is None:
        return
    try:
        item = _LINE.decode(line)
    except msgspec.ValidationError:
        group.order = None
        return
    if item.parent_id != group.order.id:
        raise StoreError("the export's lines are not behind their orders", permanent=True)
    group.lines.append(item)


def _orders(graph: Graph, groups: Sequence[_Group], began_at: datetime) -> list[OrderSnapshot]:
    told = [(group.order, group.lines) for group in groups if group.order is not None]
    refunds = reads.refunds(graph, [ref.id for order, _ in told for ref in order.refunds])
    found = (reads.understood(order, lines, refunds, began_at) for order, lines in told)
    return [order for order in found if order is not None]


def _customer_portions(lines: Iterator[tuple[int, int, bytes]], export: Export) -> Iterator[Portion]:
    customers: list[CustomerSnapshot] = []
    facts: list[CustomerFact] = []
    read = end = 0
    for _, line_end, line in lines:
        try:
            found = _CUSTOMER.decode(line)
        except msgspec.ValidationError:
            _log.warning("a customer of an export is left out: they lack what a customer has")
        except msgspec.DecodeError:
            if export.failure is not None:
                break
            raise StoreError("the export is not JSON", permanent=False) from None
        else:
            customers.append(reads.customer_snapshot(found, export.began_at, found.updated_at))
            facts += reads.consent(found)
        read, end = read + 1, line_end
        if read == PORTION:
            yield Portion((), customers, end, read, facts)
            customers, facts, read = [], [], 0
    if read:
        yield Portion((), customers, end, read, facts)


def _fetched(http: HttpSession, address: str, position: int) -> Iterator[bytes]:
    try:
        yield from http.fetch(address, position)
    except NoAnswer as fault:
        raise StoreError(f"the export cannot be fetched: {fault}", permanent=False) from None


def _lines(chunks: Iterator[bytes], position: int) -> Iterator[tuple[int, int, bytes]]:
    """Each line that is not blank, with where it begins and where the next one does, in bytes."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise StoreError("the export has a line without end", permanent=True)
        for line in whole:
            begin, position = position, position + len(line) + 1
            if line.strip():
                yield begin, position, line
    if rest.strip():
        yield position, position + len(rest), rest
