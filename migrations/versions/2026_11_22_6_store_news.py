"""What else the store tells of: customers who are gone, orders that were deleted, orders to look at again, facts of
customers, checkouts, ended codes, former domains.

A customer who was merged into another stays as a row that points there: an order of theirs that comes late finds the
right person in the statement that takes it in, without another look.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import machine_may, tenant

revision = "2026_11_22_6"
down_revision = "2026_11_22_5"
branch_labels = None
depends_on = None

MIRROR = """
ALTER TABLE customers ADD COLUMN gone_at timestamptz, ADD COLUMN merged_into bigint;
ALTER TABLE customers ADD CONSTRAINT customers_merged_into_fkey FOREIGN KEY (shop_id, merged_into)
    REFERENCES customers (shop_id, customer_id) NOT VALID;
ALTER TABLE customers VALIDATE CONSTRAINT customers_merged_into_fkey;
CREATE INDEX customers_merged ON customers (shop_id, merged_into) WHERE merged_into IS NOT NULL;
ALTER TABLE orders ADD COLUMN deleted_at timestamptz;
ALTER TABLE shops ADD COLUMN described_at timestamptz;
-- Deliveries under way when a shop's domain changes still bear the old one.
CREATE TABLE former_domains (
    shop_id  bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    platform text NOT NULL,
    domain   text NOT NULL,
    PRIMARY KEY (shop_id, platform, domain),
    UNIQUE (platform, domain)
);
CREATE TABLE stale_orders (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    external_id text NOT NULL,
    -- What the store said at or after this instant knows of the change; NULL: whatever it has said.
    since       timestamptz,
    due_at      timestamptz NOT NULL,
    attempts    smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (shop_id, external_id)
);
CREATE INDEX stale_orders_due ON stale_orders (shop_id, due_at);
"""

# Keyed by the store's id of the customer: a fact may arrive before the customer does.
FACTS = """
CREATE TABLE customer_facts (
    shop_id              bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    customer_external_id text NOT NULL,
    fact                 text NOT NULL,
    value                jsonb NOT NULL,
    said_at              timestamptz NOT NULL,
    PRIMARY KEY (shop_id, customer_external_id, fact)
);
CREATE TABLE checkouts (
    shop_id      bigint NOT NULL,
    token        text NOT NULL,
    cart_token   text,
    customer_id  bigint NOT NULL,
    currency     text NOT NULL,
    total_minor  bigint NOT NULL,
    started_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    active_at    timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (shop_id, token),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX checkouts_of_customer ON checkouts (shop_id, customer_id);
CREATE INDEX checkouts_of_cart ON checkouts (shop_id, cart_token) WHERE cart_token IS NOT NULL;
CREATE INDEX checkouts_by_age ON checkouts (shop_id, active_at);
CREATE TABLE discount_nodes (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    external_id text NOT NULL,
    code        text NOT NULL,
    PRIMARY KEY (shop_id, external_id)
);
CREATE TABLE bulk_finishes (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    external_id text NOT NULL,
    kind        text NOT NULL,
    status      text NOT NULL,
    error_code  text,
    finished_at timestamptz NOT NULL,
    heard_at    timestamptz NOT NULL,
    PRIMARY KEY (shop_id, external_id)
);
"""

LOYALTY = """
ALTER TABLE redemptions ADD COLUMN ended_at timestamptz;
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check CHECK (kind IN (
    'earn', 'clawback', 'award', 'award_back', 'repay', 'hold', 'spend', 'release', 'merge')) NOT VALID;
ALTER TABLE entries VALIDATE CONSTRAINT entries_kind_check;
"""


def upgrade() -> None:
    for group in (MIRROR, FACTS, LOYALTY):
        op.execute(group)
    for table in ("former_domains", "stale_orders", "customer_facts", "checkouts", "discount_nodes", "bulk_finishes"):
        tenant(table)
    machine_may("SELECT", "former_domains")
    machine_may("SELECT (shop_id, due_at)", "stale_orders")


def downgrade() -> None:
    raise ForwardOnly
