"""A shop's door can be closed and made anew; a store's companion says where its page of points is."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_45"
down_revision = "2026_11_22_44"
branch_labels = None
depends_on = None

# Doors that are there were open all the time, so whoever was let in before this stays in.
DOORS = """
-- Since when shoppers come in by it: what let somebody in before does so no more. NULL: it is closed.
ALTER TABLE shop_doors ADD COLUMN open_since timestamptz DEFAULT 'epoch';
"""

COMPANIONS = """
-- Where its shoppers see their points, as the companion says; empty where it does not.
ALTER TABLE companions ADD COLUMN page text NOT NULL DEFAULT '';
"""


def upgrade() -> None:
    op.execute(DOORS)
    op.execute(COMPANIONS)


def downgrade() -> None:
    raise ForwardOnly
