"""Store credit: given, and taken back.

The platform has no key by which it would tell a second asking from the first, and no note in which we could write one.
So a credit carries a mark that we choose, the second in which it ends, and whoever asks again looks for it first
(decision 25). A question is asked once: the client repeats none of these on its own.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from commerce.money import Money, minor_units
from commerce.store import GiveCredit, StoreError, TakeCredit
from connectors.shopify.answers import Amount, Instant
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.writes.batch import Outcome, Payload, gid, refusal, timestamp
from connectors.shopify.writes.permission import with_permission

_NOT_ALLOWED = (
    "the app may not give store credit in this store: allow it on the app's page of rewards, then redeem again"
)


class _Transaction(Struct, rename="camel"):
    """A credit; the other kinds of transaction come as empty ones."""

    expires_at: Instant | None = None
    amount: Amount | None = None
    remaining_amount: Amount | None = None


class _Debit(Struct, rename="camel"):
    created_at: Instant
    event: str
    amount: Amount


class _Ending(Struct):
    nodes: list[_Transaction]


class _Taken(Struct):
    nodes: list[_Debit]


class _Balance(Struct, rename="camel"):
    currency_code: str


class _Account(Struct):
    id: str
    balance: _Balance
    ending: _Ending
    taken: _Taken


class _Accounts(Struct):
    nodes: list[_Account]


class _Customer(Struct, rename="camel"):
    store_credit_accounts: _Accounts


class _CustomerData(Struct):
    customer: _Customer | None


class _Given(Struct, rename="camel"):
    store_credit_account_credit: Payload | None


class _TakenData(Struct, rename="camel"):
    store_credit_account_debit: Payload | None


def give_credit(graph: Graph, effect: GiveCredit, *, asked_before: bool) -> Outcome:
    """Book the credit, unless it stands in the books already. Answers with the error, also when nobody answered us."""
    customer = gid("Customer", effect.customer_external_id)
    try:
        if asked_before and _find(graph, effect, customer)[1] is not None:
            return None
        credit = {"creditAmount": _money(effect), "expiresAt": timestamp(effect.ends_at), "notify": False}
        asked = {"customer": customer, "credit": credit}
        reply = graph.ask(operation("give_credit"), asked, _Given, once=True)
        for fault in reply.faults.values():
            raise fault
    except StoreError as fault:
        return with_permission(fault, _NOT_ALLOWED)
    payload = reply.data.store_credit_account_credit
    return refusal(payload.user_errors) if payload is not None and payload.user_errors else None


def take_credit(graph: Graph, effect: TakeCredit, *, asked_before: bool) -> Outcome:
    """Take the credit back if all of it is left. Answers with the error, also when nobody answered us."""
    customer = gid("Customer", effect.customer_external_id)
    try:
        account, credit = _find(graph, effect, customer)
        if account is None or credit is None:
            return StoreError("the credit is not in the store's books", permanent=True)
        if asked_before and _taken_already(account, effect):
            return None
        if _minor(credit.remaining_amount, effect) < effect.amount_minor:
            return StoreError("some of the store credit was spent", permanent=True)
        asked = {"account": account.id, "debit": {"debitAmount": _money(effect)}}
        reply = graph.ask(operation("take_credit"), asked, _TakenData, once=True)
        for fault in reply.faults.values():
            raise fault
    except StoreError as fault:
        return with_permission(fault, _NOT_ALLOWED)
    payload = reply.data.store_credit_account_debit
    return refusal(payload.user_errors) if payload is not None and payload.user_errors else None


def _find(graph: Graph, effect: GiveCredit | TakeCredit, customer: str) -> tuple[_Account | None, _Transaction | None]:
    """The customer's account in that currency, and in it the credit of that amount which ends in that second."""
    end = timestamp(effect.ends_at)
    asked = {
        "customer": customer,
        "currency": f"currency_code:{effect.currency}",
        "end": f"expires_at:>='{end}' AND expires_at:<='{end}'",
    }
    found = graph.read(operation("find_credit"), asked, _CustomerData).customer
    if found is None:
        raise StoreError("the store has no such customer", permanent=True)
    for account in found.store_credit_accounts.nodes:
        if account.balance.currency_code == effect.currency:
            same = (one for one in account.ending.nodes if _is(one, effect))
            return account, next(same, None)
    return None, None


def _is(found: _Transaction, effect: GiveCredit | TakeCredit) -> bool:
    return _second(found.expires_at) == _second(effect.ends_at) and _minor(found.amount, effect) == effect.amount_minor


def _second(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at is not None else None


def _taken_already(account: _Account, effect: TakeCredit) -> bool:
    """Whether the books show an adjustment that can be ours. One that is not is taken for ours: never twice."""
    return any(
        debit.event == "ADJUSTMENT"
        and debit.created_at >= effect.since
        and abs(_minor(debit.amount, effect)) == effect.amount_minor
        for debit in account.taken.nodes
    )


def _minor(amount: Amount | None, effect: GiveCredit | TakeCredit) -> int:
    return minor_units(amount.amount, effect.currency) if amount is not None else 0


def _money(effect: GiveCredit | TakeCredit) -> dict[str, str]:
    amount = Money(effect.amount_minor, effect.currency).decimal()
    return {"amount": amount, "currencyCode": effect.currency}
