"""Orders over the Admin API: enough to rebuild the very snapshot that a webhook carries."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urljoin

from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Call,
    Info,
    Line,
    Resolvers,
    always,
    bag,
    call_of,
    id_of,
    instant,
    number_of,
    plain,
    shop_of,
    when,
)
from sandbox.adminapi.lines import RESOLVERS as LINE_RESOLVERS
from sandbox.adminapi.lines import applications
from sandbox.adminapi.search import Fields, compile_search, matching
from sandbox.customers import Customer
from sandbox.ids import gid
from sandbox.orders import Order, Refund
from sandbox.payloads.order import landing_ref
from sandbox.shop import Shop

RECENT_SECONDS = 60 * 86_400
FIELDS: Fields = {
    "id": lambda o: o.id,
    "name": lambda o: o.name,
    "created_at": lambda o: o.created_at,
    "processed_at": lambda o: o.processed_at,
    "updated_at": lambda o: o.updated_at,
    "customer_id": lambda o: o.customer.id if o.customer is not None else None,
    "email": lambda o: o.email,
    "financial_status": lambda o: o.financial_status,
    "status": lambda o: ("any", "cancelled" if o.cancelled_at else "open"),
    "test": lambda o: str(o.test).lower(),
    "tag": lambda o: o.tags,
    "discount_code": lambda o: o.codes[0].code if o.codes else None,
    "source_name": lambda o: o.source_name,
    "checkout_token": lambda o: o.token,
    "default": lambda o: f"{o.name} {o.email or ''}",
}
KEYS = {
    "UPDATED_AT": lambda o: (o.updated_at, o.id),
    "CREATED_AT": lambda o: (o.created_at, o.id),
    "PROCESSED_AT": lambda o: (o.processed_at, o.id),
    "TOTAL_PRICE": lambda o: (o.total, o.id),
}


def _visible(call: Call) -> Any:
    """Without `read_all_orders` only the last 60 days are there, silently."""
    if "read_all_orders" in call.scopes:
        return call.shop.orders
    since = call.now - RECENT_SECONDS
    return [order for order in call.shop.orders if order.created_at >= since]


def _orders(
    source: Any, info: Info, query: str | None = None, sortKey: str = "PROCESSED_AT", **args: Any
) -> pages.Page:
    call = call_of(info)
    test = compile_search(query, FIELDS, call.warnings)
    key = KEYS.get(sortKey, lambda o: (o.id, o.id))
    return pages.page(pages.sort(matching(_visible(call), test), key), **args)


def _of_customer(
    customer: Customer, info: Info, query: str | None = None, sortKey: str = "ID", **args: Any
) -> pages.Page:
    shop = shop_of(info)
    test = compile_search(query, FIELDS, call_of(info).warnings)
    rows = matching((shop.orders[place] for place in customer.orders), test)
    return pages.page(pages.sort(rows, KEYS.get(sortKey, lambda o: (o.id, o.id))), **args)


def _count(source: Any, info: Info, query: str | None = None, limit: int | None = 10_000, **_: Any) -> Any:
    call = call_of(info)
    number = sum(1 for _ in matching(_visible(call), compile_search(query, FIELDS, call.warnings)))
    if limit is not None and number > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": number, "precision": "EXACT"}


def _sum(of: Any) -> Any:
    return lambda order, info: bag(shop_of(info), of(order))


def _current_subtotal(order: Order) -> int:
    return order.subtotal - order.returned_worth


def _current_total(order: Order) -> int:
    return max(order.total - order.refunded, 0)


def _received(order: Order) -> int:
    return order.total if order.paid else 0


def _transactions(order: Order, info: Info, first: int | None = None, **_: Any) -> list[dict[str, Any]]:
    shop = shop_of(info)
    sales = list[dict[str, Any]]()
    for place, (gateway, amount) in enumerate(order.gateways):
        # payments beside the first have numbers of their own, far from all others
        number = order.transaction_id + place * 10**12
        sale = _transaction(shop, order, number, "SALE", amount, order.created_at, None)
        sales.append({**sale, "gateway": gateway, "status": "SUCCESS" if order.paid else "PENDING"})
    rows = [*sales, *(_money_back(shop, refund) for refund in order.refunds if refund.amount)]
    return rows[:first] if first is not None else rows


def _money_back(shop: Shop, refund: Refund) -> dict[str, Any]:
    parent = {"id": gid("OrderTransaction", refund.order.transaction_id)}
    order = refund.order
    return _transaction(shop, order, refund.transaction_id, "REFUND", refund.amount, refund.created_at, parent)


def _transaction(
    shop: Shop, order: Order, number: int, kind: str, amount: int, at: float, parent: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "__typename": "OrderTransaction",
        "id": gid("OrderTransaction", number),
        "kind": kind,
        "status": "SUCCESS",
        "amountSet": bag(shop, amount),
        "gateway": "bogus",
        "formattedGateway": "Bogus",
        "test": order.test,
        "createdAt": when(at),
        "processedAt": when(at),
        "parentTransaction": parent,
        "order": order,
        "manualPaymentGateway": False,
        "errorCode": None,
    }


def _shipping_lines(order: Order, info: Info) -> list[dict[str, Any]]:
    if not order.shipping:
        return []
    shop, price = shop_of(info), bag(shop_of(info), order.shipping)
    return [
        {
            "id": gid("ShippingLine", shop.ids.of("ShippingLine", order.place)),
            "title": "Standard",
            "code": "Standard",
            "source": "shopify",
            "custom": False,
            "isRemoved": False,
            "originalPriceSet": price,
            "discountedPriceSet": price,
            "currentDiscountedPriceSet": price,
            "discountAllocations": [],
            "taxLines": [],
        }
    ]


def _journey(order: Order, info: Info) -> dict[str, Any]:
    """The visit is the landing page; the sandbox keeps no thirty-day history of visits."""
    index = order.customer.orders.index(order.place) + 1 if order.customer is not None else None
    visit = None
    if order.landing_site:
        query = parse_qs(order.landing_site.partition("?")[2])
        utm = {
            name: query.get(f"utm_{name}", [None])[0] for name in ("campaign", "content", "medium", "source", "term")
        }
        visit = {
            "id": gid("CustomerVisit", order.id),
            "landingPage": urljoin(f"https://{shop_of(info).domain}", order.landing_site),
            "referrerUrl": order.referring_site,
            "referralCode": landing_ref(order.landing_site),
            "source": "direct" if not order.referring_site else "referral",
            "sourceType": None,
            "sourceDescription": None,
            "occurredAt": when(order.created_at),
            "utmParameters": utm if any(utm.values()) else None,
        }
    return {
        "ready": True,
        "customerOrderIndex": index,
        "daysToConversion": 0,
        "firstVisit": visit,
        "lastVisit": visit,
        "momentsCount": {"count": 1 if visit else 0, "precision": "EXACT"},
    }


def _pieces(order: Order, shop: Shop, current: bool) -> int:
    lines = shop.lines
    return sum(lines.quantity[p] - (lines.returned[p] if current else 0) for p in order.lines)


_ZERO = _sum(lambda order: 0)
RESOLVERS: Resolvers = {
    "QueryRoot": {
        "orders": _orders,
        "ordersCount": _count,
        "order": lambda source, info, id: shop_of(info).orders.by_id(number_of(id, "Order")),
    },
    "Customer": {"orders": _of_customer},
    "Order": {
        "id": id_of("Order"),
        "legacyResourceId": plain("id"),
        "number": plain("number"),
        "createdAt": instant("created_at"),
        "processedAt": instant("processed_at"),
        "updatedAt": instant("updated_at"),
        "cancelledAt": instant("cancelled_at"),
        "cancelReason": lambda order, info: order.cancel_reason and order.cancel_reason.upper(),
        "closed": always(False),
        "confirmed": always(True),
        "confirmationNumber": lambda order, info: f"S{order.number}",
        "edited": always(False),
        "displayFinancialStatus": lambda order, info: order.financial_status.upper(),
        "displayFulfillmentStatus": lambda order, info: (order.fulfillment_status or "unfulfilled").upper(),
        "currencyCode": lambda order, info: shop_of(info).currency.code,
        "presentmentCurrencyCode": lambda order, info: shop_of(info).currency.code,
        "sourceName": plain("source_name"),
        "cartToken": lambda order, info: f"c1-{order.token}",
        "checkoutToken": plain("token"),
        "tags": lambda order, info: list(order.tags),
        "customerLocale": always("en"),
        "customerAcceptsMarketing": always(False),
        "taxesIncluded": always(False),
        "taxExempt": always(False),
        "dutiesIncluded": always(False),
        "estimatedTaxes": always(False),
        "fullyPaid": lambda order, info: order.paid,
        "unpaid": lambda order, info: not order.paid,
        "refundable": lambda order, info: order.paid and order.refunded < order.total,
        "requiresShipping": always(True),
        "returnStatus": always("NO_RETURN"),
        "discountCode": lambda order, info: order.codes[0].code if order.codes else None,
        "discountCodes": lambda order, info: [code.code for code in order.codes],
        "discountApplications": lambda order, info, **args: pages.page(
            pages.numbered(applications(shop_of(info), order)), **args
        ),
        "customAttributes": lambda order, info: [{"key": key, "value": value} for key, value in order.attributes],
        "landingPageUrl": lambda order, info: (
            urljoin(f"https://{shop_of(info).domain}", order.landing_site) if order.landing_site else None
        ),
        "referrerUrl": plain("referring_site"),
        "referralCode": lambda order, info: landing_ref(order.landing_site),
        "customerJourneySummary": _journey,
        "attribution": always(None),
        "paymentGatewayNames": lambda order, info: list(dict.fromkeys(name for name, _ in order.gateways)),
        "totalPriceSet": _sum(lambda order: order.total),
        "originalTotalPriceSet": _sum(lambda order: order.total),
        "currentTotalPriceSet": _sum(_current_total),
        "subtotalPriceSet": _sum(lambda order: order.subtotal),
        "currentSubtotalPriceSet": _sum(_current_subtotal),
        "totalTaxSet": _ZERO,
        "currentTotalTaxSet": _ZERO,
        "totalShippingPriceSet": _sum(lambda order: order.shipping),
        "currentShippingPriceSet": _sum(lambda order: order.shipping),
        "totalDiscountsSet": _sum(lambda order: order.discounts),
        "currentTotalDiscountsSet": _sum(lambda order: order.discounts),
        "cartDiscountAmountSet": _sum(lambda order: order.discounts),
        "currentCartDiscountAmountSet": _sum(lambda order: order.discounts),
        "totalRefundedSet": _sum(lambda order: order.refunded),
        "totalRefundedShippingSet": _ZERO,
        "totalReceivedSet": _sum(_received),
        "totalOutstandingSet": _sum(lambda order: 0 if order.paid or order.cancelled_at else order.total),
        "totalCapturableSet": _ZERO,
        "netPaymentSet": _sum(lambda order: _received(order) - order.refunded),
        "totalTipReceivedSet": _ZERO,
        "refundDiscrepancySet": _ZERO,
        "subtotalLineItemsQuantity": lambda order, info: _pieces(order, shop_of(info), False),
        "currentSubtotalLineItemsQuantity": lambda order, info: _pieces(order, shop_of(info), True),
        "totalWeight": always(0),
        "lineItems": lambda order, info, **args: pages.page(
            pages.numbered(Line(order, place) for place in order.lines), **args
        ),
        "refunds": lambda order, info, first=None: list(order.refunds[:first]),
        "transactions": _transactions,
        "transactionsCount": lambda order, info: {
            "count": len(_transactions(order, info)),
            "precision": "EXACT",
        },
        "shippingLine": lambda order, info: next(iter(_shipping_lines(order, info)), None),
        "shippingLines": lambda order, info, includeRemovals=False, **args: pages.page(
            pages.numbered(_shipping_lines(order, info)), **args
        ),
        "taxLines": always([]),
        "statusPageUrl": lambda order, info, **_: f"https://{shop_of(info).domain}/orders/{order.token}",
    },
    "Refund": {
        "id": id_of("Refund"),
        "legacyResourceId": plain("id"),
        "createdAt": instant("created_at"),
        "updatedAt": instant("created_at"),
        "processedAt": instant("created_at"),
        "totalRefundedSet": lambda refund, info: bag(shop_of(info), refund.amount),
        "refundLineItems": lambda refund, info, **args: pages.page(
            pages.numbered((refund, part) for part in refund.lines), **args
        ),
        "refundShippingLines": lambda refund, info, **args: pages.page(pages.numbered([]), **args),
        "orderAdjustments": lambda refund, info, **args: pages.page(pages.numbered([]), **args),
        "transactions": lambda refund, info, **args: pages.page(
            pages.numbered([_money_back(shop_of(info), refund)] if refund.amount else []), **args
        ),
    },
    **LINE_RESOLVERS,
}
