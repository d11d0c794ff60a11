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
_STORE_S_NO = f"""{_FACT} = 'consent:email' AND f.value IN ('"unsubscribed"', '"invalid"', '"redacted"')"""
# Of a customer `c`: why the program does not write to them, or null. A no here comes first; then a yes here, unless the
# store has told later that they want nothing; then the store's no, then that they joined or that the store's newsletter
# is theirs.
REFUSED = f"""
    CASE
        WHEN c.redacted_at IS NOT NULL OR c.gone_at IS NOT NULL THEN 'gone'
        WHEN coalesce(c.email, '') = '' THEN 'no_address'
        WHEN EXISTS ({_SAID} WHERE m.unsubscribed_at IS NOT NULL) THEN 'unsubscribed'
        WHEN EXISTS ({_SAID} WHERE m.unsubscribed_at IS NULL AND NOT EXISTS ({_STORE_S_NO} AND f.said_at > m.said_at))
            THEN NULL
        WHEN ({_FACT} = 'consent:email') IN ('"unsubscribed"', '"invalid"', '"redacted"') THEN 'unsubscribed'
        WHEN ({_FACT} = 'consent:email') = '"subscribed"' THEN NULL
        WHEN ({_FACT} = 'program') = '"joined"' THEN NULL
        ELSE 'no_consent'
    END
"""

# Of a customer `c`: the kinds of e-mails that they refused, each as often as they were known when they did.
UNWANTED = f"""
    SELECT u.kind FROM ({FAMILY}) f JOIN unwanted_mails u ON u.shop_id = :shop_id AND u.customer_id = f.customer_id
"""

# Who was merged is whoever was kept: a link in an old e-mail is theirs to this day.
_GIVEN = """
    FROM customers given
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = coalesce(given.merged_into, given.customer_id)
"""
_REFUSED = text(f"SELECT {REFUSED} AS why {_GIVEN} WHERE given.shop_id = :shop_id AND given.customer_id = :customer_id")
_FAMILY = text(f"""
    SELECT DISTINCT f.customer_id {_GIVEN} CROSS JOIN LATERAL ({FAMILY}) f
    WHERE given.shop_id = :shop_id AND given.customer_id = :customer_id ORDER BY f.customer_id
""")
_UNWANTED = text(f"""
    SELECT DISTINCT w.kind {_GIVEN} CROSS JOIN LATERAL ({UNWANTED}) w
    WHERE given.shop_id = :shop_id AND given.customer_id = :customer_id ORDER BY w.kind
""")
_SAY = text("""
    INSERT INTO mail_choices (shop_id, customer_id, unsubscribed_at, said_at)
    SELECT :shop_id, g.customer_id, CAST(:unsubscribed_at AS timestamptz), :now
    FROM unnest(CAST(:customer_ids AS bigint[])) AS g(customer_id) ORDER BY g.customer_id
    ON CONFLICT (shop_id, customer_id) DO UPDATE
        SET said_at = excluded.said_at,
            unsubscribed_at = CASE WHEN excluded.unsubscribed_at IS NULL THEN NULL
                                   ELSE coalesce(mail_choices.unsubscribed_at, excluded.unsubscribed_at) END
""")
_REFUSE = text("""
    INSERT INTO unwanted_mails (shop_id, customer_id, kind, said_at)
    SELECT :shop_id, g.customer_id, k.kind, :now
    FROM unnest(CAST(:customer_ids AS bigint[])) AS g(customer_id), unnest(CAST(:kinds AS text[])) AS k(kind)
    ORDER BY g.customer_id, k.kind ON CONFLICT DO NOTHING
""")
_WANT = text("""
    DELETE FROM unwanted_mails
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND kind = ANY(CAST(:kinds AS text[]))
""")
# What somebody chose goes with their name: without an address there is nobody whom it could keep from being written to.
_FORGET = [
    text(f"""
        DELETE FROM {table} w USING customers c
            JOIN customers k ON k.shop_id = c.shop_id AND k.customer_id = coalesce(c.merged_into, c.customer_id)
        WHERE w.shop_id = :shop_id AND c.shop_id = :shop_id AND c.customer_id = w.customer_id
          AND k.redacted_at IS NOT NULL
    """)
    for table in ("mail_choices", "unwanted_mails")
]


def why_not(work: UnitOfWork, customer_id: CustomerId) -> str | None:
    """Why the program does not write to a customer; None where it may."""
    row = work.row(_REFUSED, customer_id=customer_id)
    return row.why if row else "gone"


def unwanted(work: UnitOfWork, customer_id: CustomerId) -> Sequence[str]:
    """The kinds of e-mails that a customer refused."""
    return [row.kind for row in work.rows(_UNWANTED, customer_id=customer_id)]


def family(work: UnitOfWork, customer_id: CustomerId) -> list[CustomerId]:
    """All customers who are one person with this one: of the same address, or merged."""
    return [row.customer_id for row in work.rows(_FAMILY, customer_id=customer_id)]


def say(work: UnitOfWork, customer_ids: Sequence[CustomerId], *, wanted: bool) -> None:
    """Keep what a person says of all e-mails, with each customer who they are."""
    unsubscribed_at = None if wanted else work.now
    work.run(_SAY, customer_ids=list(customer_ids), unsubscribed_at=unsubscribed_at, now=work.now)


def say_kinds(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], *, refused: Sequence[str], wanted: Sequence[str]
) -> None:
    """Keep what a person says of kinds, with each customer who they are; of other kinds it says nothing."""
    if refused:
        work.run(_REFUSE, customer_ids=list(customer_ids), kinds=[str(kind) for kind in refused], now=work.now)
    if wanted:
        work.run(_WANT, customer_ids=list(customer_ids), kinds=[str(kind) for kind in wanted])


def forget_erased(work: UnitOfWork) -> None:
    """Forget what people chose who were erased since."""
    for statement in _FORGET:
        work.run(statement)
