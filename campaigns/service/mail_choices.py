"""Who wants e-mails of the program: their own word, kept for as long as they say no other."""

from __future__ import annotations

import hmac

from campaigns.records import mail_choices
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
    family = mail_choices.say(work, customer_id, wanted=wanted)
    if not wanted:
        mail.withdraw(work, family, "whoever it is for wants no e-mails")


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
