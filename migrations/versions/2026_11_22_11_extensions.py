"""What the extensions bring: a checkout's token on its order, touches of the pixel, and which happenings a shop's
automation listens for.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_11"
down_revision = "2026_11_22_10"
branch_labels = None
depends_on = None

STATEMENTS = """
-- Null for orders that were not made in a checkout, and for those from before this step.
ALTER TABLE orders ADD COLUMN checkout_token text;
CREATE TABLE touches (
    shop_id        bigint NOT NULL,
    checkout_token text NOT NULL,
    advocate_id    bigint NOT NULL,
    seen_at        timestamptz NOT NULL,
    PRIMARY KEY (shop_id, checkout_token),
    FOREIGN KEY (shop_id, advocate_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
-- How many there were in the last minute, and which are too old to be kept.
CREATE INDEX touches_by_time ON touches (shop_id, seen_at);
CREATE INDEX touches_of_advocate ON touches (shop_id, advocate_id);
CREATE TABLE listeners (
    shop_id   bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    what      text NOT NULL,
    listening boolean NOT NULL,
    told_at   timestamptz NOT NULL,
    PRIMARY KEY (shop_id, what)
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("touches", "listeners"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
