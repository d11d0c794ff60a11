"""What an order and a customer of WooCommerce say, in our words. A webhook's body and the store's answer have one
shape, so both go through here and tell the same story.

*Paid* is decided by the status: the instants of payment are never cleared again. Only where the status leaves it open
does the instant decide: cash on delivery waits in ``processing`` without one until the money came, and a status that a
plugin invented (``shipped``) says nothing of money.

Goods are what the lines were sold for, after coupons and negative fees (which are discounts by another name); where
the shop's prices include tax, so do they. An order's body names its refunds by their money alone, so all of it
(without tax where prices have none) counts as goods that came back, and never more than there were.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from commerce import reading
from commerce.arrivals import Arrival, arrival
from commerce.customers import CustomerSnapshot
from commerce.events import BadDelivery
from commerce.identity import Identity, guest_id
from commerce.orders import Buyer, Channel, OrderLine, OrderSnapshot, RefundSnapshot
from connectors.woocommerce.bodies import Contact, Customer, Line, Order
from connectors.woocommerce.exchange import KEYS, Tender, tender

# A checkout that is open, or was left: not an order yet.
DRAFTS = frozenset({"checkout-draft", "auto-draft", "draft", "new"})
_PAID = frozenset({"completed", "refunded"})
_UNPAID = frozenset({"pending", "on-hold", "failed", "cancelled", "trash"})
_CANCELLED = frozenset({"cancelled", "trash"})

# By whom an order was made: at the till of the common plugins, or by the merchant in the admin.
_CHANNELS = {"pos": Channel.POS, "woocommerce-pos": Channel.POS, "pos-rest-api": Channel.POS, "admin": Channel.DRAFT}

# People who work for the shop, whose accounts are no customers' accounts.
STAFF = frozenset({"administrator", "shop_manager", "editor", "author", "contributor", "super_admin"})

_ERASED_EMAIL = "deleted@site.invalid"
_ERASED = "_anonymized"
_LANDING = "_wc_order_attribution_session_entry"
_REFERRER, _MEDIUM, _SOURCE = (f"_wc_order_attribution_{name}" for name in ("referrer", "utm_medium", "utm_source"))
_REFERRALS = ("perennial_ref", "_perennial_ref")
# Longer than any that a person lives at, or a browser calls itself.
_ADDRESS_LENGTH, _AGENT_LENGTH = 200, 400
_READ = KEYS | {_ERASED, _LANDING, _REFERRER, _MEDIUM, _SOURCE, *_REFERRALS}


@dataclass(frozen=True, slots=True)
class Home:
    """What a body does not say of the shop that it is from: its currency, and the country where its phones are dialled.
    Each is None where the caller does not know it.
    """

    currency: str | None = None
    country: str | None = None


NOWHERE = Home()


def is_paid(status: str, paid_at: datetime | None) -> bool:
    if status in _PAID:
        return True
    return status not in _UNPAID and paid_at is not None


def is_cancelled(status: str) -> bool:
    return status in _CANCELLED


def instant(found: datetime | None) -> datetime | None:
    """The store's ``..._gmt`` bear no zone, and are UTC."""
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def changed_at(order: Order) -> datetime:
    at = instant(order.date_modified_gmt) or instant(order.date_created_gmt)
    if at is None:
        raise BadDelivery("an order has no instant")
    return at


def order_snapshot(order: Order, observed_at: datetime, home: Home) -> OrderSnapshot:
    """The order as the store states it, in the shop's currency where that is known and the order tells a rate.

    Raises `BadDelivery` and `BadAmount`.
    """
    meta = {item.key: item.value for item in order.meta_data if isinstance(item.key, str) and item.key in _READ}
    money = tender(order.currency, meta, home.currency)
    updated_at = changed_at(order)
    lines = _lines(order, money)
    code, channel = _referral(meta), _CHANNELS.get(order.created_via or "", Channel.ONLINE)
    discount = -sum(
        min(0, money.minor(fee.total) + (money.minor(fee.total_tax) if order.prices_include_tax else 0))
        for fee in order.fee_lines
    )
    goods = max(0, sum(line.net_minor for line in lines) - discount)
    return OrderSnapshot(
        external_id=str(order.id),
        name=reading.clean(str(order.number or order.id), reading.NAME_LENGTH),
        customer=_buyer(order, meta, observed_at, home),
        currency=money.told_in,
        placed_at=instant(order.date_created_gmt) or updated_at,
        updated_at=updated_at,
        observed_at=observed_at,
        paid=is_paid(order.status, order.date_paid_gmt),
        cancelled_at=updated_at if is_cancelled(order.status) else None,
        test=False,
        goods_minor=reading.bounded(goods, "the price of the goods"),
        total_minor=reading.bounded(money.minor(order.total), "the total"),
        lines=lines,
        refunds=_refunds(order, money, goods, updated_at),
        discount_codes=reading.codes(html.unescape(c.code) if c.code else None for c in order.coupon_lines),
        referral_code=code,
        landing_code=reading.landing_code(_landing(meta)),
        whole=True,
        buyer_erased=_is_erased(order, meta),
        step_minor=money.step(order.total),
        **_earning(order, money, updated_at),
        channel=channel,
        buyer=_buyer_said(order),
        arrival=_arrival(meta, channel, invited=code is not None),
        country=reading.country(order.shipping.country) or reading.country(order.billing.country),
    )


def _earning(order: Order, money: Tender, updated_at: datetime) -> dict[str, Any]:
    """What earning asks beside the goods. Core has no gift cards and no store credit: plugins pay with them as with a
    coupon or a negative fee, which the goods have lost already.
    """
    taxed = order.prices_include_tax
    before = sum(
        money.minor(line.total if line.subtotal is None else line.subtotal)
        + (money.minor(line.subtotal_tax if line.subtotal is not None else line.total_tax) if taxed else 0)
        for line in order.line_items
    )
    return {
        "list_minor": reading.bounded(max(0, before), "the price of the goods before discounts"),
        "tax_minor": reading.bounded(max(0, sum(money.minor(line.total_tax) for line in order.line_items)), "the tax"),
        "tax_included": taxed,
        "shipping_minor": reading.bounded(max(0, money.minor(order.shipping_total)), "the shipping"),
        "fulfilled_at": updated_at if order.status == "completed" else None,
        "gateways": (reading.clean(order.payment_method, reading.NAME_LENGTH),) if order.payment_method else (),
    }


def _buyer_said(order: Order) -> Buyer | None:
    """What the order says of whoever placed it; goods that are sent somewhere are sent to where somebody is."""
    sent = order.shipping if order.shipping.address_1 else order.billing
    lines = (sent.address_1, sent.address_2, sent.postcode, sent.city)
    parts = [reading.optional(line, _ADDRESS_LENGTH) for line in lines]
    buyer = Buyer(
        phone=reading.optional(order.billing.phone, reading.NAME_LENGTH),
        address=" ".join(filter(None, parts)) or None,
        ip=reading.optional(order.customer_ip_address, reading.NAME_LENGTH),
        user_agent=reading.optional(order.customer_user_agent, _AGENT_LENGTH),
    )
    return None if buyer == Buyer() else buyer


def _lines(order: Order, money: Tender) -> tuple[OrderLine, ...]:
    taxed = order.prices_include_tax
    return tuple(_line(line_no, item, money, taxed) for line_no, item in enumerate(order.line_items, 1))


def _line(line_no: int, item: Line, money: Tender, taxed: bool) -> OrderLine:
    net = money.minor(item.total) + (money.minor(item.total_tax) if taxed else 0)
    product = str(item.product_id) if item.product_id else None
    title = reading.clean(html.unescape(item.name or ""), reading.TITLE_LENGTH)
    whole = reading.bounded(max(0, net), "the price of a line")
    number, variant = (str(found) if found else None for found in (item.id, item.variation_id))
    return OrderLine(line_no, product, title, _count(item.quantity), whole, False, number, variant)


def _count(quantity: float) -> int:
    """Whole pieces; half a kilogram is one piece."""
    return max(1, int(quantity)) if quantity else 0


def _refunds(order: Order, money: Tender, goods: int, at: datetime) -> tuple[RefundSnapshot, ...]:
    """The refunds, oldest first, each with as much of the goods as the earlier ones have left.

    The body tells no instant of a refund; the order's last change is the nearest: it was never later than that.
    """
    found, left = [], goods
    for refund in sorted(order.refunds, key=lambda refund: refund.id):
        total = abs(money.minor(refund.total))
        back = total if order.prices_include_tax else max(0, total - abs(money.minor(refund.total_tax)))
        back = min(back, left)
        left -= back
        total = reading.bounded(total, "the money of a refund")
        found.append(RefundSnapshot(str(refund.id), str(order.id), at, back, total))
    return tuple(found)


def _buyer(order: Order, meta: Mapping[str, msgspec.Raw], observed_at: datetime, home: Home) -> CustomerSnapshot | None:
    """Who bought: a customer, or a guest who is known by what he wrote at the checkout; nobody, once he was erased.

    A guest may have typed somebody else's e-mail: it is a name to earn under, never a proof to spend with.
    """
    billing = order.billing
    if _is_erased(order, meta):
        return None
    who = str(order.customer_id) if order.customer_id else guest_id(_identity(billing, home))
    if who is None:
        return None
    return CustomerSnapshot(
        external_id=who,
        email=reading.optional(billing.email, reading.EMAIL_LENGTH),
        first_name=reading.optional(billing.first_name, reading.NAME_LENGTH),
        last_name=reading.optional(billing.last_name, reading.NAME_LENGTH),
        observed_at=observed_at,
    )


def _is_erased(order: Order, meta: Mapping[str, msgspec.Raw]) -> bool:
    """Whether the store's tool for erasing personal data went over the order."""
    return (order.billing.email or "").strip().lower() == _ERASED_EMAIL or bytes(meta.get(_ERASED, b"")) == b'"yes"'


def _identity(billing: Contact, home: Home) -> Identity:
    """Shops that sell in one country often do not ask for it."""
    return Identity.of(billing.email, billing.phone, country=billing.country or home.country)


def customer_snapshot(found: Customer, observed_at: datetime) -> CustomerSnapshot:
    """A customer as the store states him. Names are often given only at the checkout, so the address book's do."""
    created_at = instant(found.date_created_gmt)
    return CustomerSnapshot(
        external_id=str(found.id),
        email=reading.optional(found.email, reading.EMAIL_LENGTH),
        first_name=reading.optional(found.first_name or found.billing.first_name, reading.NAME_LENGTH),
        last_name=reading.optional(found.last_name or found.billing.last_name, reading.NAME_LENGTH),
        created_at=created_at,
        updated_at=instant(found.date_modified_gmt) or created_at,
        observed_at=observed_at,
    )


def _referral(meta: Mapping[str, msgspec.Raw]) -> str | None:
    """The code that our companion wrote into the order, else ``ref`` in the address at which the shopper came in."""
    return reading.referral_code(_texts(meta, _REFERRALS), _landing(meta))


def _landing(meta: Mapping[str, msgspec.Raw]) -> str | None:
    return next((v for _, v in _texts(meta, (_LANDING,))), None)


def _arrival(meta: Mapping[str, msgspec.Raw], channel: Channel, *, invited: bool) -> Arrival | None:
    """The way by which the shopper came, as the store's own attribution tells; it writes nothing for orders that an app
    has made.
    """
    told = dict(_texts(meta, (_LANDING, _REFERRER, _MEDIUM, _SOURCE)))
    return arrival(
        told.get(_LANDING), told.get(_REFERRER), medium=told.get(_MEDIUM, ""), source=told.get(_SOURCE, ""),
        invited=invited, channel=channel,
    )  # fmt: skip


def _texts(meta: Mapping[str, msgspec.Raw], keys: Iterable[str]) -> list[tuple[str, str]]:
    found = []
    for key in keys:
        raw = bytes(meta.get(key, b""))
        if raw.startswith(b'"'):
            found.append((key, msgspec.json.decode(raw, type=str)))
    return found
