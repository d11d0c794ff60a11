"""Sweeps: how far the comparison of a shop with its store has come, and what the deep one has listed so far."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_15"
down_revision = "2026_11_22_14"
branch_labels = None
depends_on = None


# One quick and one deep comparison of a shop may be under way. `place` is where the store's list goes on; it moves in
# the transaction that settles what lies before it.
SWEEPS = """
CREATE TABLE sweeps (
    shop_id          bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    deep             boolean NOT NULL,
    started_at       timestamptz NOT NULL,
    since            timestamptz NOT NULL,
    subject          text NOT NULL CHECK (subject IN ('customers', 'orders', 'deleted')),
    place            text,
    compared         bigint NOT NULL,
    orders_healed    bigint NOT NULL,
    customers_healed bigint NOT NULL,
    PRIMARY KEY (shop_id, deep)
);
"""

# The orders that the store named to the deep sweep under way. Emptied at its end, a month's orders at the most.
LISTED = """
CREATE TABLE listed_orders (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    external_id text NOT NULL,
    PRIMARY KEY (shop_id, external_id)
);
"""

# Until then the store is read at half speed: it asked for patience, or became slow.
EASED = "ALTER TABLE backfills ADD COLUMN eased_until timestamptz"


def upgrade() -> None:
    op.execute(SWEEPS)
    tenant("sweeps")
    op.execute(LISTED)
    tenant("listed_orders", "SELECT, INSERT, DELETE")
    op.execute(EASED)


def downgrade() -> None:
    raise ForwardOnly
