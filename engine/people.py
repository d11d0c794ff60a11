"""Who is meant: people as outside programs name them, by our number, the store's number, or an e-mail address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from commerce.identity import GUEST
from commerce.ids import CustomerId
from commerce.refusal import Refusal
from engine.work import UnitOfWork, as_json

# Who was merged is whoever was kept. An address may be of several: an account, and what was bought without it.
_NAMED = text("""
    SELECT DISTINCT g.place, k.customer_id, k.external_id
    FROM json_to_recordset(CAST(:rows AS json)) AS g(place integer, id bigint, external_id text, email text)
    JOIN LATERAL (
        SELECT i.customer_id, i.merged_into FROM customers i WHERE i.shop_id = :shop_id AND i.customer_id = g.id
        UNION ALL
        SELECT x.customer_id, x.merged_into FROM customers x
        WHERE x.shop_id = :shop_id AND x.external_id = g.external_id
        UNION ALL
        SELECT m.customer_id, m.merged_into FROM customers m
        WHERE m.shop_id = :shop_id AND m.email_key COLLATE "C" = lower(g.email)
    ) c ON true
    JOIN customers k ON k.shop_id = :shop_id AND k.customer_id = coalesce(c.merged_into, c.customer_id)
    WHERE k.gone_at IS NULL AND k.redacted_at IS NULL
    ORDER BY g.place, k.customer_id
""")


class CustomerUnknown(Refusal):
    """There is no such customer in this shop, or we have not heard of them yet."""


class CustomerNotClear(Refusal):
    """Several customers have this e-mail address. Name the one who is meant by the store's number."""


@dataclass(frozen=True, slots=True)
class Name:
    """One of the three ways to name somebody."""

    id: int | None = None
    external_id: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    customer_id: CustomerId
    external_id: str


def named(work: UnitOfWork, names: Sequence[Name]) -> list[Person | Refusal]:
    """Who each of these is, in their order; or `CustomerUnknown`, or `CustomerNotClear`."""
    rows: list[dict[str, Any]] = [
        {"place": place, "id": name.id, "external_id": name.external_id, "email": name.email}
        for place, name in enumerate(names)
    ]
    found = defaultdict[int, list[Person]](list)
    for row in work.rows(_NAMED, rows=as_json(rows)) if rows else ():
        found[row.place].append(Person(CustomerId(row.customer_id), row.external_id))
    return [_one(found[place]) for place in range(len(names))]


def _one(found: Sequence[Person]) -> Person | Refusal:
    accounts = [person for person in found if not person.external_id.startswith(GUEST)] or found
    if not accounts:
        return CustomerUnknown()
    return accounts[0] if len(accounts) == 1 else CustomerNotClear()
