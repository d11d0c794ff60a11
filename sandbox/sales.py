"""The merchant's deeds: orders placed, paid, refunded and cancelled, each telling the app what the platform
tells it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.checkout import Item, Quote
from sandbox.customers import Customer
from sandbox.gift_cards import GiftCard
from sandbox.orders import Order, Refund, RefundedLine
from sandbox.payloads.news import transaction_body
from sandbox.shop import Shop

CANCEL_REASONS = ("customer", "fraud", "inventory", "declined", "staff", "other")


class SaleRefused(ValueError):
    """The store cannot do this; the message says why."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Everything about an order but its sums."""

    customer: Customer | None = None
    email: str | None = None
    paid: bool = True
    placed_at: float | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    landing_site: str | None = None
    referring_site: str | None = None
    note: str | None = None
    source_name: str = "web"
    test: bool = False
    # numbers of gift cards, and whether store credit is used before the bank card
    gift_cards: tuple[str, ...] = ()
    store_credit: bool = False


def place(shop: Shop, quote: Quote, purchase: Purchase) -> Order:
    """A new order at the quoted price. Fires `orders/create`, and `orders/paid` when it is paid at once."""
    now = shop.clock()
    cards = _cards(shop, purchase, now)
    order = _order(shop, quote, purchase, now)
    _pay_with_what_they_have(shop, order, cards, purchase, now)
    shop.orders.items.append(order)
    shop.version += 1
    _count(shop, order, quote, now)
    event = shop.event()
    topics = ("orders/create", "orders/paid") if purchase.paid else ("orders/create",)
    shop.fire_order((*topics, "orders/updated") if shop.chatty else topics, order, event)
    if purchase.paid:
        _tell_payment(shop, order, event)
    return order


def _tell_payment(shop: Shop, order: Order, event: str) -> None:
    """The payment by itself, where the shop tells everything: the platform sends it beside the order."""
    if shop.chatty and shop.hears("order_transactions/create"):
        code = shop.currency.code
        body = transaction_body(order, "sale", shop.currency.text(order.total), code, shop.clock())
        shop.fire("order_transactions/create", body, event)


def _cards(shop: Shop, purchase: Purchase, now: float) -> list[GiftCard]:
    """The gift cards that are to pay; raises SaleRefused for one that cannot."""
    today = datetime.fromtimestamp(now, shop.zone).date().isoformat()
    cards = [shop.gift_cards.by_code(code) for code in purchase.gift_cards]
    if not all(card is not None and card.works(today) and card.balance for card in cards):
        raise SaleRefused("This gift card does not work here, or not any more.")
    return [card for card in cards if card is not None]


def _pay_with_what_they_have(
    shop: Shop, order: Order, cards: Sequence[GiftCard], purchase: Purchase, now: float
) -> None:
    """Gift cards and store credit pay first, the bank card what is left; the order's sums stay as they are."""
    due, credit = order.total, list[tuple[str, int]]()
    for card in cards:
        paid = card.pay(order.id, due, now)
        due -= paid
        credit.append(("gift_card", paid))
    account = shop.store_credit.of(order.customer.id) if purchase.store_credit and order.customer is not None else None
    if account is not None and (taken := min(due, account.balance(now))):
        number = shop.ids.of("StoreCreditAccountTransaction", shop.store_credit.moved)
        shop.store_credit.debit(account, number, taken, now, "ORDER_PAYMENT")
        credit.append(("shopify_store_credit", taken))
    order.credit = tuple((name, amount) for name, amount in credit if amount)


def _order(shop: Shop, quote: Quote, purchase: Purchase, now: float) -> Order:
    first_line = len(shop.lines)
    for item, off in zip(quote.items, quote.spread(), strict=True):
        shop.lines.add(item.product.place, item.quantity, item.price, off)
    number = len(shop.orders)
    placed_at = now if purchase.placed_at is None else purchase.placed_at
    customer = purchase.customer
    return Order(
        id=shop.ids.of("Order", number),
        place=number,
        customer=customer,
        email=purchase.email or (customer.email if customer is not None else None),
        created_at=placed_at,
        processed_at=placed_at,
        updated_at=now,
        first_line=first_line,
        line_count=len(quote.items),
        subtotal=quote.subtotal,
        shipping=quote.shipping - quote.shipping_off,
        shipping_off=quote.shipping_off,
        discounts=quote.discounts,
        transaction_id=shop.ids.of("OrderTransaction", number),
        financial_status="paid" if purchase.paid else "pending",
        test=purchase.test,
        note=purchase.note,
        codes=quote.codes,
        attributes=purchase.attributes,
        landing_site=purchase.landing_site,
        referring_site=purchase.referring_site,
        source_name=purchase.source_name,
    )


def _count(shop: Shop, order: Order, quote: Quote, now: float) -> None:
    """What an order changes beside itself: the customer's totals and the codes' usage."""
    customer = order.customer
    if customer is not None:
        customer.orders.append(order.place)
        customer.spent += order.total
        customer.updated_at = now
    shopper = str(customer.id) if customer is not None else (order.email or "").casefold()
    for discount, _ in quote.taken:
        discount.usage += 1
        discount.sales += order.total
        discount.used_by[shopper] += 1


def pay(shop: Shop, order: Order) -> None:
    """The money of a pending order has come."""
    if order.financial_status != "pending":
        raise SaleRefused(f"{order.name} is {order.financial_status}; only a pending order can be paid")
    order.financial_status = "paid"
    order.updated_at = shop.clock()
    shop.version += 1
    event = shop.event()
    shop.fire_order(("orders/paid", "orders/updated"), order, event)
    _tell_payment(shop, order, event)


def refund(
    shop: Shop,
    order: Order,
    pieces: Mapping[int, int],
    *,
    amount: int | None = None,
    note: str | None = None,
    at: float | None = None,
    restock_type: str = "return",
) -> Refund:
    """Takes back pieces (place of the line -> how many) and gives back money: what they were sold for
    unless said.

    No pieces with an amount is a refund of money only. Fires `refunds/create`, then `orders/updated`.
    """
    made = _refund(shop, order, pieces, amount, note, at, restock_type)
    event = shop.event()
    shop.fire_refund(made, event)
    shop.fire_order(("orders/updated",), order, event)
    return made


def _refund(
    shop: Shop,
    order: Order,
    pieces: Mapping[int, int],
    amount: int | None,
    note: str | None,
    at: float | None,
    restock_type: str,
) -> Refund:
    _check_refund(shop, order, pieces, amount)
    parts = tuple(_take_back(shop, place, quantity, restock_type) for place, quantity in pieces.items())
    left = order.total - order.refunded
    worth = sum(part.subtotal for part in parts)
    back = 0 if not order.paid else min(worth if amount is None else amount, left)
    now = shop.clock()
    number = shop.refund_count
    shop.refund_count += 1
    # refunds count from a thousand million on: the numbers below are the orders' own transactions
    transaction = shop.ids.of("OrderTransaction", 1_000_000_000 + number)
    made_at = now if at is None else at
    made = Refund(shop.ids.of("Refund", number), order, made_at, parts, back, transaction, note)
    order.refunds = (*order.refunds, made)
    order.updated_at = now
    if order.paid:
        order.financial_status = "refunded" if _all_back(shop, order) else "partially_refunded"
    if order.customer is not None:
        order.customer.spent -= back
    shop.version += 1
    return made


def _check_refund(shop: Shop, order: Order, pieces: Mapping[int, int], amount: int | None) -> None:
    if not pieces and not amount:
        raise SaleRefused("a refund needs pieces or an amount")
    for place, quantity in pieces.items():
        if place not in order.lines:
            raise SaleRefused(f"the line is not one of {order.name}")
        left = shop.lines.quantity[place] - shop.lines.returned[place]
        if not 0 < quantity <= left:
            raise SaleRefused(f"{quantity} pieces cannot be refunded: {left} are left of this line")
    if amount is not None and not 0 <= amount <= order.total - order.refunded:
        raise SaleRefused(f"at most {shop.currency.text(order.total - order.refunded)} can be refunded")


def _take_back(shop: Shop, place: int, quantity: int, restock_type: str) -> RefundedLine:
    worth = shop.lines.worth(place, quantity)
    shop.lines.returned[place] += quantity
    number = shop.ids.of("RefundLineItem", shop.refund_line_count)
    shop.refund_line_count += 1
    return RefundedLine(number, place, quantity, worth, restock_type)


def _all_back(shop: Shop, order: Order) -> bool:
    if order.total > 0:
        return order.refunded >= order.total
    return all(shop.lines.returned[place] >= shop.lines.quantity[place] for place in order.lines)


def outstanding(shop: Shop, order: Order) -> dict[int, int]:
    """The pieces that the customer still has, by line."""
    left = ((place, shop.lines.quantity[place] - shop.lines.returned[place]) for place in order.lines)
    return {place: quantity for place, quantity in left if quantity > 0}


def cancel(shop: Shop, order: Order, *, reason: str = "customer", at: float | None = None) -> None:
    """Cancels before fulfilment; money that was paid goes back. Fires `refunds/create`, `orders/cancelled`,
    `orders/updated`.
    """
    if order.cancelled_at is not None:
        raise SaleRefused(f"{order.name} is already cancelled")
    if reason not in CANCEL_REASONS:
        raise SaleRefused(f"a cancellation's reason is one of {', '.join(CANCEL_REASONS)}")
    pieces, made = outstanding(shop, order), None
    left = order.total - order.refunded if order.paid else 0
    if pieces or left:
        made = _refund(shop, order, pieces, left if order.paid else None, None, at, "cancel")
    order.cancelled_at = shop.clock() if at is None else at
    order.cancel_reason = reason
    order.updated_at = shop.clock()
    if order.financial_status == "pending":
        order.financial_status = "voided"
    shop.version += 1
    event = shop.event()
    if made is not None:
        shop.fire_refund(made, event)
    shop.fire_order(("orders/cancelled", "orders/updated"), order, event)


def take_off(shop: Shop, order: Order, pieces: Mapping[int, int]) -> Refund:
    """Takes pieces off an order by an edit: written down as a refund that moves no money. Fires nothing itself."""
    return _refund(shop, order, pieces, 0, None, None, "cancel")


def items_for(shop: Shop, wanted: Sequence[tuple[str, int]]) -> list[Item]:
    """Basket items by SKU at the shop's own prices."""
    items = []
    for sku, quantity in wanted:
        product = shop.catalog.by_sku(sku)
        if product is None:
            raise SaleRefused(f"the shop has no product {sku!r}")
        if not 0 < quantity <= 1_000_000:
            raise SaleRefused("a quantity is a number from 1 up")
        items.append(Item(product, quantity, product.price))
    return items
