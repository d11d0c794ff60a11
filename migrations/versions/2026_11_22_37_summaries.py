"""Summaries: what pages count of a whole shop, kept with the instant at which it was counted. And what the search of
the merchant's pages looks up: orders by their name, codes by how they begin.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_37"
down_revision = "2026_11_22_36"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE summaries (
    shop_id    bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    key        text NOT NULL,
    value      jsonb NOT NULL,
    counted_at timestamptz NOT NULL,
    -- What the count cost: what is cheap is counted when it is looked at, and this row only says so.
    took_ms    integer NOT NULL,
    PRIMARY KEY (shop_id, key)
);
-- In the order "C" a prefix is a range, and of the operators only comparisons may use an index under row-level
-- security. New orders have the greatest names: an insert goes to the end of the index.
CREATE INDEX orders_by_name ON orders (shop_id, name COLLATE "C");
CREATE INDEX redemptions_by_code ON redemptions (shop_id, code COLLATE "C");
CREATE INDEX referral_codes_by_code ON referral_codes (shop_id, code COLLATE "C");
CREATE INDEX claims_by_code ON claims (shop_id, code COLLATE "C");
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    tenant("summaries")


def downgrade() -> None:
    raise ForwardOnly
