"""What is written to customers: fields by their keys."""

from __future__ import annotations

from typing import Any

from sandbox.woocommerce.listing import missing
from sandbox.woocommerce.shapes import Body
from sandbox.woocommerce.store import Store


def update(store: Store, number: int, given: Body) -> Body:
    """Any account may be written to, the administrator's too; the role is passed over."""
    record = store.customers.get(number)
    if record is None:
        return missing("customers")
    for name in ("first_name", "last_name", "email"):
        if name in given:
            record.body[name] = given[name]
    # Keys that begin with an underscore are dropped without a word.
    rows = [row for row in given.get("meta_data", []) if not row["key"].startswith("_")]
    record.body["meta_data"] = upserted(record.body["meta_data"], rows, store)
    record.modified = store.now()
    return store.shown("customers", record)


def upserted(held: list[Body], rows: list[Body], store: Store) -> list[Body]:
    """Fields by key: null takes one away."""
    known: dict[str, Any] = {row["key"]: row for row in held}
    for row in rows:
        if row["value"] is None:
            known.pop(row["key"], None)
        else:
            number = known[row["key"]]["id"] if row["key"] in known else next(store.numbers)
            known[row["key"]] = {"id": number, "key": row["key"], "value": row["value"]}
    return list(known.values())
