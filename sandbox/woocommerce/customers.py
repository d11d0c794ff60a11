"""What is written to customers: new accounts, fields by their keys, the end of one."""

from __future__ import annotations

from typing import Any

from sandbox.woocommerce.listing import missing
from sandbox.woocommerce.shapes import Body, error
from sandbox.woocommerce.store import Store


def create(store: Store, given: Body) -> Body:
    """An account. It takes over no order that a guest made under its e-mail."""
    absent = [name for name in ("email", "password") if not given.get(name)]
    if absent:
        told = error("rest_missing_callback_param", f"Missing parameter(s): {', '.join(absent)}", 400)
        told["data"]["params"] = absent
        return told
    if any(record.body["email"].lower() == given["email"].lower() for record in store.customers.values()):
        message = "An account is already registered with your email address."
        return error("registration-error-email-exists", message, 400)
    names = {name: given[name] for name in ("first_name", "last_name", "username") if name in given}
    number = store.register(given["email"], **names)
    return store.shown("customers", store.customers[number])


def delete(store: Store, number: int, force: str) -> Body:
    if force != "true":
        message = "Customers do not support trashing."
        return error("woocommerce_rest_trash_not_supported", message, 501)
    if number not in store.customers:
        return missing("customers")
    told = store.shown("customers", store.customers[number])
    store.delete_customer(number)
    return told


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
    store.change_customer(number)
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
