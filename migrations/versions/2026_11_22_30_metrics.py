"""Metrics of the lifecycle: daily summaries, visits, marketing spend, benchmarks; and by which way an order's shopper
came.

The new column of `orders` is empty for what is there, and is filled as orders are told again: no row is rewritten.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_30"
down_revision = "2026_11_22_29"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE orders ADD COLUMN arrival text;
-- What was counted, by the shop's own days; a month or week is kept under its first day. Recounted as a whole, and only
-- what differs is written.
CREATE TABLE metrics_daily (
    shop_id   bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    key       text NOT NULL,
    day       date NOT NULL,
    dimension text NOT NULL,
    value     bigint NOT NULL,
    PRIMARY KEY (shop_id, key, day, dimension)
);
CREATE TABLE metrics_counts (
    shop_id    bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    counted_at timestamptz NOT NULL,
    took_ms    bigint NOT NULL,
    zone       text NOT NULL,
    -- Orders that say of themselves an instant that cannot be.
    odd_orders bigint NOT NULL,
    PRIMARY KEY (shop_id)
);
CREATE TABLE visit_counts (
    shop_id bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    day     date NOT NULL,
    page    text NOT NULL,
    arrival text NOT NULL,
    visits  bigint NOT NULL,
    views   bigint NOT NULL,
    PRIMARY KEY (shop_id, day, page, arrival)
);
CREATE TABLE marketing_spend (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    month       date NOT NULL CHECK (extract(day FROM month) = 1),
    arrival     text NOT NULL,
    spend_minor bigint NOT NULL CHECK (spend_minor >= 0),
    said_at     timestamptz NOT NULL,
    PRIMARY KEY (shop_id, month, arrival)
);
CREATE TABLE benchmarks (
    shop_id bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    key     text NOT NULL,
    -- Of a share: hundredths of a percent. Of money: minor units. Of days and counts: themselves.
    value   bigint NOT NULL CHECK (value >= 0),
    said_at timestamptz NOT NULL,
    PRIMARY KEY (shop_id, key)
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("metrics_daily", "metrics_counts", "visit_counts", "marketing_spend", "benchmarks"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
