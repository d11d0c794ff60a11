"""What shoppers ask about their data by themselves: a request says so, and one to be erased can be withdrawn."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_41"
down_revision = "2026_11_22_40"
branch_labels = None
depends_on = None


# A few rows a shop: neither the columns nor the index keep anybody waiting.
STATEMENTS = """
ALTER TABLE privacy_requests
    ADD COLUMN by_shopper boolean NOT NULL DEFAULT false,
    ADD COLUMN withdrawn_at timestamptz;
-- Whoever has asked to be erased waits once; the store's own requests are no concern of it.
CREATE UNIQUE INDEX privacy_requests_waiting ON privacy_requests (shop_id, customer_external_id)
    WHERE by_shopper AND kind = 'customer_erasure' AND done_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX privacy_requests_of_shopper ON privacy_requests (shop_id, customer_external_id, asked_at) WHERE by_shopper;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    raise ForwardOnly
