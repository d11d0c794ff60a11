"""Reading a store: what changed, and orders whole. An order read here equals the one that its webhook told,
but for `observed_at`.

Questions are sized so that none can cost more than the platform's limit of 1000 points even if every page is
full: orders come a few at a time with their first lines, then whatever more they have; refunds are read by
themselves, since most orders have none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from commerce.arrivals import arrival
from commerce.customers import CustomerSnapshot
from commerce.events import BadDelivery, CustomerFact
from commerce.history import CustomerPage, OrderPage, Place
from commerce.money import BadAmount, check_currency, minor_units
from commerce.orders import OrderLine, OrderSnapshot, OrderStamp, RefundedLine, RefundSnapshot
from commerce.store import StoreError
from connectors.shopify import answers, reading
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.inbound.bodies import external_id
from connectors.shopify.writes import gid, timestamp

_log = logging.getLogger(__name__)

# One order: itself, its money, customer, attributes and tax (about 30 points), 10 lines of 13 and the ids of 20
# refunds.
_ORDERS_AT_ONCE = 5
# One refund: 20 lines of 4, 10 transactions of 3, 5 shipping lines of 3.
_REFUNDS_AT_ONCE = 7
# The longest list that the platform takes; a node costs a point.
_NAMED_AT_ONCE = 250
# As many refunds as a page of stamps counts, and as many as an order's first reading names.
_STAMPED_REFUNDS = 8
_NAMED_REFUNDS = 20
# The platform pages no further than 25,000 objects into one question; before that the question is asked anew
# from where it stands.
_PAGES_A_QUESTION = 90

_NEVER = datetime.min.replace(tzinfo=UTC)

_Node = TypeVar("_Node", answers.Stamp, answers.Customer)


# --- what changed


def orders_changed(
    graph: Graph, since: datetime, place: str | None, read: Callable[[Sequence[str]], Sequence[OrderSnapshot]]
) -> Iterator[OrderPage]:
    """Pages of stamps, oldest change first; `read` has orders whole."""

    def ask(changed: str, after: str | None) -> tuple[list[answers.Stamp], answers.Page]:
        page = graph.read(operation("list_orders"), {"changed": changed, "after": after}, answers.Stamps).orders
        return page.nodes, page.page_info

    for nodes, stand in _fresh(_pages(ask, _start(since, place)), place):
        yield OrderPage([_stamp(graph, node) for node in nodes], str(stand), read)


def customers_changed(
    graph: Graph, since: datetime, place: str | None, now: Callable[[], datetime]
) -> Iterator[CustomerPage]:
    observed_at = now()

    def ask(changed: str, after: str | None) -> tuple[list[answers.Customer], answers.Page]:
        nonlocal observed_at
        observed_at = now()
        page = graph.read(
            operation("list_customers"), {"changed": changed, "after": after}, answers.Customers
        ).customers
        return page.nodes, page.page_info

    for nodes, stand in _fresh(_pages(ask, _start(since, place)), place):
        told = [customer_snapshot(node, observed_at, node.updated_at) for node in nodes]
        yield CustomerPage(told, str(stand), [fact for node in nodes for fact in consent(node)])


def _start(since: datetime, place: str | None) -> datetime:
    return Place.of(place).at if place else since


def _fresh(pages: Iterator[list[_Node]], place: str | None) -> Iterator[tuple[list[_Node], Place]]:
    """The pages without what comes twice at their seams, each with the place behind it."""
    stand = Place.of(place) if place else Place(_NEVER)
    for nodes in pages:
        fresh = [node for node in nodes if not stand.holds(*_told(node))]
        stand = stand.behind(map(_told, fresh))
        yield fresh, stand


def _told(node: _Node) -> tuple[datetime, str]:
    at: datetime | None = node.updated_at
    return _NEVER if at is None else at.astimezone(UTC), node.legacy_resource_id


def _pages(
    ask: Callable[[str, str | None], tuple[list[_Node], answers.Page]], since: datetime
) -> Iterator[list[_Node]]:
    """Pages of what changed at or after `since`; a few at the seams of long listings come twice."""
    after: str | None = None
    asked = 0
    while True:
        nodes, page = ask(f"updated_at:>='{timestamp(since)}'", after)
        asked += 1
        if nodes:
            yield nodes
        if not page.has_next_page:
            return
        after = page.end_cursor
        last = nodes[-1].updated_at if nodes else None
        if asked >= _PAGES_A_QUESTION and last is not None and timestamp(last) > timestamp(since):
            since, after, asked = last, None, 0


def _stamp(graph: Graph, node: answers.Stamp) -> OrderStamp:
    refunds = len(node.refunds)
    if refunds >= _STAMPED_REFUNDS:
        refunds = len(_all_refunds(graph, gid("Order", node.legacy_resource_id)))
    return OrderStamp(
        node.legacy_resource_id,
        node.updated_at.astimezone(UTC),
        _paid(node.display_financial_status),
        node.cancelled_at is not None,
        refunds,
    )


def _all_refunds(graph: Graph, order_gid: str) -> list[answers.Ref]:
    order = graph.read(operation("count_refunds"), {"id": order_gid}, answers.OrderRefundsData).order
    return order.refunds if order is not None else []


def _paid(status: str | None) -> bool:
    return status is not None and status.lower() in reading.PAID_STATUSES


# --- orders whole


def orders(graph: Graph, external_ids: Sequence[str], observed_at: datetime) -> list[OrderSnapshot]:
    """The orders that the store still has, in the order asked for."""
    ids = [gid("Order", external_id) for external_id in dict.fromkeys(external_ids)]
    found: list[OrderSnapshot] = []
    for start in range(0, len(ids), _ORDERS_AT_ONCE):
        chunk = ids[start : start + _ORDERS_AT_ONCE]
        nodes = [
            node
            for node in graph.read(operation("read_orders"), {"ids": chunk}, answers.OrderNodes).nodes
            if node is not None
        ]
        _tell_payments(graph, nodes)
        refunded = refunds(graph, _refund_ids(graph, nodes))
        whole = ((node, _whole(graph, node)) for node in nodes)
        found += [order for node, lines in whole if (order := understood(node, lines, refunded, observed_at))]
    return found


def _tell_payments(graph: Graph, nodes: Sequence[answers.Order]) -> None:
    """How much of an order was paid with gift cards and credit: asked only of those that name such a way."""
    asked = {node.id: node for node in nodes if not reading.CREDIT_GATEWAYS.isdisjoint(node.payment_gateway_names)}
    if asked:
        for found in graph.read(operation("read_payments"), {"ids": list(asked)}, answers.PaymentNodes).nodes:
            if found is not None:
                asked[found.id].transactions = found.transactions


def orders_missing(graph: Graph, external_ids: Sequence[str]) -> list[str]:
    """Of these orders, those that the store answers nothing about."""
    missing: list[str] = []
    for start in range(0, len(external_ids), _NAMED_AT_ONCE):
        chunk = external_ids[start : start + _NAMED_AT_ONCE]
        ids = [gid("Order", external_id) for external_id in chunk]
        nodes = graph.read(operation("find_orders"), {"ids": ids}, answers.Refs).nodes
        missing += [external_id for external_id, node in zip(chunk, nodes, strict=True) if node is None]
    return missing


def understood(
    node: answers.OrderFacts,
    items: Sequence[answers.Line],
    refunded: Mapping[str, answers.Refund],
    observed_at: datetime,
) -> OrderSnapshot | None:
    """The order, or None for one that makes no sense: it must not keep the others from being read for ever."""
    try:
        return _order(node, items, refunded, observed_at)
    except (BadAmount, BadDelivery, OverflowError) as fault:
        _log.warning("order %.20s is left out: %s", node.legacy_resource_id, type(fault).__name__)
        return None


def _order(
    node: answers.OrderFacts,
    items: Sequence[answers.Line],
    refunded: Mapping[str, answers.Refund],
    observed_at: datetime,
) -> OrderSnapshot:
    currency = check_currency(node.currency_code)
    lines, before = _lines(items, currency)
    updated_at, channel = node.updated_at.astimezone(UTC), reading.channel(node.source_name)
    code = reading.referral_code(((a.key, a.value) for a in node.custom_attributes), node.landing_page_url)
    return OrderSnapshot(
        external_id=node.legacy_resource_id,
        name=reading.clean(node.name, reading.NAME_LENGTH),
        customer=None if node.customer is None else customer_snapshot(node.customer, observed_at, None),
        currency=currency,
        placed_at=(node.processed_at or node.created_at).astimezone(UTC),
        updated_at=updated_at,
        observed_at=observed_at,
        paid=_paid(node.display_financial_status),
        cancelled_at=None if node.cancelled_at is None else node.cancelled_at.astimezone(UTC),
        test=node.test,
        goods_minor=sum(line.net_minor for line in lines if not line.gift_card),
        total_minor=reading.bounded(minor_units(node.total_price_set.shop_money.amount, currency), "the total"),
        lines=lines,
        refunds=tuple(
            _refund(refunded[ref.id], node.legacy_resource_id, currency) for ref in node.refunds if ref.id in refunded
        ),
        discount_codes=reading.codes(node.discount_codes),
        referral_code=code,
        landing_code=reading.landing_code(node.landing_page_url),
        checkout_token=reading.checkout_token(node.checkout_token),
        list_minor=reading.bounded(before, "the price of the goods"),
        tax_minor=_goods_tax(node, currency),
        tax_included=node.taxes_included,
        shipping_minor=reading.bounded(_set_minor(node.total_shipping_price_set, currency), "the shipping"),
        credit_minor=reading.bounded(sum(_credit(paid, currency) for paid in node.transactions), "the credit"),
        fulfilled_at=updated_at if node.display_fulfillment_status == "FULFILLED" else None,
        channel=channel,
        gateways=reading.gateways(node.payment_gateway_names),
        arrival=arrival(node.landing_page_url, node.referrer_url, invited=code is not None, channel=channel),
    )


def _goods_tax(node: answers.OrderFacts, currency: str) -> int:
    shipping = node.shipping_line.tax_lines if node.shipping_line else ()
    tax = _set_minor(node.total_tax_set, currency) - sum(_minor(found.price_set, currency) for found in shipping)
    return reading.bounded(max(0, tax), "the tax")


def _credit(paid: answers.Payment, currency: str) -> int:
    if paid.kind not in ("SALE", "CAPTURE") or paid.status != "SUCCESS" or paid.gateway not in reading.CREDIT_GATEWAYS:
        return 0
    return _minor(paid.amount_set, currency)


def customer_snapshot(node: answers.Customer, observed_at: datetime, updated_at: datetime | None) -> CustomerSnapshot:
    email = node.default_email_address
    return CustomerSnapshot(
        external_id=node.legacy_resource_id,
        email=reading.optional(email.email_address if email else None, reading.EMAIL_LENGTH),
        first_name=reading.optional(node.first_name, reading.NAME_LENGTH),
        last_name=reading.optional(node.last_name, reading.NAME_LENGTH),
        created_at=None if node.created_at is None else node.created_at.astimezone(UTC),
        updated_at=None if updated_at is None else updated_at.astimezone(UTC),
        observed_at=observed_at,
    )


def consent(node: answers.Customer) -> Iterator[CustomerFact]:
    """What a customer said of e-mails, if they ever said anything: as the topic of consent tells it later."""
    email = node.default_email_address
    state = (email.marketing_state or "").lower() if email else ""
    said_at = (email.marketing_updated_at if email else None) or node.created_at
    if state and said_at is not None and (state != "not_subscribed" or (email and email.marketing_updated_at)):
        yield CustomerFact(node.legacy_resource_id, "consent:email", state, said_at.astimezone(UTC))


def _whole(graph: Graph, node: answers.Order) -> list[answers.Line]:
    """Every line of an order: those that came with it, and the pages after them."""
    lines, page = list(node.line_items.nodes), node.line_items.page_info
    while page.has_next_page:
        more = graph.read(
            operation("read_order_lines"), {"id": node.id, "after": page.end_cursor}, answers.OrderLinesData
        ).order
        if more is None:
            raise StoreError("an order vanished while it was read", permanent=False)
        lines += more.line_items.nodes
        page = more.line_items.page_info
    return lines


def _lines(items: Sequence[answers.Line], currency: str) -> tuple[tuple[OrderLine, ...], int]:
    """The lines, and what their goods cost before discounts."""
    lines, before = [], 0
    for line_no, item in enumerate(items, 1):
        net = minor_units(item.original_unit_price_set.shop_money.amount, currency) * item.quantity
        if not item.is_gift_card:
            before += net
        net -= sum(minor_units(a.allocated_amount_set.shop_money.amount, currency) for a in item.discount_allocations)
        product = None if item.product is None else item.product.legacy_resource_id
        title = reading.clean(item.title, reading.TITLE_LENGTH)
        vendor = reading.optional(item.vendor, reading.TITLE_LENGTH)
        number = external_id(item.id)
        lines.append(
            OrderLine(line_no, product, title, item.quantity, max(0, net), item.is_gift_card, number, None, vendor)
        )
    return tuple(lines), before


def _refund_ids(graph: Graph, nodes: Sequence[answers.Order]) -> list[str]:
    """The global ids of every refund of these orders."""
    for node in nodes:
        if len(node.refunds) >= _NAMED_REFUNDS:
            node.refunds = _all_refunds(graph, node.id)
    return [ref.id for node in nodes for ref in node.refunds]


def refunds(graph: Graph, ids: Sequence[str]) -> dict[str, answers.Refund]:
    """These refunds, every line of them, by global id; asked for a few at a time."""
    found: dict[str, answers.Refund] = {}
    for start in range(0, len(ids), _REFUNDS_AT_ONCE):
        chunk = ids[start : start + _REFUNDS_AT_ONCE]
        for refund in graph.read(operation("read_refunds"), {"ids": chunk}, answers.RefundNodes).nodes:
            if refund is not None:
                refund.refund_line_items.nodes = _refunded_lines(graph, refund)
                found[refund.id] = refund
    return found


def _refund(node: answers.Refund, order_external_id: str, currency: str) -> RefundSnapshot:
    refunded_at = node.processed_at or node.created_at
    if refunded_at is None:
        raise BadDelivery("a refund has no instant")
    total = sum(
        _minor(t.amount_set, currency) for t in node.transactions.nodes if t.kind == "REFUND" and t.status == "SUCCESS"
    )
    lines = node.refund_line_items.nodes
    if lines:
        goods = sum(_minor(line.subtotal_set, currency) for line in lines if not line.line_item.is_gift_card)
    else:
        goods = total - sum(_minor(line.subtotal_amount_set, currency) for line in node.refund_shipping_lines.nodes)
    return RefundSnapshot(
        node.legacy_resource_id,
        order_external_id,
        refunded_at.astimezone(UTC),
        reading.bounded(max(0, goods), "the goods of a refund"),
        reading.bounded(max(0, total), "the money of a refund"),
        tuple(_refunded_line(line, currency) for line in lines),
    )


def _refunded_line(line: answers.RefundLine, currency: str) -> RefundedLine:
    worth = 0 if line.line_item.is_gift_card else max(0, _minor(line.subtotal_set, currency))
    return RefundedLine(external_id(line.line_item.id), line.quantity, worth)


def _refunded_lines(graph: Graph, node: answers.Refund) -> list[answers.RefundLine]:
    lines, page = list(node.refund_line_items.nodes), node.refund_line_items.page_info
    while page.has_next_page:
        more = graph.read(
            operation("read_refund_lines"), {"id": node.id, "after": page.end_cursor}, answers.RefundLinesData
        ).node
        if more is None:
            raise StoreError("a refund vanished while it was read", permanent=False)
        lines += more.refund_line_items.nodes
        page = more.refund_line_items.page_info
    return lines


def _set_minor(found: answers.MoneyBag | None, currency: str) -> int:
    return 0 if found is None else _minor(found, currency)


def _minor(found: answers.MoneyBag, currency: str) -> int:
    return minor_units(found.shop_money.amount, currency)
