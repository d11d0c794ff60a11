"""What we hold of a person, handed out or erased at the store's request: WordPress asks by e-mail address.

One address may belong to several records: an account, and guests of earlier orders. Points are entries of the shop's
books: they stay, under a number, when the name is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from commerce.events import PrivacyAsked
from engine import privacy
from engine.work import UnitOfWork
from plugin import holdings

MOST_MOVEMENTS = 1000
_PROFILE = ("external_id", "email", "first_name", "last_name", "created_at")

Field = tuple[str, str]


def export(work: UnitOfWork, email: str, page: int) -> dict[str, Any]:
    """One record of that person: ``{"items": [{"group", "id", "fields": [[name, value]]}], "done"}``.

    Names of groups and fields are words of ours, which the store says in its own language.
    """
    known = privacy.known_by(work, email)
    if page > len(known):
        return {"items": [], "done": True}
    return {"items": list(_items(work, known[page - 1])), "done": page >= len(known)}


def _items(work: UnitOfWork, external_id: str) -> Iterator[dict[str, Any]]:
    held = holdings.held(work, external_id)
    yield _item("profile", external_id, [(name, _text(held[name])) for name in _PROFILE if held.get(name)])
    for fact, value in sorted(held["facts"].items()):
        yield _item("facts", f"{external_id}-{fact}", [("fact", fact), ("value", _text(value))])
    for number, checkout in enumerate(held["checkouts"], 1):
        yield _item("checkouts", f"{external_id}-{number}", [("started_at", _text(checkout["started_at"]))])
    if "balance" in held:
        yield from _program(held, external_id)


def _program(held: Mapping[str, Any], external_id: str) -> Iterator[dict[str, Any]]:
    standing: list[Field] = [("balance", str(held["balance"]))]
    if held["referral_code"]:
        standing.append(("referral_code", held["referral_code"]))
    yield _item("program", external_id, standing)
    for row in held["rewards"]:
        yield _item("codes", str(row["redemption_id"]), [("code", row["code"]), ("points", str(row["points"]))])
    for number, entry in enumerate(held["points"][:MOST_MOVEMENTS], 1):
        fields = [
            ("at", entry["recorded_at"].isoformat(timespec="seconds")),
            ("points", str(entry["points"])),
            ("sentence", entry["sentence"]),
        ]
        yield _item("points", f"{external_id}-{number}", fields)


def erase(work: UnitOfWork, email: str) -> Mapping[str, Any]:
    """Take that person's names, addresses, facts and checkouts away: how many records there were. Asked again, there
    are none.
    """
    known = privacy.known_by(work, email)
    for external_id in known:
        request_id = f"store:{external_id}:{work.now.isoformat(timespec='seconds')}"
        privacy.ask(work, PrivacyAsked("customer_erasure", external_id, request_id, work.now))
    return {"removed": len(known), "done": True}


def _item(group: str, number: str, fields: list[Field]) -> dict[str, Any]:
    return {"group": group, "id": f"{group}-{number}", "fields": fields}


def _text(value: object) -> str:
    return str(value)
