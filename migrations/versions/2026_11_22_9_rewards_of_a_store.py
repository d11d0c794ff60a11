"""Rewards of every kind: effects that are asked for once are noted before they are, and the shop may take a redemption
back.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_9"
down_revision = "2026_11_22_8"
branch_labels = None
depends_on = None


# No two credits of a customer end in the same second: that is how one is told from another in the store's books.
STATEMENTS = """
ALTER TABLE effects ADD COLUMN asked_at timestamptz;
ALTER TABLE redemptions ADD COLUMN taken_back_at timestamptz;
CREATE UNIQUE INDEX redemptions_credit_end ON redemptions (shop_id, customer_id, expires_at)
    WHERE reward ->> 'kind' = 'store_credit';
CREATE INDEX redemptions_of_customer ON redemptions (shop_id, customer_id, redemption_id);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    raise ForwardOnly
