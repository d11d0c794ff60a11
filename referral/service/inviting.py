"""Giving advocates what they hand out: a readable code of their own, and a link that bears it."""

from __future__ import annotations

import secrets

from commerce.identity import fold_name
from commerce.ids import CustomerId
from commerce.store import SetFields
from engine import outbox
from engine.work import UnitOfWork
from referral.records import codes
from referral.rules.inviting import DIGITS, LETTERS, latin
from referral.service.program import DOMAIN

# Four signs after the name; where many share a name and the first tries are taken, more of them.
SIGNS = 4
TRIES_A_LENGTH = 3

NAME_BATCH = 500


def code_of(work: UnitOfWork, customer_id: CustomerId) -> str:
    """The customer's referral code, such as ANNA-K7Q4, made when they first ask."""
    tries = 0
    while (code := codes.code_of(work, customer_id)) is None:
        who = codes.names(work, customer_id)
        fresh = f"{latin(who.first_name if who else None)}-{signs(SIGNS + 2 * (tries // TRIES_A_LENGTH))}"
        tries += 1
        named = name_key(who.first_name, who.last_name) if who else ""
        if external_id := codes.give_code(work, customer_id, fresh, named):
            outbox.put(work, [SetFields(external_id, DOMAIN, {"referral_link": link_path(fresh)})])
    return code


def signs(count: int) -> str:
    """Letters and digits in turns, from the system's secure source."""
    return "".join(secrets.choice(LETTERS if place % 2 == 0 else DIGITS) for place in range(count))


def name_key(first_name: str | None, last_name: str | None) -> str:
    """A whole name as names are compared; empty where there is none."""
    return fold_name(f"{first_name or ''} {last_name or ''}")


def link_path(code: str) -> str:
    """What an advocate shares, as a page of ours: the code is in it twice, for a shop's landing address keeps only
    what follows the question mark.
    """
    return f"/r/{code}?ref={code}"


def known_code(work: UnitOfWork, customer_id: CustomerId) -> str | None:
    """The customer's referral code, if they have asked for one already."""
    return codes.code_of(work, customer_id)


def look_after_codes(work: UnitOfWork) -> None:
    """Forget the codes of customers who were erased, and learn the names of owners that nobody has looked at."""
    codes.forget_erased(work)
    while rows := codes.unnamed(work, NAME_BATCH):
        codes.name(
            work, [{"customer_id": r.customer_id, "name_key": name_key(r.first_name, r.last_name)} for r in rows]
        )
