"""Leads: people whom the shop knows and who have not ordered, by how they came to be known.

What is known of somebody is told by what lies in the books beside them, so nothing is kept twice and the answer does
not depend on what was heard first: an invitation that they took up, a checkout that they left, their word that they
want letters, an account.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.summaries import Summary, read
from engine.work import UnitOfWork

# Who came several ways counts once, by the way that says most about what they want.
_ORIGINS = text("""
    SELECT CASE WHEN EXISTS (SELECT FROM claims k WHERE k.shop_id = :shop_id AND k.friend_id = c.customer_id)
                THEN 'invitation'
                WHEN EXISTS (SELECT FROM checkouts k WHERE k.shop_id = :shop_id AND k.customer_id = c.customer_id)
                THEN 'checkout'
                WHEN EXISTS (SELECT FROM customer_facts f
                             WHERE f.shop_id = :shop_id AND f.customer_external_id = c.external_id
                               AND f.fact = 'consent:email' AND f.value = '"subscribed"') THEN 'newsletter'
                WHEN c.updated_at IS NOT NULL THEN 'sign_up' ELSE 'hearsay' END AS origin, count(*) AS leads
    FROM standings s JOIN customers c ON c.shop_id = s.shop_id AND c.customer_id = s.customer_id
    WHERE s.shop_id = :shop_id AND s.stage = 'lead'
      AND (CAST(:customer_id AS bigint) IS NULL OR s.customer_id = :customer_id)
    GROUP BY 1 ORDER BY 2 DESC, 1
""")


ORIGINS = Summary("leads.origins", lambda work: list(_counted(work, None).items()))


def origins(work: UnitOfWork) -> Mapping[str, int]:
    """How many leads came by an ``invitation``, a ``checkout``, the ``newsletter``, a ``sign_up``, or are known by
    ``hearsay`` alone; the most first.
    """
    # In the order in which they were counted: an object in JSON has none.
    return dict(read(work, ORIGINS).value)


def origin(work: UnitOfWork, customer_id: CustomerId) -> str | None:
    """How one lead came to be known; None for whoever is none."""
    return next(iter(_counted(work, customer_id)), None)


def _counted(work: UnitOfWork, customer_id: CustomerId | None) -> Mapping[str, int]:
    return {row.origin: row.leads for row in work.rows(_ORIGINS, customer_id=customer_id)}
