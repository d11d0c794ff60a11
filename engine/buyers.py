"""Whose an order is, on platforms that know guests: what the store says now, beside what it said before.

The store says that a guest's order is an account's from now on: it has proven the address, or the merchant did it by
hand. The order and what it brought move there; and if the guest is known by the account's own e-mail, all that is the
guest's does, now and whenever somebody buys under that address again. Nothing less joins a guest with an account: an
account alone proves no address, and anybody can type one at a checkout.

The other way there is nothing to follow. A store makes the orders of an account that it deletes a guest's, without a
word; an order that was an account's stays with it, and so does one whose buyer was erased. What is lost then is who it
was: the row of a guest of whom no order tells any more forgets everything, its key too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import text

from commerce.customers import CustomerSnapshot, Merge
from commerce.events import CustomersMerged
from commerce.identity import Identity, guest_id, is_guest
from commerce.orders import OrderSnapshot
from engine import gone
from engine.work import UnitOfWork, as_json

_HELD = text("""
    SELECT o.external_id, o.order_id, o.updated_at, o.observed_at, o.goods_minor, o.total_minor, o.customer_id,
           c.external_id AS buyer
    FROM orders o LEFT JOIN customers c ON c.shop_id = o.shop_id AND c.customer_id = o.customer_id
    WHERE o.shop_id = :shop_id AND o.external_id = ANY(:external_ids)
""")
_NOTE = text("""
    UPDATE orders o SET guest_id = coalesce(g.guest_id, o.guest_id), buyer_erased = o.buyer_erased OR g.erased
    FROM json_to_recordset(CAST(:rows AS json)) AS g(external_id text, guest_id bigint, erased boolean)
    WHERE o.shop_id = :shop_id AND o.external_id = g.external_id
""")
# Accounts that the store has given orders of a guest who is not yet joined with them. Hearsay of an account's e-mail
# proves nothing: the store must have told it of the account itself.
_GIVEN_TO = text("""
    SELECT DISTINCT k.external_id AS kept, g.external_id AS gone, k.email
    FROM orders o
    JOIN customers g ON g.shop_id = o.shop_id AND g.customer_id = o.guest_id AND g.gone_at IS NULL
    JOIN customers k ON k.shop_id = o.shop_id AND k.customer_id = o.customer_id AND k.gone_at IS NULL
    WHERE o.shop_id = :shop_id AND o.customer_id = ANY(:customer_ids) AND o.guest_id IS NOT NULL
      AND k.updated_at IS NOT NULL AND k.email IS NOT NULL
    ORDER BY 1, 2
""")


@dataclass(frozen=True, slots=True)
class Beside:
    """A batch of orders beside what the mirror holds of the same: what is news in it, and about whom."""

    orders: Mapping[str, OrderSnapshot]
    held: Mapping[str, Any]
    notes: dict[str, dict[str, object]] = field(default_factory=dict)


def beside(work: UnitOfWork, newest: Mapping[str, OrderSnapshot]) -> Beside:
    """The batch without what we know better, each order with the buyer that it is to have.

    Of platforms without guests, the batch as it is, and nothing is asked.
    """
    whole = [external_id for external_id, order in newest.items() if order.whole]
    if not whole:
        return Beside(newest, {})
    held = {row.external_id: row for row in work.rows(_HELD, external_ids=whole)}
    found = Beside({}, held)
    orders = dict(newest)
    for external_id, row in held.items():
        order = orders[external_id]
        if (order.updated_at, order.observed_at) <= (row.updated_at, row.observed_at):
            del orders[external_id]
        else:
            orders[external_id] = _with_its_buyer(order, row, found.notes)
    return replace(found, orders=orders)


def _with_its_buyer(order: OrderSnapshot, held: Any, notes: dict[str, dict[str, object]]) -> OrderSnapshot:
    buyer = order.customer.external_id if order.customer else None
    if held.buyer is None:
        return order
    if buyer is None or (is_guest(buyer) and not is_guest(held.buyer)):
        if order.buyer_erased:
            notes[order.external_id] = {"guest_id": None, "erased": True}
        return replace(order, customer=CustomerSnapshot(external_id=held.buyer, observed_at=order.observed_at))
    if is_guest(held.buyer) and not is_guest(buyer):
        notes[order.external_id] = {"guest_id": held.customer_id, "erased": False}
    return order


def settle(work: UnitOfWork, found: Beside, customer_ids: Sequence[int]) -> tuple[list[Merge], set[int]]:
    """Once the batch is in the mirror: forget guests who were erased, join those whom the store gave to an account.

    `customer_ids` are customers of whom the store told in this batch. Answers with who went into whom, and our ids of
    the orders that moved.
    """
    accounts = set(customer_ids)
    if found.notes:
        rows = [{"external_id": name, **note} for name, note in found.notes.items()]
        work.run(_NOTE, rows=as_json(rows))
        held = found.held
        if erased := sorted({held[name].customer_id for name, note in found.notes.items() if note["erased"]}):
            gone.forget_guests(work, erased)
        given = [name for name, note in found.notes.items() if note["guest_id"]]
        accounts |= {row.customer_id for row in work.rows(_HELD, external_ids=given)} if given else set()
    return _join(work, sorted(accounts)) if accounts else ([], set())


def _join(work: UnitOfWork, customer_ids: Sequence[int]) -> tuple[list[Merge], set[int]]:
    """Join guests who are known by the very e-mail of the account that the store gave their orders to."""
    rows = work.rows(_GIVEN_TO, customer_ids=list(customer_ids))
    same = [row for row in rows if guest_id(Identity.of(row.email, None, country=None)) == row.gone]
    return gone.merge(work, [CustomersMerged(row.kept, row.gone, work.now) for row in same])
