"""Who wants e-mails of the program: their own word, kept for as long as they say no other."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping

from campaigns.records import mail_choices
from campaigns.records import mailings as records
from campaigns.rules.mailings import Kind
from commerce.ids import CustomerId
from engine import mail
from engine.work import UnitOfWork


def choice(work: UnitOfWork, customer_id: CustomerId) -> bool:
    """Whether the program writes to a customer: as they said here; else not if their store says that they want nothing,
    and if they have joined by their own word, or their store says that they accept its newsletter.
    """
    return mail_choices.why_not(work, customer_id) is None


def set_choice(work: UnitOfWork, customer_id: CustomerId, wanted: bool) -> None:
    """Keep what a customer says. It holds for everybody whom we know by the same address, and what still waits to be
    sent to them is not sent.
    """
    family = mail_choices.family(work, customer_id)
    mail_choices.say(work, family, wanted=wanted)
    if not wanted:
        records.lock_waiting(work, family)
        mail.withdraw(work, family, "whoever it is for wants no e-mails")


def unwanted(work: UnitOfWork, customer_id: CustomerId) -> Collection[Kind]:
    """The kinds that a customer refused, whether or not they want any e-mails at all."""
    said = mail_choices.unwanted(work, customer_id)
    return [kind for kind in Kind if kind in said]


def set_kinds(work: UnitOfWork, customer_id: CustomerId, said: Mapping[Kind, bool]) -> None:
    """Keep which kinds a customer wants, of those that are said, for everybody whom we know by the same address. It is
    no consent: whom the program does not write to, it writes to no more than before. What still waits to be sent to
    them of a kind that they refuse is not sent.
    """
    if not said:
        return
    family, refused = mail_choices.family(work, customer_id), [kind for kind, wanted in said.items() if not wanted]
    mail_choices.say_kinds(work, family, refused=refused, wanted=[kind for kind, wanted in said.items() if wanted])
    if refused:
        records.lock_waiting(work, family)
        mail.withdraw(work, family, "whoever it is for wants no e-mails of this kind", kinds=refused)


def path_of(work: UnitOfWork, customer_id: CustomerId) -> str:
    """The path of the page that ends these e-mails for a customer. Its last part is keyed: whoever has it was written
    to, and cannot guess another's.
    """
    return f"/u/{work.shop_id}/{customer_id}/{_key(work, customer_id)}"


def is_theirs(work: UnitOfWork, customer_id: CustomerId, key: str) -> bool:
    """Whether this is the last part of the path that we gave the customer."""
    return hmac.compare_digest(_key(work, customer_id), key)


def _key(work: UnitOfWork, customer_id: CustomerId) -> str:
    return work.digest(f"mailings:{customer_id}").hex()
