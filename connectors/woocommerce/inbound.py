"""What a WooCommerce webhook says, in our words: `translate` turns one delivery into events, or refuses it with a
reason.

A body is made when it is sent, not when its topic happened: ``order.created`` may tell of an order that is long
refunded, and comes after ``order.updated`` as often as before. So every topic of an order means one thing: this is
how it stands. Bodies may also be the store's own refusal to itself, well signed: of something that is gone it says
nothing, and of a lost right it asks for a person.

A refusal never repeats any of the body: it may hold personal data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from commerce.events import (
    BadDelivery,
    CustomerChanged,
    CustomerDeleted,
    Delivery,
    Event,
    OrderChanged,
    OrderStale,
    PrivacyAsked,
)
from commerce.money import BadAmount
from connectors.woocommerce import bodies, reading
from connectors.woocommerce.reading import NOWHERE, Home

_ORDER = msgspec.json.Decoder(bodies.Order)
_CUSTOMER = msgspec.json.Decoder(bodies.Customer)
_GONE = msgspec.json.Decoder(bodies.Gone)
_FAULT = msgspec.json.Decoder(bodies.Fault)

_NOT_THERE = (404, 410)
_NO_RIGHT = (401, 403)


class OfShop(Protocol):
    """What is asked of a shop: its currency, and where its phones are dialled; each None where that is not known."""

    @property
    def currency(self) -> str | None: ...
    @property
    def country(self) -> str | None: ...


def translate(delivery: Delivery, shop: OfShop = NOWHERE) -> Sequence[Event]:
    """The events that `delivery` tells of; none for a topic that we did not ask for. Raises `BadDelivery`.

    `shop` is whose delivery it is: orders in another currency are told in the shop's own if they bear a rate.
    """
    read = _READERS.get(delivery.topic)
    if read is None:
        return ()
    try:
        return read(delivery, Home(shop.currency, shop.country))
    except msgspec.ValidationError as fault:
        if _is_gone(delivery.body):
            return ()
        raise BadDelivery(f"the body does not fit its topic: {str(fault)[:200]}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadDelivery("the body is not JSON") from None
    except RecursionError:
        raise BadDelivery("the body is nested too deeply") from None
    except BadAmount:
        raise BadDelivery("an amount or a currency is not written as one") from None
    except OverflowError:
        raise BadDelivery("an instant is out of bounds") from None


def _is_gone(body: bytes) -> bool:
    """Whether the body is the store's word that the object is no more. Raises `BadDelivery` for its word that the
    owner of the webhook may no longer see it, which only the merchant can mend.
    """
    try:
        fault = _FAULT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if fault.status in _NO_RIGHT:
        raise BadDelivery(
            "the store no longer lets us see this: the account that connected it lost its rights; connect it again"
        )
    return fault.status in _NOT_THERE


def _order_events(delivery: Delivery, home: Home) -> Sequence[Event]:
    order = _ORDER.decode(delivery.body)
    if order.status in reading.DRAFTS:
        return ()
    return (OrderChanged(reading.order_snapshot(order, delivery.observed_at, home)),)


def _order_gone_events(delivery: Delivery, _home: Home) -> Sequence[Event]:
    """An order went to the trash: all that is said is its id. It can be read as long as it lies there, so it is asked
    for; a caught body under this topic does no more than that.
    """
    return (OrderStale(str(_GONE.decode(delivery.body).id), delivery.observed_at),)


def _customer_events(delivery: Delivery, _home: Home) -> Sequence[Event]:
    found = _CUSTOMER.decode(delivery.body)
    if found.role in reading.STAFF:
        return ()
    return (CustomerChanged(reading.customer_snapshot(found, delivery.observed_at)),)


def _customer_gone_events(delivery: Delivery, _home: Home) -> Sequence[Event]:
    """An account was deleted. The platform has no other word for "erase this person", so that is what it means beside
    the deletion; his orders become a guest's without a word.
    """
    external_id, at = str(_GONE.decode(delivery.body).id), delivery.observed_at
    return (
        CustomerDeleted(external_id, at),
        PrivacyAsked("customer_erasure", external_id, f"customer:{external_id}:deleted", at),
    )


_READERS: dict[str, Callable[[Delivery, Home], Sequence[Event]]] = {
    "order.created": _order_events,
    "order.updated": _order_events,
    "order.restored": _order_events,
    "order.deleted": _order_gone_events,
    "customer.created": _customer_events,
    "customer.updated": _customer_events,
    "customer.deleted": _customer_gone_events,
}

TOPICS = tuple(_READERS)
"""What our webhooks subscribe to. There is no topic for payments or refunds: ``order.updated`` tells of both."""
