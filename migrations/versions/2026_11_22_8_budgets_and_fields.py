"""What a store's bucket of points holds, which segments of a store are ours, and which balances it has been told."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_8"
down_revision = "2026_11_22_7"
branch_labels = None
depends_on = None

# Unlogged: it is written with many calls and worth nothing after a minute; after a crash it begins empty. Room in each
# page, so that a new state of a row stays where the old one was.
BUDGETS = """
CREATE UNLOGGED TABLE budgets (
    shop_id    bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    most       double precision NOT NULL,
    rate       double precision NOT NULL CHECK (rate > 0),
    -- Below zero when points are booked that have yet to flow in.
    available  double precision NOT NULL,
    counted_at timestamptz NOT NULL,
    -- What the last draw was answered.
    granted    double precision NOT NULL,
    wait_s     double precision NOT NULL
) WITH (fillfactor = 50);
"""

SEGMENTS = """
CREATE TABLE store_segments (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    tag         text NOT NULL,
    external_id text NOT NULL,
    -- The name that it bears in the store; another than we wanted where the merchant had one of that name.
    name        text NOT NULL,
    PRIMARY KEY (shop_id, tag)
);
"""

# What the store was told last; not told yet is told nothing.
BALANCES = """
ALTER TABLE balances ADD COLUMN told_points bigint NOT NULL DEFAULT 0;
CREATE INDEX balances_to_tell ON balances (shop_id, customer_id) WHERE points <> told_points;
"""


def upgrade() -> None:
    for group in (BUDGETS, SEGMENTS, BALANCES):
        op.execute(group)
    tenant("budgets")
    tenant("store_segments")


def downgrade() -> None:
    raise ForwardOnly
