"""Customers, as their webhooks tell of them: their names, their tags, their consent, and that they are gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from commerce.events import (
    BadDelivery,
    CustomerChanged,
    CustomerDeleted,
    CustomerFact,
    CustomersMerged,
    CustomerTagged,
    Delivery,
    Event,
    OrderStale,
    PrivacyAsked,
)
from commerce.money import check_currency, minor_units
from connectors.shopify import reading
from connectors.shopify.inbound.bodies import Customer, Gid, Id, Instant, customer_snapshot, external_id, utc

_Tag = Annotated[str, Meta(max_length=255)]
_State = Annotated[str, Meta(max_length=40)]
# A customer has 250 tags at most.
_Tags = Annotated[list[_Tag], Meta(max_length=500)]


class _Deleted(Struct, gc=False):
    id: Id


class _Merge(Struct, gc=False):
    admin_graphql_api_customer_kept_id: Gid
    admin_graphql_api_customer_deleted_id: Gid
    status: _State


class _Tagged(Struct, gc=False, rename="camel"):
    customer_id: Gid
    tags: _Tags
    occurred_at: Instant


class _Spent(Struct, gc=False, rename="camel"):
    amount: str
    currency_code: str


class _Summary(Struct, gc=False, rename="camel"):
    customer_id: Gid
    number_of_orders: Annotated[int, Meta(ge=0, le=2**31)]
    occurred_at: Instant
    amount_spent: _Spent | None = None
    last_order_id: Gid | None = None


class _Consent(Struct, gc=False):
    state: _State | None = None
    consent_updated_at: Instant | None = None


class _EmailConsent(Struct, gc=False):
    customer_id: Id
    email_marketing_consent: _Consent | None = None


class _SmsConsent(Struct, gc=False):
    id: Id
    sms_marketing_consent: _Consent | None = None


class _Membership(Struct, gc=False):
    customer_id: Gid
    segment_id: Gid


class _Person(Struct, gc=False):
    id: Id | None = None


class _Request(Struct, gc=False):
    id: Id


class _DataRequest(Struct, gc=False):
    data_request: _Request
    customer: _Person | None = None


class _Redact(Struct, gc=False):
    shop_id: Id
    customer: _Person | None = None


_CUSTOMER = msgspec.json.Decoder(Customer)
_DELETED = msgspec.json.Decoder(_Deleted)
_MERGE = msgspec.json.Decoder(_Merge)
_TAGGED = msgspec.json.Decoder(_Tagged)
_SUMMARY = msgspec.json.Decoder(_Summary)
_EMAIL_CONSENT = msgspec.json.Decoder(_EmailConsent)
_SMS_CONSENT = msgspec.json.Decoder(_SmsConsent)
_MEMBERSHIP = msgspec.json.Decoder(_Membership)
_DATA_REQUEST = msgspec.json.Decoder(_DataRequest)
_REDACT = msgspec.json.Decoder(_Redact)


def _customer_events(delivery: Delivery) -> Sequence[Event]:
    found = _CUSTOMER.decode(delivery.body)
    return (CustomerChanged(customer_snapshot(found, delivery.observed_at, utc(found.updated_at))),)


def _account_events(delivery: Delivery) -> Sequence[Event]:
    """`customers/enable` and `customers/disable`: the whole customer, and that the account works or does not."""
    account = "enabled" if delivery.topic == "customers/enable" else "disabled"
    fact = CustomerFact(str(_CUSTOMER.decode(delivery.body).id), "account", account, delivery.observed_at)
    return (*_customer_events(delivery), fact)


def _deleted_events(delivery: Delivery) -> Sequence[Event]:
    return (CustomerDeleted(str(_DELETED.decode(delivery.body).id), delivery.observed_at),)


def _merge_events(delivery: Delivery) -> Sequence[Event]:
    """A merge that is only asked for, or has failed, has changed nothing yet."""
    merge = _MERGE.decode(delivery.body)
    if merge.status.lower() != "completed":
        return ()
    kept = external_id(merge.admin_graphql_api_customer_kept_id)
    gone = external_id(merge.admin_graphql_api_customer_deleted_id)
    if kept == gone:
        raise BadDelivery("a customer cannot be merged with themselves")
    return (CustomersMerged(kept, gone, delivery.observed_at),)


def _tagged_events(delivery: Delivery) -> Sequence[Event]:
    found = _TAGGED.decode(delivery.body)
    tags = tuple(filter(None, (reading.optional(tag, 255) for tag in found.tags)))
    added, removed = (tags, ()) if delivery.topic == "customer.tags_added" else ((), tags)
    at = found.occurred_at.astimezone(delivery.observed_at.tzinfo)
    return (CustomerTagged(external_id(found.customer_id), added, removed, at),)


def _summary_events(delivery: Delivery) -> Sequence[Event]:
    """What the store counts of a customer; and its last order, should it never have been told of."""
    found = _SUMMARY.decode(delivery.body)
    value: dict[str, object] = {"orders": found.number_of_orders}
    if spent := found.amount_spent:
        currency = check_currency(spent.currency_code)
        value |= {"spent_minor": minor_units(spent.amount, currency), "currency": currency}
    at = found.occurred_at.astimezone(delivery.observed_at.tzinfo)
    fact = CustomerFact(external_id(found.customer_id), "purchases", value, at)
    return (fact, OrderStale(external_id(found.last_order_id), None)) if found.last_order_id else (fact,)


def _email_consent_events(delivery: Delivery) -> Sequence[Event]:
    body = _EMAIL_CONSENT.decode(delivery.body)
    return _consent(delivery, body.customer_id, "consent:email", body.email_marketing_consent)


def _sms_consent_events(delivery: Delivery) -> Sequence[Event]:
    body = _SMS_CONSENT.decode(delivery.body)
    return _consent(delivery, body.id, "consent:sms", body.sms_marketing_consent)


def _consent(delivery: Delivery, customer: int, fact: str, consent: _Consent | None) -> Sequence[Event]:
    """No state is no consent: who never said yes is not written to."""
    state = (consent.state if consent else None) or "not_subscribed"
    said_at = utc(consent.consent_updated_at) if consent else None
    return (CustomerFact(str(customer), fact, state.lower(), said_at or delivery.observed_at),)


def _membership_events(delivery: Delivery) -> Sequence[Event]:
    body = _MEMBERSHIP.decode(delivery.body)
    joined = delivery.topic == "customer.joined_segment"
    fact = f"segment:{external_id(body.segment_id)}"
    return (CustomerFact(external_id(body.customer_id), fact, joined, delivery.observed_at),)


def _data_request_events(delivery: Delivery) -> Sequence[Event]:
    body = _DATA_REQUEST.decode(delivery.body)
    return (PrivacyAsked("customer_export", _person(body.customer), str(body.data_request.id), delivery.observed_at),)


def _customer_redact_events(delivery: Delivery) -> Sequence[Event]:
    body = _REDACT.decode(delivery.body)
    person = _person(body.customer)
    request_id = f"customer:{person}:{delivery.observed_at:%Y%m%dT%H%M%S}"
    return (PrivacyAsked("customer_erasure", person, request_id, delivery.observed_at),)


def _shop_redact_events(delivery: Delivery) -> Sequence[Event]:
    body = _REDACT.decode(delivery.body)
    request_id = f"shop:{body.shop_id}:{delivery.observed_at:%Y%m%dT%H%M%S}"
    return (PrivacyAsked("shop_erasure", None, request_id, delivery.observed_at),)


def _person(found: _Person | None) -> str | None:
    return None if found is None or found.id is None else str(found.id)


READERS: Mapping[str, Callable[[Delivery], Sequence[Event]]] = {
    "customers/create": _customer_events,
    "customers/update": _customer_events,
    "customers/enable": _account_events,
    "customers/disable": _account_events,
    "customers/delete": _deleted_events,
    "customers/merge": _merge_events,
    "customers/purchasing_summary": _summary_events,
    "customer.tags_added": _tagged_events,
    "customer.tags_removed": _tagged_events,
    "customer.joined_segment": _membership_events,
    "customer.left_segment": _membership_events,
    "customers_email_marketing_consent/update": _email_consent_events,
    "customers_marketing_consent/update": _sms_consent_events,
    "customers/data_request": _data_request_events,
    "customers/redact": _customer_redact_events,
    "shop/redact": _shop_redact_events,
}
