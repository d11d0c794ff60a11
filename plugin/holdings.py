"""What we hold of a person, whoever asks for it: the merchant, the person, or the store's own tool for what the law
wants. Nothing of anybody else stands in it: of friends there is that they ordered, and when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from flask import Response

import campaigns
import lifecycle
import loyalty
import referral
from campaigns import mailings
from commerce.ids import CustomerId
from engine import facts, mirror, privacy
from engine.work import UnitOfWork
from lifecycle import surveys

# Of each kind of row. Nobody has as many; a page shows fewer, and what is handed out is all of it.
MOST = 10_000


def held(work: UnitOfWork, external_id: str) -> dict[str, Any]:
    """Everything, by what it is: what the store told of them (with `orders`, `facts`, `checkouts`), and of the programs
    `stages`, `segments`, `surveys`, `worth` (as it is predicted), `plays`, `mails` (whether they want any),
    `unwanted_mails` (the kinds that they refused), `balance`, `points`, `rewards`, `tiers`, `tickets`, `referral_code`
    and `referrals`, the newest first. Of somebody who is logged in to the store and whom it has not told us of, only
    the facts.
    """
    found = dict(privacy.export(work, external_id))
    if not found:
        found = {
            "external_id": external_id, "orders": [], "facts": dict(facts.of(work, external_id)), "checkouts": [],
        }  # fmt: skip
    return found | of_programs(work, external_id)


def of_programs(work: UnitOfWork, external_id: str) -> dict[str, Any]:
    """The part that the programs hold; nothing of whom we have not met."""
    customer_id = mirror.customer_id(work, external_id)
    return {} if customer_id is None else _of_programs(work, customer_id)


def _of_programs(work: UnitOfWork, who: CustomerId) -> dict[str, Any]:
    balance, worth = loyalty.account(work, who), lifecycle.customer_value(work, who)
    return {
        "stages": _plain(lifecycle.customer_history(work, who, MOST)),
        "segments": _plain(lifecycle.segments.of_customer(work, who)),
        "surveys": _plain(surveys.answers_of(work, who, MOST)),
        "worth": dict(worth._mapping) if worth is not None else None,
        "plays": _plain([part.row for part in campaigns.explain(work, who, MOST)]),
        "mails": mailings.choice(work, who),
        "unwanted_mails": list(mailings.unwanted(work, who)),
        "balance": balance.points,
        "points": _plain(loyalty.statement(work, who, MOST)),
        "rewards": _plain(loyalty.redemptions(work, who, MOST)),
        "tiers": _plain(loyalty.tier_history(work, who, MOST)),
        "tickets": [asdict(ticket) for ticket in loyalty.tickets(work, who, MOST)],
        "referral_code": referral.known_code(work, who),
        # An order that a friend placed is the friend's: its number is left out.
        "referrals": [
            {name: value for name, value in each.items() if name != "order_name"}
            for each in _plain(referral.referrals_of(work, who, MOST))
        ],
    }


def as_file(found: Mapping[str, Any], named: str) -> Response:
    """It as a file for a browser to keep, in JSON."""
    body = orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str)
    return Response(
        body, mimetype="application/json", headers={"Content-Disposition": f'attachment; filename="{named}"'}
    )


def _plain(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in rows]
