"""Who wants e-mails of the program, as far as anybody has said: the customer here, or the store of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork

# One person may be several customers: an account, guests of earlier orders, and whoever was merged into them.
FAMILY = """
    SELECT x.customer_id FROM customers x
    WHERE x.shop_id = :shop_id AND x.email_key COLLATE "C" = c.email_key
    UNION ALL
    SELECT x.customer_id FROM customers x WHERE x.shop_id = :shop_id AND x.merged_into = c.customer_id
    UNION ALL
    SELECT c.customer_id
"""
_SAID = f"""
    SELECT FROM ({FAMILY}) f JOIN mail_choices m ON m.shop_id = :shop_id AND m.customer_id = f.customer_id
"""
# One value, and no EXISTS: that the planner may answer for all by reading the whole shop's facts into memory.
_FACT = """
    SELECT f.value FROM customer_facts f
    WHERE f.shop_id = :shop_id AND f.customer_external_id = c.external_id AND f.fact
"""
# Of a customer `c`: why the program does not write to them, or null. Their own word here comes first, then the store's
# word that they want nothing, then that they joined or that the store's newsletter is theirs.
REFUSED = f"""
    CASE
        WHEN c.redacted_at IS NOT NULL OR c.gone_at IS NOT NULL THEN 'gone'
        WHEN coalesce(c.email, '') = '' THEN 'no_address'
        WHEN EXISTS ({_SAID} WHERE m.unsubscribed_at IS NOT NULL) THEN 'unsubscribed'
        WHEN EXISTS ({_SAID} WHERE m.unsubscribed_at IS NULL) THEN NULL
        WHEN ({_FACT} = 'consent:email') IN ('"unsubscribed"', '"invalid"', '"redacted"') THEN 'unsubscribed'
        WHEN ({_FACT} = 'consent:email') = '"subscribed"' THEN NULL
        WHEN ({_FACT} = 'program') = '"joined"' THEN NULL
        ELSE 'no_consent'
    END
"""

# Who was merged is whoever was kept: a link in an old e-mail is theirs to this day.
_REFUSED = text(f"""
    SELECT {REFUSED} AS why FROM customers given
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = coalesce(given.merged_into, given.customer_id)
    WHERE given.shop_id = :shop_id AND given.customer_id = :customer_id
""")
_SAY = text(f"""
    INSERT INTO mail_choices (shop_id, customer_id, unsubscribed_at, said_at)
    SELECT DISTINCT ON (f.customer_id) :shop_id, f.customer_id,
           CAST(:unsubscribed_at AS timestamptz), CAST(:now AS timestamptz)
    FROM customers given
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = coalesce(given.merged_into, given.customer_id)
    CROSS JOIN LATERAL ({FAMILY}) f
    WHERE given.shop_id = :shop_id AND given.customer_id = :customer_id ORDER BY f.customer_id
    ON CONFLICT (shop_id, customer_id) DO UPDATE
        SET said_at = excluded.said_at,
            unsubscribed_at = CASE WHEN excluded.unsubscribed_at IS NULL THEN NULL
                                   ELSE coalesce(mail_choices.unsubscribed_at, excluded.unsubscribed_at) END
    RETURNING customer_id
""")


def why_not(work: UnitOfWork, customer_id: CustomerId) -> str | None:
    """Why the program does not write to a customer; None where it may."""
    row = work.row(_REFUSED, customer_id=customer_id)
    return row.why if row else "gone"


def say(work: UnitOfWork, customer_id: CustomerId, *, wanted: bool) -> Sequence[CustomerId]:
    """Keep what somebody says, for all customers whom we know by the same address; answers with these."""
    rows = work.rows(_SAY, customer_id=customer_id, unsubscribed_at=None if wanted else work.now, now=work.now)
    return [row.customer_id for row in rows]
