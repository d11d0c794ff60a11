"""Facts: what else the store says of a customer, beside name and address. The newest word of each fact counts.

Consent to e-mail and text messages, whether the account works, what the store counts of purchases, which segments
somebody is in. A fact is kept by the store's id of the customer, because it may arrive before the customer does. It
is personal data: whoever is erased, deleted or merged away leaves none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import text

from commerce.events import CustomerFact
from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json

# Two words of the same instant: the greater one counts, so that the order of their arrival does not.
_RECORD = text("""
    INSERT INTO customer_facts (shop_id, customer_external_id, fact, value, said_at)
    SELECT DISTINCT ON (g.customer_external_id, g.fact) :shop_id, g.customer_external_id, g.fact, g.value, g.at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        customer_external_id text, fact text, value jsonb, at timestamptz)
    WHERE NOT EXISTS (SELECT FROM customers c WHERE c.shop_id = :shop_id AND c.external_id = g.customer_external_id
                      AND (c.gone_at IS NOT NULL OR c.redacted_at IS NOT NULL))
    ORDER BY g.customer_external_id, g.fact, g.at DESC, g.value DESC
    ON CONFLICT (shop_id, customer_external_id, fact) DO UPDATE SET value = excluded.value, said_at = excluded.said_at
        WHERE (customer_facts.said_at, customer_facts.value) < (excluded.said_at, excluded.value)
""")
_OF = text("""
    SELECT fact, value FROM customer_facts
    WHERE shop_id = :shop_id AND customer_external_id = :customer_external_id ORDER BY fact
""")
# Somebody may be logged in to the store of whom it has not told us yet.
_SPOKEN = text("""
    SELECT (SELECT coalesce(merged_into, customer_id) FROM customers
            WHERE shop_id = :shop_id AND external_id = :customer_external_id) AS customer_id,
           (SELECT value FROM customer_facts WHERE shop_id = :shop_id AND fact = :fact
            AND customer_external_id = :customer_external_id) AS value
""")
_LANGUAGES = text("""
    SELECT customer_external_id, value FROM customer_facts
    WHERE shop_id = :shop_id AND fact = :fact AND customer_external_id = ANY(:external_ids)
""")

JOINED = "program"
"""Whether a customer takes part by their own word: ``joined`` or ``left``."""
LANGUAGE = "language"
"""The language that a customer wants of us, ``fa``; empty for whichever their browser asks for."""


def record(work: UnitOfWork, facts: Sequence[CustomerFact]) -> None:
    if facts:
        work.run(_RECORD, rows=as_json(facts))


def of(work: UnitOfWork, customer_external_id: str) -> Mapping[str, object]:
    """Everything that the store has said of the customer, by fact."""
    return {row.fact: row.value for row in work.rows(_OF, customer_external_id=customer_external_id)}


def who_and_language(work: UnitOfWork, customer_external_id: str) -> tuple[CustomerId | None, str]:
    """Our id of a customer whom the store names, if we have met, and the language that they want of us, if any."""
    row = work.row(_SPOKEN, customer_external_id=customer_external_id, fact=LANGUAGE)
    return row.customer_id, row.value if isinstance(row.value, str) else ""


def languages(work: UnitOfWork, external_ids: Sequence[str]) -> Mapping[str, str]:
    """The languages that these of the store's customers want of us, for those who want one."""
    if not external_ids:
        return {}
    rows = work.rows(_LANGUAGES, external_ids=list(external_ids), fact=LANGUAGE)
    return {row.customer_external_id: row.value for row in rows if isinstance(row.value, str)}
