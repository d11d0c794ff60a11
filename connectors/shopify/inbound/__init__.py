"""What a webhook says, in our words: `translate` turns one delivery into events, or refuses it with a reason.

Only the fields that we need are read, each with a type and bounds; the platform may add others at any time. A topic
that we do not know says nothing to us: its delivery is kept, and settles to no change. A refusal never repeats any of
the body: it may hold personal data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from commerce.events import BadDelivery, Delivery, Event
from commerce.money import BadAmount
from connectors.shopify.inbound import customers, orders, store

READERS: Mapping[str, Callable[[Delivery], Sequence[Event]]] = {**orders.READERS, **customers.READERS, **store.READERS}


def translate(delivery: Delivery) -> Sequence[Event]:
    """The events that `delivery` tells of; none for a topic that we did not ask for. Raises `BadDelivery`."""
    read = READERS.get(delivery.topic)
    if read is None:
        return ()
    try:
        return read(delivery)
    except msgspec.ValidationError as fault:
        raise BadDelivery(f"the body does not fit its topic: {_place(fault)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadDelivery("the body is not JSON") from None
    except RecursionError:
        raise BadDelivery("the body is nested too deeply") from None
    except BadAmount:
        raise BadDelivery("an amount or a currency is not written as one") from None
    except OverflowError:
        raise BadDelivery("an instant is out of bounds") from None


def _place(fault: msgspec.ValidationError) -> str:
    """Which field, and what was expected there. msgspec names types and bounds; it repeats a value only for
    enumerations, unused here.
    """
    return str(fault)[:200]
